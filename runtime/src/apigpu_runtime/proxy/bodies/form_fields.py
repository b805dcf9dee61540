"""Fields by name and text, as forms and query strings have them, put together to the object that JSON would be.

Names are paths: `style.size`, `images.0.image_url`, or `images[0][image_url]`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from apigpu_runtime.proxy.bodies.field_types import annotation_at, json_types
from apigpu_runtime.proxy.bodies.json_body import parse_json
from apigpu_runtime.proxy.refusals import malformed

MAX_FIELDS = 1_000
_MAX_DEPTH = 8
_MAX_INDEX = 999
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)
_INDEX = re.compile(r"0|[1-9]\d{0,8}", re.ASCII)

Path = tuple[str, ...]


class _Items(dict[str, Any]):
    """A list while it is put together, by index."""


def path_of(name: str) -> Path:
    """The path that a field's name is. Raises Refusal (400)."""
    path = tuple(_BRACKETS.sub(r".\1", name).split("."))
    if not all(path) or len(path) > _MAX_DEPTH or len(name) > 200:
        raise malformed(
            f"{name[:60]!r} cannot name a field.",
            code="bad_field_name",
            remedy="Write style.size or images.0.motion.",
        )
    return path


def assembled(base: Mapping[str, Any], fields: Mapping[Path, Any]) -> dict[str, Any]:
    """`base` with the fields put in, each at its path. Raises Refusal (400) where two claim one place."""
    root = _opened(dict(base))
    for path, value in fields.items():
        _put(root, path, value)
    closed = _closed(root, "")
    assert isinstance(closed, dict)
    return closed


def converted(text: str, path: Path, roots: Sequence[Any]) -> Any:
    """The value that a text means for the field at `path`; the text itself where it is no such value.

    `roots` are models, of which the first that has the field decides.
    """
    types = next((json_types(found) for root in roots if (found := annotation_at(root, path)) is not None), set())
    if "string" in types or not types:
        return text
    word = text.strip()
    if types & {"number", "integer"} and _NUMBER.fullmatch(word):
        return _number(word)
    if "boolean" in types and word.lower() in {"true", "false"}:
        return word.lower() == "true"
    if types & {"object", "array"} and word[:1] in {"{", "["}:
        return parse_json(text.encode(), where=".".join(path))
    return text


def _number(word: str) -> int | float:
    value = float(word)
    return int(word) if re.fullmatch(r"[-+]?\d{1,18}", word) else value


def _put(root: dict[str, Any], path: Path, value: Any) -> None:
    place = root
    for depth, name in enumerate(path[:-1]):
        fresh = _Items() if _INDEX.fullmatch(path[depth + 1]) else {}
        inner = place.setdefault(name, fresh)
        if not isinstance(inner, dict):
            raise _twice(path[: depth + 1])
        _check_index(inner, path[: depth + 2])
        place = inner
    if path[-1] in place:
        raise _twice(path)
    place[path[-1]] = value if not isinstance(value, dict | list) else _opened(value)


def _check_index(place: dict[str, Any], path: Path) -> None:
    if isinstance(place, _Items) and not (_INDEX.fullmatch(path[-1]) and int(path[-1]) <= _MAX_INDEX):
        raise malformed(
            f"is a list, whose items are numbered from 0 to {_MAX_INDEX}.",
            code="bad_field_name",
            where=".".join(path[:-1]),
        )


def _twice(path: Path) -> Exception:
    return malformed("is there twice.", code="duplicate_field", where=".".join(path))


def _opened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _opened(item) for name, item in value.items()}
    if isinstance(value, list):
        return _Items({str(number): _opened(item) for number, item in enumerate(value)})
    return value


def _closed(value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {name: _closed(item, f"{where}.{name}" if where else name) for name, item in value.items()}
    if not isinstance(value, _Items):
        return inner
    missing = next((number for number in range(len(inner)) if str(number) not in inner), None)
    if missing is not None:
        raise malformed("is missing, but later items are there.", code="missing_item", where=f"{where}.{missing}")
    return [inner[str(number)] for number in range(len(inner))]
