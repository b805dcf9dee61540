"""Deliveries over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from time import time

import httpx2
import pytest
from standardwebhooks import Webhook
from starlette.applications import Starlette

from apigpu_runtime.proxy.problems import error_handlers
from apigpu_runtime.proxy.webhooks import webhook_routes
from webhook_support import SECRET, Clock, Desk, Receiver, desk, receiver

pytestmark = pytest.mark.anyio

PUBLIC_URL = "https://apigpu.example"


@asynccontextmanager
async def served(path: Path, *receivers: Receiver) -> AsyncIterator[tuple[Desk, httpx2.AsyncClient]]:
    async with desk(path / "jobs", *receivers, clock=Clock(time())) as here:
        routes = webhook_routes(here.webhooks, public_url=PUBLIC_URL)
        app = Starlette(routes=routes, exception_handlers=dict(error_handlers))
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=PUBLIC_URL) as client:
            yield here, client


async def test_dead_letters_are_listed_looked_at_and_sent_again(tmp_path: Path) -> None:
    async with receiver(410, 200, text="no more") as there, served(tmp_path, there) as (here, client):
        await here.finish("j1", f"{there.url}?signature=SSSS")
        await here.ended("j1", "dead")
        (listed,) = (await client.get("/webhooks?status=dead")).json()["items"]
        assert (listed["job_id"], listed["tries"], listed["http_status"]) == ("j1", 1, 410)
        assert listed["url"] == f"{there.url}?..."
        shown = (await client.get(f"/webhooks/{listed['id']}")).json()
        assert shown["body"]["data"]["id"] == "j1"
        assert [(item["number"], item["http_status"], item["response"]) for item in shown["history"]] == [
            (1, 410, "no more")
        ]
        assert "SSSS" not in json.dumps([listed, shown])
        answer = await client.post(f"/webhooks/{listed['id']}/resend")
        assert (answer.status_code, answer.json()["status"]) == (202, "pending")
        await here.ended("j1", "delivered")
        assert (await client.get("/webhooks?status=dead")).json() == {"items": [], "next": None}


async def test_the_list_goes_on_where_next_says(tmp_path: Path) -> None:
    async with receiver() as there, served(tmp_path, there) as (here, client):
        for number in range(5):
            await here.finish(f"j{number}", there.url)
            here.clock.now_s += 1
        found, url = [], "/webhooks?limit=2"
        while url:
            page = (await client.get(url)).json()
            found += [item["job_id"] for item in page["items"]]
            url = page["next"]
            assert url is None or url.startswith(f"{PUBLIC_URL}/webhooks?")
        assert found == ["j4", "j3", "j2", "j1", "j0"]


@pytest.mark.parametrize("query", ["status=lost", "limit=0", "limit=x", "cursor=x", "page=2"])
async def test_a_filter_that_makes_no_sense_is_named(tmp_path: Path, query: str) -> None:
    async with served(tmp_path) as (_, client):
        answer = await client.get(f"/webhooks?{query}")
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == query.partition("=")[0]


async def test_a_delivery_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    async with served(tmp_path) as (_, client):
        answers = [await client.get("/webhooks/msg_1"), await client.post("/webhooks/msg_1/resend")]
        assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "unknown_delivery")] * 2


async def test_a_receiver_is_tried_out_with_a_signed_message(tmp_path: Path) -> None:
    async with receiver(200, 404) as there, served(tmp_path, there) as (_, client):
        good, bad = [(await client.post("/webhooks/test", json={"url": there.url})).json() for _ in range(2)]
        assert (good["delivered"], good["http_status"], good["note"], good["response"]) == (True, 200, "", "thanks")
        assert (bad["delivered"], bad["http_status"]) == (False, 404)
        assert "set the Wait node's HTTP Method to POST" in bad["note"]
        message = there.messages[0]
        assert Webhook(SECRET).verify(message.body, message.headers)["type"] == "webhook.test"
        assert (await client.get("/webhooks")).json()["items"] == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:9000/hook", "adding 127.0.0.1:9000 to APIGPU_WEBHOOK_HOSTS"),
        ("http://localhost:5678/hook", "adding localhost:5678 to APIGPU_WEBHOOK_HOSTS"),
        ("http://10.1.2.3/hook", "APIGPU_WEBHOOK_HOSTS"),
        ("http://169.254.169.254/latest/meta-data", "private network"),
        ("http://2130706433/", "is not called"),
        ("http://user:pass@example.com/", "login"),
        ("http://example.com:22/", "port 22"),
        ("http://example.com/a b", "%20"),
        ("http://example.com/caf\u00e9", "percent-encoded"),
        ("http://exa mple.com/", "characters that no URL has"),
        ("http:///path", "http or https URL"),
        ("http://a\\@b/path", "http or https URL"),
        ("ftp://example.com/", "pattern"),
        ("http://[::1/", "no usable host"),
    ],
)
async def test_a_receiver_that_cannot_be_called_is_refused_with_what_to_do(
    tmp_path: Path, url: str, said: str
) -> None:
    async with served(tmp_path) as (_, client):
        answer = await client.post("/webhooks/test", json={"url": url})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["path"] == "url"
        if said != "pattern":
            assert said in answer.json()["message"]
        assert "pass" not in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"url": 1}', b'{"url": "http://example.com", "x": 1}', b"\xff"]
)
async def test_a_test_without_a_url_is_refused(tmp_path: Path, body: bytes) -> None:
    async with served(tmp_path) as (_, client):
        assert (await client.post("/webhooks/test", content=body)).status_code in {400, 422}
