"""`apigpu doctor`: can this machine render, with what, and what does it lack."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from apigpu.errors import ApiGpuError
from apigpu.formats import Domain
from apigpu.registry import Registry
from apigpu.targets.ladder import rungs
from apigpu.targets.target import Target
from apigpu_runtime.cli.parser import Parser
from apigpu_runtime.execute import Machine
from apigpu_runtime.settings import Settings

_MARKS = {True: "ok  ", False: "FAIL", None: "--  "}
_FONT_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts", "/Library/Fonts", "/System/Library/Fonts")
_FONT_ENDINGS = {".ttf", ".otf", ".ttc", ".pfb", ".woff", ".woff2"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `ok` is None for what would be nice to have, and is absent."""

    name: str
    ok: bool | None
    detail: str
    remedy: str = ""


def run(words: Sequence[str]) -> int:
    """Print the findings; 0 if renders are possible, else 1."""
    parser = Parser(prog="apigpu doctor", description="Tell whether this machine can render, and what it lacks.")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    options = parser.parse_all(words)
    examination = examination_of(Settings.from_environment(), Registry.discover())
    is_able = all(item.ok is not False for item in examination.findings)
    if options.json:
        print(json.dumps({"ok": is_able, **_document(examination)}, indent=2))
    else:
        print("\n".join(map(_line, examination.findings)))
        print("\nThis machine can render." if is_able else "\nThis machine cannot render yet: see FAIL above.")
    return 0 if is_able else 1


@dataclass(frozen=True)
class Examination:
    """What was found, and the target that renders would have; None where FFmpeg is missing."""

    findings: tuple[Finding, ...]
    target: Target | None = None


def examination_of(settings: Settings, registry: Registry) -> Examination:
    """Everything that a render needs, in the order in which it is needed; the hardware is asked anew."""
    try:
        machine = Machine.found(settings)
        target = machine.detected(fresh=True)
    except ApiGpuError as error:
        return Examination((Finding("ffmpeg", False, error.message, error.remedy), *_plugins(registry)))
    binaries = machine.binaries
    findings = (
        Finding("ffmpeg", True, f"{binaries.version_text}, {binaries.ffmpeg} (from {binaries.source})"),
        Finding("ffprobe", True, binaries.ffprobe),
        *_hardware(target),
        _fonts(settings.environ),
        *_plugins(registry),
    )
    return Examination(findings, target)


def _document(examination: Examination) -> dict[str, Any]:
    findings = [asdict(item) for item in examination.findings]
    target = examination.target
    if target is None:
        return {"findings": findings}
    told = {
        "name": target.name,
        "device": target.device,
        "driver": target.driver,
        "ladder": [rung.name for rung in rungs(target)],
        "decoders": sorted(target.decoders),
        "encoders": list(target.encoders),
        "encoder_features": sorted(target.encoder_features),
        "lacks": [asdict(lack) for lack in target.lacks],
    }
    return {"findings": findings, "target": told}


def _hardware(target: Target) -> list[Finding]:
    driver = f", driver {target.driver}" if target.driver else ""
    has_cuda = Domain.CUDA in target.domains
    return [
        Finding("device", True, f"{target.device or 'CPU'}{driver}"),
        _part(target, "cuda", "filters run on the GPU" if has_cuda else ""),
        _part(target, "nvdec", ", ".join(sorted(target.decoders))),
        _part(target, "nvenc", ", ".join(target.nvenc)),
        _encoders(target),
        Finding("ladder", True, " -> ".join(rung.name for rung in rungs(target))),
    ]


def _part(target: Target, what: str, works: str) -> Finding:
    """One part of the card: what of it works, and a sentence with its remedy for what does not."""
    lacks = [lack for lack in target.lacks if lack.what == what]
    remedies = dict.fromkeys(lack.remedy for lack in lacks if lack.remedy)
    sentences = [works, *(lack.sentence.removesuffix(".") for lack in lacks)]
    detail = "; ".join(sentence for sentence in sentences if sentence)
    return Finding(what, bool(works) or None, detail or "not available", " ".join(remedies))


def _encoders(target: Target) -> Finding:
    names = ", ".join(target.encoders)
    return Finding("encoders", bool(names), names or "none works", "" if names else "Install an FFmpeg with libx264.")


def _fonts(environ: Mapping[str, str]) -> Finding:
    home = Path(environ.get("HOME") or "/nonexistent")
    folders = [*map(Path, _FONT_FOLDERS), home / ".fonts", home / ".local/share/fonts", home / "Library/Fonts"]
    count = sum(1 for folder in folders for path in folder.rglob("*") if path.suffix.lower() in _FONT_ENDINGS)
    remedy = "" if count else "Install one for captions (on Debian and Ubuntu: apt install fonts-dejavu-core)."
    return Finding("fonts", bool(count) or None, f"{count} font files" if count else "none found", remedy)


def _plugins(registry: Registry) -> list[Finding]:
    working = [
        Finding(f"operation {item.name}", True, f"{item.distribution} {item.version}")
        for item in registry.operations.values()
    ]
    broken = [
        Finding(f"plugin {item.plugin}", None, f"failed to load: {item.error}", f"Reinstall {item.distribution}.")
        for item in registry.failures
    ]
    none = [Finding("operations", False, "none is installed", "Try: pip install apigpu-caption")]
    return (working or none) + broken


def _line(item: Finding) -> str:
    line = f"{_MARKS[item.ok]}  {item.name}: {item.detail}"
    return f"{line}\n      {item.remedy}" if item.remedy else line
