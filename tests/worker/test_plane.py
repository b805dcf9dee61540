"""The real worker joins the real plane."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from apigpu_runtime.envelope import read_failure, read_progress, read_result
from cli_support import SRT, make
from plane_support import WORKER_KEY, eventually, served_plane
from worker_support import Queue, apigpu_worker, descendants, working

pytestmark = [pytest.mark.ffmpeg, pytest.mark.anyio]


async def test_a_worker_that_joins_a_plane_does_its_jobs(queue: Queue, tmp_path: Path) -> None:
    make(tmp_path, "-f", "lavfi", "-i", "testsrc2=s=640x360:r=30:d=12", "-preset", "ultrafast", "talk.mp4")
    queue.files |= {"talk.mp4": (tmp_path / "talk.mp4").read_bytes(), "talk.srt": SRT.encode()}
    settings = {
        "APIGPU_TRUSTED_URLS": f"{queue.url}/files",
        "APIGPU_STORAGE": f"file://{tmp_path}/store",
        "APIGPU_TARGET": "cpu",
    }
    document = {
        "operation": "caption",
        "url_video": f"{queue.url}/files/talk.mp4",
        "url_srt": f"{queue.url}/files/talk.srt",
    }
    async with served_plane(tmp_path) as served:
        address = served.url.removesuffix("/v2/local")
        command = apigpu_worker("--join", address, "--token", WORKER_KEY)
        with working(command, tmp_path, settings) as worker:
            done = await served.run(document)
            failed = await served.run({"operation": "caption"})

            async def progress() -> object:
                return read_progress((await served.status(done)).get("output"))

            assert await eventually(progress)
            status = await served.until(done, "COMPLETED", "FAILED")
            result = read_result(status["output"])
            assert result is not None
            assert (tmp_path / "store" / result.outputs[0].key).stat().st_size == result.outputs[0].size_bytes
            failure = read_failure((await served.until(failed, "FAILED"))["error"])
            assert failure is not None
            assert failure.code == "invalid_input"

            cancelled = await served.run({**document, "output": {"quality": 95}})
            await eventually(lambda: len(descendants(worker.process.pid)) > 1)
            assert (await served.http.post(f"/cancel/{cancelled}")).status_code == 200
            await eventually(lambda: len(descendants(worker.process.pid)) == 1, within_s=4)
            worker.signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.ended) == 0
