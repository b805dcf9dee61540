"""`BurnIn`: captions in the picture, as a logical filter with an implementation per memory domain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from apigpu.formats import Domain, VideoFormat
from apigpu.graph import ANY_SYSTEM, Asset, AssetFolder, Fragment, Implementation, Pad, VideoFilter
from apigpu_caption.layer import Filter, Layer

_SYSTEM_FORMATS = ("yuv420p", "nv12", *(name for name in ANY_SYSTEM if name != "yuv420p"), "p010le")
"""What libass's filters draw on without a conversion, in FFmpeg 5.1 and 9.0 alike; nv12 bit for bit as yuv420p."""

_SYSTEM_NS_PER_PIXEL = 0.7
_LAYER_NS_PER_PIXEL = 17.0
_OVERLAY_CUDA_NS_PER_PIXEL = 0.05


@dataclass(frozen=True)
class BurnIn(VideoFilter):
    """A script drawn onto every frame that it covers.

    `by` is FFmpeg's filter for it. `layer` holds the same captions as a layer, where they stand still and so can
    be laid over frames on a GPU.
    """

    script: Asset
    fonts: AssetFolder
    by: Filter = "subtitles"
    layer: Layer | None = None

    def output(self, *inputs: VideoFormat) -> VideoFormat:
        return replace(inputs[0], change_rate=None)

    def implementations(self, *inputs: VideoFormat) -> Sequence[Implementation]:
        video = inputs[0]
        system = Implementation(
            domain=Domain.SYSTEM,
            accepts=(_SYSTEM_FORMATS,),
            build=self._draw_on_frames,
            cost_ns_per_s=_SYSTEM_NS_PER_PIXEL * video.pixels_per_s,
        )
        layer = self.layer
        # The layer's luma is of limited range, and nothing on the GPU would convert it.
        if layer is None or video.color.range == "pc":
            return [system]
        area = layer.canvas.width * layer.canvas.height
        cost = area * (_LAYER_NS_PER_PIXEL * float(layer.rate) + _OVERLAY_CUDA_NS_PER_PIXEL * float(video.frame_rate))
        return [system, *(self._on_cuda(layer, cost, tag_alpha=tagged) for tagged in (True, False))]

    def _draw_on_frames(self, fragment: Fragment, video: Pad) -> Pad:
        return fragment.filter(self.by, video, filename=self.script, fontsdir=self.fonts)

    def _on_cuda(self, layer: Layer, cost_ns_per_s: float, *, tag_alpha: bool) -> Implementation:
        def build(fragment: Fragment, video: Pad) -> Pad:
            drawn = fragment.filter("hwupload", layer.draw(fragment, self.fonts, tag_alpha=tag_alpha))
            # With eof_action=pass only the video's time base counts, and where that is a whole frame, as out of `fps`
            # or AVI, FFmpeg would round the layer's times to frames: some captions came one frame early.
            video = fragment.filter("settb", video, expr="intb/100")
            # FFmpeg 9 otherwise takes the height of the encoder's picture from a padded copy of the first frame.
            return fragment.filter("overlay_cuda", video, drawn, x=0, y=layer.canvas.y, eof_action="pass")

        return Implementation(
            domain=Domain.CUDA,
            accepts=(("yuv420p",),),
            produces="yuv420p",
            build=build,
            cost_ns_per_s=cost_ns_per_s,
        )
