"""On every kind of device and of broken machine, doctor tells the truth and each operation ends in a right video."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from apigpu.targets.target import ENCODER_FEATURES
from ladder_support import Ended, Workplace, psnr_db, render, stream_of
from softgpu.equipment import Personality

pytestmark = pytest.mark.ffmpeg

FULL = "cuda+nvdec+nvenc"
LADDER = f"{FULL} -> cuda+nvenc -> cuda+nvdec -> cuda -> cpu+nvenc -> cpu"
NO_NVENC = "cuda+nvdec -> cuda -> cpu"
NO_VIDEO = "the NVIDIA driver's video libraries are not in this container."


@dataclass(frozen=True)
class Verdict:
    """What is expected of a device: its ladder, what does the work of a caption, and why nothing better does."""

    ladder: str
    decoder: str
    encoder: str
    reason: str = ""
    remedy: str = ""
    rung: str = ""
    """Where the caption ends up; mostly the top of the ladder."""


VERDICTS: dict[Personality, Verdict] = {
    "t4": Verdict(LADDER, "h264 (NVDEC)", "h264_nvenc"),
    "l4": Verdict(LADDER, "h264 (NVDEC)", "h264_nvenc"),
    "rtx4090": Verdict(LADDER, "h264 (NVDEC)", "h264_nvenc"),
    "pascal": Verdict(LADDER, "h264 (NVDEC)", "h264_nvenc"),
    "a100": Verdict(NO_NVENC, "h264 (NVDEC)", "libx264", "this GPU has no video encoder (NVENC).", "Choose a card"),
    "h100": Verdict(NO_NVENC, "h264 (NVDEC)", "libx264", "this GPU has no video encoder (NVENC).", "such as L4"),
    "old-driver": Verdict(NO_NVENC, "h264 (NVDEC)", "libx264", "driver is too old for this FFmpeg.", "or newer"),
    "no-video-capability": Verdict(
        "cuda -> cpu", "h264", "libx264", NO_VIDEO, "NVIDIA_DRIVER_CAPABILITIES=compute,video,utility"
    ),
    "no-device": Verdict("cpu", "h264", "libx264", "no NVIDIA GPU is visible to FFmpeg.", "the NVIDIA runtime"),
    "driver-mismatch": Verdict("cpu", "h264", "libx264", "do not fit the host's driver.", "Use a plain base image"),
    "nvdec-without-codec": Verdict(
        "cuda+nvenc -> cuda -> cpu+nvenc -> cpu", "h264", "h264_nvenc", "this card's NVDEC does not take it."
    ),
    "out-of-memory": Verdict(LADDER, "h264", "h264_nvenc", "the GPU's memory ran out.", rung="cuda+nvenc"),
    "session-limit": Verdict(NO_NVENC, "h264 (NVDEC)", "libx264", "no further encoding session.", "fewer jobs"),
}


@dataclass(frozen=True)
class Day:
    """What one device did: doctor, and each operation once."""

    folder: Path
    doctor: Ended
    caption: Ended
    img2vid: Ended
    addaudio: Ended


@pytest.fixture(scope="module")
def reference(prepared: Workplace) -> Path:
    """The captioned video and the photo's, as the CPU makes them."""
    commands = [render(name, f"{name}.mp4", "--target", "cpu") for name in ("caption", "img2vid")]
    assert [one.status for one in prepared.run(commands, on="no-device")] == [0, 0]
    return prepared.folder


@pytest.fixture(scope="module", params=VERDICTS)
def personality(request: pytest.FixtureRequest) -> Personality:
    found: Personality = request.param
    return found


@pytest.fixture(scope="module")
def day(personality: Personality, prepared: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Day:
    workplace = prepared.copy(tmp_path_factory.mktemp(personality))
    renders = [render(name, f"my-{name}.mp4") for name in ("caption", "img2vid", "addaudio")]
    return Day(workplace.folder, *workplace.run([("doctor", "--json"), *renders], on=personality))


def test_doctor_names_what_works_and_the_remedy_for_what_does_not(day: Day, personality: Personality) -> None:
    wanted = VERDICTS[personality]
    target = day.doctor.document["target"]
    assert day.doctor.status == 0
    assert " -> ".join(target["ladder"]) == wanted.ladder
    assert target["encoders"][0] == wanted.encoder
    features = {word for word in target["encoder_features"] if word.startswith("h264_nvenc:")}
    options = ("bf",) if personality == "pascal" else ENCODER_FEATURES
    assert features == ({f"h264_nvenc:{word}" for word in options} if wanted.encoder == "h264_nvenc" else set())
    told = [(lack["sentence"], lack["remedy"]) for lack in target["lacks"]]
    is_known = any(wanted.reason in sentence and wanted.remedy in remedy for sentence, remedy in told)
    assert is_known or wanted.rung or not wanted.reason


def test_a_caption_is_burnt_in_on_the_best_rung_and_the_result_says_which_and_why(
    day: Day, personality: Personality, reference: Path
) -> None:
    wanted, result = VERDICTS[personality], day.caption.document
    assert (day.caption.status, result["rung"]) == (0, wanted.rung or wanted.ladder.split(" -> ")[0])
    assert (result["decoders"], result["encoder"]) == ([wanted.decoder], wanted.encoder)
    # Where the picture comes from the CPU, its transfer costs more than the card's filters save.
    assert ("cuda" in result["filters"]) == ("NVDEC" in wanted.decoder)
    assert any(wanted.reason in reason for reason in result["reasons"]) or not wanted.reason
    assert bool(result["reasons"]) == bool(wanted.reason)
    assert stream_of(day.folder / "my-caption.mp4") == {
        "codec_name": "h264",
        "width": 320,
        "height": 240,
        "nb_read_frames": "15",
    }
    assert psnr_db(day.folder, "my-caption.mp4", str(reference / "caption.mp4")) > 35


def test_a_photo_becomes_a_video_on_the_best_rung(day: Day, personality: Personality, reference: Path) -> None:
    wanted, result = VERDICTS[personality], day.img2vid.document
    assert (day.img2vid.status, result["rung"]) == (0, wanted.ladder.split(" -> ")[0])
    assert result["encoder"] == wanted.encoder
    assert result["frames"] == int(stream_of(day.folder / "my-img2vid.mp4")["nb_read_frames"])
    assert psnr_db(day.folder, "my-img2vid.mp4", str(reference / "img2vid.mp4")) > 35


def test_a_sound_is_added_without_any_of_the_card(day: Day) -> None:
    result = day.addaudio.document
    assert (day.addaudio.status, result["encoder"], result["filters"].get("cuda")) == (0, "copy", None)
    assert stream_of(day.folder / "my-addaudio.mp4")["nb_read_frames"] == "15"
