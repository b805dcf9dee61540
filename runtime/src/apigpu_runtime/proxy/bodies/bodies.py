"""A request's body, in any of its forms, as the one object that JSON would have been.

JSON, a form (multipart or urlencoded: a field or file for each path, and `request` for a whole object), or the bytes
of the one media file with the other fields in the query string.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from apigpu.media.fields import MediaKind
from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE, job_request, split_options
from apigpu_runtime.proxy.bodies.field_types import media_fields
from apigpu_runtime.proxy.bodies.form import Form, Model
from apigpu_runtime.proxy.bodies.form_fields import MAX_FIELDS, path_of
from apigpu_runtime.proxy.bodies.json_body import parse_object
from apigpu_runtime.proxy.bodies.keeping import Keeper
from apigpu_runtime.proxy.bodies.multipart import Part, parts_of
from apigpu_runtime.proxy.bodies.receiving import PACE, Pace, read_whole, received
from apigpu_runtime.proxy.refusals import Refusal, malformed, too_large
from apigpu_runtime.remote import refuse_local_paths

DEFAULT_MAX_JSON_BYTES = 2 << 20
FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
FILES = ("video/*", "audio/*", "image/*", "text/vtt", "application/x-subrip", "application/octet-stream")
"""What a body may be beside JSON."""
_FORM_OVERHEAD_BYTES = 1 << 20
_JSON = re.compile(r"application/(json|[a-z0-9.+-]+\+json)|text/json")
_KINDS: Mapping[str, MediaKind] = {
    "video": MediaKind.VIDEO,
    "audio": MediaKind.AUDIO,
    "image": MediaKind.IMAGE,
    "text/vtt": MediaKind.SUBTITLE,
    "application/x-subrip": MediaKind.SUBTITLE,
}


@dataclass(frozen=True, kw_only=True)
class BodyReader:
    """Reads bodies into requests that are whole and valid, with their files already in the store."""

    registry: Registry
    keeper: Keeper
    max_json_bytes: int = DEFAULT_MAX_JSON_BYTES
    pace: Pace = PACE

    async def read(
        self,
        request: Request,
        operation: Operation | None,
        *,
        beside: Model | None = None,
        until: AsyncExitStack | None = None,
    ) -> dict[str, Any]:
        """The request for an operation, or without one for a pipeline, options included.

        It is checked as far as the schema can tell: whatever can be known without fetching anything is right.
        `beside` has fields of the route's own, such as a dry run's `facts`, which are left to the route to check.
        Uploaded files are kept for as long as the store keeps them, or `until` that is closed.

        Raises InputError, among them Refusal for what HTTP has a status for; then no uploaded file is left.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not kind or _JSON.fullmatch(kind):
            document = _object(await self.small(request))
            self._check(document, operation, beside)
            return document
        async with AsyncExitStack() as undo:
            document = await _Reading(self, request, Form(self.registry, operation, beside), undo).document(kind)
            self._check(document, operation, beside)
            kept = undo.pop_all()
            if until is not None:
                until.push_async_exit(kept)
            return document

    async def small(self, request: Request) -> bytes:
        """A body without files."""
        return await read_whole(request, max_bytes=self.max_json_bytes, pace=self.pace)

    def _check(self, document: dict[str, Any], operation: Operation | None, beside: Model | None) -> None:
        if beside is not None:
            document = {name: value for name, value in document.items() if name not in beside.model_fields}
        fields, _ = split_options(document)
        refuse_local_paths(job_request(self.registry, operation.name if operation else PIPELINE, fields))


