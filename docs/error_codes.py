"""The codes of errors and warnings, read off the sources: which there are, and what each says."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("core/src", "runtime/src", "plugins/caption/src", "plugins/img2vid/src", "plugins/addaudio/src")

_KINDS = {
    "AddressRefused": "InputError",
    "Refusal": "Refusal",
    "JobUnknown": "BackendError",
    "malformed": "Refusal",
    "_unauthorized": "Refusal",
    "_fault": "Refusal",
    "_fail": "InputError",
    "Failure": "Failure",
}
"""What stands behind the names that errors are made with, where it is not the class itself."""

_OWN_CODES = {"AddressRefused": "address_refused", "JobUnknown": "job_unknown"}
"""Classes that have a code of their own, and need none where they are made."""


@dataclass(frozen=True, order=True)
class Said:
    """One place that names a code: `kind` is the class of the error, `FFmpegError` for a failed run, or `warning`."""

    code: str
    kind: str
    message: str


def said() -> tuple[list[Said], list[Said]]:
    """The errors and the warnings, sorted, each once."""
    found = sorted({item for part in SOURCES for file in (ROOT / part).rglob("*.py") for item in _in_file(file)})
    return [item for item in found if item.kind != "warning"], [item for item in found if item.kind == "warning"]


def _in_file(file: Path) -> Iterator[Said]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield from _in_call(node)


def _in_call(call: ast.Call) -> Iterator[Said]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    texts = [_text(item) for item in call.args]
    code = _named(call, "code") or _OWN_CODES.get(name, "")
    kind = _KINDS.get(name, name)
    message = next((text for text in [*texts, _named(call, "message")] if text), "")
    if (kind.endswith("Error") or kind in _KINDS.values()) and code and message:
        yield Said(code, kind, message)
    elif (
        name == "_row" and len(texts) == 5 and texts[1]
    ):  # the table of FFmpeg's texts: pattern, code, sentence, remedy, fault
        yield Said(texts[1], "FFmpegError", texts[2])
    elif name == "warn" and len(texts) == 2 and texts[0]:
        yield Said(texts[0], "warning", texts[1])


def _named(call: ast.Call, name: str) -> str:
    return next((_text(item.value) for item in call.keywords if item.arg == name), "")


def _text(node: ast.expr) -> str:
    """A text with an ellipsis wherever a value goes in; empty for what is none."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_pieces(parts))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _text(left) + _text(right)
    return ""


def _pieces(parts: Iterable[ast.expr]) -> Iterator[str]:
    for part in parts:
        yield _text(part) if isinstance(part, ast.Constant) else "…"
