"""The worker on a machine with a card: the software driver of `tests/softgpu`."""

from __future__ import annotations

from pathlib import Path

import pytest

from apigpu_runtime.envelope import Result, read_result
from cli_support import SRT, make
from softgpu.equipment import EquipmentMissing, build, environment
from worker_support import JobState, Queue, Worker, apigpu_worker, working

pytestmark = pytest.mark.ffmpeg


@pytest.fixture
def settings(queue: Queue, tmp_path: Path) -> dict[str, str]:
    """Of a worker whose store is a folder; the queue has the media."""
    try:
        build()
    except EquipmentMissing as missing:
        pytest.skip(str(missing))
    make(tmp_path, "-f", "lavfi", "-i", "testsrc2=s=320x240:r=25:d=0.6", "-pix_fmt", "yuv420p", "video.mp4")
    queue.files |= {"video.mp4": (tmp_path / "video.mp4").read_bytes(), "subs.srt": SRT.encode()}
    return queue.environ() | {
        "APIGPU_TRUSTED_URLS": f"{queue.url}/files",
        "APIGPU_STORAGE": f"file://{tmp_path}/store",
        "APIGPU_CACHE_DIR": str(tmp_path / "cache"),
    }


def submit(queue: Queue) -> JobState:
    files = f"{queue.url}/files"
    return queue.submit({"operation": "caption", "url_video": f"{files}/video.mp4", "url_srt": f"{files}/subs.srt"})


def result_of(queue: Queue, worker: Worker) -> Result:
    job = submit(queue)
    queue.done(job, within_s=60)
    result = read_result(job.results[0].get("output"))
    assert result is not None, f"{job.results} {worker.said}"
    return result


def test_a_result_tells_the_card_and_the_seconds_on_it(
    queue: Queue, settings: dict[str, str], tmp_path: Path
) -> None:
    with working(apigpu_worker(), tmp_path, environment("l4") | settings | {"APIGPU_TARGET": "cuda"}) as worker:
        result = result_of(queue, worker)
    assert result.ran is not None
    assert (result.ran.rung, result.ran.encoder) == ("cuda+nvdec+nvenc", "h264_nvenc")
    assert result.ran.decoders == ["h264 (NVDEC)"]
    assert "cuda" in result.ran.filters
    assert result.gpu_s == result.timings.render_s > 0
    assert f"on cuda+nvdec+nvenc, {result.ran.device}" in worker.said


def test_what_broke_in_one_job_is_known_in_the_next(queue: Queue, settings: dict[str, str], tmp_path: Path) -> None:
    broken = environment("l4", fault_after=20)
    with working(apigpu_worker(), tmp_path, broken | settings) as worker:
        first, second = result_of(queue, worker), result_of(queue, worker)
    assert first.ran is not None
    assert second.ran is not None
    assert first.ran.rung == second.ran.rung != "cuda+nvdec+nvenc"
    assert first.ran.reasons
    assert second.ran.reasons == first.ran.reasons


def test_a_worker_that_has_lost_the_card_it_must_have_delivers_and_ends(
    queue: Queue, settings: dict[str, str], tmp_path: Path
) -> None:
    broken = environment("l4", fault_after=20) | settings | {"APIGPU_TARGET": "cuda"}
    with working(apigpu_worker(), tmp_path, broken) as worker:
        result = result_of(queue, worker)
        assert worker.ended(5) == 1
    assert result.ran is not None
    assert not result.ran.rung.startswith("cuda")
    assert "The card has given out" in worker.said
