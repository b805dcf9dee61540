"""What must hold of a render on the card, beside one on the processor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apigpu.ffmpeg.binary import Binaries
from apigpu.plan import Plan
from apigpu_runtime.execute import Rendered
from gpu_check.compare import Likeness, is_same_time, sound_md5, times_s
from softgpu.equipment import Trace

ENCODED_DB = 28.0
"""All that an encoder which loses may lose, in luma, all frames together."""

_SHARE = 0.05
_TABLES = 8  # that a scale_cuda of FFmpeg 9 sends up once, beside the pictures
_TWO_PLANES = frozenset({"nv12", "p010le", "p016le"})
_SOFTWARE_DECODING = ("Failed setup for format cuda", "hwaccel initialisation returned error")


@dataclass(frozen=True)
class Check:
    """One thing that either holds or does not."""

    name: str
    passed: bool
    detail: str = ""


def same_but_for_pixels(plan: Plan, card: Path, reference: Path, binaries: Binaries) -> tuple[Check, ...]:
    """Frames, when they are shown, and the sound."""
    ours, theirs = times_s(card, binaries), times_s(reference, binaries)
    frames = Check(
        "frames and their times",
        is_same_time(ours, theirs),
        f"{len(ours)} frames, {len(theirs)} on the processor",
    )
    if not plan.output.audio:
        return (frames,)
    is_same = sound_md5(card, binaries) == sound_md5(reference, binaries)
    return (frames, Check("sound", is_same, "" if is_same else "it differs from the processor's"))


def alike(least_db: float, graph: Likeness | None, encoded: Likeness | None) -> Iterator[Check]:
    """The pictures: strictly what filters did to them, loosely what the encoder did."""
    if graph is not None:
        detail = f"luma of the worst frame {graph.worst_db:.1f} dB, needs {least_db:g}"
        yield Check("pictures before the encoder", graph.worst_db >= least_db, detail)
    if encoded is not None:
        detail = f"luma {encoded.mean_db:.1f} dB, needs {ENCODED_DB:g}"
        yield Check("pictures as encoded", encoded.mean_db >= ENCODED_DB, detail)


def decoded_as_planned(card: Rendered, trace: Trace | None) -> Iterator[Check]:
    """FFmpeg decodes in software, and says so in a warning only, where NVDEC refuses a stream."""
    if not any("NVDEC" in name for name in card.plan.decoders):
        return
    said = card.result.stderr_head + card.result.stderr_tail
    refused = next((line for line in said.splitlines() if any(words in line for words in _SOFTWARE_DECODING)), "")
    is_idle = trace is not None and not trace.decoded
    yield Check(
        "NVDEC decodes", not refused and not is_idle, refused.strip() or ("it was not used" if is_idle else "")
    )


def carried_as_planned(plan: Plan, trace: Trace | None) -> Iterator[Check]:
    """Frames over the bus, give or take the one that begins or ends a stream; only the software device counts.

    Planes are counted, not bytes: FFmpeg copies whole rows of memory, and rows are longer than pictures are wide.
    """
    if trace is None:
        return
    for direction, copies in (("upload", trace.uploads), ("download", trace.downloads)):
        links = [link for link in plan.transfers if link.transfer == direction]
        wanted = sum(link.rate * plan.duration_s * _planes(link.pix_fmt) for link in links)
        tolerance = max(_SHARE * wanted, sum(_planes(link.pix_fmt) for link in links))
        if direction == "upload":
            tolerance += _TABLES * " ".join(plan.argv()).count("]scale_cuda=")
        detail = f"{len(copies)} planes, planned {wanted:.0f}, give or take {tolerance:.0f}"
        yield Check(f"{direction}s as planned", abs(len(copies) - wanted) <= tolerance, detail)
    complaints = "; ".join(trace.complaints)
    yield Check("the device has nothing to complain about", not complaints, complaints)


def _planes(pix_fmt: str) -> int:
    if pix_fmt in _TWO_PLANES:
        return 2
    return 4 if pix_fmt.startswith("yuva") else 3


def carried_bytes(plan: Plan, direction: str) -> float:
    """What the plan says will cross in one direction during the whole render."""
    return sum(link.bytes_per_s for link in plan.transfers if link.transfer == direction) * plan.duration_s
