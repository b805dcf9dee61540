"""A plugin that the project does not know, installed by pip into a fresh venv beside it, with a broken one.

What the README promises: install it, and it is a command, a row of `operations`, a dry run and a pipeline step.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from cli_support import Answer, make

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MAIN = "import sys; from apigpu_runtime.cli import main; sys.exit(main())"

# One worker makes the venv for all of them.
pytestmark = pytest.mark.xdist_group("plugin from outside")

Apigpu = Callable[..., Answer]


@pytest.fixture(scope="module")
def apigpu(tmp_path_factory: pytest.TempPathFactory) -> Apigpu:
    """The command line of a venv that has apigpu-blur and apigpu-broken besides all that this one has."""
    folder = tmp_path_factory.mktemp("outside")
    python = folder / "venv" / "bin" / "python"
    run_well(sys.executable, "-m", "venv", str(folder / "venv"))
    see_packages_of_this_venv(folder / "venv")
    pip = ("-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation")
    run_well(str(python), *pip, *(str(EXAMPLES / name) for name in ("apigpu-blur", "apigpu-broken")))

    def call(*words: str | Path) -> Answer:
        done = run(str(python), "-c", MAIN, *map(str, words))
        return Answer(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with clip.mp4 (1 s, 1280x720, 25 fps) and tone.wav (1 s)."""
    folder = tmp_path_factory.mktemp("media")
    make(folder, "-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=1", "-pix_fmt", "yuv420p", "clip.mp4")
    make(folder, "-f", "lavfi", "-i", "sine=d=1", "tone.wav")
    return folder


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)


def run_well(*command: str) -> None:
    done = run(*command)
    assert done.returncode == 0, done.stdout + done.stderr


def see_packages_of_this_venv(venv: Path) -> None:
    """A .pth file alone would add the folder, but not follow the .pth files in it: editable installs are such."""
    (packages,) = venv.glob("lib/python*/site-packages")
    here = sysconfig.get_path("purelib")
    (packages / "outer.pth").write_text(f"import site; site.addsitedir({here!r})\n", encoding="utf-8")


def test_operations_lists_the_plugin_and_reports_the_broken_one(apigpu: Apigpu) -> None:
    answer = apigpu("operations", "--json")
    assert answer.status == 0
    document = json.loads(answer.out)
    rows = {item["name"]: item for item in document["operations"]}
    assert rows["blur"]["distribution"] == "apigpu-blur"
    assert {"addaudio", "caption", "img2vid"} <= rows.keys()
    (failure,) = document["failures"]
    assert (failure["plugin"], failure["distribution"]) == ("broken", "apigpu-broken")
    assert "a_module_that_nobody_has" in failure["error"]


def test_operations_for_people_says_so_too(apigpu: Apigpu) -> None:
    lines = apigpu("operations").out.splitlines()
    assert any(line.startswith("blur ") and "Blur a video." in line for line in lines)
    assert any(
        line.startswith("broken") and "FAILED" in line and "a_module_that_nobody_has" in line for line in lines
    )


def test_the_plugin_is_a_command_with_flags_from_its_model(apigpu: Apigpu) -> None:
    answer = apigpu("plan", "blur", "--help")
    assert answer.status == 0
    assert "--url-video" in answer.out
    assert "--sigma" in answer.out
    assert "Standard deviation of the blur, in pixels." in answer.out


def test_asking_for_the_broken_plugin_tells_why_it_is_not_there(apigpu: Apigpu) -> None:
    answer = apigpu("plan", "broken")
    assert answer.status == 2
    assert "a_module_that_nobody_has" in answer.err
    assert "Traceback" not in answer.err


def test_a_wrong_value_is_refused_in_a_sentence(apigpu: Apigpu, media: Path) -> None:
    answer = apigpu("plan", "blur", "--url-video", media / "clip.mp4", "--sigma", "51")
    assert answer.status == 2
    assert "sigma" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.ffmpeg
def test_a_dry_run_for_cuda_decodes_and_encodes_on_the_card_and_blurs_in_system_memory(
    apigpu: Apigpu, media: Path
) -> None:
    answer = apigpu("plan", "blur", "--url-video", media / "clip.mp4", "--sigma", "8", "--target", "l4", "--json")
    assert (answer.status, answer.err) == (0, "")
    plan = json.loads(answer.out)
    (blur,) = (node for node in plan["nodes"] if any(name.startswith("gblur") for name in node["filters"]))
    assert (plan["target"], blur["domain"], blur["owner"]) == ("l4", "system", "blur")
    assert any("gblur=sigma=8" in argument for argument in plan["steps"][0]["arguments"])
    assert "h264_nvenc" in plan["output"]["video"]


@pytest.mark.ffmpeg
def test_it_is_a_step_of_a_pipeline(apigpu: Apigpu, media: Path) -> None:
    steps = [
        {"operation": "addaudio", "url_video": "clip.mp4", "url_audio": "tone.wav"},
        {"operation": "blur", "sigma": 3},
    ]
    (media / "pipeline.json").write_text(json.dumps({"steps": steps}), encoding="utf-8")
    answer = apigpu("plan", "pipeline", media / "pipeline.json", "--target", "cpu", "--json")
    assert (answer.status, answer.err) == (0, "")
    plan = json.loads(answer.out)
    assert len(plan["steps"]) == 1
    assert {"addaudio", "blur"} <= {node["owner"] for node in plan["nodes"]}


@pytest.mark.ffmpeg
def test_it_renders(apigpu: Apigpu, media: Path) -> None:
    clip, result = media / "clip.mp4", media / "blurred.mp4"
    answer = apigpu("render", "blur", "--url-video", clip, "--sigma", "8", "-o", result)
    assert answer.status == 0, answer.err
    assert result.stat().st_size > 0
