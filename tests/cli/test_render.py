"""The commands that do the work, through the command line and a real FFmpeg."""

from __future__ import annotations

import itertools
import json
import os
import pty
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from cli_support import Answer, Call

pytestmark = pytest.mark.ffmpeg
APIGPU = Path(sys.executable).with_name("apigpu")


def probed(path: Path | str) -> dict[str, str]:
    """Codec of each kind of stream, and the length."""
    asked = [
        "-v",
        "error",
        "-of",
        "json",
        "-show_entries",
        "stream=codec_type,codec_name,width,height:format=duration",
    ]
    done = subprocess.run(["ffprobe", *asked, path], capture_output=True, check=True, timeout=30)
    found = json.loads(done.stdout)
    streams = {item["codec_type"]: item["codec_name"] for item in found["streams"]}
    return streams | {"duration": found["format"].get("duration", "")}


def captioned(apigpu: Call, media: Path, *more: str, command: str = "render") -> Answer:
    return apigpu(command, "caption", "--url-video", media / "video.mp4", "--url-srt", media / "subs.srt", *more)


def test_a_render_leaves_the_video_and_tells_what_ran(apigpu: Call, media: Path) -> None:
    answer = captioned(apigpu, media, "-o", "out.mp4", "--target", "cpu")
    assert answer.status == 0, answer
    assert os.listdir(".") == ["out.mp4"]
    assert probed("out.mp4")["video"] == "h264"
    assert float(probed("out.mp4")["duration"]) == pytest.approx(2, abs=0.1)
    first, second, third = answer.out.splitlines()[:3]
    assert first.startswith(f"{Path('out.mp4').absolute()}: ")
    assert "2.00 s, 50 frames" in first
    assert "x realtime" in second
    assert "s of CPU" in second
    assert third.startswith("ran on cpu")
    assert "picture by libx264, sound copied" in third


def test_progress_is_plain_lines_where_there_is_no_terminal(apigpu: Call, media: Path) -> None:
    lines = captioned(apigpu, media, "-o", "out.mp4").err.splitlines()
    assert lines
    assert "%" in lines[-1]
    assert len(lines) <= 12


def test_machines_get_json_on_stdout_and_progress_lines_on_stderr(apigpu: Call, media: Path) -> None:
    answer = captioned(apigpu, media, "-o", "out.mp4", "--json")
    told = json.loads(answer.out)
    assert (told["output"], told["frames"], told["encoder"]) == (str(Path("out.mp4").absolute()), 50, "libx264")
    assert told["size_bytes"] == Path("out.mp4").stat().st_size
    assert all("fraction" in json.loads(line)["progress"] for line in answer.err.splitlines())


def test_a_terminal_gets_a_bar(media: Path, tmp_path: Path) -> None:
    words = [
        "render",
        "caption",
        "--url-video",
        media / "video.mp4",
        "--url-srt",
        media / "subs.srt",
        "-o",
        "out.mp4",
    ]
    ours, theirs = pty.openpty()
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "80"}
    with subprocess.Popen([APIGPU, *words], cwd=tmp_path, stdout=theirs, stderr=theirs, env=environ) as process:
        os.close(theirs)
        shown = read_all(ours)
    assert process.returncode == 0
    assert "caption" in shown
    assert "━" in shown


def read_all(handle: int) -> str:
    """What a terminal shows until its other side is closed, which Linux reports as an error."""
    shown = b""
    with open(handle, "rb", buffering=0) as terminal:
        try:
            while chunk := terminal.read(4096):
                shown += chunk
        except OSError:
            pass
    return shown.decode()


def test_an_output_that_exists_is_replaced_whole_and_readable_by_others(apigpu: Call, media: Path) -> None:
    Path("real.mp4").write_text("old", encoding="utf-8")
    Path("out.mp4").symlink_to("real.mp4")
    assert captioned(apigpu, media, "-o", "out.mp4").status == 0
    assert Path("out.mp4").is_symlink()
    assert probed("real.mp4")["video"] == "h264"
    assert stat.S_IMODE(Path("real.mp4").stat().st_mode) & 0o444 == 0o444


@pytest.mark.parametrize("name", ["it's 100%, [really]; a:b=c.mp4", "-dash.mp4", "new\nline.mp4", "%03d.mp4"])
def test_odd_names_are_only_names(apigpu: Call, media: Path, name: str) -> None:
    shutil.copy(media / "video.mp4", f"./{name}")
    shutil.copy(media / "subs.srt", f"./{name}.srt")
    answer = apigpu("render", "caption", f"--url-video={name}", f"--url-srt={name}.srt", f"--output=out {name}")
    assert answer.status == 0, answer
    assert probed(Path(f"out {name}").absolute())["video"] == "h264"


def test_odd_names_of_stills_are_only_names(apigpu: Call, media: Path) -> None:
    shutil.copy(media / "photo.png", "./%03d[0-9]*.png")
    answer = apigpu("render", "img2vid", "--url-image", "%03d[0-9]*.png", "--duration", "0.4", "-o", "out.mp4")
    assert answer.status == 0, answer


