"""`scripts/gpu-check`, on the software driver and on machines that lack something."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from softgpu.equipment import EquipmentMissing, build

ROOT = Path(__file__).resolve().parents[2]
OPERATIONS = ("caption", "img2vid", "addaudio", "scale, overlay", "blur", "img2vid, addaudio, caption")
IMPORTS = {"PYTHONPATH": os.pathsep.join(str(ROOT / name) for name in ("scripts", "tests"))}

pytestmark = pytest.mark.ffmpeg


def gpu_check(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Without the shell in front of it, which installs things."""
    try:
        build()
    except EquipmentMissing as missing:
        pytest.skip(str(missing))
    return subprocess.run(
        [sys.executable, "-m", "gpu_check", "--quick", *words],
        env=os.environ | IMPORTS | environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )


def test_every_operation_passes_on_the_software_driver_and_the_report_says_what_ran(tmp_path: Path) -> None:
    done = gpu_check("--software", "--report", str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(r"\d\d passed, 0 failed", done.stdout.splitlines()[-1])
    (report,) = tmp_path.iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-software-l4\.md", report.name)
    page = report.read_text(encoding="utf-8")
    assert "not a card" in page
    assert "- anything on a card" in page
    assert [name for name in OPERATIONS if f"| {name} |" not in page] == []
    assert [name for name in ("FFmpeg", "Driver", "apigpu") if f"| {name} | " not in page] == []
    assert str(ROOT) not in page


def test_a_machine_without_a_card_fails_and_claims_nothing(tmp_path: Path) -> None:
    done = gpu_check("--software", "no-device", "--report", str(tmp_path))
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "1 passed, 1 failed"
    page = next(tmp_path.iterdir()).read_text(encoding="utf-8")
    assert "- every operation: there are no CUDA frames here" in page
    assert "## Operations" not in page


@pytest.mark.parametrize(
    ("words", "said"),
    [(("--wheels",), "--wheels needs a folder"), (("--quick", "--wheels=nowhere"), "there is no folder nowhere")],
)
def test_wheels_that_are_not_there_are_told_before_anything_is_installed(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    script = str(ROOT / "scripts" / "gpu-check")
    done = subprocess.run([script, *words], cwd=tmp_path, capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stderr) == (2, f"apigpu: {said}\n")
