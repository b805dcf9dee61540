"""What is not taken is tried for hours, and what is given up can be seen and sent again."""

from __future__ import annotations

from pathlib import Path

import pytest

from apigpu_runtime.proxy.webhooks.schedule import QUICK_FOR_S, SLOW_S, Progress, next_try
from webhook_support import BEGIN_S, Clock, desk, receiver, until

pytestmark = pytest.mark.anyio


async def test_each_try_sends_the_same_body_under_the_same_id_and_a_time_of_its_own(tmp_path: Path) -> None:
    async with receiver(500, 503, 200) as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url)
        assert (await here.tried("j1", 1)).next_try_s == BEGIN_S + 5
        here.advance(5)
        assert (await here.tried("j1", 2)).next_try_s == BEGIN_S + 5 + 30
        here.advance(30)
        await here.ended("j1", "delivered")
        assert len({message.body for message in there.messages}) == 1
        assert len({message.headers["webhook-id"] for message in there.messages}) == 1
        sent_at = [float(message.headers["webhook-timestamp"]) - BEGIN_S for message in there.messages]
        assert sent_at == [0, 5, 35]
        assert len({message.headers["webhook-signature"] for message in there.messages}) == 3


async def test_a_receiver_that_stays_broken_is_given_up_after_28_hours_and_every_try_is_on_record(
    tmp_path: Path,
) -> None:
    async with receiver(500) as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url)
        for number in range(1, len(SLOW_S) + 1):
            delivery = await here.tried("j1", number)
            assert delivery.status == "pending"
            assert delivery.next_try_s is not None
            here.advance(delivery.next_try_s - here.clock.now_s)
        delivery = await here.ended("j1", "dead")
        assert 27 < (here.clock.now_s - BEGIN_S) / 3600 < 29
        assert delivery.note == "the receiver answered 500."
        assert [item.number for item in here.webhooks.tries(delivery.id)] == list(range(1, len(SLOW_S) + 2))


async def test_what_is_dead_is_sent_again_on_request_with_all_its_tries(tmp_path: Path) -> None:
    async with receiver(410, 500, 200) as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url)
        dead = await here.ended("j1", "dead")
        assert dead.note == "the receiver answered 410: the receiver wants no more messages."
        assert dead.tries == 1
        await here.webhooks.resend(dead.id)
        assert (await here.tried("j1", 2)).status == "pending"
        here.advance(5)
        assert (await here.ended("j1", "delivered")).tries == 3
        assert len({(message.body, message.headers["webhook-id"]) for message in there.messages}) == 1


async def test_n8n_that_has_not_reached_its_wait_node_is_asked_again_within_seconds(tmp_path: Path) -> None:
    async with receiver(409, 404, 409, 200) as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url)
        first = await here.tried("j1", 1)
        assert first.next_try_s == BEGIN_S + 2
        assert "has not reached its Wait node yet" in first.note
        here.advance(2)
        second = await here.tried("j1", 2)
        assert second.next_try_s == BEGIN_S + 6
        assert "set the Wait node's HTTP Method to POST" in second.note
        here.advance(4)
        assert (await here.tried("j1", 3)).next_try_s == BEGIN_S + 14
        here.advance(8)
        await here.ended("j1", "delivered")


def test_the_quick_tries_end_after_two_minutes_and_the_slow_ones_follow() -> None:
    now_s, progress, moments = 0.0, Progress(0.0), []
    while (upcoming := next_try(progress, now_s=now_s, http_status=404)) is not None:
        now_s, progress = upcoming.at_s, Progress(0.0, upcoming.quick_tries, upcoming.slow_tries)
        moments.append(now_s)
    assert moments[:8] == [2, 6, 14, 30, 60, 90, 120, 125]
    assert len([moment for moment in moments if moment <= QUICK_FOR_S]) == 7
    assert 27 < now_s / 3600 < 29


