"""A key may have a rate; who goes beyond is told when to come back."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

import anyio
import pytest

from edge_support import TOKEN, edge

pytestmark = pytest.mark.anyio


async def test_requests_beyond_the_rate_are_refused_with_the_time_to_wait(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        _, secret = here.keys.create("n8n", rate="2/minute")
        first, second, third = [await here.get(X_API_Key=secret) for _ in range(3)]
        assert [first.status_code, second.status_code, third.status_code] == [200, 200, 429]
        assert first.headers["ratelimit-policy"] == '"key";q=2;w=60'
        assert first.headers["ratelimit"].startswith('"key";r=1;t=')
        assert third.headers["ratelimit"].startswith('"key";r=0;t=')
        assert 55 <= int(third.headers["retry-after"]) <= 60
        assert third.json()["code"] == "rate_limited"
        assert "2 requests a minute" in third.json()["message"]


async def test_the_window_moves_on(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        _, secret = here.keys.create("n8n", rate="1/second")
        assert (await here.get(X_API_Key=secret)).status_code == 200
        assert (await here.get(X_API_Key=secret)).status_code == 429
        end_s = monotonic() + 10
        while (await here.get(X_API_Key=secret)).status_code == 429:
            assert monotonic() < end_s
            await anyio.sleep(0.05)


async def test_each_key_has_a_window_of_its_own_and_one_without_a_rate_has_none(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        secrets = [here.keys.create(name, rate="1/hour")[1] for name in ("a", "b")]
        assert [(await here.get(X_API_Key=secret)).status_code for secret in secrets] == [200, 200]
        _, free = here.keys.create("c")
        answers = [await here.get(X_API_Key=free) for _ in range(50)]
        assert {answer.status_code for answer in answers} == {200}
        assert "ratelimit" not in answers[0].headers


async def test_workers_and_apigpu_itself_are_not_limited(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        _, workers = here.keys.create("box", scope="worker", rate="1/hour")
        for token in (workers, TOKEN):
            statuses = {(await here.post("/v2/local/run", Authorization=token)).status_code for _ in range(5)}
            assert statuses == {200}