def test_addresses_are_downloaded(apigpu: Call, media: Path, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v").respond_with_data((media / "video.mp4").read_bytes())
    httpserver.expect_request("/s.srt").respond_with_data((media / "subs.srt").read_bytes())
    urls = ("--url-video", httpserver.url_for("/v"), "--url-srt", httpserver.url_for("/s.srt"))
    assert apigpu("render", "caption", *urls, "-o", "out.mp4").status == 0
    assert probed("out.mp4")["video"] == "h264"


@pytest.fixture
def pipeline(media: Path, tmp_path: Path) -> Path:
    """A pipeline of all three operations, whose paths are relative to its own folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("photo.png", "sound.wav", "subs.srt"):
        shutil.copy(media / name, folder / name)
    steps = [
        {"operation": "img2vid", "url_image": "photo.png", "duration": 2, "frame_rate": 10},
        {"operation": "addaudio", "url_audio": "sound.wav"},
        {"operation": "caption", "url_srt": "subs.srt"},
    ]
    (folder / "steps.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
    return folder / "steps.json"


def test_a_pipeline_is_one_run_and_its_paths_start_at_its_file(apigpu: Call, pipeline: Path) -> None:
    answer = apigpu("render", "pipeline", pipeline, "-o", "out.mp4")
    assert answer.status == 0, answer
    found = probed("out.mp4")
    assert (found["video"], found["audio"]) == ("h264", "aac")
    assert float(found["duration"]) == pytest.approx(2, abs=0.1)


STEPS = {
    "caption": {"operation": "caption", "url_srt": "subs.srt"},
    "addaudio": {"operation": "addaudio", "url_audio": "sound.wav", "mode": "mix"},
    "again": {"operation": "caption", "url_srt": "subs.srt", "style": {"position": "top_center"}},
}


@pytest.mark.parametrize("order", list(itertools.permutations(STEPS)), ids="-".join)
def test_steps_that_take_a_video_come_in_any_order(apigpu: Call, media: Path, order: tuple[str, ...]) -> None:
    steps = [dict(STEPS[name]) for name in order]
    steps[0]["url_video"] = "video.mp4"
    for name in ("video.mp4", "sound.wav", "subs.srt"):
        shutil.copy(media / name, name)
    Path("steps.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
    answer = apigpu("render", "pipeline", "steps.json", "-o", "out.mp4", "--json")
    assert answer.status == 0, answer
    found = probed("out.mp4")
    assert (found["video"], found["audio"], float(found["duration"])) == ("h264", "aac", pytest.approx(2, abs=0.05))


def test_a_preview_is_one_frame_as_large_as_the_video(apigpu: Call, media: Path) -> None:
    answer = captioned(apigpu, media, "--at", "1", "-o", "frame.png", command="preview")
    assert answer.status == 0, answer
    assert "160x120" in answer.out
    assert probed("frame.png")["video"] == "png"


def test_a_preview_of_a_pipeline_is_of_its_middle_by_default(apigpu: Call, pipeline: Path) -> None:
    assert apigpu("preview", "pipeline", pipeline, "-o", "frame.png").status == 0
    assert probed("frame.png")["video"] == "png"


@pytest.mark.parametrize("moment", ["2.5", "-1", "nan", "noon"])
def test_a_preview_of_no_moment_of_the_video(apigpu: Call, media: Path, moment: str) -> None:
    answer = captioned(apigpu, media, "--at", moment, "-o", "frame.png", command="preview")
    assert answer.status == 2
    assert answer.err.startswith("error: at: ")
    assert os.listdir(".") == []


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("text", "target "), ("argv", "ffmpeg "), ("mermaid", "flowchart"), ("dot", "digraph"), ("json", "{")],
)
def test_a_plan_has_five_forms(apigpu: Call, media: Path, form: str, beginning: str) -> None:
    answer = captioned(apigpu, media, "--target", "l4", "--format", form, command="plan")
    assert answer.status == 0, answer
    assert answer.out.startswith(beginning)
    assert os.listdir(".") == []


def test_a_plan_can_be_run_by_hand_where_its_assets_lie(apigpu: Call, media: Path) -> None:
    answer = captioned(apigpu, media, "--format", "argv", "--target", "cpu", "--assets", "kit", command="plan")
    argv = shlex.split(answer.out)
    assert argv[-1] == "OUTPUT"
    subprocess.run([*argv[:-1], "by-hand.mp4"], cwd="kit", check=True, capture_output=True, timeout=60)
    assert probed("kit/by-hand.mp4")["video"] == "h264"


def test_assets_go_nowhere_but_into_a_folder(apigpu: Call, media: Path) -> None:
    answer = captioned(apigpu, media, "--assets", "/dev/null/kit", command="plan")
    assert answer.status == 2
    assert answer.err.startswith("error: assets: nothing can be written in /dev/null/kit: ")


def test_operations_are_listed_for_people_and_with_schemas_for_machines(apigpu: Call) -> None:
    listed = apigpu("operations").out.splitlines()
    assert [line.split()[0] for line in listed[:3]] == ["addaudio", "caption", "img2vid"]
    found = {item["name"]: item for item in json.loads(apigpu("operations", "--json").out)["operations"]}
    assert found["caption"]["main_field"] == "url_video"
    assert "url_srt" in found["caption"]["input"]["properties"]


def test_doctor_finds_what_renders_need(apigpu: Call) -> None:
    assert apigpu("doctor").status == 0
    told = json.loads(apigpu("doctor", "--json").out)
    assert told["ok"] is True
    assert {"ffmpeg", "ffprobe", "cuda", "fonts", "operation caption"} <= {item["name"] for item in told["findings"]}


def test_doctor_says_what_is_missing_and_what_to_do(apigpu: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("APIGPU_FFMPEG", "/nowhere/ffmpeg")
    answer = apigpu("doctor")
    assert answer.status == 1
    assert "FAIL  ffmpeg: " in answer.out
    assert "Install FFmpeg 5.1 or newer" in answer.out


def test_a_reader_that_leaves_early_is_no_error() -> None:
    command = f"{shlex.quote(str(APIGPU))} operations --json | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
