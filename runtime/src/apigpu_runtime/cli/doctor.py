"""`apigpu doctor`: can this machine render, with what, and what does it lack."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from apigpu.errors import ApiGpuError
from apigpu.formats import Domain
from apigpu.registry import Registry
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
    findings = examine(Settings.from_environment(), Registry.discover())
    is_able = all(item.ok is not False for item in findings)
    if options.json:
        print(json.dumps({"ok": is_able, "findings": [asdict(item) for item in findings]}, indent=2))
    else:
        print("\n".join(map(_line, findings)))
        print("\nThis machine can render." if is_able else "\nThis machine cannot render yet: see FAIL above.")
    return 0 if is_able else 1


def examine(settings: Settings, registry: Registry) -> list[Finding]:
    """Everything that a render needs, in the order in which it is needed."""
    try:
        machine = Machine.found(settings)
    except ApiGpuError as error:
        return [Finding("ffmpeg", False, error.message, error.remedy), *_plugins(registry)]
    binaries = machine.binaries
    return [
        Finding("ffmpeg", True, f"{binaries.version_text}, {binaries.ffmpeg} (from {binaries.source})"),
        Finding("ffprobe", True, binaries.ffprobe),
        *_hardware(machine),
        _fonts(settings.environ),
        *_plugins(registry),
    ]


def _hardware(machine: Machine) -> list[Finding]:
    try:
        target = machine.target("auto")
    except ApiGpuError as error:
        return [Finding("device", False, error.message, error.remedy)]
    return [Finding("device", True, target.device or "CPU"), *_gpu(target), _encoders(target)]


def _gpu(target: Target) -> list[Finding]:
    has_cuda = Domain.CUDA in target.domains
    nvenc = [name for name in target.encoders if name.endswith("_nvenc")]
    why = " ".join(target.reasons)
    return [
        Finding("cuda", has_cuda or None, "filters run on the GPU" if has_cuda else why or "no CUDA device"),
        Finding("nvdec", bool(target.decoders) or None, ", ".join(sorted(target.decoders)) or "not available"),
        Finding("nvenc", bool(nvenc) or None, ", ".join(nvenc) or "not available"),
    ]


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
