"""Browsers: a cookie in place of a key, for pages of this server alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from apigpu_runtime.proxy.access.sessions import LIFETIME_S
from edge_support import HERE, Edge, edge

pytestmark = pytest.mark.anyio

PAGE = "text/html,application/xhtml+xml,*/*;q=0.8"


async def logged_in(here: Edge) -> str:
    key, secret = here.keys.create("me")
    answer = await here.post("/login", data={"key": secret}, Origin=HERE)
    assert answer.status_code == 204, answer.text
    return key.id


async def test_a_key_is_shown_once_and_the_cookie_stands_for_it(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        key_id = await logged_in(here)
        assert (await here.get()).json()["key_id"] == key_id
        assert (await here.post(Origin=HERE)).status_code == 200


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites_and_holds_no_key(tmp_path: Path) -> None:
    async with edge(tmp_path, url="https://127.0.0.1:8000") as here:
        _, secret = here.keys.create("me")
        answer = await here.post("/login", data={"key": secret, "next": "/play/caption"}, Accept=PAGE)
        cookie = answer.headers["set-cookie"]
        assert (answer.status_code, answer.headers["location"]) == (303, "/play/caption")
        assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert secret[12:] not in cookie


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "same-site"}])
async def test_a_session_acts_for_pages_of_this_server_alone(tmp_path: Path, headers: dict[str, str]) -> None:
    async with edge(tmp_path) as here:
        await logged_in(here)
        answer = await here.post(**headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")


async def test_a_session_ends_with_its_key_and_with_its_time(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        key_id = await logged_in(here)
        here.clock.now_s += LIFETIME_S - 1
        assert (await here.get()).status_code == 200
        here.keys.revoke(key_id)
        assert (await here.get()).json()["code"] == "key_revoked"
        await logged_in(here)
        here.clock.now_s += LIFETIME_S
        assert (await here.get()).status_code == 401


async def test_a_cookie_that_was_changed_is_worth_nothing(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        await logged_in(here)
        (other, _), cookie = here.keys.create("other"), here.client.cookies["apigpu_session"]
        key_id, end_s, signature = cookie.split(".")
        for forged in (
            f"{other.id}.{end_s}.{signature}",
            f"{key_id}.{int(end_s) + 1}.{signature}",
            "..",
            "x",
            "\u00e9",
        ):
            here.client.cookies.clear()
            answer = await here.client.get("/jobs", headers={"Cookie": f"apigpu_session={forged}".encode()})
            assert answer.status_code == 401, forged


async def test_logging_out_ends_the_session(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        await logged_in(here)
        answer = await here.post("/logout", Accept=PAGE, Origin=HERE)
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert (await here.get()).status_code == 401


async def test_a_page_elsewhere_can_log_nobody_in_or_out(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        _, secret = here.keys.create("me")
        for path in ("/login", "/logout"):
            answer = await here.post(path, data={"key": secret}, Origin="https://evil.example")
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "x", "/\nx", ""])
async def test_a_login_leads_to_pages_of_this_server_alone(tmp_path: Path, target: str) -> None:
    async with edge(tmp_path) as here:
        _, secret = here.keys.create("me")
        answer = await here.post("/login", data={"key": secret, "next": target}, Accept=PAGE)
        assert answer.headers["location"] == "/"


async def test_a_wrong_key_is_told_to_a_form_by_its_page_and_to_a_script_as_a_problem(tmp_path: Path) -> None:
    async with edge(tmp_path) as here:
        here.keys.create("me")
        _, workers = here.keys.create("box", scope="worker")
        page = await here.post("/login", data={"key": "ak_wrong"}, Accept=PAGE)
        assert (page.status_code, page.headers["location"]) == (303, "/login?failed=1")
        answers = [await here.post("/login", data={"key": key}) for key in ("ak_wrong", "", workers)]
        assert [answer.status_code for answer in answers] == [401, 401, 403]
        assert answers[0].json()["errors"][0]["path"] == "key"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[1]", "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 8000, "application/json", 400),
        (b"key=" + b"x" * 9000, "application/x-www-form-urlencoded", 413),
        (b'{"key": 7}', "application/json", 401),
    ],
)
async def test_a_login_that_is_none_is_refused(tmp_path: Path, body: bytes, kind: str, status: int) -> None:
    async with edge(tmp_path) as here:
        here.keys.create("me")
        answer = await here.client.post("/login", content=body, headers={"Content-Type": kind})
        assert answer.status_code == status
