"""The envelope in the store: a job is done once it lies there, whatever the endpoint says."""

from __future__ import annotations

import json

from apigpu_runtime.envelope import Result, read_result
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.submission import envelope_key
from apigpu_runtime.storage import Storage

_MAX_ENVELOPE_BYTES = 1024 * 1024


class Proofs:
    """Results as workers stored them. Without a store there are none."""

    def __init__(self, storage: Storage | None) -> None:
        self._storage = storage

    async def result_of(self, job: JobRecord) -> Result | None:
        """Raises StorageError."""
        if self._storage is None:
            return None
        text = await self._storage.read(envelope_key(job), max_bytes=_MAX_ENVELOPE_BYTES)
        if text is None:
            return None
        try:
            return read_result(json.loads(text))
        except ValueError:
            return None
