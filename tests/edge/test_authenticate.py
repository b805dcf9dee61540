"""Who may come in, with a key and without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from apigpu.errors import InputError
from apigpu_runtime.proxy.access.authenticate import check_listen
from apigpu_runtime.proxy.access.keys import KeyStore
from edge_support import HERE, TOKEN, edge

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "header",
    [
        {"X_API_Key": "{}"},
        {"Authorization": "Bearer {}"},
        {"Authorization": "bearer   {}"},
        {"Authorization": "{}"},
    ],
)
async def test_a_key_comes_in_three_ways(tmp_path: Path, header: dict[str, str]) -> None:
    async with edge(tmp_path, peer="203.0.113.9", url="https://apigpu.example", loopback_only=False) as here:
        key, secret = here.keys.create("n8n")
        answer = await here.get(**{name: value.format(secret) for name, value in header.items()})
        assert (answer.status_code, answer.json()["key_id"]) == (200, key.id)


async def test_without_a_key_the_answer_says_what_to_send(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        here.keys.create("n8n")
        answer = await here.get()
        assert (answer.status_code, answer.json()["code"]) == (401, "key_required")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert "X-API-Key" in answer.json()["message"]


async def test_a_wrong_an_expired_and_a_revoked_key_are_told_apart_to_their_holders(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        (_, expired), (revoked_key, revoked) = here.keys.create("old", lifetime_s=1), here.keys.create("gone")
        here.keys.revoke(revoked_key.id)
        here.clock.now_s += 1
        answers = [await here.get(X_API_Key=secret) for secret in (expired, revoked, expired[:-1] + "?")]
        assert [answer.status_code for answer in answers] == [401, 401, 401]
        assert [answer.json()["code"] for answer in answers] == ["key_expired", "key_revoked", "unknown_key"]
        assert not any(expired[12:] in answer.text for answer in answers)


async def test_a_workers_key_opens_the_workers_protocol_alone(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        _, secret = here.keys.create("box", scope="worker")
        assert (await here.post(X_API_Key=secret)).json()["code"] == "wrong_scope"
        answer = await here.post("/v2/local/run", Authorization=secret)
        assert (answer.status_code, answer.json()["scopes"]) == (200, ["worker"])


async def test_the_token_of_this_process_opens_everything(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        here.keys.create("n8n")
        assert (await here.get(Authorization=TOKEN)).json()["scopes"] == ["client", "worker"]
        assert (await here.get(Authorization=TOKEN + "x")).status_code == 401


@pytest.mark.parametrize("path", ["/health", "/login", "/static/x.js", "/files/x.mp4", "/docs", "/openapi.json"])
async def test_what_is_public_needs_no_key_and_knows_nobody(tmp_path: Path, path: str) -> None:
    async with edge(tmp_path, peer="203.0.113.9", url="https://apigpu.example", loopback_only=False) as here:
        here.keys.create("n8n")
        for headers in ({}, {"X_API_Key": "wrong"}):
            answer = await here.get(path, **headers)
            assert (answer.status_code, answer.json()["scopes"]) == (200, [])


@pytest.mark.parametrize("path", ["/", "/jobs", "/metrics"])
async def test_everything_else_does(tmp_path: Path, path: str) -> None:
    async with edge(tmp_path) as here:
        here.keys.create("n8n")
        assert (await here.get(path)).status_code == 401


async def test_a_browser_without_a_key_is_shown_the_way_in(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        here.keys.create("n8n")
        answer = await here.get("/", Accept="text/html,*/*;q=0.8")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F")


@pytest.mark.parametrize("url", [HERE, "http://localhost:8000", "http://[::1]:8000", "http://127.8.8.8"])
@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_until_a_key_is_made_programs_of_this_machine_need_none(tmp_path: Path, url: str, peer: str) -> None:
    async with edge(tmp_path, url=url, peer=peer) as here:
        assert (await here.post()).status_code == 200
        assert (await here.post(Authorization="Bearer whatever")).status_code == 200
        here.keys.create("n8n")
        assert (await here.post()).status_code == 401


async def test_other_machines_need_a_key_always(tmp_path: Path) -> None:
    async with edge(tmp_path, peer="192.168.1.7") as here:
        answer = await here.post()
        assert (answer.status_code, answer.json()["code"]) == (401, "key_required")
        assert "apigpu keys create" in answer.json()["message"]


async def test_a_server_that_listens_to_all_needs_a_key_from_this_machine_too(tmp_path: Path) -> None:
    async with edge(tmp_path, loopback_only=False) as here:
        assert (await here.post()).status_code == 401


@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Forwarded_Host"])
async def test_what_a_proxy_on_this_machine_passes_on_is_not_this_machines(tmp_path: Path, header: str) -> None:
    async with edge(tmp_path) as here:
        assert (await here.post(**{header: "for=127.0.0.1"})).status_code == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example", "", "[::2]:1"]
)
async def test_a_name_that_was_bent_to_this_machine_is_refused(tmp_path: Path, host: str) -> None:
    async with edge(tmp_path) as here:
        answer = await here.post(Host=host)
        assert (answer.status_code, answer.json()["code"]) == (403, "host_refused")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://localhost:8000"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://127.0.0.1:3000"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"},
    ],
)
async def test_a_page_of_another_origin_starts_no_render(tmp_path: Path, headers: dict[str, str]) -> None:
    async with edge(tmp_path) as here:
        answer = await here.post(**headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": HERE},
        {"Origin": HERE, "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
        {},
    ],
)
async def test_its_own_pages_and_programs_do(tmp_path: Path, headers: dict[str, str]) -> None:
    async with edge(tmp_path) as here:
        assert (await here.post(**headers)).status_code == 200


async def test_a_link_elsewhere_may_lead_here_but_nothing_may_be_embedded(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
        assert (await here.get("/", **link)).status_code == 200
        assert (await here.get("/", **link | {"Sec_Fetch_Dest": "iframe"})).status_code == 403
        assert (await here.get("/jobs", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")).status_code == 403


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KeyStore]:
    with closing(KeyStore(tmp_path / "keys")) as keys:
        yield keys


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "", "apigpu.example", "*"])
def test_a_server_does_not_listen_to_others_before_there_is_a_key_that_works(store: KeyStore, host: str) -> None:
    with pytest.raises(InputError, match="apigpu keys create"):
        check_listen(host, store)
    key, _ = store.create("n8n")
    check_listen(host, store)
    store.revoke(key.id)
    with pytest.raises(InputError):
        check_listen(host, store)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.0.0.53"])
def test_it_listens_to_its_own_machine_without_one(store: KeyStore, host: str) -> None:
    check_listen(host, store)
