"""`apigpu worker`, misused."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apigpu.errors import InputError
from apigpu_runtime.worker.queue import queue_environment
from worker_support import Queue, alive, apigpu_worker, until, working


def said(*words: str, environ: dict[str, str] | None = None) -> tuple[int, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("RUNPOD_")} | (environ or {})
    done = subprocess.run(
        apigpu_worker(*words), env=env, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_without_a_queue_it_says_what_is_missing() -> None:
    status, text = said()
    assert status == 2
    assert "RUNPOD_WEBHOOK_GET_JOB" in text
    assert "--join" in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "address", ["", "plane", "ftp://plane", "http://", "http://plane:0x", "http://u:p@plane", "http://p?k=1"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(InputError) as caught:
        queue_environment({}, join=address, token="")
    assert caught.value.where == "join"
    assert "http://192.168.1.20:8000" in str(caught.value)


def test_joining_gives_the_sdk_the_addresses_that_it_needs() -> None:
    found = queue_environment({"HOME": "/home/user"}, join="https://plane.example/", token="key-1")
    assert found["RUNPOD_WEBHOOK_GET_JOB"] == "https://plane.example/v2/local/job-take/$ID?gpu=local"
    assert found["RUNPOD_WEBHOOK_POST_OUTPUT"].startswith(
        "https://plane.example/v2/local/job-done/$RUNPOD_POD_ID/$ID?"
    )
    assert (found["RUNPOD_AI_API_KEY"], found["HOME"]) == ("key-1", "/home/user")
    again = queue_environment({}, join="https://plane.example/v2/local", token="key-1")
    assert again["RUNPOD_WEBHOOK_PING"] == found["RUNPOD_WEBHOOK_PING"]
    assert again["RUNPOD_POD_ID"] != found["RUNPOD_POD_ID"]


def test_runpods_own_environment_is_left_as_it_is() -> None:
    environ = {"RUNPOD_WEBHOOK_GET_JOB": "https://api/job-take/$ID?gpu=x", "RUNPOD_POD_ID": "pod"}
    assert queue_environment(environ, join=None, token="") == environ


def test_a_wrong_setting_is_told_before_any_job(queue: Queue) -> None:
    status, text = said(environ=queue.environ() | {"APIGPU_TARGET": "t5"})
    assert status == 1
    assert "there is no target 't5'" in text
    assert queue.of("job-take") == []


def test_sigterm_ends_a_worker_that_still_starts(queue: Queue, tmp_path: Path) -> None:
    """As process 1 of a container it would be deaf to it until it has a handler of its own."""
    with working(apigpu_worker(), tmp_path, queue.environ()) as worker:
        until(lambda: catches_sigterm(worker.process.pid))
        worker.process.terminate()
        assert worker.ended(5) in {0, 143}


def test_as_process_1_of_a_container_it_heeds_sigterm(queue: Queue, tmp_path: Path) -> None:
    """The kernel keeps from process 1 every signal that it has no handler for."""
    contained = ["unshare", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*contained, "true"], capture_output=True, check=False, timeout=10).returncode:
        pytest.skip("no PID namespace can be made here")
    job = queue.submit({"operation": "no_such"})
    with working([*contained, *apigpu_worker()], tmp_path, queue.environ()) as unshare:
        queue.done(job)
        (worker,) = unshare.children()
        os.kill(worker, signal.SIGTERM)
        until(lambda: not alive(worker), 5)
    assert "taking no more" in unshare.said


def catches_sigterm(pid: int) -> bool:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("SigCgt"))
    return bool(int(line.split()[1], 16) & (1 << 14))


def test_the_help_costs_no_sdk() -> None:
    code = (
        "import sys; from apigpu_runtime.cli import main; main(['worker', '--help']); print('runpod' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip().endswith("False")
