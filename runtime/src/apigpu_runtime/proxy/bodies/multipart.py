"""multipart/form-data part by part, as it arrives; nothing is kept but what is asked for."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from apigpu_runtime.proxy.refusals import Refusal, malformed

MAX_PARTS = 1_000
_MAX_HEADER_BYTES = 8 << 10
_BOUNDARY = re.compile(rb"[\x20-\x7e]{1,70}")


@dataclass(frozen=True)
class Part:
    """One part. Its `chunks` must be read, or left, before the next part comes."""

    name: str
    chunks: AsyncIterator[bytes]
    filename: str | None = None
    """None for what is no file; empty for a file that nobody chose."""
    content_type: str = ""


async def parts_of(content_type: str, chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[Part, None]:
    """The parts of a body. Raises Refusal (400) where it is broken or ends too early."""
    events = _Events(chunks, _boundary(content_type))
    number = 0
    async with aclosing(chunks):
        while await events.next_begins():
            number += 1
            if number > MAX_PARTS:
                raise malformed(f"the form has more than {MAX_PARTS} parts.", code="too_many_fields")
            yield _part(events)
            async for _ in events.data():
                pass


@dataclass
class _Events:
    """What the parser has found and nobody has taken yet: headers as a dict, data as bytes, an end as None."""

    chunks: AsyncGenerator[bytes, None]
    boundary: bytes
    _found: deque[dict[str, bytes] | bytes | None] = field(default_factory=deque)
    _headers: dict[str, bytes] = field(default_factory=dict)
    _header_name: bytes = b""
    _header_value: bytes = b""
    _header_bytes: int = 0
    _is_whole: bool = False
    _in_part: bool = False
    headers: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._parser = MultipartParser(
            self.boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._name,
                "on_header_value": self._value,
                "on_header_end": self._header,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )

    async def next_begins(self) -> bool:
        """Goes to the next part; False at the end of the body."""
        found = await self._next()
        if found is None:
            return False
        assert isinstance(found, dict)
        self.headers, self._in_part = found, True
        return True

    async def data(self) -> AsyncGenerator[bytes, None]:
        """The rest of the part's content."""
        while self._in_part:
            found = await self._next()
            if isinstance(found, bytes):
                yield found
            else:
                self._in_part = False

    async def _next(self) -> dict[str, bytes] | bytes | None:
        while not self._found:
            chunk = await anext(self.chunks, None)
            if chunk is None:
                if not self._is_whole:
                    raise _broken("it ends before its closing boundary")
                return None
            self._write(chunk)
        return self._found.popleft()

    def _write(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _broken(f"{str(error)[:120].rstrip('.')}") from None

    def _begin(self) -> None:
        self._headers, self._header_bytes = {}, 0

    def _name(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header_name += data[start:end]

    def _value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        self._header_value += data[start:end]

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > _MAX_HEADER_BYTES:
            raise _broken("the headers of a part are too long")

    def _header(self) -> None:
        self._headers[self._header_name.decode("latin-1").lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        self._found.append(self._headers)

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._found.append(data[start:end])

    def _part_end(self) -> None:
        self._found.append(None)

    def _end(self) -> None:
        self._is_whole = True


def _part(events: _Events) -> Part:
    disposition, options = parse_options_header(events.headers.get("content-disposition", b""))
    name = options.get(b"name")
    if disposition != b"form-data" or name is None:
        raise _broken("a part has no name")
    filename = options.get(b"filename")
    kind, _ = parse_options_header(events.headers.get("content-type", b""))
    return Part(
        name=_text(name),
        chunks=events.data(),
        filename=None if filename is None else _text(filename),
        content_type=kind.decode("latin-1").lower(),
    )


def _boundary(content_type: str) -> bytes:
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise _broken("Content-Type names no usable boundary", remedy="Let the HTTP client set Content-Type itself.")
    return boundary


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise malformed("the name of a part is not UTF-8.", code="invalid_utf8") from None


def _broken(what: str, *, remedy: str = "") -> Refusal:
    return malformed(f"the multipart body is broken: {what}.", code="broken_multipart", remedy=remedy)