def test_a_receiver_that_names_a_time_is_given_it_within_reason() -> None:
    asked = [next_try(Progress(0.0), now_s=0, http_status=429, retry_after_s=wait_s) for wait_s in (1, 60, 1e9)]
    assert [item.at_s for item in asked if item] == [5, 60, 3600]


def test_n8ns_500_before_the_wait_node_is_reached_means_not_yet_too() -> None:
    waiting, other = "https://n8n.example/webhook-waiting/7?signature=x", "https://n8n.example/hook"
    moments = [next_try(Progress(0.0), now_s=0, http_status=500, url=url) for url in (waiting, other)]
    assert [item.at_s for item in moments if item] == [2, 5]


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_slow_waits_are_spread_by_a_tenth_at_most(spread: float) -> None:
    upcoming = next_try(Progress(0.0, slow_tries=5), now_s=0, http_status=500, spread=spread)
    assert upcoming is not None
    assert upcoming.at_s == pytest.approx(3600 + 360 * spread)


async def test_a_redirect_is_not_followed(tmp_path: Path) -> None:
    async with receiver() as other, receiver(302) as there, desk(tmp_path / "jobs", there, other) as here:
        there.extra = f"Location: {other.url}\r\n"
        await here.finish("j1", there.url)
        delivery = await here.tried("j1", 1)
        assert delivery.note == "the receiver redirects (302), which is not followed: give the final URL."
        assert other.messages == []


async def test_a_private_receiver_is_called_only_where_it_is_allowed(tmp_path: Path) -> None:
    async with receiver() as there:
        async with desk(tmp_path / "jobs") as here:
            await here.finish("j1", there.url)
            delivery = await here.tried("j1", 1)
            assert "APIGPU_WEBHOOK_HOSTS" in delivery.note
            assert f"127.0.0.1:{there.port}" in delivery.note
            assert there.messages == []
        async with desk(tmp_path / "jobs", there, clock=Clock(BEGIN_S + 5)) as here:
            await here.ended("j1", "delivered")


async def test_nobody_there_is_a_reason_to_try_again(tmp_path: Path) -> None:
    async with receiver() as there:
        pass
    async with desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url)
        delivery = await here.tried("j1", 1)
        assert (delivery.status, delivery.http_status) == ("pending", None)
        assert delivery.note.startswith("the connection failed")


async def test_deliveries_of_an_earlier_run_go_on_where_they_were(tmp_path: Path) -> None:
    async with receiver(500, 200) as there:
        async with desk(tmp_path / "jobs", there) as here:
            await here.finish("j1", there.url)
            await here.tried("j1", 1)
        async with desk(tmp_path / "jobs", there, clock=Clock(BEGIN_S + 4)) as here:
            assert here.of("j1").tries == 1
            here.advance(1)
            await here.ended("j1", "delivered")


async def test_an_answer_is_kept_in_short_and_without_secrets(tmp_path: Path) -> None:
    secret = "ak_12345678_" + "x" * 43
    text = f"no {secret} http://user:pass@h/p?sig=abc\n\x1b[31m" + "y" * 5000
    async with receiver(500, text=text) as there, desk(tmp_path / "jobs", there) as here:
        await here.finish("j1", there.url)
        delivery = await here.tried("j1", 1)
        kept = here.webhooks.tries(delivery.id)[0].response
        assert kept.startswith("no ak_12345678_... http://...@h/p?... [31myyy")
        assert len(kept) <= 300
        assert there.messages[0].headers["accept-encoding"] == "identity"


async def test_what_was_delivered_long_ago_is_forgotten_and_what_waits_is_not(tmp_path: Path) -> None:
    async with receiver(200, 500) as there:
        async with desk(tmp_path / "jobs", there) as here:
            await here.finish("j1", there.url)
            await here.ended("j1", "delivered")
            await here.finish("j2", there.url)
            await here.tried("j2", 1)
        async with desk(tmp_path / "jobs", there, clock=Clock(BEGIN_S + 8 * 24 * 3600)) as here:
            await until(lambda: here.webhooks.of_job("j1") is None)
            assert here.of("j2").job_id == "j2"
