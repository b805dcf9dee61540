"""The traps of RunPod's SDK, each sprung by the real one against a double of RunPod's servers."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from worker.conftest import TOY, USERS_KEY
from worker_support import DROP, KEY, JobState, Queue, Worker, alive, until, working

STOCK = """
import asyncio, runpod
async def handler(job):
    await asyncio.sleep(0)
    return {"echo": job["input"]}
runpod.serverless.start({"handler": handler})
"""


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_job_gets_its_result(toy: Worker, shared_queue: Queue) -> None:
    job = shared_queue.submit({"do": "echo", "text": "ação"})
    shared_queue.done(job)
    assert job.output == {"echo": {"do": "echo", "text": "ação"}}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"do": "exit"}, "worker_bug"),
        ({"do": "raise", "secret": "s3cr3t"}, "worker_bug"),
        ({"do": "cancel"}, "worker_bug"),
        ({"do": "object"}, "result_not_json"),
        ({"do": "nan"}, "result_not_json"),
        ({"do": "surrogate"}, "result_not_json"),
        ({"do": "big"}, "result_too_large"),
        ({"do": "refuse"}, "invalid_input"),
    ],
)
def test_whatever_goes_wrong_in_a_handler_the_job_ends_with_an_error_and_the_worker_goes_on(
    toy: Worker, shared_queue: Queue, document: dict[str, Any], code: str
) -> None:
    job = shared_queue.submit(document)
    after = shared_queue.submit({"do": "echo"})
    shared_queue.done(job, after)
    assert job.error["code"] == code
    assert "s3cr3t" not in job.results[0]["error"]
    assert "Traceback" not in job.results[0]["error"]
    assert toy.process.poll() is None


def test_a_cancelled_job_stops_and_nothing_is_posted_for_it(toy: Worker, shared_queue: Queue) -> None:
    job = shared_queue.submit({"do": "sleep", "seconds": 30})
    until(lambda: job.taken_at)
    shared_queue.stop(job)
    until(lambda: f"{job.id} | Job stopped" in toy.said, 2.0)
    after = shared_queue.submit({"do": "echo"})
    shared_queue.done(after, within_s=5)
    assert job.results == []


def test_a_stop_that_outruns_its_job_is_heeded(toy: Worker, shared_queue: Queue) -> None:
    job = JobState("a-job-on-its-way", {"do": "sleep", "seconds": 30})
    stops = len(shared_queue.of("job-stop"))
    shared_queue.stop(job)
    until(lambda: len(shared_queue.of("job-stop")) > stops)  # it asks again, so it has had the answer
    shared_queue.submit(job.input, job.id)
    until(lambda: f"{job.id} | Job stopped before it began." in toy.said)
    shared_queue.done(shared_queue.submit({"do": "echo"}))


def test_two_jobs_overlap_and_a_third_is_left_for_others(toy: Worker, shared_queue: Queue) -> None:
    jobs = [shared_queue.submit({"do": "sleep", "seconds": 0.6}) for _ in range(3)]
    shared_queue.done(*jobs)
    spans = sorted((job.output["begun"], job.output["ended"]) for job in jobs)
    assert spans[1][0] < spans[0][1]
    assert spans[2][0] >= min(spans[0][1], spans[1][1])


def test_short_jobs_follow_one_another_without_dead_time(toy: Worker, shared_queue: Queue) -> None:
    jobs = [shared_queue.submit({"do": "sleep", "seconds": 0.2}) for _ in range(8)]
    shared_queue.done(*jobs)
    spans = sorted((job.output["begun"], job.output["ended"]) for job in jobs)
    ends = sorted(end for _, end in spans)
    # The SDK's own loop idles for up to a second: a job begins long after a place has become free.
    waits = [begun - end for (begun, _), end in zip(spans[2:], ends, strict=False)]
    assert sorted(waits)[len(waits) // 2] < 0.25


def test_a_job_given_out_a_second_time_while_it_runs_is_run_once(toy: Worker, shared_queue: Queue) -> None:
    job = shared_queue.submit({"do": "sleep", "seconds": 0.5})
    until(lambda: job.taken_at)
    shared_queue.submit(job.input, job.id)
    until(lambda: "given out a second time" in toy.said)
    shared_queue.done(shared_queue.jobs[job.id])


def test_heartbeats_name_the_jobs_that_run(toy: Worker, shared_queue: Queue) -> None:
    job = shared_queue.submit({"do": "sleep", "seconds": 1.5})
    until(lambda: any(call.query.get("job_id") == job.id for call in shared_queue.of("ping")), 5)
    shared_queue.done(job)


def test_results_arrive_after_dropped_connections_and_refusals(toy: Worker, shared_queue: Queue) -> None:
    shared_queue.faults["job-done"].extend([DROP, 503, 429, DROP])
    job = shared_queue.submit({"do": "echo"})
    shared_queue.done(job)
    assert len(job.results) == 1
    assert len([call for call in shared_queue.of("job-done") if call.job_id == job.id]) == 5


def test_the_sdk_alone_loses_a_result_to_one_dropped_connection(queue: Queue, tmp_path: Path) -> None:
    """When this fails, the SDK has learnt to retry, and `_persistent` may go."""
    with working([sys.executable, "-c", STOCK], tmp_path, queue.environ()) as worker:
        queue.faults["job-done"].append(DROP)
        job = queue.submit({"n": 1})
        until(lambda: "Failed to return job results" in worker.said)
        after = queue.submit({"n": 2})
        queue.done(after)
        assert job.results == []


def test_a_result_survives_a_connection_that_the_server_closed_meanwhile(tmp_path: Path) -> None:
    queue = Queue(keepalive_s=0.3)
    try:
        with working(TOY, tmp_path, queue.environ()):
            # The job blocks the loop, so that nobody sees the server close the connection that the job came by.
            queue.done(queue.submit({"do": "block", "seconds": 0.7}))
    finally:
        queue.close()
    assert queue.complaints == []


def test_a_queue_that_fails_is_asked_again_with_patience(queue: Queue, tmp_path: Path) -> None:
    queue.faults["job-take"].extend([401, 401, 503, 400])
    job = queue.submit({"do": "echo"})
    with working(TOY, tmp_path, queue.environ()) as worker:
        queue.done(job)
        assert worker.said.count("the queue refuses this worker's key (HTTP 401)") == 1
        assert worker.said.count("HTTP 503") == 1
        assert "The queue answers again." in worker.said
    takes = [call.at for call in queue.of("job-take")][:5]
    assert all(later - earlier > 0.2 for earlier, later in itertools.pairwise(takes))


def test_sigterm_ends_an_idle_worker_at_once_although_polls_are_open(queue: Queue, tmp_path: Path) -> None:
    with working(TOY, tmp_path, queue.environ()) as worker:
        until(lambda: queue.of("job-take") and queue.of("job-stop"))
        worker.signal(signal.SIGTERM)
        assert worker.ended(6.0) == 0


def test_sigterm_lets_the_running_jobs_end_and_takes_no_more(queue: Queue, tmp_path: Path) -> None:
    job = queue.submit({"do": "sleep", "seconds": 0.8})
    with working(TOY, tmp_path, queue.environ()) as worker:
        until(lambda: job.taken_at)
        until(lambda: len(queue.of("job-take")) > 1)
        worker.signal(signal.SIGTERM)
        until(lambda: "taking no more" in worker.said)
        late = queue.submit({"do": "echo"})
        assert worker.ended() == 0
    assert job.output["ended"]
    assert late.results == []


def test_a_cancelled_job_stops_while_the_worker_is_leaving(queue: Queue, tmp_path: Path) -> None:
    job = queue.submit({"do": "sleep", "seconds": 60})
    with working(TOY, tmp_path, queue.environ()) as worker:
        until(lambda: job.taken_at)
        worker.signal(signal.SIGTERM)
        queue.stop(job)
        assert worker.ended(6.0) == 0


def test_a_second_sigterm_hands_the_running_job_back_but_not_one_of_the_same_moment(
    queue: Queue, tmp_path: Path
) -> None:
    job = queue.submit({"do": "sleep", "seconds": 60})
    with working(TOY, tmp_path, queue.environ()) as worker:
        until(lambda: job.taken_at)
        worker.signal(signal.SIGTERM)
        until(lambda: "taking no more" in worker.said)
        first = time.monotonic()
        worker.signal(signal.SIGINT)
        until(lambda: time.monotonic() > first + 1.5)
        assert "handing back" not in worker.said
        worker.signal(signal.SIGTERM)
        assert worker.ended(8.0) == 0
    assert (job.error["code"], job.error["retryable"]) == ("worker_stopped", True)


def test_the_heartbeat_goes_on_while_a_stopped_group_finishes_its_job(queue: Queue, tmp_path: Path) -> None:
    with working(TOY, tmp_path, queue.environ()) as worker:
        until(lambda: queue.of("ping"))
        job = queue.submit({"do": "sleep", "seconds": 2.5})
        until(lambda: job.taken_at)
        for pid in (worker.process.pid, *worker.children()):  # as Ctrl-C or a supervisor does, to the whole group
            subprocess.run(["kill", "-TERM", str(pid)], check=True)
        queue.done(job)
        assert worker.ended() == 0
    assert [call for call in queue.of("ping") if job.taken_at + 1 < call.at < job.done_at]


def test_the_heartbeat_dies_with_a_killed_worker(queue: Queue, tmp_path: Path) -> None:
    with working(TOY, tmp_path, queue.environ()) as worker:
        until(lambda: queue.of("ping"))
        (heartbeat,) = worker.children()
        worker.signal(signal.SIGKILL)
        worker.ended()
        until(lambda: not alive(heartbeat), 2.0)


def test_an_unfit_machine_tells_and_takes_no_job(queue: Queue, tmp_path: Path) -> None:
    with working(TOY, tmp_path, queue.environ() | {"TOY_UNFIT": "1"}) as worker:
        assert worker.ended() == 1
        assert "this machine is not fit" in worker.said
    (ping,) = queue.of("ping")
    assert (ping.query["status"], ping.query["check"]) == ("unhealthy", "unfit")
    assert queue.of("job-take") == []


def test_neither_inputs_nor_outputs_are_logged_whatever_the_level(toy: Worker, shared_queue: Queue) -> None:
    job = shared_queue.submit({"do": "echo", "text": "signature=4bc9d1"})
    shared_queue.done(job)
    until(lambda: f"{job.id} | Finished." in toy.said)
    assert "4bc9d1" not in toy.said
    assert KEY not in toy.said


def test_the_key_of_the_users_account_is_not_sent_to_the_plane(toy: Worker, shared_queue: Queue) -> None:
    shared_queue.done(shared_queue.submit({"do": "echo"}))
    assert {call.kind for call in shared_queue.calls} >= {"job-take", "job-stop", "job-done"}
    assert all(USERS_KEY not in json.dumps(dict(call.headers)) for call in shared_queue.calls)


def test_what_is_stood_in_for_is_still_what_the_sdk_loads() -> None:
    """When this fails, a new SDK no longer loads it, and its stand-in may go."""
    code = "import runpod, sys; print(sorted({'cpuinfo', 'paramiko', 'tomlkit'} & set(sys.modules)))"
    assert python(code) == "['cpuinfo', 'paramiko', 'tomlkit']"


def test_the_slow_imports_are_avoided() -> None:
    code = (
        "import sys, time; from apigpu_runtime.worker.sdk import Sdk\n"
        "slept = []; real = time.sleep; time.sleep = lambda s: (slept.append(s), real(s))\n"
        "Sdk({}); loaded = [n for n in ('cpuinfo', 'paramiko') if hasattr(sys.modules[n], '__file__')]\n"
        "print(loaded, 'tomlkit' in sys.modules, 'pydantic' in sys.modules, slept)"
    )
    assert python(code) == "[] False False []"


def test_the_names_that_are_replaced_or_called_are_there() -> None:
    names = [
        "rp_http.FibonacciRetry",
        "rp_http.JOB_DONE_URL",
        "rp_job.aiohttp.ClientConnectionError",
        "rp_http._transmit",
        "rp_job._job_stop_url",
        "rp_job.get_job",
        "rp_job.get_stop_signals",
        "rp_job.handle_job",
        "rp_ping.Heartbeat.process_loop",
        "rp_scale.JobScaler",
        "worker_state.JobsProgress",
    ]
    code = (
        "import importlib, functools; from apigpu_runtime.worker.sdk import Sdk; Sdk({})\n"
        f"for name in {names}:\n"
        "    first, *path = name.split('.')\n"
        "    functools.reduce(getattr, path, importlib.import_module(f'runpod.serverless.modules.{first}'))"
    )
    assert python(code) == ""


def test_no_time_passes_between_a_job_and_its_start(toy: Worker, shared_queue: Queue) -> None:
    taken = []
    for _ in range(5):
        begun = time.monotonic()
        job = shared_queue.submit({"do": "echo"})
        shared_queue.done(job)
        taken.append(job.done_at - begun)
    assert sorted(taken)[2] < 0.15  # the SDK looks every 100 ms whether a job has come
