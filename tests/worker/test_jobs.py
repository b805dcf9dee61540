"""Whole jobs: the real `apigpu worker`, the real SDK and FFmpeg, against a double of RunPod's servers."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apigpu.registry import Registry
from apigpu_runtime.digest import operations_digest
from apigpu_runtime.envelope import Failure, Result, read_failure, read_progress, read_result
from apigpu_runtime.execute import work_folder
from apigpu_runtime.settings import Settings
from cli_support import SRT, make
from worker_support import (
    JobState,
    Queue,
    Worker,
    alive,
    apigpu_worker,
    command_of,
    delivery,
    descendants,
    until,
    working,
)

pytestmark = pytest.mark.ffmpeg

SIGNED = "?X-Amz-Signature=9f8e7d6c5b4a&X-Amz-Credential=AKIAPLANTED"
SECRETS = ("9f8e7d6c5b4a", "AKIAPLANTED", "whsec_UExBTlRFRA", "rpa_planted_key", "planted-login", "mQ7-worker-token")


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("media")
    short = ("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2", "-f", "lavfi", "-i", "sine=d=2", "-shortest")
    make(folder, *short, "-pix_fmt", "yuv420p", "talk.mp4")
    long = ("-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=30", "-c:v", "libx264", "-preset", "ultrafast")
    make(folder, *long, "-pix_fmt", "yuv420p", "-crf", "35", "long.mp4")
    return {
        "talk.mp4": (folder / "talk.mp4").read_bytes(),
        "long.mp4": (folder / "long.mp4").read_bytes(),
        "talk.srt": SRT.encode(),
        "page.mp4": b"<!doctype html><title>no video</title>",
    }


def environ(queue: Queue, work_dir: Path) -> dict[str, str]:
    return queue.environ() | {
        "APIGPU_TRUSTED_URLS": f"{queue.url}/files",
        "APIGPU_WORK_DIR": str(work_dir),
        "APIGPU_TARGET": "cpu",
        "APIGPU_USD_PER_S": "0.001",
        "APIGPU_WEBHOOK_SECRET": "whsec_UExBTlRFRA",
        "RUNPOD_API_KEY": "rpa_planted_key",
        "MY_TOKEN": "mQ7-worker-token",
    }


@pytest.fixture(scope="module")
def work_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


@pytest.fixture(scope="module")
def apigpu(
    shared_queue: Queue, media: dict[str, bytes], work_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Worker]:
    """One worker for the whole module."""
    shared_queue.files.update(media)
    folder = tmp_path_factory.mktemp("worker")
    with working(apigpu_worker(), folder, environ(shared_queue, work_dir)) as worker:
        yield worker


def caption(queue: Queue, video: str = "talk.mp4", **more: Any) -> dict[str, Any]:
    """A job's input. Its control and delivery are what the proxy would send."""
    job_id = uuid.uuid4().hex
    control = {
        "job_id": job_id,
        "request_id": f"request-{job_id[:6]}",
        "digest": operations_digest(Registry.discover()),
        "delivery": delivery(queue, job_id, query=SIGNED),
    }
    return {
        "operation": "caption",
        "url_video": f"{queue.url}/files/{video}{SIGNED}",
        "url_srt": f"{queue.url}/files/talk.srt{SIGNED}",
        "apigpu": control | more.pop("apigpu", {}),
        **more,
    }


def result_of(queue: Queue, job: JobState) -> Result:
    queue.done(job)
    assert "error" not in job.results[0], job.results[0]["error"]
    result = read_result(job.output)
    assert result is not None
    return result


def failure_of(queue: Queue, document: object) -> Failure:
    job = queue.submit(document)
    queue.done(job)
    failure = read_failure(job.results[0].get("error"))
    assert failure is not None, job.results
    return failure


def renders_of(worker: Worker) -> list[int]:
    return [pid for pid in descendants(worker.process.pid) if "-progress" in command_of(pid)]


