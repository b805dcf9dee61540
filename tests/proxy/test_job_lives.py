"""What becomes of a job between its request and its end, whatever the endpoint does."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from apigpu_runtime.backend import BackendError, Diagnosis
from apigpu_runtime.envelope import Failure, ProgressReport
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.folder import FolderStorage
from proxy_support import FakeEndpoint, proxy, result_of, until

pytestmark = pytest.mark.anyio

BUSY = BackendError("the endpoint takes no more jobs for now.", code="rate_limited", retryable=True)
WRONG_KEY = BackendError("the endpoint refuses the key.", code="wrong_key", remedy="Set RUNPOD_API_KEY.")


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return FolderStorage(tmp_path / "files", "http://proxy.test", b"0123456789abcdef")


async def test_a_job_goes_from_the_queue_through_work_to_its_end(tmp_path: Path, storage: Storage) -> None:
    async with proxy(tmp_path / "db", storage=storage) as api:
        job_id = (await api.queued())["id"]
        taken = await api.endpoint.taken()
        api.endpoint.progress(taken, ProgressReport(stage="render", fraction=0.5, fps=30))
        await until(lambda: api.jobs.get(job_id).progress is not None)
        running = await api.job(job_id)
        api.endpoint.complete(taken)
        await api.ended(job_id)
        done = await api.job(job_id)
    assert (running["status"], running["progress"]["fraction"]) == ("IN_PROGRESS", 0.5)
    assert running["message"] == "The job is being worked on."
    assert (done["status"], done["progress"]) == ("COMPLETED", None)
    assert done["video_url"].startswith(f"http://proxy.test/files/jobs/{job_id}/caption.mp4?")
    assert done["result"]["timings"]["queue_s"] >= 0
    assert done["result"]["job_id"] == job_id


async def test_the_end_is_told_once_within_its_transaction(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True), announced=True) as api:
        job_id = (await api.queued())["id"]
        await api.ended(job_id)
        api.jobs.wake("e0")
        await api.client.delete(f"/jobs/{job_id}")
    assert [(job.id, job.status) for job in api.finished] == [(job_id, "COMPLETED")]


async def test_a_busy_endpoint_is_asked_again_and_the_job_says_why_it_waits(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(refusals=[BUSY] * 3)) as api:
        job_id = (await api.queued())["id"]
        await until(lambda: api.endpoint.runs > 0)
        waiting = (await api.job(job_id))["waiting"]
        api.endpoint.complete(await api.endpoint.taken())
        job = await api.ended(job_id)
    assert job.status == "COMPLETED"
    assert api.endpoint.runs == 4
    assert (waiting["code"], waiting["message"]) == ("rate_limited", BUSY.message)


async def test_an_endpoint_in_trouble_is_asked_for_one_job_at_a_time(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(refusals=[BUSY] * 20)) as api:
        await asyncio.gather(*(api.queued() for _ in range(30)))
        await until(lambda: api.endpoint.runs > 18)
        assert api.endpoint.runs <= 22, "sixteen at once at first, then one by one"
        await until(lambda: len(api.endpoint.jobs) == 30)


async def test_a_refusal_for_good_fails_the_job_with_the_reason(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(refusals=[WRONG_KEY])) as api:
        answer = await api.post()
    assert answer.status_code == 502
    assert answer.json()["code"] == "wrong_key"
    assert answer.json()["message"] == "the endpoint refuses the key. Set RUNPOD_API_KEY."


async def test_a_queued_job_tells_what_the_endpoint_lacks(tmp_path: Path) -> None:
    endpoint = FakeEndpoint(why=Diagnosis("no_workers", "the endpoint may have no worker.", "Raise its maximum."))
    async with proxy(tmp_path / "db", endpoint) as api:
        job_id = (await api.queued())["id"]
        await api.endpoint.taken()
        await api.database.write(lambda db: db.execute("UPDATE jobs SET created_s = created_s - 60"))
        waiting = (await api.job(job_id))["waiting"]
    assert waiting == {
        "code": "no_workers",
        "message": "the endpoint may have no worker.",
        "remedy": "Raise its maximum.",
    }


async def test_a_job_that_the_endpoint_forgot_is_handed_in_again_under_a_new_submission(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        first = await api.endpoint.taken()
        del api.endpoint.jobs[first.id]
        second = await api.endpoint.taken()
        api.endpoint.complete(second)
        job = await api.ended(job_id)
    assert job.status == "COMPLETED"
    assert first.job_id == second.job_id == job_id
    assert first.submission_id != second.submission_id


async def test_a_forgotten_job_whose_envelope_is_stored_is_done(tmp_path: Path, storage: FolderStorage) -> None:
    async with proxy(tmp_path / "db", storage=storage) as api:
        job_id = (await api.queued())["id"]
        taken = await api.endpoint.taken()
        await _store_envelope(storage, job_id, tmp_path, result_of(taken, timings={"total_s": 2.5}))
        del api.endpoint.jobs[taken.id]
        job = await api.ended(job_id)
    assert (job.status, job.execution_time_ms, api.endpoint.runs) == ("COMPLETED", 2500, 1)


@pytest.mark.parametrize("output", [None, {}, {"something": "else"}, "text"])
async def test_a_completion_without_a_result_is_tried_again_and_then_a_failure(
    tmp_path: Path, output: object, storage: Storage
) -> None:
    async with proxy(tmp_path / "db", storage=storage) as api:
        job_id = (await api.queued())["id"]
        for number in range(3):
            api.endpoint.set(await api.endpoint.taken(number), status="COMPLETED", output=output)
        job = await api.ended(job_id)
    assert job.status == "FAILED"
    assert job.failure is not None
    assert (job.failure.code, api.endpoint.runs) == ("no_result", 3)


async def test_a_completion_without_a_result_is_done_where_the_envelope_is_stored(
    tmp_path: Path, storage: FolderStorage
) -> None:
    async with proxy(tmp_path / "db", storage=storage) as api:
        job_id = (await api.queued())["id"]
        taken = await api.endpoint.taken()
        await _store_envelope(storage, job_id, tmp_path, result_of(taken))
        api.endpoint.set(taken, status="COMPLETED")
        job = await api.ended(job_id)
    assert (job.status, api.endpoint.runs) == ("COMPLETED", 1)


async def test_workers_of_another_release_are_tried_again_until_the_new_ones_are_there(tmp_path: Path) -> None:
    skew = Failure(code="version_skew", message="another release.", fault="machine", retryable=True)
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        api.endpoint.fail(await api.endpoint.taken(0), skew)
        api.endpoint.complete(await api.endpoint.taken(1))
        job = await api.ended(job_id)
    assert (job.status, job.submissions) == ("COMPLETED", 2)


async def test_a_passing_failure_that_never_passes_is_told_in_the_end(tmp_path: Path) -> None:
    skew = Failure(code="version_skew", message="another release.", fault="machine", retryable=True)
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        for number in range(3):
            api.endpoint.fail(await api.endpoint.taken(number), skew)
        job = await api.ended(job_id)
    assert job.failure is not None
    assert (job.status, job.failure.code, api.endpoint.runs) == ("FAILED", "version_skew", 3)


async def test_an_error_that_is_not_ours_is_passed_on_as_text(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        api.endpoint.set(await api.endpoint.taken(), status="FAILED", error="worker exited with 137")
        job = await api.ended(job_id)
    assert job.failure is not None
    assert (job.failure.code, job.failure.fault) == ("endpoint_failed", "machine")
    assert "worker exited with 137" in job.failure.message


async def test_a_job_that_ran_out_of_time_says_so(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        sent = asyncio.create_task(api.post())
        api.endpoint.set(await api.endpoint.taken(), status="TIMED_OUT")
        answer = await sent
    assert (answer.status_code, answer.json()["code"]) == (504, "timed_out")


async def test_a_state_that_is_not_known_is_not_an_end(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        taken = await api.endpoint.taken()
        api.endpoint.set(taken, status="RUNNING")
        await until(lambda: api.jobs.get(job_id).status == "IN_PROGRESS")
        api.endpoint.set(taken, status="IN_QUEUE")
        await until(lambda: api.jobs.get(job_id).status == "IN_QUEUE")
        api.endpoint.complete(taken)
        await api.ended(job_id)


async def test_an_endpoint_that_does_not_answer_loses_no_job(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db") as api:
        job_id = (await api.queued())["id"]
        taken = await api.endpoint.taken()
        api.endpoint.down = BackendError("no answer.", code="endpoint_unreachable", retryable=True)
        api.endpoint.complete(taken)
        looks = api.endpoint.looks
        await until(lambda: api.endpoint.looks >= looks + 2)
        assert not api.jobs.get(job_id).is_final
        api.endpoint.down = None
        assert (await api.ended(job_id)).status == "COMPLETED"


async def _store_envelope(storage: FolderStorage, job_id: str, folder: Path, result: dict[str, object]) -> None:
    file = folder / "envelope.json"
    file.write_text(json.dumps(result))
    await storage.put_file(f"jobs/{job_id}/result.json", file, "application/json")
