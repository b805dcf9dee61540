"""apigpu operation `addaudio`: a sound track onto a video, in sync, without touching the picture."""

from __future__ import annotations

from collections.abc import Sequence

from apigpu import Clip, InputError, Media, Operation, VideoStream, hookimpl, operation
from apigpu.filters import Hold, Trim
from apigpu.filters.levels import mix
from apigpu_addaudio.input import AddAudioInput
from apigpu_addaudio.track import Track, fitted, new_track

__all__ = ["AddAudioInput", "Track", "addaudio", "apigpu_operations"]


@operation("addaudio")
def addaudio(request: AddAudioInput, media: Media) -> Clip:
    """Put a sound track on a video, in place of its own sound or mixed with it.

    The sound begins with the first frame that a player shows, or `delay_s` after it, to within 2 ms. The picture
    is not touched, so that a job costs what its sound costs; only a picture that must be held longer, or that the
    output's container does not take, is encoded.
    """
    clip = media.video(request.url_video)
    if clip.video is None:
        raise InputError("there is no picture to put sound on.", code="no_video", where="url_video")
    track = Track.of(request, media.audio(request.url_audio))
    length_s = _length_s(request, clip.video, track)
    sound = new_track(track, length_s)
    if request.mode == "mix" and clip.audio is not None:
        sound = mix(fitted(clip.audio, length_s, gain_db=request.original_volume_db), sound)
    elif request.mode == "mix":
        media.warn("no_original_sound", "The video has no sound of its own to mix with; it gets the new one alone.")
    return Clip(_lasting(clip.video, length_s), sound)


def _length_s(request: AddAudioInput, video: VideoStream, track: Track) -> float:
    """How long the result is, in seconds. Raises InputError where the new sound would never be heard."""
    picture_s = video.format.duration_s
    if picture_s <= 0:
        raise InputError(
            "nobody can tell how long this video is.",
            code="unknown_duration",
            where="url_video",
            remedy="Convert it to MP4 first.",
        )
    lengths_s = {"video": picture_s, "audio": track.end_s, "shortest": min(picture_s, track.end_s)}
    length_s = lengths_s[request.length]
    if track.delay_s >= length_s:
        raise InputError(
            f"the sound would begin after {track.delay_s:g} s, but the result ends at {length_s:.3f} s.",
            code="delay_too_long",
            where="delay_s",
            remedy="Begin earlier.",
        )
    return length_s


def _lasting(video: VideoStream, length_s: float) -> VideoStream:
    """The picture cut or held to that length; untouched, and so copied, where it is within half a frame of it."""
    short_s = length_s - video.format.duration_s
    if abs(short_s) * video.format.frame_rate <= 0.5:
        return video
    return video.apply(Hold(length_s) if short_s > 0 else Trim(0.0, length_s))


@hookimpl
def apigpu_operations() -> Sequence[Operation]:
    return [addaudio]