@dataclass(frozen=True)
class _Reading:
    reader: BodyReader
    request: Request
    form: Form
    undo: AsyncExitStack

    async def document(self, kind: str) -> dict[str, Any]:
        if kind == "multipart/form-data":
            return await self._multipart(self.request.headers.get("content-type", ""))
        if kind == "application/x-www-form-urlencoded":
            return self._urlencoded(await self.reader.small(self.request))
        if kind == "application/octet-stream" or _kind_of(kind) is not None:
            return await self._raw(kind)
        raise _unsupported(f"{kind[:80]} is not taken.")

    def _urlencoded(self, body: bytes) -> dict[str, Any]:
        if body.lstrip()[:1] == b"{":
            raise _unsupported("this JSON is labelled as a form.", "Send the header Content-Type: application/json.")
        for name, text in _pairs(body):
            self.form.add_text(path_of(name), text)
        return self.form.assembled()

    async def _multipart(self, content_type: str) -> dict[str, Any]:
        limit = self.reader.keeper.max_bytes + self.reader.max_json_bytes + _FORM_OVERHEAD_BYTES
        chunks = received(self.request, max_bytes=limit, pace=self.reader.pace)
        async with aclosing(parts_of(content_type, chunks)) as parts:
            async for part in parts:
                await self._take(part)
        return self.form.assembled()

    async def _take(self, part: Part) -> None:
        path = path_of(part.name)
        if part.filename is None and _kind_of(part.content_type) is None:
            self.form.add_text(path, await self._text(part))
        elif part.filename != "":  # it is empty where nobody chose a file in a browser's form
            self.form.check_takes_file(path)
            self.form.check_free(path)
            self.form.add_file(path, await self._kept(part, ".".join(path)))

    async def _text(self, part: Part) -> str:
        """What a text part says; all of them together are as long as a JSON body may be."""
        left = self.reader.max_json_bytes - sum(map(len, self.form.texts.values()))
        raw = bytearray()
        async for chunk in part.chunks:
            raw += chunk
            if len(raw) > left:
                raise too_large(self.reader.max_json_bytes, what="the text of the form")
        return _decoded(bytes(raw), part.name)

    async def _kept(self, part: Part, where: str) -> str:
        kept = await self.reader.keeper.keep(
            part.chunks, filename=part.filename or "", content_type=part.content_type, where=where
        )
        self.undo.push_async_callback(self.reader.keeper.forget, kept)
        return kept.url

    async def _raw(self, kind: str) -> dict[str, Any]:
        for name, text in self.request.query_params.multi_items():
            self.form.add_text(path_of(name), text)
        name = _field_of_file(kind, self.form)
        chunks = received(self.request, max_bytes=self.reader.keeper.max_bytes, pace=self.reader.pace)
        async with aclosing(chunks):
            self.form.add_file((name,), await self._kept(Part(name, chunks, content_type=kind), name))
        return self.form.assembled()


def _object(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise malformed("the body is empty.", code="empty_body", remedy="Send the operation's fields as JSON.")
    return parse_object(body)


def _field_of_file(kind: str, form: Form) -> str:
    """The field that a bare file is for: the only one of its kind that is still open, or the main one."""
    if form.operation is None:
        raise _unsupported("a pipeline takes no file as its body.", "Send multipart/form-data.")
    fields = media_fields(form.operation)
    wanted = _kind_of(kind)
    fitting = [name for name, found in fields.items() if wanted in {None, found} and (name,) not in form.texts]
    if len(fitting) == 1:
        return fitting[0]
    if form.operation.main_field in fitting:
        return str(form.operation.main_field)
    takes = ", ".join(f"{name} ({found.value})" for name, found in fields.items()) or "none"
    raise _unsupported(
        f"no field of {form.operation.name} that is still open takes {kind}.",
        f"Send multipart/form-data; its media fields are: {takes}.",
    )


def _kind_of(content_type: str) -> MediaKind | None:
    return _KINDS.get(content_type) or _KINDS.get(content_type.partition("/")[0])


def _pairs(body: bytes) -> list[tuple[str, str]]:
    text = _decoded(body, "")
    try:
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError:
        raise malformed("the form is not UTF-8.", code="invalid_utf8") from None
    except ValueError:
        raise malformed(f"the form has more than {MAX_FIELDS} fields.", code="too_many_fields") from None


def _decoded(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        message = "is not UTF-8." if where else "the body is not UTF-8."
        raise malformed(message, code="invalid_utf8", where=where) from None


def _unsupported(message: str, remedy: str = "") -> Refusal:
    taken = ("application/json", *FORMS, *FILES)
    return Refusal(
        415,
        message,
        code="unsupported_media_type",
        remedy=remedy or f"Taken are: {', '.join(taken)}.",
        headers={"Accept-Post": ", ".join(taken)},
    )
