"""RunPod's own webhooks: a POST with the finished job, which wants 200, and up to two more tries.

They are not signed and the input is in them, both as on RunPod. What is still to be told stands in the store, so that
a restart loses none; a crash between a call and its record tells one twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import httpx2
from pydantic_core import from_json

from apigpu.errors import ApiGpuError
from apigpu_runtime.plane.ledger import Ledger
from apigpu_runtime.plane.store import outbox
from apigpu_runtime.plane.store.outbox import Call

_log = logging.getLogger(__name__)

_AT_ONCE = 32
_LONGEST_SLEEP_S = 3600.0


class Webhooks:
    def __init__(self, ledger: Ledger, http: Callable[[], httpx2.AsyncClient]) -> None:
        self._ledger = ledger
        self._behaviour = ledger.behaviour
        self._http = http
        self._calls: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Tell, for ever."""
        async with self._http() as http:
            try:
                while True:
                    self._ledger.webhooks.clear()
                    now_ms = self._ledger.now_ms()
                    self._start(http, now_ms)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._ledger.webhooks.wait(), self._pause_s(now_ms))
            finally:
                for task in self._calls.values():
                    task.cancel()
                await asyncio.gather(*self._calls.values(), return_exceptions=True)

    def _start(self, http: httpx2.AsyncClient, now_ms: int) -> None:
        due = self._ledger.read(lambda connection: outbox.due_calls(connection, now_ms, 2 * _AT_ONCE))
        for call in due:
            if call.job.id not in self._calls and len(self._calls) < _AT_ONCE:
                task = asyncio.create_task(self._tell(http, call))
                self._calls[call.job.id] = task
                task.add_done_callback(partial(self._ended, call.job.id))

    def _ended(self, job_id: str, _: asyncio.Task[None]) -> None:
        del self._calls[job_id]
        self._ledger.webhooks.set()

    def _pause_s(self, now_ms: int) -> float:
        # What was due before is under way, or waits for the end of another, which wakes.
        next_ms = self._ledger.read(lambda connection: outbox.next_call_ms(connection, now_ms))
        if next_ms is None:
            return _LONGEST_SLEEP_S
        return min(_LONGEST_SLEEP_S, max(0.001, (next_ms - self._ledger.now_ms()) / 1000))

    async def _tell(self, http: httpx2.AsyncClient, call: Call) -> None:
        wrong = await self._post(http, call)
        if not wrong:
            await self._ledger.change(lambda change: outbox.called(change, call.job.id))
            return
        tries = call.tries + 1
        if tries >= self._behaviour.webhook_tries:
            _log.warning("The webhook of job %s was given up after %d tries: %s.", call.job.id, tries, wrong)
        await self._ledger.change(lambda change: outbox.call_failed(change, call.job.id, tries))

    async def _post(self, http: httpx2.AsyncClient, call: Call) -> str:
        """What went wrong; nothing where it was taken. Never the URL, which may hold a secret."""
        try:
            async with asyncio.timeout(self._behaviour.webhook_timeout_s):
                response = await http.post(call.job.webhook, json=payload(call))
        except ApiGpuError as error:
            return error.code
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            return type(error).__name__
        return "" if response.status_code == 200 else f"HTTP {response.status_code}"


def payload(call: Call) -> dict[str, Any]:
    """What RunPod posts: the whole input is in it."""
    job = call.job
    document: dict[str, Any] = {
        "delayTime": job.delay_ms,
        "executionTime": job.execution_ms,
        "id": job.id,
        "input": from_json(call.input),
        "output": None if job.output is None else from_json(job.output),
        "status": job.state,
        "webhook": job.webhook,
    }
    return document if job.error is None else document | {"error": from_json(job.error)}
