"""The report: a Markdown page that tells what ran, on what, and what did not."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from apigpu.errors import ApiGpuError
from apigpu.ffmpeg.process import capture_sync
from apigpu.plan import render_picture
from apigpu.plan.words import bytes_words
from gpu_check.checks import Measured, Results
from gpu_check.compare import Likeness
from gpu_check.verdicts import carried_bytes

ROOT = Path(__file__).resolve().parents[2]
_MARKS = {True: "ok", False: "**failed**", None: "absent"}
_SOFTWARE = (
    "**This is the software driver of the tests, not a card.** It shows that the graphs run, what they make of the "
    "pictures, and what crosses between the memories. It shows nothing about speed, nor that a card does the same."
)


def file_name(results: Results, now: datetime) -> str:
    """`2026-01-31-nvidia-l4.md`."""
    words = re.sub(r"[^a-z0-9]+", "-", _device(results).lower()).strip("-")
    return f"{now:%Y-%m-%d}-{words or 'unknown'}.md"


def written(results: Results, now: datetime) -> str:
    """The whole page."""
    parts = [
        f"# {_device(results)}, {now:%Y-%m-%d}",
        _SOFTWARE if results.device.is_software else "",
        _table(("", ""), _facts(results, now)),
        _verdict(results),
        "## Doctor",
        _table(("", "", ""), map(_finding, results.findings)),
        *_cases(results),
        "## Not run",
        "\n".join(f"- {line}" for line in _not_run(results)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _device(results: Results) -> str:
    return results.device.name or results.target.device or "no device"


def _facts(results: Results, now: datetime) -> Iterator[tuple[str, str]]:
    size, binaries = results.size, results.machine.binaries
    yield "Date", f"{now:%Y-%m-%d %H:%M} UTC"
    yield "Device", _device(results)
    yield "Driver", results.device.driver or "unknown"
    yield "FFmpeg", f"{binaries.version_text} (from {binaries.source})"
    yield "apigpu", _commit()
    yield "Machine", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    if results.cases:
        yield "Video", f"{size.width}x{size.height}, {size.video_s:g} s; photos {size.photo_s:g} s each"


def _verdict(results: Results) -> str:
    failed = results.failed
    lines = [f"**{len(results.checks) - len(failed)} passed, {len(failed)} failed**"]
    lines += [f"- failed: {item.name}. {_private(item.detail)}".rstrip() for item in failed]
    return "\n".join([lines[0], "", *lines[1:]]).rstrip()


def _finding(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return (item["name"], _MARKS[item["ok"]], _private(f"{item['detail']} {item['remedy']}".rstrip()))


def _cases(results: Results) -> Iterator[str]:
    if not results.cases:
        return
    yield "## Operations"
    yield (
        "PSNR in dB is of luma against the processor's pictures stored without loss: the worst frame of what the "
        "card does before the encoder, also stored without loss, and all frames of the result."
    )
    pictures = ("", "decoded", "encoded by", "frames", "before the encoder", "result")
    yield _table(pictures, map(_pictures, results.cases))
    yield "Transfers are bytes of the whole render. " + (
        "The plan counts pixels; the device counts whole rows of memory, which can be longer."
        if results.device.is_software
        else "They are planned ones: a card does not count them."
    )
    transfers = ("", "uploads planned", "downloads planned", "uploads counted", "downloads counted")
    yield _table(transfers if results.device.is_software else transfers[:3], map(_transfers, results.cases))
    if not results.device.is_software:
        yield "Frames a second are on the clock, the start of FFmpeg included. Load is the highest of the samples."
        speeds = ("", "card, frames a second", "processor, frames a second", "GPU", "NVENC", "NVDEC")
        yield _table(speeds, map(_speeds, results.cases))
    for item in results.cases:
        if item.plan is not None:
            yield f"### {item.case}"
            yield f"```text\n{render_picture(item.plan).rstrip()}\n```"


def _pictures(item: Measured) -> tuple[str, ...]:
    plan = item.plan
    if plan is None:
        return (item.case, "did not render", *[""] * 4)
    before, result = _db(item.graph, worst=True), _db(item.encoded, worst=False)
    return (item.case, ", ".join(plan.decoders), plan.output.video, str(plan.output.frames), before, result)


def _transfers(item: Measured) -> tuple[str, ...]:
    plan, trace = item.plan, item.trace
    planned = [bytes_words(carried_bytes(plan, name)) if plan else "" for name in ("upload", "download")]
    counted = [bytes_words(sum(copies)) for copies in (trace.uploads, trace.downloads)] if trace else []
    return (item.case, *planned, *counted)


def _speeds(item: Measured) -> tuple[str, ...]:
    loads = [item.load.peak(f"utilization.{name}") if item.load else None for name in ("gpu", "encoder", "decoder")]
    return (
        item.case,
        *(f"{fps:.0f}" if fps else "" for fps in (item.card_fps, item.cpu_fps)),
        *("" if load is None else f"{load:.0f}%" for load in loads),
    )


def _not_run(results: Results) -> Iterator[str]:
    if results.device.is_software:
        yield "anything on a card: speed, NVIDIA's driver, NVIDIA's encoder"
    if not results.cases:
        yield "every operation: there are no CUDA frames here"
    yield from (f"{item.case}: it ended in an error" for item in results.cases if item.plan is None)
    on_cpu = [item.case for item in results.cases if item.plan is not None and item.graph is None]
    if on_cpu:
        yield f"CUDA before the encoder in: {'; '.join(on_cpu)}. The plan has none there"
    yield "several cards, several renders at once, other codecs and sizes than those above"
    if results.cases and not results.device.is_software and not results.device.fields:
        yield "load of the card and its encoder: there is no nvidia-smi here, or it does not tell"


def _db(found: Likeness | None, *, worst: bool) -> str:
    if found is None:
        return ""
    value = found.worst_db if worst else found.mean_db
    return "equal" if math.isinf(value) else f"{value:.1f}"


def _commit() -> str:
    try:
        head = capture_sync(("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"), timeout_s=20)
        changed = capture_sync(("git", "-C", str(ROOT), "status", "--porcelain", "-uno"), timeout_s=20)
    except ApiGpuError:
        return "unknown commit: there is no git here"
    if head.exit_code:
        return "unknown commit"
    return f"commit {head.stdout.decode().strip()}" + (", with changes" if changed.stdout.strip() else "")


def _private(text: str) -> str:
    """Without the folders of whoever ran it."""
    return text.replace(str(ROOT), "CHECKOUT").replace(str(Path.home()), "~")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines)
