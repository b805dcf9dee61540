"""apigpu: FFmpeg operations as plugins, compiled for CUDA or CPU.

What an operation is made of stands here; the rest of core has doors of its own: `apigpu.filters` (the
vocabulary), `apigpu.graph` (to bring a filter with implementations per memory domain), `apigpu.registry`,
`apigpu.compiler`, `apigpu.targets`, `apigpu.plan` and `apigpu.errors`.
"""

from apigpu.errors import ApiGpuError, InputError
from apigpu.hooks import hookimpl
from apigpu.media.fields import AudioUrl, ImageUrl, SubtitleUrl, VideoUrl
from apigpu.media.handles import Media
from apigpu.operations import Input, Operation, operation
from apigpu.streams import AudioStream, Clip, VideoClip, VideoStream

__version__ = "0.1.0"

__all__ = [
    "ApiGpuError",
    "AudioStream",
    "AudioUrl",
    "Clip",
    "ImageUrl",
    "Input",
    "InputError",
    "Media",
    "Operation",
    "SubtitleUrl",
    "VideoClip",
    "VideoStream",
    "VideoUrl",
    "hookimpl",
    "operation",
]
