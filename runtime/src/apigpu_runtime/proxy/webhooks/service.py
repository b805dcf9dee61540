"""Webhooks: a job's end is told to the URL that its request named."""

from __future__ import annotations

import asyncio
import random
import secrets as randomness
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx2
import structlog

from apigpu.errors import InputError
from apigpu_runtime.backend import CANCELLED, COMPLETED, FAILED, TIMED_OUT
from apigpu_runtime.database import Database
from apigpu_runtime.guard import guarded_client
from apigpu_runtime.proxy.documents import JobDocument, JobRecord
from apigpu_runtime.proxy.webhooks import store
from apigpu_runtime.proxy.webhooks.addresses import Receiver, check_webhook_url
from apigpu_runtime.proxy.webhooks.courier import Courier, Means
from apigpu_runtime.proxy.webhooks.deliveries import PENDING, Delivery, Try
from apigpu_runtime.proxy.webhooks.sending import TIMEOUT_S, send
from apigpu_runtime.proxy.webhooks.signing import signed_headers
from apigpu_runtime.settings import Settings

EVENTS = {
    COMPLETED: "job.completed",
    FAILED: "job.failed",
    CANCELLED: "job.cancelled",
    TIMED_OUT: "job.timed_out",
}
TEST_EVENT = "webhook.test"
_TEST_DATA = '{"message": "This is a test of webhooks. No job has ended."}'
_GRACE_S = 3.0
_FORGET_EVERY_S = 3600.0

_log = structlog.get_logger("apigpu.webhooks")


class Webhooks:
    """Deliveries in the database of the jobs, whose migrations hold `schema.MIGRATIONS` too.

    `secrets` sign, the newest first. `client` makes the guarded client that receivers are called with.
    """

    def __init__(
        self,
        database: Database,
        *,
        settings: Settings,
        secrets: Sequence[str],
        client: Callable[[], httpx2.AsyncClient] | None = None,
        on_try: Callable[[Delivery, Try], None] = lambda delivery, done: None,
        now: Callable[[], float] = time.time,
        spread: Callable[[], float] = random.random,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._database = database
        self._settings = settings
        self._secrets = tuple(secrets)
        self._make_client = client or (lambda: webhook_client(settings))
        self._on_try = on_try
        self._now = now
        self._spread = spread
        self._timeout_s = timeout_s
        self._courier: Courier | None = None

    def record(self, connection: sqlite3.Connection, job: JobRecord, document: JobDocument) -> None:
        """Write down the message that a job has ended, in the transaction that ends it. A job without a
        `webhook_url` has none."""
        if job.options.webhook_url is None or job.status not in EVENTS:
            return
        store.insert(connection, self._message(job, document, job.options.webhook_url))
        self.wake()

    def wake(self) -> None:
        """Something may be due. May be called from any thread."""
        if self._courier is not None:
            self._courier.wake()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliveries are made, those of earlier runs too."""
        async with self._make_client() as client:
            courier = self._courier = Courier(self._database, self._means(client))
            tasks = [asyncio.create_task(courier.run()), asyncio.create_task(self._forget_old())]
            try:
                yield
            finally:
                self._courier = None
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await courier.stop(_GRACE_S)

    async def test(self, url: str) -> Try:
        """Send a signed message now, once; what came back. Raises InputError for a URL that is not called."""
        check_webhook_url(url, self._settings, where="url")
        now_s = self._now()
        body = _body(TEST_EVENT, now_s, _TEST_DATA)
        headers = signed_headers(self._secrets, body, message_id=_message_id(now_s), now_s=now_s, status="TEST")
        async with self._make_client() as client:
            return await send(client, url, body, headers, started_s=now_s, timeout_s=self._timeout_s)

    async def resend(self, delivery_id: str) -> Delivery | None:
        """The message is sent again now, and tried as often as a new one; None where there is no such message."""
        now_s = self._now()
        is_there = await self._database.write(lambda connection: store.start_again(connection, delivery_id, now_s))
        self.wake()
        return self.get(delivery_id) if is_there else None

    def get(self, delivery_id: str) -> Delivery | None:
        return self._database.read_now(lambda connection: store.get(connection, delivery_id))

    def of_job(self, job_id: str) -> Delivery | None:
        """The message that told the end of a job."""
        return self._database.read_now(lambda connection: store.of_job(connection, job_id))

    def tries(self, delivery_id: str) -> list[Try]:
        return self._database.read_now(lambda connection: store.tries(connection, delivery_id))

    async def list(self, *, status: str | None = None, before: str | None = None, limit: int = 50) -> list[Delivery]:
        """The newest first."""
        return await self._database.read(
            lambda connection: store.page(connection, status=status, before=before, limit=limit)
        )

    def counts(self) -> dict[str, int]:
        """Deliveries by status."""
        return self._database.read_now(store.counts)

    def _message(self, job: JobRecord, document: JobDocument, url: str) -> Delivery:
        now_s = self._now()
        event = EVENTS[job.status]
        return Delivery(
            id=_message_id(now_s),
            job_id=job.id,
            event=event,
            origin=_origin(url),
            status=PENDING,
            created_s=now_s,
            next_try_s=now_s,
            first_try_s=None,
            finished_s=None,
            tries=0,
            quick_tries=0,
            slow_tries=0,
            http_status=None,
            note="",
            url=url,
            body=_body(event, now_s, document.model_dump_json()),
        )

    def _means(self, client: httpx2.AsyncClient) -> Means:
        return Means(
            client=client,
            secrets=self._secrets,
            now=self._now,
            spread=self._spread,
            on_try=self._on_try,
            timeout_s=self._timeout_s,
        )

    async def _forget_old(self) -> None:
        while True:
            try:
                await self._database.write(
                    lambda connection: store.forget(
                        connection, finished_before_s=self._now() - self._settings.retention_s
                    )
                )
            except sqlite3.Error:
                _log.exception("webhooks_not_forgotten")
            await asyncio.sleep(_FORGET_EVERY_S)


def webhook_client(settings: Settings) -> httpx2.AsyncClient:
    """Reaches public receivers, and those of APIGPU_WEBHOOK_HOSTS."""
    return guarded_client(
        hosts=settings.webhook_hosts,
        setting="APIGPU_WEBHOOK_HOSTS",
        timeout=httpx2.Timeout(TIMEOUT_S, connect=10.0),
    )


def _origin(url: str) -> str:
    try:
        return Receiver.of(url).origin
    except InputError:
        # A job must end whatever its URL is; the delivery's tries will tell what is wrong with it.
        return ""


def _body(event: str, now_s: float, data: str) -> str:
    """`data` is JSON, told as the job's own address tells it."""
    timestamp = datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z")
    return f'{{"type": "{event}", "timestamp": "{timestamp}", "data": {data}}}'


def _message_id(now_s: float) -> str:
    """In the order of time."""
    return f"msg_{int(now_s * 1000):012x}{randomness.token_hex(10)}"
