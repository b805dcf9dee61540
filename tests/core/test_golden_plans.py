"""Plans of ordinary requests on every kind of target, kept as text that a reviewer reads.

`APIGPU_UPDATE_GOLDEN=1 pytest tests/core/test_golden_plans.py` writes them anew. They are compiled against what
FFmpeg 5.1.9 knows, kept beside them, so that the FFmpeg at hand does not matter.
"""

from __future__ import annotations

import json
import os
import shlex
from fractions import Fraction
from pathlib import Path

import pytest

from apigpu.compiler import compile_clip
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.media.facts import AudioFacts, ImageFacts, MediaFile, VideoFacts
from apigpu.media.fields import PREVIOUS
from apigpu.media.handles import Media
from apigpu.plan import Plan, PlanWarning, render_dot, render_mermaid, render_picture
from apigpu.registry import Registry
from apigpu.streams import Clip, owned_by
from apigpu.targets.presets import named_target
from support import media_file

GOLDEN = Path(__file__).parent.parent / "golden"
SRT = b"1\n00:00:01,000 --> 00:00:02,500\nOne {not code}\n\n2\n00:00:04,000 --> 00:00:05,000\nTwo\n"

PHONE = MediaFile(
    path="/media/phone.mov",
    format="mov,mp4,m4a,3gp,3g2,mj2",
    size_bytes=9,
    duration_s=8.0,
    videos=(
        VideoFacts(
            index=1, codec="hevc", width=1920, height=1080, pix_fmt="yuv420p", rotation_deg=90,
            frame_rate=Fraction(30000, 1001), duration_s=8.0,
        ),
    ),
    audios=(AudioFacts(index=0, codec="aac", sample_rate_hz=44100, channels=1, duration_s=8.0),),
)  # fmt: skip
LATE = MediaFile(
    path="/media/late.ts",
    format="mpegts",
    size_bytes=9,
    start_s=1.4,
    duration_s=6.0,
    videos=(
        VideoFacts(index=0, codec="h264", width=1280, height=720, pix_fmt="yuv420p", start_s=1.466, duration_s=6.0),
    ),
    audios=(AudioFacts(index=1, codec="mp2", sample_rate_hz=48000, channels=2, start_s=1.4, duration_s=6.0),),
)
MUSIC = MediaFile(
    path="/media/music.mp3",
    format="mp3",
    size_bytes=9,
    start_s=0.025,
    duration_s=4.0,
    audios=(AudioFacts(index=0, codec="mp3", sample_rate_hz=44100, channels=2, start_s=0.025, duration_s=4.0),),
)


def photo(name: str, width: int, height: int, orientation: int = 1) -> MediaFile:
    facts = ImageFacts(width=width, height=height, pix_fmt="yuvj420p", codec="mjpeg", orientation=orientation)
    return MediaFile(path=f"/media/{name}.jpg", format="jpeg_pipe", size_bytes=9, image=facts)


MEDIA = {
    "hd.mp4": media_file(path="/media/hd.mp4", duration_s=8.0),
    "phone.mov": PHONE,
    "late.ts": LATE,
    "music.mp3": MUSIC,
    "wide.jpg": photo("wide", 4000, 2250),
    "tall.jpg": photo("tall", 3000, 4000, orientation=6),
}
CASES: dict[str, list[dict[str, object]]] = {
    "caption": [{"operation": "caption", "url_video": "hd.mp4", "url_srt": "it.srt"}],
    "caption-phone": [{"operation": "caption", "url_video": "phone.mov", "url_srt": "it.srt"}],
    "addaudio": [{"operation": "addaudio", "url_video": "late.ts", "url_audio": "music.mp3"}],
    "addaudio-mix-loop": [
        {
            "operation": "addaudio",
            "url_video": "late.ts",
            "url_audio": "music.mp3",
            "mode": "mix",
            "when_short": "loop",
        }
    ],
    "img2vid": [{"operation": "img2vid", "url_image": "wide.jpg", "frame_rate": 25, "duration": 0.2}],
    "pipeline": [
        {
            "operation": "img2vid",
            "frame_rate": 25,
            "images": [
                {"image_url": "wide.jpg", "duration": 3.0, "motion": "none"},
                {"image_url": "tall.jpg", "duration": 3.0, "motion": "none"},
            ],
        },
        {"operation": "addaudio", "url_audio": "music.mp3"},
        {"operation": "caption", "url_srt": "it.srt"},
    ],
}
TARGETS = ("cpu", "l4", "h100")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry.discover(disabled=())


