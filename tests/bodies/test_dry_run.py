"""Dry runs over HTTP: the plan, and where its facts come from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from apigpu.plan import Plan
from apigpu_runtime.settings import Settings
from bodies_support import MemoryStorage
from dry_run_support import MediaServer, planning_app

VIDEO = {"width": 1920, "height": 1080, "duration_s": 60.0, "frame_rate": "30", "audio": {"codec": "aac"}}
CAPTION = {"url_video": "https://example.com/v.mp4?token=secret", "url_srt": "https://example.com/s.srt"}
CAPTION_FACTS = {"url_video": VIDEO, "url_srt": {"text": "1\n00:00:01,000 --> 00:00:03,000\nHello\n"}}


@pytest.fixture
def bare() -> TestClient:
    """A server without FFmpeg, and without a network that it would need."""
    return TestClient(planning_app(Settings(), has_ffmpeg=False))


def plan(client: TestClient, operation: str, document: dict[str, Any], target: str = "l4") -> dict[str, Any]:
    answer = client.post(f"/video/{operation}/dry-run", params={"target": target}, json=document)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    Plan.model_validate_json(json.dumps(found["plan"]))
    return found


def test_told_facts_need_neither_ffmpeg_nor_network(bare: TestClient) -> None:
    told = plan(bare, "caption", {**CAPTION, "facts": CAPTION_FACTS})
    assert told["facts_from"] == {"url_video": "request", "url_srt": "request"}
    assert (told["target"], told["plan"]["output"]["video"]) == ("l4", "h264_nvenc")
    assert told["plan"]["output"]["duration_s"] == 60
    assert told["plan"]["estimate"]["usd"] > 0
    assert told["command"].startswith("ffmpeg ")
    assert told["argv"][-1] == "OUTPUT"
    assert "file:url_video" in told["argv"]
    assert told["mermaid"].startswith(("flowchart", "graph"))
    assert told["dot"].startswith("digraph")
    assert "h264_nvenc" in told["text"]
    assert "secret" not in str(told)


@pytest.mark.parametrize(
    ("operation", "document"),
    [
        (
            "img2vid",
            {"url_image": "https://example.com/a.jpg", "facts": {"url_image": {"width": 4000, "height": 3000}}},
        ),
        (
            "img2vid",
            {
                "images": [{"image_url": "https://example.com/a.png"}],
                "facts": {"images.0.image_url": {"width": 400, "height": 300, "codec": "png", "pix_fmt": "rgb24"}},
            },
        ),
        (
            "addaudio",
            {
                "url_video": "https://example.com/v.mp4",
                "url_audio": "https://example.com/a.mp3",
                "facts": {"url_video": VIDEO, "url_audio": {"duration_s": 30.0}},
            },
        ),
        (
            "pipeline",
            {
                "steps": [
                    {"operation": "img2vid", "url_image": "https://example.com/a.jpg"},
                    {"operation": "addaudio", "url_audio": "https://example.com/a.mp3"},
                ],
                "facts": {
                    "steps.0.url_image": {"width": 4000, "height": 3000},
                    "steps.1.url_audio": {"duration_s": 30.0},
                },
            },
        ),
    ],
)
@pytest.mark.parametrize("target", ["cpu", "l4", "h100"])
def test_every_operation_is_planned_from_told_facts(
    bare: TestClient, operation: str, document: dict[str, Any], target: str
) -> None:
    assert plan(bare, operation, document, target)["target"] == target


def test_without_ffmpeg_and_facts_the_answer_asks_for_facts(bare: TestClient) -> None:
    facts = {"url_video": VIDEO}
    answer = bare.post("/video/caption/dry-run", json={**CAPTION, "facts": facts})
    told = answer.json()
    assert (answer.status_code, told["code"], told["errors"][0]["path"]) == (503, "facts_needed", "url_srt")
    assert "`facts`" in told["message"]


@pytest.mark.parametrize(
    ("facts", "path"),
    [
        ([], "facts"),
        ({"url_image": {}}, "facts.url_image"),
        ({"url_video": {"width": 1920, "height": 1080}}, "facts.url_video.duration_s"),
        ({"url_video": {**VIDEO, "width": "1920"}}, "facts.url_video.width"),
        ({"url_video": {**VIDEO, "width": 0}}, "facts.url_video.width"),
        ({"url_video": {**VIDEO, "frame_rate": "1/0"}}, "facts.url_video.frame_rate"),
        ({"url_video": {**VIDEO, "frame_rate": "100000"}}, "facts.url_video.frame_rate"),
        ({"url_video": {**VIDEO, "duration_s": 1e9}}, "facts.url_video.duration_s"),
        ({"url_video": {**VIDEO, "codec": "h264;rm"}}, "facts.url_video.codec"),
        ({"url_srt": {"text": ""}}, "facts.url_srt.text"),
    ],
)
def test_wrong_facts_are_told_with_their_path(bare: TestClient, facts: Any, path: str) -> None:
    answer = bare.post("/video/caption/dry-run", json={**CAPTION, "facts": facts})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


def test_facts_beyond_the_limits_of_media_are_refused(bare: TestClient) -> None:
    facts = {"url_video": {**VIDEO, "width": 16384, "height": 16384}}
    answer = bare.post("/video/caption/dry-run", json={**CAPTION, "facts": facts})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (413, "facts.url_video")


def test_files_that_come_with_a_dry_run_are_gone_with_its_answer() -> None:
    storage = MemoryStorage()
    client = TestClient(planning_app(Settings(), has_ffmpeg=False, storage=storage))
    form = {"url_srt": CAPTION["url_srt"], "facts": json.dumps(CAPTION_FACTS)}
    answer = client.post("/video/caption/dry-run?target=cpu", data=form, files={"url_video": ("v.mp4", b"video")})
    assert (answer.status_code, answer.json()["target"]) == (200, "cpu")
    assert len(storage.types) == 1
    assert not storage.objects


def test_an_unknown_target_is_told_the_known_ones(bare: TestClient) -> None:
    answer = bare.post("/video/caption/dry-run?target=l40", json={**CAPTION, "facts": CAPTION_FACTS})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_target")
    assert "rtx4090" in answer.json()["message"]


@pytest.mark.ffmpeg
def test_files_are_looked_at_and_what_was_learned_can_be_told_the_next_time(
    client: TestClient, bare: TestClient, files: MediaServer
) -> None:
    request = {"url_video": f"{files.url}/talk.mp4", "url_srt": f"{files.url}/talk.srt"}
    looked = plan(client, "caption", request)
    assert looked["facts_from"] == {"url_video": "fetched", "url_srt": "fetched"}
    assert (looked["facts"]["url_video"]["width"], looked["facts"]["url_video"]["frame_rate"]) == (320, "25")
    assert "/peek-" not in str(looked)
    fetched = files.requests
    told = plan(bare, "caption", {**request, "facts": looked["facts"]})
    assert files.requests == fetched
    assert told["plan"]["output"] == looked["plan"]["output"]
    assert told["plan"]["nodes"] == looked["plan"]["nodes"]


@pytest.mark.ffmpeg
@pytest.mark.parametrize("operation", ["img2vid", "addaudio"])
def test_pictures_and_sounds_are_looked_at(client: TestClient, files: MediaServer, operation: str) -> None:
    request = {
        "img2vid": {"url_image": f"{files.url}/photo.jpg"},
        "addaudio": {"url_video": f"{files.url}/talk.mp4", "url_audio": f"{files.url}/tone.mp3"},
    }[operation]
    looked = plan(client, operation, request)
    assert set(looked["facts_from"].values()) == {"fetched"}
    assert (
        plan(client, operation, {**request, "facts": looked["facts"]})["plan"]["output"] == looked["plan"]["output"]
    )


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("url", "status", "code"),
    [("/missing.mp4", 422, "download_failed"), ("/notes.txt", 422, "not_media"), ("/talk.srt", 422, "wrong_media")],
)
def test_wrong_media_are_told_beside_their_field(
    client: TestClient, files: MediaServer, url: str, status: int, code: str
) -> None:
    request = {"url_video": f"{files.url}{url}?token=secret", "url_srt": f"{files.url}/talk.srt"}
    answer = client.post("/video/caption/dry-run", json=request)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (status, "url_video")
    assert answer.json()["code"] == code
    assert "secret" not in answer.text


@pytest.mark.ffmpeg
def test_private_addresses_are_not_called(client: TestClient) -> None:
    request = {"url_video": "http://169.254.169.254/v.mp4", "url_srt": "http://127.0.0.1:9/s.srt"}
    answer = client.post("/video/caption/dry-run", json=request)
    assert (answer.status_code, answer.json()["code"]) == (422, "address_refused")


@pytest.mark.ffmpeg
@pytest.mark.parametrize("name", ["large.mp4", "large-index-first.mp4"])
def test_of_a_large_file_only_both_ends_are_fetched(
    client: TestClient, files: MediaServer, large: Path, name: str
) -> None:
    """The facts are those of the whole file."""
    request = {"url_video": f"{files.url}/{name}", "url_srt": f"{files.url}/talk.srt"}
    facts = plan(client, "caption", request)["facts"]["url_video"]
    assert (facts["width"], facts["duration_s"], facts["frame_rate"]) == (640, 10.0, "25")
    assert files.sent < large.stat().st_size / 3


@pytest.mark.ffmpeg
def test_of_a_large_file_on_a_server_without_ranges_the_head_may_do(
    client: TestClient, files: MediaServer, large: Path
) -> None:
    files.has_ranges = False
    request = {"url_video": f"{files.url}/large-index-first.mp4", "url_srt": f"{files.url}/talk.srt"}
    assert plan(client, "caption", request)["facts"]["url_video"]["duration_s"] == 10.0
    answer = client.post("/video/caption/dry-run", json={**request, "url_video": f"{files.url}/{large.name}"})
    assert (answer.status_code, answer.json()["code"]) == (422, "cannot_peek")
    assert "Send `facts`" in answer.json()["message"]


def test_no_ffmpeg_means_no_preview(bare: TestClient) -> None:
    answer = bare.post("/video/caption/preview", json=CAPTION)
    assert (answer.status_code, answer.json()["code"]) == (503, "ffmpeg_missing")


@pytest.fixture(autouse=True)
def nothing_stays_behind(tmp_path: Path) -> Any:
    yield
    left = [path for path in tmp_path.iterdir() if path.name.startswith("apigpu-")]
    for path in left:
        shutil.rmtree(path)
    assert not left
