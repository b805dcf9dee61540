"""An operation from outside: blur a video."""

from pydantic import Field

from apigpu import Clip, Input, Media, Operation, VideoUrl, hookimpl, operation


class BlurInput(Input):
    url_video: VideoUrl
    sigma: float = Field(5, gt=0, le=50, description="Standard deviation of the blur, in pixels.", examples=[8])


@operation("blur")
def blur(request: BlurInput, media: Media) -> Clip:
    """Blur a video."""
    clip = media.video(request.url_video)
    return clip.replace(video=clip.video.filter("gblur", sigma=request.sigma))


@hookimpl
def apigpu_operations() -> list[Operation]:
    return [blur]