@pytest.fixture(scope="module")
def stated() -> Capabilities:
    known = json.loads((GOLDEN / "ffmpeg-5.1.9.json").read_text(encoding="utf-8"))
    return Capabilities.stated(filters=known["filters"], encoders=known["encoders"], version=(5, 1, 9))


def planned(steps: list[dict[str, object]], registry: Registry, stated: Capabilities, target: str) -> Plan:
    """The plan of a pipeline, over facts instead of files."""
    clip: Clip | None = None
    media = Media(files=MEDIA, texts={"it.srt": SRT})
    for step in steps:
        fields = {name: value for name, value in step.items() if name != "operation"}
        operation = registry.get(str(step["operation"]))
        if clip is not None and operation.main_field is not None:
            fields[operation.main_field] = PREVIOUS
        media.previous = clip
        with owned_by(operation.name):
            clip = operation.build(operation.input.model_validate(fields), media)
    assert clip is not None
    warnings = [PlanWarning(code=item.code, message=item.message) for item in media.warnings]
    return compile_clip(clip, named_target(target, stated), warnings=warnings)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES)
def test_the_plan_is_the_one_that_was_reviewed(
    case: str, target: str, registry: Registry, stated: Capabilities
) -> None:
    plan = planned(CASES[case], registry, stated, target)
    text = written(plan)
    path = GOLDEN / f"{case}-{target}.txt"
    if os.environ.get("APIGPU_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    assert planned(CASES[case], registry, stated, target) == plan


def written(plan: Plan) -> str:
    """Arguments a line each, graphs a filter each, then the picture and the numbers."""
    argv = "\n".join(shlex.quote(item) for item in plan.argv()).replace(";", ";\n  ")
    numbers = plan.model_dump_json(include={"output", "decoders", "warnings"}, indent=1)
    files = "\n".join(f"{asset.path} {asset.size_bytes}" for asset in plan.assets if "ttf" not in asset.path)
    transfers = "\n".join(f"{item.transfer} {item.pix_fmt} {item.bytes_per_s:.0f} B/s" for item in plan.transfers)
    return "\n\n".join([argv, render_picture(plan), transfers or "no transfer", files or "no files", numbers]) + "\n"


def test_every_rendering_of_a_plan_names_every_box(registry: Registry, stated: Capabilities) -> None:
    plan = planned(CASES["caption"], registry, stated, "h100")
    for text in (render_mermaid(plan), render_dot(plan)):
        assert all(node.label in text for node in plan.nodes)
        assert "download" in text


def test_a_plan_survives_its_json(registry: Registry, stated: Capabilities) -> None:
    plan = planned(CASES["pipeline"], registry, stated, "l4")
    again = Plan.model_validate_json(plan.model_dump_json())
    assert again.steps == plan.steps
    assert again.links == plan.links
    assert Plan.model_json_schema()["properties"]["links"]


def test_labels_cannot_break_out_of_a_rendering(registry: Registry, stated: Capabilities) -> None:
    hostile = photo('a"];b[x|`<>\n', 100, 100)
    media = Media(files={"x": hostile})
    operation = registry.get("img2vid")
    request = operation.input.model_validate({"url_image": "x", "frame_rate": 25, "duration": 0.2, "motion": "none"})
    plan = compile_clip(operation.build(request, media), named_target("cpu", stated))
    (box,) = [line for line in render_mermaid(plan).splitlines() if "i0[" in line]
    assert box == '  i0["a#quot;];b[x#124;\'#lt;#gt; .jpg"]:::system'
    assert render_picture(plan)
