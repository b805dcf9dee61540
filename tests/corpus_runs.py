"""Every file of the corpus through every operation that takes it: how each run ends, and whether that is right."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from apigpu.errors import InputError
from apigpu.plan import Plan
from apigpu.registry import Registry
from apigpu_runtime.execute import Machine, execute, prepare
from apigpu_runtime.request import single_request
from apigpu_runtime.settings import Settings

VIDEO = "video/sample_portrait.mp4"
CAPTIONED = "video/nasa_13013.mp4"
AUDIO = "audio/bear.opus"
SUBTITLES = "subs/poem.es.srt"
IMAGE_FIELDS: dict[str, Any] = {"duration": 0.4, "frame_rate": 10}


@dataclass(frozen=True)
class Case:
    """One file in one field of one operation."""

    file: str
    operation: str
    field: str

    def fields(self) -> dict[str, Any]:
        rest: dict[str, dict[str, Any]] = {
            "caption": {"url_video": CAPTIONED, "url_srt": SUBTITLES},
            "addaudio": {"url_video": VIDEO, "url_audio": AUDIO},
            "img2vid": IMAGE_FIELDS,
        }
        return {**rest[self.operation], self.field: self.file}


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `ok` with what came out, or `refused` with the sentence that the user reads."""

    kind: str
    detail: str
    warnings: tuple[str, ...] = ()
    wall_s: float = 0.0


def cases(corpus: Path) -> Iterator[Case]:
    """Every file where its kind is asked for."""
    fields = {
        "video": [("caption", "url_video"), ("addaudio", "url_video")],
        "audio": [("addaudio", "url_audio")],
        "subs": [("caption", "url_srt")],
        "photo": [("img2vid", "url_image")],
    }
    for folder, taken in fields.items():
        for path in sorted((corpus / folder).iterdir()):
            for operation, field in taken:
                yield Case(f"{folder}/{path.name}", operation, field)


def strangers(corpus: Path) -> Iterator[Case]:
    """Every file where another kind is asked for; a video with sound may still serve as a sound."""
    kinds = {
        "video": ("caption", "url_video"),
        "audio": ("addaudio", "url_audio"),
        "subs": ("caption", "url_srt"),
        "photo": ("img2vid", "url_image"),
    }
    for folder in kinds:
        for path in sorted((corpus / folder).iterdir()):
            for other, (operation, field) in kinds.items():
                if other != folder:
                    yield Case(f"{folder}/{path.name}", operation, field)


LONG_S = {
    "video/long_1080p_lowbitrate.mp4": 12,
    "video/big_buck_bunny_0_30.webm": 4,
    "video/video-h265.mp4": 2,
}
"""Files that are only long, and how many seconds of them the tests take to stay within their budget."""

SLACK_S = 0.25
"""How far the length of a result may be off what its plan says."""


class Runner:
    """Runs cases on this machine's CPU; `cuts` is a folder for shortened copies of long files, None to take all."""

    def __init__(self, corpus: Path, *, cuts: Path | None = None) -> None:
        self._corpus = corpus
        self._cuts = cuts
        self._registry = Registry.discover()
        self._machine = Machine.found(Settings.from_environment(guarded=False))
        self._target = self._machine.target("cpu")

    def outcome(self, case: Case) -> Outcome:
        """Render the case and look at the result. Raises AssertionError for a video that is not right."""
        began_s = time.monotonic()
        with TemporaryDirectory() as name:
            output = Path(name) / "out.mp4"
            try:
                plan = asyncio.run(self._render(case, Path(name), output))
            except InputError as error:
                return Outcome("refused", str(error), (), time.monotonic() - began_s)
            wall_s = time.monotonic() - began_s
            detail = self._checked(output, plan, SLACK_S)
        return Outcome("ok", detail, tuple(item.message for item in plan.warnings), wall_s)

    async def _render(self, case: Case, folder: Path, output: Path) -> Plan:
        fields = {**case.fields(), case.field: str(self._file(case.file))}
        request = single_request(self._registry.get(case.operation), fields)
        prepared = await prepare(request, base=self._corpus, machine=self._machine, folder=folder)
        plan = prepared.compiled(self._target, "mp4")
        await execute(plan, output, machine=self._machine, folder=folder)
        return plan

    def _file(self, name: str) -> Path:
        whole = self._corpus / name
        if self._cuts is None or name not in LONG_S:
            return whole
        cut = self._cuts / f"cut-{whole.name}"
        if not cut.exists():
            command = ["-v", "error", "-i", str(whole), "-t", str(LONG_S[name]), "-c", "copy", "-map", "0", str(cut)]
            subprocess.run([self._machine.binaries.ffmpeg, *command], check=True, timeout=60)
        return cut

    def _checked(self, output: Path, plan: Plan, slack_s: float) -> str:
        """What came out, in words; right means: the streams and the length of the plan, and every frame decodes."""
        found = self._probed(output)
        streams = {stream["codec_type"]: stream for stream in found["streams"]}
        picture = streams["video"]
        length_s = float(found["format"]["duration"])
        assert ("audio" in streams) == bool(plan.output.audio), "sound is missing, or came from nowhere"
        if plan.output.video != "copy":  # a copied picture is stored as it was, odd or lying on its side
            assert (picture["width"], picture["height"]) == (plan.output.width, plan.output.height)
        assert abs(length_s - plan.duration_s) < slack_s, f"{length_s} s instead of {plan.duration_s} s"
        complaints = self._decoded(output)
        assert not complaints, complaints
        sound = f", {streams['audio']['codec_name']}" if "audio" in streams else ""
        return f"{picture['width']}x{picture['height']} {picture['codec_name']}{sound}, {length_s:.2f} s"

    def _probed(self, output: Path) -> dict[str, Any]:
        asked = ["-v", "error", "-of", "json", "-show_streams", "-show_format", str(output)]
        done = subprocess.run([self._machine.binaries.ffprobe, *asked], capture_output=True, check=True, timeout=60)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def _decoded(self, output: Path) -> str:
        """What FFmpeg complains about when it decodes the whole file."""
        command = [self._machine.binaries.ffmpeg, "-v", "error", "-i", str(output), "-f", "null", "-"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        # The muxer of this very check minds uneven frames, in its coarse time base; the decoder does not.
        harmless = ("non monotonically increasing dts to muxer", "Last message repeated")
        return "\n".join(line for line in done.stderr.splitlines() if not any(word in line for word in harmless))
