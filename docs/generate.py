"""Writes the reference pages of this folder from the code that they describe, and draws the plans of one other.

`--check` only compares.

`scripts/docs` runs it, and a test runs the check.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from error_codes import Said, said
from plan_pictures import with_pictures

from apigpu.compiler.containers import CONTAINERS
from apigpu.compiler.encoders import CODECS, ENCODERS, Encoder
from apigpu.compiler.quality import ANCHORS, DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY, told
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.operations import Operation
from apigpu.plan import Plan
from apigpu.registry import Registry
from apigpu.targets.presets import TARGET_NAMES, named_target
from apigpu.targets.target import Target
from apigpu_runtime.cli.flags import Flag, flags_of

FOLDER = Path(__file__).resolve().parent
FRAMES = "explanation/1-where-frames-live.md"
BUILT_IN = ("img2vid", "addaudio", "caption")
NOTE = "<!-- Written by scripts/docs. Change the code that it describes, not this file. -->"


def pages() -> Mapping[str, Callable[[], str]]:
    """The generated files, by their path in this folder."""
    return {
        "operations.md": operations_page,
        "targets.md": targets_page,
        "quality.md": quality_page,
        "errors.md": errors_page,
        "plan-json.md": plan_page,
        "plan.schema.json": lambda: json.dumps(plan_schema(), indent=2) + "\n",
        FRAMES: lambda: with_pictures(FOLDER / FRAMES),
    }


def main(words: Sequence[str]) -> int:
    stale = [name for name, page in pages().items() if _read(FOLDER / name) != page()]
    if "--check" in words:
        print(f"out of date, run scripts/docs: {', '.join(stale)}" if stale else "the reference pages are current")
        return 1 if stale else 0
    for name in stale:
        (FOLDER / name).write_text(pages()[name](), encoding="utf-8")
        print(f"wrote docs/{name}")
    return 0


# ------------------------------------------------------------------------------------------------- operations


def operations_page() -> str:
    registry = Registry.discover()
    found = [registry.get(name) for name in BUILT_IN]
    intro = (
        "Fields stand here as JSON spells them. On the command line `style.size` is `--style.size`, and of a list "
        "`images.0.image_url` is `--images.0.image-url`. A media field takes a URL or, on the command line, a path."
    )
    return _page("Operations", intro, *(_operation_section(item) for item in found), _pipeline_section())


def _operation_section(item: Operation) -> str:
    rows = [_flag_row(flag) for flag in flags_of(item.input)]
    request = (FOLDER / "requests" / f"{item.name}.json").read_text(encoding="utf-8").rstrip()
    return "\n\n".join(
        [
            f"## {item.name}",
            inspect.getdoc(item.build) or item.summary,
            f"```json\n{request}\n```",
            _table(("Field", "Takes", "What it does"), rows),
        ]
    )


def _flag_row(flag: Flag) -> tuple[str, str, str]:
    return (f"`{'.'.join(flag.path)}`", flag.metavar.lower(), flag.help)


def _pipeline_section() -> str:
    return (
        "## pipeline\n\n"
        "A pipeline is a list of operations that become one filtergraph and one encode. The first step names its "
        "media; each later one leaves out its main field (`url_video`), which is bound to the result before. "
        "[`examples/demo.json`](../examples/demo.json) is one. Relative paths start from the file's own folder."
    )


# ---------------------------------------------------------------------------------------------------- targets


_LADDER = (
    "A render begins on the best rung that the machine has: decoding, filters and encoding on the card, then without "
    "NVDEC or without NVENC, then filters on the CPU with NVENC, then the CPU alone. A fault of the machine (an old "
    "driver, no video capability, no memory or no encoding session left, a device that is lost) steps down, once for "
    "each cause, and starts again from the beginning; a fault of the request never does. The result names the rung "
    "and the reason. `render --no-fallback` fails instead, and `--target cuda` asks for this machine's card and says "
    "why there is none."
)


def targets_page() -> str:
    # An FFmpeg that has every encoder, so that the table tells what the cards lack.
    rows = [_target_row(named_target(name, _everything())) for name in TARGET_NAMES]
    intro = (
        "A target is what one machine can do. `--target auto`, the default, measures the machine at hand. The others "
        "are named, so that a plan can be made for a card that is elsewhere; which filters FFmpeg has is always "
        "taken from the FFmpeg at hand. Cards without NVENC encode on the CPU, which is normal, not an error."
    )
    table = _table(("Name", "Device", "NVDEC decodes", "Encoders, best first", "$ an hour"), rows)
    return _page("Targets", f"{intro}\n\n{_LADDER}", table)


def _everything() -> Capabilities:
    encoders = ("h264_nvenc", "hevc_nvenc", "av1_nvenc", "libx264", "libx265", "libsvtav1", "aac")
    return Capabilities.stated(filters={}, encoders=encoders)


def _target_row(target: Target) -> tuple[str, ...]:
    price = f"{target.usd_per_s * 3600:.2f}" if target.usd_per_s else ""
    decoders, encoders = sorted(target.decoders), target.encoders
    return (f"`{target.name}`", target.device, ", ".join(decoders), ", ".join(encoders), price)


# ---------------------------------------------------------------------------------------------------- quality


def quality_page() -> str:
    encoders = [encoder for encoder in ENCODERS.values() if told(encoder.name, DEFAULT_QUALITY)]
    intro = (
        f"`--codec` says what the picture is encoded as, `--quality` how well, from {MIN_QUALITY} to {MAX_QUALITY}; "
        f"higher is better, and {DEFAULT_QUALITY} is the default. Without `--codec` a picture that nothing is done "
        f"to is copied, and any other becomes {CODECS[0]}; with it only a picture that has this codec is copied. A "
        "copy keeps the quality it has."
    )
    meaning = (
        "One number means about the same look whatever the codec: libx265 and libsvtav1 are told the `crf` at which "
        "VMAF scores them as it scores libx264 ([measured](../bench/QUALITY.md)). The scale "
        "ends where SVT-AV1's does. The `cq` of the NVENC encoders follows the software encoder of their codec by a "
        "rule of thumb and has not been calibrated on a card. In between the numbers lie on straight lines."
    )
    shown = (MIN_QUALITY, *ANCHORS[1:-1], MAX_QUALITY)
    rows = [(str(quality), *(_setting(encoder, quality) for encoder in encoders)) for quality in shown]
    optional = (
        "A card may lack some options of NVENC: B-frames in HEVC, B-frames as references, lookahead, temporal "
        "adaptive quantisation. Detection tries each of them, and a plan leaves out what the card lacks. A picture "
        "of a size that an encoder does not take goes to the next encoder of the target."
    )
    return _page(
        "Codecs and quality",
        intro,
        meaning,
        _table(("quality", *(f"`{encoder.name}`" for encoder in encoders)), rows),
        "## Encoders",
        optional,
        _table(("Encoder", "Codec", "Sides in pixels", "Containers", "Options"), map(_encoder_row, encoders)),
    )


def _setting(encoder: Encoder, quality: int) -> str:
    return " ".join(f"{name} {value}" for name, value in told(encoder.name, quality).items())


def _encoder_row(encoder: Encoder) -> tuple[str, ...]:
    card = named_target("l4", _everything())
    width, height = encoder.min_side
    takers = [name for name, container in CONTAINERS.items() if encoder.codec in container.copies_video]
    options = {name: value for name, value in encoder.options_on(card).items() if name not in {"crf", "cq"}}
    written = " ".join(f"-{name} {value}" for name, value in options.items())
    sides = f"{width}x{height} to {encoder.max_side}"
    return (f"`{encoder.name}`", encoder.codec, sides, ", ".join(takers), f"`{written}`")


# ----------------------------------------------------------------------------------------------------- errors

FAULTS = {
    "InputError": "the request",
    "UnsupportedError": "the target",
    "SetupError": "the machine",
    "PluginError": "a plugin",
    "FFmpegError": "the run",
    "Refusal": "the HTTP request",
    "StorageError": "the store",
    "BackendError": "the endpoint",
    "WorkerError": "the worker",
    "Failure": "the endpoint",
}


def errors_page() -> str:
    errors, warnings = said()
    intro = (
        "Every error has a stable code, a sentence and, where there is one, a remedy: `--json` prints them as an "
        "object, the REST API answers with them, a failed job has them in its `error`. "
        "The command line ends with status 2 where another request, target or setup is needed, with 1 where a run "
        "or a plugin failed. An ellipsis stands for what the sentence names."
    )
    return _page(
        "Errors and warnings",
        intro,
        _table(("Code", "At fault", "What it says"), _code_rows(errors, FAULTS)),
        "## Warnings\n\nA warning does not stop the job. It stands in the plan and in the result.",
        _table(("Code", "", "What it says"), _code_rows(warnings, {})),
    )


def _code_rows(found: Sequence[Said], faults: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for code in dict.fromkeys(item.code for item in found):
        items = [item for item in found if item.code == code]
        kinds = dict.fromkeys(faults.get(item.kind, "") for item in items)
        yield (
            f"`{code}`",
            ", ".join(kinds),
            "<br>".join(dict.fromkeys(item.message for item in items if re.search(r"\w", item.message))),
        )


# ------------------------------------------------------------------------------------------------------- plan


def plan_page() -> str:
    schema = plan_schema()
    intro = (
        "`apigpu plan ... --json` prints a plan as one JSON object: what FFmpeg will be told, where every frame "
        "lives, and what is expected of the run. [`plan.schema.json`](plan.schema.json) is its JSON Schema."
    )
    parts = [_schema_section(name, part) for name, part in schema["$defs"].items()]
    return _page("A plan as JSON", intro, _schema_section("Plan", schema), *parts)


def plan_schema() -> dict[str, Any]:
    """The schema of what is printed, which leaves out the contents of assets."""
    return Plan.model_json_schema(mode="serialization")


def _schema_section(name: str, part: Mapping[str, Any]) -> str:
    rows = [_property_row(key, value) for key, value in part["properties"].items()]
    return f"## {name}\n\n{part.get('description', '')}\n\n{_table(('Key', 'Type', 'Meaning'), rows)}"


def _property_row(name: str, part: Mapping[str, Any]) -> tuple[str, str, str]:
    return (f"`{name}`", _type(part), part.get("description", ""))


def _type(part: Mapping[str, Any]) -> str:
    if "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if "enum" in part or "const" in part:
        return ", ".join(f"`{json.dumps(value)}`" for value in part.get("enum", [part.get("const")]))
    if part.get("type") == "array":
        return f"list of {_type(part.get('items', {}))}"
    return str(part.get("type", "any"))


# ----------------------------------------------------------------------------------------------------- markdown


def _page(title: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "\n".join(_lines(head, rows))


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(cell.strip().replace('|', chr(92) + '|') for cell in row)} |"


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