def test_a_result_proves_what_ran_and_its_file_is_delivered(apigpu: Worker, shared_queue: Queue) -> None:
    document = caption(shared_queue)
    result = result_of(shared_queue, shared_queue.submit(document))
    (file,) = result.outputs
    control = document["apigpu"]
    content = shared_queue.files[control["delivery"]["key"]]
    assert (file.key, file.size_bytes) == (control["delivery"]["key"], len(content))
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert (file.content_type, file.width, file.height) == ("video/mp4", 320, 180)
    assert (file.frames, file.frame_rate) == (50, "25")
    assert abs(file.duration_s - 2.0) < 0.1
    assert (result.operation, result.job_id) == ("caption", control["job_id"])
    assert result.ran is not None
    assert (result.ran.rung, result.ran.encoder, result.ran.target) == ("cpu", "libx264", "cpu")
    spent = result.timings
    assert min(spent.fetch_s, spent.probe_s, spent.render_s, spent.upload_s) > 0
    stages_s = spent.fetch_s + spent.probe_s + spent.gpu_wait_s + spent.render_s + spent.upload_s
    assert stages_s <= spent.total_s + 0.01
    assert result.realtime_factor is not None
    assert result.realtime_factor > 0
    assert result.cpu_s > 0
    assert result.gpu_s == 0
    assert result.cost_usd == pytest.approx(spent.total_s * 0.001, rel=0.05)
    assert result.worker.id == "worker-1"
    assert result.worker.digest == control["digest"]


def test_the_envelope_in_the_store_is_the_result(apigpu: Worker, shared_queue: Queue) -> None:
    document = caption(shared_queue)
    result = result_of(shared_queue, shared_queue.submit(document))
    stored = json.loads(shared_queue.files[f"jobs/{document['apigpu']['job_id']}/result.json"])
    assert Result.model_validate(stored) == result


def test_a_job_that_was_done_before_is_not_rendered_again(apigpu: Worker, shared_queue: Queue) -> None:
    document = caption(shared_queue)
    result = result_of(shared_queue, shared_queue.submit(document))
    again = shared_queue.submit(document)
    assert result_of(shared_queue, again) == result
    assert again.progress == []


def test_progress_comes_in_order_about_once_a_second_and_never_goes_back(apigpu: Worker, shared_queue: Queue) -> None:
    job = shared_queue.submit(caption(shared_queue, "long.mp4"))
    result_of(shared_queue, job)
    reports = [read_progress(output) for output in job.progress]
    fractions = [report.fraction for report in reports if report and report.fraction is not None]
    assert len(fractions) == len(reports) >= 3
    assert fractions == sorted(fractions)
    assert {report.stage for report in reports if report} >= {"fetch", "render"}
    assert any(report.frame and report.fps for report in reports if report)
    gaps = [later - earlier for earlier, later in zip(job.progress_at, job.progress_at[1:], strict=False)]
    assert min(gaps) > 0.8
    assert len(job.results) == 1


def test_a_slow_progress_report_holds_the_result_back(apigpu: Worker, shared_queue: Queue) -> None:
    shared_queue.faults["job-done"].append(2.0)
    job = shared_queue.submit(caption(shared_queue))
    result_of(shared_queue, job)
    assert job.progress
    assert job.done_at > job.progress_at[-1]


def test_a_dry_run_gives_the_plan_and_renders_nothing(apigpu: Worker, shared_queue: Queue) -> None:
    result = result_of(shared_queue, shared_queue.submit(caption(shared_queue, dry_run=True)))
    assert result.plan is not None
    assert result.plan["steps"]
    assert (result.dry_run, result.outputs, result.ran) == (True, [], None)


def test_a_pipeline_is_one_job(apigpu: Worker, shared_queue: Queue) -> None:
    single = caption(shared_queue)
    steps = [
        {"operation": "caption", "url_video": single["url_video"], "url_srt": single["url_srt"]},
        {"operation": "addaudio", "url_audio": single["url_video"]},
    ]
    document = {"operation": "pipeline", "steps": steps, "output": {"container": "mkv"}, "apigpu": single["apigpu"]}
    result = result_of(shared_queue, shared_queue.submit(document))
    assert result.operation == "caption -> addaudio"
    assert result.outputs[0].content_type == "video/x-matroska"


def test_a_cancelled_render_leaves_no_process_and_no_file_behind(
    apigpu: Worker, shared_queue: Queue, work_dir: Path
) -> None:
    job = shared_queue.submit(caption(shared_queue, "long.mp4", output={"quality": 95}))
    (render,) = until(lambda: renders_of(apigpu))
    shared_queue.stop(job)
    until(lambda: not alive(render), 2.0)
    until(lambda: list(work_dir.iterdir()) == [], 2.0)
    assert job.results == []
    assert not any(name.startswith(f"jobs/{job.input['apigpu']['job_id']}") for name in shared_queue.files)  # type: ignore[index]


