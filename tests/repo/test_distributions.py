"""Every distribution of the workspace builds by itself, and its wheel holds what it needs to run."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEMBERS = {
    "core": "apigpu",
    "plugins/caption": "apigpu_caption",
    "plugins/img2vid": "apigpu_img2vid",
    "plugins/addaudio": "apigpu_addaudio",
    "runtime": "apigpu_runtime",
}
NOT_SHIPPED = {".pyc"}


def wheel_of(folder: Path, out: Path) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = out.glob("*.whl")
    return zipfile.ZipFile(wheel)


def requirements_in(wheel: zipfile.ZipFile) -> list[str]:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return Parser().parsestr(wheel.read(name).decode("utf-8")).get_all("Requires-Dist", [])


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_builds_alone_with_every_file_of_its_package_and_asks_for_core_by_version(
    member: str, tmp_path: Path
) -> None:
    package = ROOT / member / "src" / MEMBERS[member]
    files = {
        file.relative_to(package.parent).as_posix()
        for file in package.rglob("*")
        if file.is_file() and file.suffix not in NOT_SHIPPED
    }
    with wheel_of(ROOT / member, tmp_path) as wheel:
        assert f"{package.name}/py.typed" in files
        assert files <= set(wheel.namelist())
        ours = [line for line in requirements_in(wheel) if line.startswith("apigpu")]
    assert ours == ([] if member == "core" else ["apigpu-core<0.2,>=0.1"])


def test_the_umbrella_brings_all_of_them(tmp_path: Path) -> None:
    with wheel_of(ROOT, tmp_path) as wheel:
        ours = [line for line in requirements_in(wheel) if line.startswith("apigpu-")]
    assert sorted(Path(line.split(" @ ")[1].split(";")[0].strip()).name for line in ours) == sorted(
        member.split("/")[-1] for member in MEMBERS
    )
