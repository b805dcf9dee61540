"""Brings deliveries to their receivers, from the database, until it is stopped.

At least once: a process that is killed between a receiver's answer and its note in the database sends the same
message again, under the same `webhook-id`.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx2
import structlog

from apigpu_runtime.database import Database
from apigpu_runtime.proxy.webhooks import store
from apigpu_runtime.proxy.webhooks.addresses import shown_url
from apigpu_runtime.proxy.webhooks.deliveries import Delivery, Try
from apigpu_runtime.proxy.webhooks.schedule import Progress, next_try
from apigpu_runtime.proxy.webhooks.sending import TIMEOUT_S, send
from apigpu_runtime.proxy.webhooks.signing import signed_headers

AT_ONCE = 64
AT_ONCE_PER_ORIGIN = 4
"""A slow receiver holds these, and nobody else's."""
_LOOK_EVERY_S = 60.0
_AFTER_FAULT_S = 5.0
_FETCHED = 128

_log = structlog.get_logger("apigpu.webhooks")


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a courier works with. `spread` gives 0 to 1, `on_try` is told of each request's end."""

    client: httpx2.AsyncClient
    secrets: Sequence[str]
    now: Callable[[], float]
    spread: Callable[[], float]
    on_try: Callable[[Delivery, Try], None]
    timeout_s: float = TIMEOUT_S


class Courier:
    """Takes what is due, a few for each receiver at once."""

    def __init__(self, database: Database, means: Means) -> None:
        self._database = database
        self._means = means
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._per_origin: Counter[str] = Counter()

    def wake(self) -> None:
        """Something may be due. May be called from any thread."""
        self._loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        while True:
            self._wake.clear()
            now_s = self._means.now()
            try:
                await self._start_due(now_s)
                pause_s = await self._pause_s(now_s)
            except Exception:  # a border: the database may work again, and the courier must be there then
                _log.exception("webhook_courier_failed")
                pause_s = _AFTER_FAULT_S
            try:
                async with asyncio.timeout(pause_s):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def stop(self, grace_s: float) -> None:
        """Give requests under way a moment. Those that are cut off are sent again later."""
        tasks = list(self._under_way.values())
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start_due(self, now_s: float) -> None:
        while len(self._under_way) < AT_ONCE:
            found = await self._due(now_s)
            started = [self._start(delivery) for delivery in found]
            if not any(started):
                return

    async def _due(self, now_s: float) -> list[Delivery]:
        held = list(self._under_way)
        busy = [origin for origin, count in self._per_origin.items() if count >= AT_ONCE_PER_ORIGIN]
        # As a write, although it only reads: so it comes after the transaction that woke us.
        return await self._database.write(
            lambda connection: store.due(connection, now_s, without=held, busy=busy, limit=_FETCHED)
        )

    def _start(self, delivery: Delivery) -> bool:
        is_full = len(self._under_way) >= AT_ONCE or self._per_origin[delivery.origin] >= AT_ONCE_PER_ORIGIN
        if is_full:
            return False
        self._per_origin[delivery.origin] += 1
        self._under_way[delivery.id] = asyncio.create_task(self._bring(delivery))
        return True

    async def _bring(self, delivery: Delivery) -> None:
        try:
            await self._try(delivery)
        except Exception:  # a border: one delivery that cannot even be tried must not end the others
            _log.exception("webhook_try_failed", delivery_id=delivery.id, job_id=delivery.job_id)
            await asyncio.sleep(_AFTER_FAULT_S)
        finally:
            del self._under_way[delivery.id]
            self._per_origin[delivery.origin] -= 1
            self._per_origin += Counter()  # drops what stands at zero
            self._wake.set()

    async def _try(self, delivery: Delivery) -> None:
        started_s = self._means.now()
        headers = signed_headers(
            self._means.secrets,
            delivery.body,
            message_id=delivery.id,
            now_s=started_s,
            job_id=delivery.job_id,
            status=delivery.event.removeprefix("job.").upper(),
        )
        done = await send(
            self._means.client,
            delivery.url,
            delivery.body,
            headers,
            started_s=started_s,
            timeout_s=self._means.timeout_s,
        )
        await self._note(delivery, done)

    async def _note(self, delivery: Delivery, done: Try) -> None:
        upcoming = None
        if not done.is_taken:
            first_s = done.started_s if delivery.first_try_s is None else delivery.first_try_s
            upcoming = next_try(
                Progress(first_s, delivery.quick_tries, delivery.slow_tries),
                now_s=self._means.now(),
                http_status=done.http_status,
                url=delivery.url,
                retry_after_s=done.retry_after_s,
                spread=self._means.spread(),
            )
        await self._database.write(lambda connection: store.note_try(connection, delivery.id, done, upcoming))
        self._means.on_try(delivery, done)
        _log.info(
            "webhook_tried",
            delivery_id=delivery.id,
            job_id=delivery.job_id,
            url=shown_url(delivery.url),
            number=delivery.tries + 1,
            http_status=done.http_status,
            note=done.note,
            next_try_s=round(upcoming.at_s - self._means.now()) if upcoming else None,
        )

    async def _pause_s(self, now_s: float) -> float:
        """Until something is due that was not so at `now_s`."""
        due_s = await self._database.read(lambda connection: store.next_due_s(connection, after_s=now_s))
        return _LOOK_EVERY_S if due_s is None else min(max(due_s - self._means.now(), 0.0), _LOOK_EVERY_S)
