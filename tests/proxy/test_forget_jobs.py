"""Finished jobs are kept for a while."""

from __future__ import annotations

from pathlib import Path

import pytest

from apigpu_runtime.storage.folder import FolderStorage
from proxy_support import FakeEndpoint, Proxy, proxy

pytestmark = pytest.mark.anyio

DAY_S = 24 * 3600


async def _age(api: Proxy, by_s: float) -> None:
    await api.database.write(
        lambda db: db.execute("UPDATE jobs SET created_s = created_s - ?, finished_s = finished_s - ?", (by_s, by_s))
    )


async def test_an_old_job_goes_with_its_files(tmp_path: Path) -> None:
    storage = FolderStorage(tmp_path / "files", "http://proxy.test", b"0123456789abcdef")
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True), storage=storage, retention_s=60) as api:
        job_id = (await api.post()).json()["id"]
        (tmp_path / "made.mp4").write_bytes(b"0123456789")
        for name in ("caption.mp4", "result.json"):
            await storage.put_file(f"jobs/{job_id}/{name}", tmp_path / "made.mp4", "video/mp4")
        assert await api.jobs.sweep() == 0
        await _age(api, 61)
        assert await api.jobs.sweep() == 1
        assert (await api.client.get(f"/jobs/{job_id}")).status_code == 404
        assert await storage.head(f"jobs/{job_id}/caption.mp4") is None
        assert await storage.head(f"jobs/{job_id}/result.json") is None


async def test_a_waiting_job_is_never_forgotten(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", retention_s=60) as api:
        job_id = (await api.queued())["id"]
        await _age(api, 30 * DAY_S)
        assert await api.jobs.sweep() == 0
        assert (await api.job(job_id))["status"] == "IN_QUEUE"


async def test_an_idempotency_key_is_kept_for_a_day(tmp_path: Path) -> None:
    async with proxy(tmp_path / "db", FakeEndpoint(at_once=True), retention_s=60) as api:
        await api.post(idempotency_key="k")
        await _age(api, DAY_S - 60)
        assert await api.jobs.sweep() == 0
        await _age(api, 120)
        assert await api.jobs.sweep() == 1
