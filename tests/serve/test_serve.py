"""`apigpu serve`, as somebody with curl sees it: everything real but the GPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest

from apigpu_runtime.cli import main
from serve_support import Server, finished, free_port, serving, start, upload, workers_of

pytestmark = [pytest.mark.ffmpeg, pytest.mark.xdist_group("serve")]

SMALL = {"width": 320, "height": 180, "frame_rate": 10, "duration": 1}


def streams(client: httpx2.Client, url: str, folder: Path) -> list[dict[str, Any]]:
    """What ffprobe finds in the video at an address."""
    path = folder / "answer.mp4"
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    path.write_bytes(answer.content)
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    told = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    found: list[dict[str, Any]] = json.loads(told)["streams"]
    return found


def test_it_says_where_to_click(server: Server) -> None:
    assert "/docs" in server.told
    assert server.url in server.told


def test_a_photo_becomes_a_video_in_one_request(client: httpx2.Client, desk: Path, tmp_path: Path) -> None:
    url = upload(client, desk / "beach.jpg")
    answer = client.post("/video/img2vid", json={"url_image": url, **SMALL})
    assert answer.status_code == 200, answer.text
    job = answer.json()
    assert job["code"] == 200
    assert job["status"] == "COMPLETED"
    assert job["execution"]["durationMs"] >= 0
    assert job["stats"]["jobId"] == job["id"]
    (video,) = streams(client, job["video_url"], tmp_path)
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", 320, 180)


def test_the_answer_proves_what_ran(client: httpx2.Client, desk: Path) -> None:
    url = upload(client, desk / "beach.jpg")
    result = client.post("/video/img2vid", json={"url_image": url, **SMALL}).json()["result"]
    assert result["ran"]["rung"] == "cpu"
    assert result["ran"]["encoder"] == "libx264"
    assert result["outputs"][0]["duration_s"] == 1.0
    assert len(result["outputs"][0]["sha256"]) == 64
    assert {"fetch_s", "probe_s", "render_s", "upload_s", "queue_s"} <= set(result["timings"])


def test_files_can_be_sent_with_the_request_itself(client: httpx2.Client, desk: Path, tmp_path: Path) -> None:
    files = {
        "url_video": ("talk.mp4", (desk / "talk.mp4").read_bytes(), "video/mp4"),
        "url_srt": ("talk.srt", (desk / "talk.srt").read_bytes(), "application/x-subrip"),
    }
    answer = client.post("/video/caption", files=files, data={"style.size": "8"})
    assert answer.status_code == 200, answer.text
    assert streams(client, answer.json()["video_url"], tmp_path)[0]["width"] == 320


def test_a_sound_track_is_added_without_touching_the_picture(client: httpx2.Client, desk: Path) -> None:
    body = {"url_video": upload(client, desk / "talk.mp4"), "url_audio": upload(client, desk / "voice.mp3")}
    job = client.post("/video/addaudio", json=body).json()
    assert job["result"]["ran"]["encoder"] == "copy"


def test_a_pipeline_is_one_job_and_one_encode(client: httpx2.Client, desk: Path, tmp_path: Path) -> None:
    steps = [
        {"operation": "img2vid", "url_image": upload(client, desk / "beach.jpg"), **SMALL},
        {"operation": "addaudio", "url_audio": upload(client, desk / "voice.mp3")},
        {"operation": "caption", "url_srt": upload(client, desk / "talk.srt")},
    ]
    job = client.post("/video/pipeline", json={"steps": steps}).json()
    assert job["status"] == "COMPLETED", job
    kinds = [stream["codec_type"] for stream in streams(client, job["video_url"], tmp_path)]
    assert sorted(kinds) == ["audio", "video"]


def test_media_that_is_none_fails_with_the_field_and_the_reason(client: httpx2.Client, desk: Path) -> None:
    url = upload(client, desk / "talk.srt")
    answer = client.post("/video/img2vid", json={"url_image": url, **SMALL})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["errors"][0]["path"] == "url_image"
    assert problem["message"]


def test_a_field_that_is_wrong_never_becomes_a_job(client: httpx2.Client) -> None:
    before = len(client.get("/jobs").json()["items"])
    answer = client.post("/video/img2vid", json={"url_image": "https://example.com/a.jpg", "duration": "long"})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["path"] == "duration"
    assert len(client.get("/jobs").json()["items"]) == before


def test_nothing_private_is_fetched_for_a_stranger(client: httpx2.Client) -> None:
    answer = client.post("/video/img2vid", json={"url_image": "http://127.0.0.1:9/secret.jpg", **SMALL})
    assert answer.status_code == 422
    assert answer.json()["code"] == "address_refused"


def test_events_tell_of_a_job_until_its_end(client: httpx2.Client, desk: Path) -> None:
    url = upload(client, desk / "beach.jpg")
    job = client.post("/video/img2vid", json={"url_image": url, **SMALL}, headers={"Prefer": "respond-async"}).json()
    with client.stream("GET", f"/jobs/{job['id']}/events") as events:
        states = [json.loads(line[5:])["status"] for line in events.iter_lines() if line.startswith("data:")]
    assert states[-1] == "COMPLETED"


def test_a_job_that_runs_is_cancelled_and_its_ffmpeg_is_gone(client: httpx2.Client, desk: Path) -> None:
    url = upload(client, desk / "beach.jpg")
    body = {"url_image": url, "duration": 120, "width": 1920, "height": 1080, "frame_rate": 60}
    job = client.post("/video/img2vid", json=body, headers={"Prefer": "respond-async"}).json()
    deadline = time.monotonic() + 30
    while client.get(f"/jobs/{job['id']}").json()["status"] == "IN_QUEUE":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert client.delete(f"/jobs/{job['id']}").status_code in {200, 202}
    assert finished(client, job["id"], timeout_s=10)["status"] == "CANCELLED"
    quick = client.post("/video/img2vid", json={"url_image": url, **SMALL})
    assert quick.json()["status"] == "COMPLETED"


def test_a_dry_run_tells_where_frames_would_live_on_a_card_that_is_not_here(
    client: httpx2.Client, desk: Path
) -> None:
    body = {"url_video": upload(client, desk / "talk.mp4"), "url_srt": upload(client, desk / "talk.srt")}
    told = client.post("/video/caption/dry-run?target=l4", json=body).json()
    assert "overlay_cuda" in json.dumps(told["plan"])


def test_a_preview_is_one_real_frame(client: httpx2.Client, desk: Path) -> None:
    body = {"url_video": upload(client, desk / "talk.mp4"), "url_srt": upload(client, desk / "talk.srt")}
    answer = client.post("/video/caption/preview?at=0.5", json=body)
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/play/caption", "/play/jobs", "/openapi.json", "/health", "/metrics"]
)
def test_every_page_is_there(client: httpx2.Client, path: str) -> None:
    assert client.get(path).status_code == 200


def test_runpods_own_api_is_there_too(client: httpx2.Client, desk: Path) -> None:
    url = upload(client, desk / "beach.jpg")
    body = {"input": {"operation": "img2vid", "url_image": url, **SMALL, "dry_run": True}}
    answer = client.post("/v2/local/runsync", json=body, headers={"Authorization": "Bearer none"})
    assert answer.json()["status"] == "COMPLETED", answer.text
    assert answer.json()["output"]["plan"]["output"]["width"] == 320


def test_everything_is_there_again_after_a_restart(tmp_path: Path, desk: Path) -> None:
    port = free_port()
    with serving(tmp_path / "data", port=port) as first, httpx2.Client(base_url=first.url, timeout=60) as client:
        url = upload(client, desk / "beach.jpg")
        job = client.post("/video/img2vid", json={"url_image": url, **SMALL}).json()
    with serving(tmp_path / "data", port=port) as again, httpx2.Client(base_url=again.url, timeout=60) as client:
        told = client.get(f"/jobs/{job['id']}").json()
        assert told["status"] == "COMPLETED"
        assert client.get(told["video_url"]).status_code == 200
    assert workers_of(tmp_path / "data") == []
    assert "Traceback" not in first.told + again.told


def test_a_worker_that_is_killed_is_replaced_and_the_job_done(tmp_path: Path, desk: Path) -> None:
    with serving(tmp_path / "data") as running, httpx2.Client(base_url=running.url, timeout=60) as client:
        url = upload(client, desk / "beach.jpg")
        body = {"url_image": url, "duration": 20, "width": 640, "height": 360}
        job = client.post("/video/img2vid", json=body, headers={"Prefer": "respond-async"}).json()
        deadline = time.monotonic() + 30
        while client.get(f"/jobs/{job['id']}").json()["status"] == "IN_QUEUE":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for pid in workers_of(tmp_path / "data"):
            os.kill(pid, 9)
        assert finished(client, job["id"])["status"] == "COMPLETED"


def test_it_listens_beyond_loopback_only_with_a_key(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = main(["serve", "--host", "0.0.0.0", "--port", "0", "--data-dir", str(tmp_path / "data")])
    assert status == 2
    assert "apigpu keys create" in capfd.readouterr().err


def test_with_a_key_nobody_comes_in_without_one(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    assert main(["keys", "create", "--name", "n8n", "--data-dir", str(data), "--json"]) == 0
    key = json.loads(capfd.readouterr().out)["secret"]
    with serving(data) as running:
        assert httpx2.get(f"{running.url}/jobs").status_code == 401
        assert httpx2.get(f"{running.url}/jobs", headers={"X-API-Key": key}).status_code == 200
        assert httpx2.get(f"{running.url}/jobs", headers={"Authorization": f"Bearer {key}"}).status_code == 200
        assert httpx2.post(f"{running.url}/v2/local/run", json={"input": {}}).status_code == 401
        assert httpx2.get(f"{running.url}/health").status_code == 200
        assert key not in running.told


def test_two_servers_never_share_a_folder(tmp_path: Path, server: Server) -> None:
    with serving(tmp_path / "data"), pytest.raises(AssertionError, match="another apigpu serve is using"):
        start(tmp_path / "data")


def test_a_port_that_is_taken_is_told(tmp_path: Path, server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    port = server.url.rsplit(":", 1)[1]
    assert main(["serve", "--port", port, "--data-dir", str(tmp_path / "data")]) == 2
    assert f"cannot listen on 127.0.0.1:{port}" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--port", "99999"], "no port"),
        (["--workers", "-1"], "make no sense"),
        (["--public-url", "example.com"], "no http(s) URL"),
        (["--runpod", "abc"], "RUNPOD_API_KEY"),
        (["--prot", "1"], "--port"),
    ],
)
def test_a_wrong_flag_is_told_before_anything_starts(
    flags: list[str], words: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNPOD_API_KEY", raising=False)
    assert main(["serve", *flags]) == 2
    assert words in capfd.readouterr().err


def test_neither_the_server_nor_the_command_line_imports_the_sdk() -> None:
    code = "import sys, apigpu_runtime.cli.serve, apigpu_runtime.serve.app; sys.exit('runpod' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=30, check=False).returncode == 0