def test_two_jobs_overlap_but_never_render_together(apigpu: Worker, shared_queue: Queue) -> None:
    jobs = [shared_queue.submit(caption(shared_queue, "long.mp4")) for _ in range(2)]
    most = 0
    until(lambda: len(renders_of(apigpu)) > 0)

    def both_done() -> bool:
        nonlocal most
        most = max(most, len(renders_of(apigpu)))
        return all(job.results for job in jobs)

    until(both_done, 60)
    first, second = sorted((result_of(shared_queue, job) for job in jobs), key=lambda r: r.timings.gpu_wait_s)
    assert most == 1
    assert first.timings.gpu_wait_s < 0.5
    assert second.timings.gpu_wait_s > 0.5 * first.timings.render_s
    waits = {report.stage for job in jobs for output in job.progress if (report := read_progress(output))}
    assert "wait" in waits


def test_a_worker_of_another_release_refuses_before_it_reads_the_request(apigpu: Worker, shared_queue: Queue) -> None:
    document = caption(shared_queue, apigpu={"digest": "0123456789abcdef"}, field_of_tomorrow=1)
    failure = failure_of(shared_queue, document)
    assert (failure.code, failure.retryable) == ("version_skew", True)
    assert "0123456789abcdef" in failure.message
    assert operations_digest(Registry.discover()) in failure.message


@pytest.mark.parametrize(
    ("change", "code", "where"),
    [
        ({"url_video": "/etc/passwd"}, "local_path", "url_video"),
        ({"url_video": "file:///etc/passwd"}, "local_path", "url_video"),
        ({"url_srt": None}, "invalid_input", "url_srt"),
        ({"operation": "no_such"}, "unknown_operation", ""),
        ({"operation": 7}, "invalid_input", "operation"),
        ({"dry_run": "yes"}, "invalid_input", "dry_run"),
        ({"apigpu": {"job_id": "../../x"}}, "invalid_input", "apigpu.job_id"),
    ],
)
def test_a_wrong_request_fails_with_its_code_and_place(
    apigpu: Worker, shared_queue: Queue, change: dict[str, Any], code: str, where: str
) -> None:
    failure = failure_of(shared_queue, caption(shared_queue) | change)
    assert (failure.code, failure.fault, failure.retryable) == (code, "user", False)
    assert failure.where == where or not where
    assert failure.message


@pytest.mark.parametrize("document", [None, [], "text", {}, {"operation": "caption", "apigpu": 3}])
def test_an_input_that_is_no_job_fails_too(apigpu: Worker, shared_queue: Queue, document: object) -> None:
    assert failure_of(shared_queue, document).fault == "user"


def test_media_that_cannot_be_had_or_used_fails_with_its_field(apigpu: Worker, shared_queue: Queue) -> None:
    for name in ("missing.mp4", "page.mp4"):
        failure = failure_of(shared_queue, caption(shared_queue, name))
        assert (failure.where, failure.fault) == ("url_video", "user")


def test_without_a_delivery_and_without_a_store_the_failure_says_what_to_set(
    apigpu: Worker, shared_queue: Queue
) -> None:
    failure = failure_of(shared_queue, caption(shared_queue) | {"apigpu": {}})
    assert failure.code == "no_storage"
    assert "APIGPU_STORAGE" in failure.remedy


def test_the_request_id_stands_in_the_log(apigpu: Worker, shared_queue: Queue) -> None:
    document = caption(shared_queue)
    result_of(shared_queue, shared_queue.submit(document))
    assert document["apigpu"]["request_id"] in apigpu.said


def test_no_secret_leaves_the_worker(apigpu: Worker, shared_queue: Queue) -> None:
    """After all the jobs above, failed ones too: nothing planted is in what was said or sent."""
    host = shared_queue.url.removeprefix("http://")
    for change in (
        {"url_video": f"http://planted-login:planted-login@{host}/files/no.mp4{SIGNED}"},
        {"dry_run": True},
    ):
        job = shared_queue.submit(caption(shared_queue) | change)
        shared_queue.done(job)
    sent = json.dumps([call.body for call in shared_queue.of("job-done")])
    stored = b"".join(
        content for name, content in shared_queue.files.items() if name.endswith("result.json")
    ).decode()
    for text in (apigpu.said, sent, stored):
        assert [secret for secret in SECRETS if secret in text] == []
    assert "caption" in apigpu.said


