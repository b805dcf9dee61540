"""What becomes of answers that are late, cut off, refused or nonsense. What is safe is tried again, nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from apigpu.errors import InputError
from apigpu_runtime.backend import BackendError, JobUnknown
from apigpu_runtime.endpoint import asking
from apigpu_runtime.endpoint.client import RunPodEndpoint
from apigpu_runtime.settings import Settings
from endpoint_support import DROP, HANG, KEY, Reply, Scripted, reply_json, scripted

pytestmark = pytest.mark.anyio
QUEUED = reply_json({"id": "job-1", "status": "IN_QUEUE"})
DONE = reply_json({"id": "job-1", "status": "COMPLETED", "output": {"a": 1}})
HTML = Reply(502, b"<!DOCTYPE html><html><body>Bad gateway</body></html>", {"content-type": "text/html"})
CUT = Reply(200, b'{"id": "job-1", "sta')
SHORT = Reply(200, b'{"id": "job-1"', length=4000)
SECRET = "X-Amz-Signature=0123456789abcdef"


@asynccontextmanager
async def endpoint_with(*replies: Reply, local: bool = False) -> AsyncIterator[tuple[RunPodEndpoint, Scripted]]:
    async with scripted(*replies) as script, httpx2.AsyncClient() as http:
        base = script.url if local else f"{script.url}/v2"
        yield RunPodEndpoint(http, "4m7x2k9q", api_key=KEY, base_url=base, local=local), script


async def failure_of_run(*replies: Reply) -> tuple[BackendError, Scripted]:
    async with endpoint_with(*replies) as (endpoint, script):
        with pytest.raises(BackendError) as caught:
            await endpoint.run({"operation": "echo"}, job_id="mine")
    return caught.value, script


async def test_a_submission_carries_the_key_and_the_name_of_the_job() -> None:
    async with endpoint_with(QUEUED) as (endpoint, script):
        assert await endpoint.run({"a": "é"}, job_id="mine", policy={"ttl": 10_000}) == "job-1"
    (asked,) = script.asked
    assert (asked.method, asked.path) == ("POST", "/v2/4m7x2k9q/run")
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["idempotency-key"] == "mine"
    assert asked.body.decode() == '{"input":{"a":"é"},"policy":{"ttl":10000}}'


@pytest.mark.parametrize("fault", [reply_json({}, 500), HTML, DROP, CUT, SHORT, reply_json({}, 429, retry_after="1")])
async def test_a_read_is_tried_again(fault: Reply) -> None:
    async with endpoint_with(fault, fault, DONE) as (endpoint, script):
        assert (await endpoint.status("job-1")).output == {"a": 1}
    assert len(script.asked) == 3


async def test_tries_come_to_an_end() -> None:
    async with endpoint_with(HTML) as (endpoint, script):
        with pytest.raises(BackendError, match="RunPod answers 502") as caught:
            await endpoint.status("job-1")
    assert caught.value.retryable
    assert "<" not in str(caught.value)
    assert len(script.asked) == asking.TRIES


@pytest.mark.parametrize("fault", [reply_json({}, 500), HTML, DROP, CUT, SHORT])
async def test_a_submission_of_which_nobody_knows_whether_it_was_taken_is_not_sent_again(fault: Reply) -> None:
    error, script = await failure_of_run(fault, QUEUED)
    assert error.retryable
    assert len(script.asked) == 1


@pytest.mark.parametrize("fault", [reply_json({}, 500), DROP, CUT])
async def test_the_local_plane_may_be_sent_it_again_since_it_takes_a_job_once(fault: Reply) -> None:
    async with endpoint_with(fault, QUEUED, local=True) as (endpoint, script):
        assert await endpoint.run({}, job_id="mine") == "job-1"
    assert [asked.headers["idempotency-key"] for asked in script.asked] == ["mine", "mine"]


async def test_a_submission_that_was_certainly_not_taken_is_sent_again() -> None:
    async with endpoint_with(reply_json({}, 429, retry_after="0.1"), QUEUED) as (endpoint, script):
        assert await endpoint.run({}, job_id="mine") == "job-1"
    assert len(script.asked) == 2


async def test_a_long_wait_is_left_to_the_caller() -> None:
    error, script = await failure_of_run(reply_json({}, 429, retry_after="120"), QUEUED)
    assert (error.code, error.retryable, error.retry_after_s) == ("endpoint_rate_limited", True, 120)
    assert len(script.asked) == 1


async def test_silence_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_TIMEOUT", httpx2.Timeout(0.2))
    error, script = await failure_of_run(HANG)
    assert error.code == "endpoint_no_answer"
    assert len(script.asked) == 1


async def test_an_endpoint_that_is_not_there_is_tried_again_and_then_told() -> None:
    async with scripted(QUEUED) as script:
        url = script.url
    async with httpx2.AsyncClient() as http:
        endpoint = RunPodEndpoint(http, "4m7x2k9q", api_key=KEY, base_url=url)
        with pytest.raises(BackendError, match=r"RunPod cannot be reached\.") as caught:
            await endpoint.run({}, job_id="mine")
    assert caught.value.code == "endpoint_unreachable"
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        (reply_json({}, 401), "runpod_key_refused", "RUNPOD_API_KEY"),
        (reply_json({}, 403), "runpod_key_forbidden", "may not use the endpoint 4m7x2k9q"),
        (reply_json({}, 404), "endpoint_unknown", "no endpoint 4m7x2k9q"),
        (reply_json({}, 402), "out_of_credit", "Billing"),
        (reply_json({"error": "Insufficient balance to run"}, 400), "out_of_credit", "Billing"),
        (reply_json({}, 413), "too_large", "addresses"),
        (reply_json({"error": "input is missing"}, 400), "endpoint_refused", 'says "input is missing"'),
        (reply_json({}, 302, location="http://127.0.0.1:9/"), "endpoint_odd_answer", "elsewhere"),
        (reply_json({"status": "IN_QUEUE"}), "endpoint_odd_answer", "the id of the job"),
        (reply_json([1, 2]), "endpoint_odd_answer", "the id of the job"),
    ],
)
async def test_a_refusal_says_what_to_do(reply: Reply, code: str, words: str) -> None:
    error, script = await failure_of_run(reply)
    assert error.code == code
    assert words in str(error)
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [401, 402, 403, 404])
async def test_jobs_wait_for_what_somebody_can_mend(status: int) -> None:
    error, script = await failure_of_run(reply_json({}, status))
    assert error.retryable
    assert error.retry_after_s
    assert len(script.asked) == 1


async def test_what_an_endpoint_says_is_quoted_without_what_could_be_a_secret() -> None:
    said = f"cannot put https://store.example.com/a.mp4?{SECRET}\n\nand " + "more " * 100
    error, _ = await failure_of_run(reply_json({"message": said}, 400))
    assert "https://store.example.com/a.mp4" in str(error)
    assert SECRET not in str(error)
    assert len(str(error)) < 400
    assert "\n" not in str(error)


async def test_an_answer_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "MAX_ANSWER_BYTES", 1 << 20)
    error, _ = await failure_of_run(Reply(200, b" " * (2 << 20)))
    assert error.code == "endpoint_odd_answer"


async def test_a_job_beyond_ten_megabytes_is_never_sent() -> None:
    async with endpoint_with(QUEUED) as (endpoint, script):
        with pytest.raises(BackendError, match="10 MB") as caught:
            await endpoint.run({"text": "é" * 5_000_000}, job_id="mine")
    assert (caught.value.code, script.asked) == ("too_large", [])


async def test_an_unknown_job_is_told_from_an_unknown_endpoint() -> None:
    async with endpoint_with(reply_json({}, 404), reply_json({"jobs": {}, "workers": {}})) as (endpoint, _):
        with pytest.raises(JobUnknown):
            await endpoint.status("job-1")
    async with endpoint_with(reply_json({}, 404)) as (endpoint, script):
        with pytest.raises(BackendError) as caught:
            await endpoint.status("job-1")
    assert caught.value.code == "endpoint_unknown"
    assert [asked.path for asked in script.asked] == ["/v2/4m7x2k9q/status/job-1", "/v2/4m7x2k9q/health"]


@pytest.mark.parametrize("endpoint_id", ["https://api.runpod.ai/v2/4m7x2k9q/run", "", "a/b", "x" * 65, "4m7x 2k9q"])
async def test_what_cannot_be_an_endpoint_id_is_refused_before_anything_is_asked(endpoint_id: str) -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(InputError, match="is not the id of a RunPod endpoint"):
            RunPodEndpoint.at_runpod(http, endpoint_id, Settings(runpod_api_key=KEY))


@pytest.mark.parametrize(("key", "code"), [("", "runpod_key_missing"), ("a\nb", "runpod_key_malformed")])
async def test_a_key_that_cannot_be_one_is_refused_without_being_repeated(key: str, code: str) -> None:
    async with httpx2.AsyncClient() as http:
        with pytest.raises(InputError) as caught:
            RunPodEndpoint.at_runpod(http, "4m7x2k9q", Settings(runpod_api_key=key))
    assert caught.value.code == code
