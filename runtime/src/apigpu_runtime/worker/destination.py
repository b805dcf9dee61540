"""Where a job's file and its envelope go: to the requests that the job brought, or to the worker's own store."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from apigpu_runtime.deliver import deliver_envelope, deliver_file, delivered_before
from apigpu_runtime.envelope import OutputFile, Result
from apigpu_runtime.job import Control, Delivery
from apigpu_runtime.settings import Settings
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.open import open_storage
from apigpu_runtime.worker.returns import MAX_RESULT_BYTES, WorkerError

_WEEK_S = 7 * 24 * 3600
_PART_OF_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class Destination(Protocol):
    async def before(self) -> Result | None:
        """The result of the same job, if it has been done already."""
        ...

    async def put(self, path: Path, file: OutputFile, filename: str) -> OutputFile:
        """The file is there afterwards; where, is added to what is told of it. Raises StorageError."""
        ...

    async def finish(self, result: Result) -> None:
        """The envelope is there too: the proof that the job is done. Raises StorageError."""
        ...


def destination_of(control: Control, job_id: str, settings: Settings) -> Destination:
    """Raises WorkerError, code `no_storage`, where there is none."""
    if control.delivery is not None:
        return _Presigned(control.delivery, settings)
    storage = open_storage(settings)
    if storage is None:
        raise WorkerError(
            "this worker has nowhere to put the result.",
            code="no_storage",
            remedy="Set APIGPU_STORAGE on the endpoint (s3://BUCKET/PREFIX), or submit the job through apigpu serve.",
        )
    if not _PART_OF_KEY.fullmatch(job_id):
        raise WorkerError(f"{job_id[:100]!r} cannot be part of a key in the store.", code="bad_job_id")
    return _Stored(storage, f"jobs/{job_id}")


@dataclass(frozen=True)
class _Presigned:
    delivery: Delivery
    settings: Settings

    async def before(self) -> Result | None:
        return await delivered_before(self.delivery, settings=self.settings)

    async def put(self, path: Path, file: OutputFile, filename: str) -> OutputFile:
        await deliver_file(path, self.delivery, content_type=file.content_type, settings=self.settings)
        return file.model_copy(update={"key": self.delivery.key})

    async def finish(self, result: Result) -> None:
        await deliver_envelope(result, self.delivery, settings=self.settings)


@dataclass(frozen=True)
class _Stored:
    """A store of the worker's own; the addresses that it gives hold for a week."""

    storage: Storage
    prefix: str

    async def before(self) -> Result | None:
        content = await self.storage.read(self._envelope_key, max_bytes=MAX_RESULT_BYTES)
        if content is None:
            return None
        result = Result.model_validate_json(content)
        return result.model_copy(update={"outputs": [self._addressed(file) for file in result.outputs]})

    async def put(self, path: Path, file: OutputFile, filename: str) -> OutputFile:
        key = f"{self.prefix}/{filename}"
        await self.storage.put_file(key, path, file.content_type)
        return self._addressed(file.model_copy(update={"key": key}))

    async def finish(self, result: Result) -> None:
        unsigned = result.model_copy(
            update={"outputs": [file.model_copy(update={"url": ""}) for file in result.outputs]}
        )
        content = unsigned.model_dump_json().encode()
        await self.storage.put_stream(
            self._envelope_key, _once(content), "application/json", max_bytes=MAX_RESULT_BYTES
        )

    @property
    def _envelope_key(self) -> str:
        return f"{self.prefix}/result.json"

    def _addressed(self, file: OutputFile) -> OutputFile:
        filename = file.key.rpartition("/")[2]
        signed = self.storage.signed("GET", file.key, expires_s=_WEEK_S, filename=filename)
        return file.model_copy(update={"url": signed.url})


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