def test_ffmpeg_dies_with_a_killed_worker_and_the_next_one_sweeps_up(
    queue: Queue, media: dict[str, bytes], tmp_path: Path
) -> None:
    queue.files.update(media)
    queue.submit(caption(queue, "long.mp4", output={"quality": 95}))
    with working(apigpu_worker(), tmp_path, environ(queue, tmp_path)) as worker:
        (render,) = until(lambda: renders_of(worker))
        worker.signal(signal.SIGKILL)
        worker.ended()
        until(lambda: not alive(render), 2.0)
    (left,) = tmp_path.glob("apigpu-*")
    with work_folder(Settings(work_dir=tmp_path)) as in_use:
        with working(apigpu_worker(), tmp_path, environ(queue, tmp_path)):
            until(lambda: not left.exists())
        assert in_use.exists()


def test_a_worker_with_a_store_of_its_own_needs_no_proxy(
    queue: Queue, media: dict[str, bytes], tmp_path: Path
) -> None:
    queue.files.update(media)
    store = tmp_path / "store"
    document = caption(queue) | {"apigpu": {}}
    settings = environ(queue, tmp_path) | {"APIGPU_STORAGE": f"file://{store}"}
    with working(apigpu_worker(), tmp_path, settings):
        result = result_of(queue, queue.submit(document, "a-job"))
        again = queue.submit(document, "a-job")
        assert result_of(queue, again) == result
    (file,) = result.outputs
    assert file.key == "jobs/a-job/caption.mp4"
    assert file.url == (store / file.key).as_uri()
    assert hashlib.sha256((store / file.key).read_bytes()).hexdigest() == file.sha256
    assert again.progress == []


def test_the_next_job_is_taken_only_when_the_render_is_about_to_end(
    queue: Queue, media: dict[str, bytes], tmp_path: Path
) -> None:
    slow = tmp_path / "ffmpeg"  # reads the video no faster than it plays
    slow.write_text(f'#!/bin/sh\ncase "$1" in -progress) exec {shutil.which("ffmpeg")} -re "$@";; esac\n', "utf-8")
    slow.write_text(f'{slow.read_text("utf-8")}exec {shutil.which("ffmpeg")} "$@"\n', "utf-8")
    slow.chmod(0o755)
    make(tmp_path, "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=12.5", "-pix_fmt", "yuv420p", "slow.mp4")
    queue.files |= media | {"slow.mp4": (tmp_path / "slow.mp4").read_bytes()}
    first, second = queue.submit(caption(queue, "slow.mp4")), queue.submit(caption(queue))
    with working(apigpu_worker(), tmp_path, environ(queue, tmp_path) | {"APIGPU_FFMPEG": str(slow)}):
        until(lambda: second.taken_at)
        reports = [report for output in first.progress if (report := read_progress(output))]
        assert any(report.eta_s and report.eta_s > 10 for report in reports)
        assert first.results == []


def test_ffmpegs_words_come_with_a_failure_but_no_secret_in_them(
    queue: Queue, media: dict[str, bytes], tmp_path: Path
) -> None:
    broken = tmp_path / "ffmpeg"
    broken.write_text(
        f'#!/bin/sh\ncase "$*" in *-progress*)\n'
        "echo 'Cannot open http://login:planted-login@host/x.mp4?X-Amz-Signature=9f8e7d6c5b4a' >&2; exit 1;; esac\n"
        f'exec {shutil.which("ffmpeg")} "$@"\n',
        encoding="utf-8",
    )
    broken.chmod(0o755)
    queue.files.update(media)
    with working(apigpu_worker(), tmp_path, environ(queue, tmp_path) | {"APIGPU_FFMPEG": str(broken)}) as worker:
        failure = failure_of(queue, caption(queue))
        assert failure.exit_code == 1
        assert str(broken) in failure.argv[0]
        assert "Cannot open http://host/x.mp4" in failure.stderr_head
        assert [secret for secret in SECRETS if secret in failure.model_dump_json() + worker.said] == []


def test_a_worker_that_must_have_cuda_takes_no_job_without_it(queue: Queue, tmp_path: Path) -> None:
    with working(apigpu_worker(), tmp_path, environ(queue, tmp_path) | {"APIGPU_TARGET": "cuda"}) as worker:
        assert worker.ended() == 1
        assert "Fitness check failed: renders" in worker.said
    assert [call.query.get("check") for call in queue.of("ping")] == ["renders"]
    assert queue.of("job-take") == []
