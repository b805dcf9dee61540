"""Uploads: a file gets an address, which media fields then take."""

from __future__ import annotations

from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from apigpu_runtime.proxy.bodies.json_body import parse_object
from apigpu_runtime.proxy.bodies.keeping import Keeper, Kept, new_key, safe_type
from apigpu_runtime.proxy.bodies.multipart import parts_of
from apigpu_runtime.proxy.bodies.receiving import PACE, Pace, read_whole, received
from apigpu_runtime.proxy.bodies.upload_documents import PresignedUpload, PresignRequest, Upload
from apigpu_runtime.proxy.refusals import Refusal, malformed
from apigpu_runtime.validation import validate_model

PUT_EXPIRES_S = 3600
_MAX_JSON_BYTES = 16 << 10
_FORM_OVERHEAD_BYTES = 1 << 20
_NO_FILE = "Send the file as the body, or as a part of multipart/form-data."


def upload_routes(keeper: Keeper, *, pace: Pace = PACE) -> list[Route]:
    """`POST /uploads` and `POST /uploads/presign`."""

    async def upload(request: Request) -> Response:
        kept = await _kept(request, keeper, pace)
        document = Upload(
            url=kept.url,
            size_bytes=kept.size_bytes,
            content_type=kept.content_type,
            expires_at=_time(kept.expires_at),
        )
        return _created(document.model_dump_json(), kept.url)

    async def presign(request: Request) -> Response:
        storage = keeper.require()
        body = await read_whole(request, max_bytes=_MAX_JSON_BYTES, pace=pace)
        asked = validate_model(PresignRequest, parse_object(body) if body.strip() else {})
        key = new_key(asked.filename, asked.content_type)
        kind = safe_type(asked.content_type, key)
        kept = await keeper.promised(key, kind)
        document = PresignedUpload(
            put=storage.signed("PUT", key, expires_s=PUT_EXPIRES_S, content_type=kind),
            put_expires_at=_time(datetime.now(UTC) + timedelta(seconds=PUT_EXPIRES_S)),
            url=kept.url,
            expires_at=_time(kept.expires_at),
        )
        return _created(document.model_dump_json(), kept.url)

    return [
        Route("/uploads", upload, methods=["POST"]),
        Route("/uploads/presign", presign, methods=["POST"]),
    ]


async def _kept(request: Request, keeper: Keeper, pace: Pace) -> Kept:
    keeper.require()
    content_type = request.headers.get("content-type", "")
    filename = request.query_params.get("filename", "")
    match content_type.partition(";")[0].strip().lower():
        case "multipart/form-data":
            return await _from_form(request, keeper, pace, content_type, filename)
        case "application/json" | "application/x-www-form-urlencoded" as kind:
            raise Refusal(415, f"{kind} is no media file.", code="unsupported_media_type", remedy=_NO_FILE)
    chunks = received(request, max_bytes=keeper.max_bytes, pace=pace, remedy=_BIG)
    async with aclosing(chunks):
        return await keeper.keep(chunks, filename=filename, content_type=content_type)


async def _from_form(request: Request, keeper: Keeper, pace: Pace, content_type: str, filename: str) -> Kept:
    """The one file of the form."""
    kept: Kept | None = None
    chunks = received(request, max_bytes=keeper.max_bytes + _FORM_OVERHEAD_BYTES, pace=pace, remedy=_BIG)
    try:
        async with aclosing(parts_of(content_type, chunks)) as parts:
            async for part in parts:
                if not part.filename:
                    continue
                if kept is not None:
                    raise malformed("there is more than one file.", code="duplicate_field", where=part.name)
                name = filename or part.filename
                kept = await keeper.keep(part.chunks, filename=name, content_type=part.content_type, where=part.name)
    except BaseException:
        if kept is not None:
            await keeper.forget(kept)
        raise
    if kept is None:
        raise malformed("there is no file in the form.", code="empty_body", remedy=_NO_FILE)
    return kept


_BIG = "POST /uploads/presign gives an address of the object store for files of any size."


def _created(body: str, url: str) -> Response:
    return Response(body, 201, headers={"Location": url, "Cache-Control": "no-store"}, media_type="application/json")


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
