"""Previews over HTTP: one frame, or a short clip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.process import capture_sync
from dry_run_support import MediaServer

pytestmark = pytest.mark.ffmpeg


def request(files: MediaServer) -> dict[str, str]:
    return {"url_video": f"{files.url}/talk.mp4", "url_srt": f"{files.url}/talk.srt"}


def test_a_frame_shows_what_the_video_would(client: TestClient, files: MediaServer) -> None:
    """The caption is there from 0.5 to 1.5 s."""
    shown = client.post("/video/caption/preview?at=1.0", json=request(files))
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert shown.content.startswith(b"\x89PNG")
    assert shown.headers["x-preview-at"] == "1.000"
    bare = client.post("/video/caption/preview?at=0.1", json=request(files))
    middle = client.post("/video/caption/preview", json=request(files))
    assert middle.content == shown.content
    assert bare.content != shown.content


def test_a_clip_is_short_small_and_has_sound(
    client: TestClient, files: MediaServer, binaries: Binaries, tmp_path: Path
) -> None:
    steps = [
        {"operation": "img2vid", "url_image": f"{files.url}/photo.jpg", "duration": 3, "width": 1280, "height": 720},
        {"operation": "addaudio", "url_audio": f"{files.url}/tone.mp3", "length": "video"},
    ]
    answer = client.post("/video/pipeline/preview?at=0.5&clip=1", json={"steps": steps})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4"), answer.text
    (tmp_path / "clip.mp4").write_bytes(answer.content)
    argv = [binaries.ffprobe, "-v", "error", "-show_streams", "-of", "json", str(tmp_path / "clip.mp4")]
    video, audio = json.loads(capture_sync(argv, timeout_s=20).stdout)["streams"]
    assert (video["width"], video["height"], video["nb_frames"]) == (640, 360, "24")
    assert float(audio["duration"]) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(
    ("query", "status", "path"),
    [
        ("at=-1", 422, "at"),
        ("at=nan", 422, "at"),
        ("at=soon", 422, "at"),
        ("at=2.5", 422, "at"),
        ("clip=0", 422, "clip"),
        ("clip=11", 422, "clip"),
        ("to=3", 422, "to"),
    ],
)
def test_a_moment_that_is_none_is_refused(
    client: TestClient, files: MediaServer, query: str, status: int, path: str
) -> None:
    answer = client.post(f"/video/caption/preview?{query}", json=request(files))
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (status, path)


def test_wrong_media_are_told_beside_their_field(client: TestClient, files: MediaServer) -> None:
    wrong = {**request(files), "url_video": f"{files.url}/notes.txt"}
    answer = client.post("/video/caption/preview", json=wrong)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "url_video")


def test_an_unknown_operation_and_paths_are_refused(client: TestClient, media: Path) -> None:
    assert client.post("/video/nothing/preview", json={}).status_code == 404
    paths = {"url_video": str(media / "talk.mp4"), "url_srt": f"file://{media}/talk.srt"}
    answer = client.post("/video/caption/preview", json=paths)
    assert (answer.status_code, answer.json()["code"]) == (422, "local_path")
    assert len(answer.json()["errors"]) == 2
