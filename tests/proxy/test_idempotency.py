"""`Idempotency-Key`: a request that is sent again is not done again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from proxy_support import CAPTION, FakeEndpoint, proxy

pytestmark = pytest.mark.anyio


async def test_the_same_request_with_the_same_key_is_the_same_job(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        sent = [api.post(prefer="respond-async", idempotency_key="order-7") for _ in range(10)]
        answers = await asyncio.gather(*sent)
        assert len((await api.client.get("/jobs")).json()["items"]) == 1
        await api.endpoint.taken()
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1


async def test_a_finished_job_is_answered_at_once_after_a_restart_too(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True)) as api:
        first = await api.post(idempotency_key='"order-7"')
    async with proxy(tmp_path / "db") as api:
        again = await api.post(idempotency_key="order-7")
        assert api.endpoint.runs == 0
    assert again.status_code == 200
    assert again.json()["id"] == first.json()["id"]


async def test_another_request_with_the_same_key_is_refused(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        await api.queued(idempotency_key="order-7")
        other = {**CAPTION, "url_srt": "https://example.com/other.srt"}
        answer = await api.post(body=other, idempotency_key="order-7")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_conflict")
    assert answer.json()["errors"][0]["path"] == "Idempotency-Key"


async def test_the_order_of_fields_makes_no_other_request(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        first = await api.queued(idempotency_key="order-7")
        again = await api.post(
            body=dict(reversed(CAPTION.items())), idempotency_key="order-7", prefer="respond-async"
        )
    assert again.json()["id"] == first["id"]


async def test_keys_of_different_callers_do_not_meet(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", key_id="k1") as api:
        first = await api.queued(idempotency_key="order-7")
    async with proxy(tmp_path / "db", key_id="k2") as api:
        second = await api.queued(idempotency_key="order-7")
    assert first["id"] != second["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, '""'])
async def test_a_key_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    async with proxy(tmp_path / "db") as api:
        answer = await api.post(idempotency_key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_idempotency_key")
