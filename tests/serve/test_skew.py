"""Workers whose plugins are not the server's: nothing half right is rendered, and the job says what to do."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from apigpu.registry import Registry
from apigpu_runtime.database import Database
from apigpu_runtime.digest import operations_digest
from apigpu_runtime.endpoint.client import RunPodEndpoint
from apigpu_runtime.proxy.documents import JobRecord
from apigpu_runtime.proxy.jobs.jobs import Jobs
from apigpu_runtime.proxy.jobs.pace import Pace
from apigpu_runtime.proxy.jobs.schema import MIGRATIONS
from machines_support import ASYNC, SMALL, Place, client_of, joined, until_waiting_for
from serve_support import finished, upload

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("serve")]

BLUR = Path(__file__).resolve().parents[2] / "examples" / "apigpu-blur" / "src" / "apigpu_blur.py"
OTHER = {"APIGPU_DISABLED_PLUGINS": "caption"}
"""A worker of another image: one plugin fewer."""


@pytest.fixture
def client(place: Place) -> Iterator[httpx2.Client]:
    with client_of(place.server.url, place.client_key) as found:
        yield found


def test_a_job_waits_for_workers_of_its_release_and_then_ends_well(
    place: Place, client: httpx2.Client, desk: Path, tmp_path: Path
) -> None:
    fields = {"url_video": upload(client, desk / "talk.mp4"), "url_srt": upload(client, desk / "talk.srt")}
    job = client.post("/video/caption", json=fields, headers=ASYNC).json()
    with joined(place.server.url, place.worker_key, tmp_path / "old", environ=OTHER) as worker:
        waiting = until_waiting_for(client, job["id"], "version_skew")
        assert worker.stop() == 0
    assert "It is tried again" in waiting["message"]
    assert "It has no caption." in waiting["message"]
    assert "Deploy an image with the same versions of apigpu and its plugins" in waiting["remedy"]
    assert client.get(f"/jobs/{job['id']}").json()["error"] is None, "it has not failed yet"
    with joined(place.server.url, place.worker_key, tmp_path / "new"):
        done = finished(client, job["id"])
    assert (done["status"], done["error"]) == ("COMPLETED", None)


def test_a_worker_with_a_plugin_more_is_another_release_too(
    place: Place, client: httpx2.Client, desk: Path, tmp_path: Path
) -> None:
    site = plugin_from_outside(tmp_path / "site")
    job = client.post(
        "/video/img2vid", json={"url_image": upload(client, desk / "beach.jpg"), **SMALL}, headers=ASYNC
    ).json()
    environ = {"PYTHONPATH": str(site)}
    with joined(place.server.url, place.worker_key, tmp_path / "work", environ=environ) as worker:
        waiting = until_waiting_for(client, job["id"], "version_skew")
    assert "blur" in worker.told, "the plugin is there"
    assert "It has no" not in waiting["message"]
    assert client.delete(f"/jobs/{job['id']}").is_success
    assert finished(client, job["id"])["status"] == "CANCELLED"


@pytest.mark.anyio
async def test_workers_that_stay_another_release_are_asked_so_often_and_no_more(place: Place, tmp_path: Path) -> None:
    pace = Pace(resubmit_after_s=(0.05, 0.1), look_s=0.1)
    with joined(place.server.url, place.worker_key, tmp_path / "work", environ=OTHER):
        job = await ended_by(
            place, tmp_path / "jobs.sqlite3", digest=operations_digest(Registry.discover()), pace=pace
        )
    assert job.failure is not None
    assert (job.status, job.failure.code, job.submissions) == ("FAILED", "version_skew", 3)
    assert "same versions of apigpu and its plugins" in job.failure.remedy
    assert (job.failure.fault, job.failure.retryable) == ("machine", True)


@pytest.mark.anyio
async def test_an_image_without_the_operation_is_told_as_that(place: Place, tmp_path: Path) -> None:
    """As it is for whoever sends no digest along, which would be compared first."""
    with joined(place.server.url, place.worker_key, tmp_path / "work", environ=OTHER):
        job = await ended_by(place, tmp_path / "jobs.sqlite3", digest="", pace=Pace(look_s=0.1))
    assert job.failure is not None
    assert (job.status, job.failure.code, job.submissions) == ("FAILED", "image_without_operation", 1)
    assert job.failure.message == "The worker's image does not have the operation caption."
    assert "Install the operation's plugin" in job.failure.remedy


async def ended_by(place: Place, path: Path, *, digest: str, pace: Pace) -> JobRecord:
    """A job for caption that goes to the server's queue as it would to RunPod's, once it has ended."""
    fields: dict[str, Any] = {"url_video": "https://example.com/a.mp4", "url_srt": "https://example.com/a.srt"}
    async with httpx2.AsyncClient() as http:
        endpoint = RunPodEndpoint.at_plane(http, url=f"{place.server.url}/v2/local", api_key=place.client_key)
        database = Database(path, MIGRATIONS)
        jobs = Jobs(
            database,
            registry=Registry.discover(),
            backend=endpoint,
            storage=None,
            digest=digest,
            public_url="http://proxy",
            pace=pace,
        )
        async with jobs.running():
            submitted = await jobs.submit("caption", fields)
            job = await asyncio.wait_for(jobs.wait(submitted.job.id, timeout_s=40), 45)
        database.close()
    return job


def plugin_from_outside(site: Path) -> Path:
    """A folder for PYTHONPATH with one operation more, as `pip install` leaves it."""
    described = site / "apigpu_blur-1.0.dist-info"
    described.mkdir(parents=True)
    shutil.copy(BLUR, site)
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: apigpu-blur\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[apigpu]\nblur = apigpu_blur\n")
    return site
