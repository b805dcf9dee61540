"""One request as it is planned for several machines: the pictures of the page on where frames live.

Facts of the video and of FFmpeg are written down, so that the pictures do not depend on the machine at hand.
"""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

from apigpu.compiler import compile_clip
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.media.facts import AudioFacts, MediaFile, VideoFacts
from apigpu.media.handles import Media
from apigpu.plan import render_text
from apigpu.registry import Registry
from apigpu.streams import owned_by
from apigpu.targets.presets import named_target

ROOT = Path(__file__).resolve().parents[1]
MARKED = re.compile(r"(<!-- plan (\w+) -->\n).*?(<!-- end of plan -->)", re.DOTALL)
LEFT_OUT = ("files\n", "warnings\n", "estimate\n", "command\n")
SRT = b"1\n00:00:01,000 --> 00:00:02,500\nOne\n\n2\n00:00:04,000 --> 00:00:05,000\nTwo\n"
TALK = MediaFile(
    path="talk.mp4",
    format="mov,mp4,m4a,3gp,3g2,mj2",
    size_bytes=9,
    duration_s=8.0,
    videos=(
        VideoFacts(
            index=0, codec="h264", width=1920, height=1080, pix_fmt="yuv420p", frame_rate=Fraction(25), duration_s=8.0
        ),
    ),
    audios=(AudioFacts(index=1, codec="aac", sample_rate_hz=48000, channels=2, duration_s=8.0),),
)


def with_pictures(page: Path) -> str:
    """The page with the plan of each `<!-- plan TARGET -->` drawn anew."""

    def drawn(found: re.Match[str]) -> str:
        begin, target, end = found.groups()
        return f"{begin}```text\n{captioned(target)}\n```\n{end}"

    return MARKED.sub(drawn, page.read_text(encoding="utf-8"))


def captioned(target: str) -> str:
    """Subtitles burnt into an ordinary video: summary, picture and transfers of the plan."""
    operation = Registry.discover(disabled=()).get("caption")
    request = operation.input.model_validate({"url_video": "talk.mp4", "url_srt": "talk.srt"})
    with owned_by(operation.name):
        clip = operation.build(request, Media(files={"talk.mp4": TALK}, texts={"talk.srt": SRT}))
    known = json.loads((ROOT / "tests" / "golden" / "ffmpeg-5.1.9.json").read_text(encoding="utf-8"))
    stated = Capabilities.stated(filters=known["filters"], encoders=known["encoders"], version=(5, 1, 9))
    parts = render_text(compile_clip(clip, named_target(target, stated)), width=118).split("\n\n")
    return "\n\n".join(part.rstrip() for part in parts if not part.startswith(LEFT_OUT))
