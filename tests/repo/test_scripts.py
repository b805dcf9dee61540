"""The shell scripts on machines that lack something, each made of a folder of symlinks."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(file for file in (ROOT / "scripts").iterdir() if file.is_file() and not file.suffix)
PROGRAMS = ("sh", "cat", "cksum", "cp", "dirname", "env", "grep", "mkdir", "rm", "tail")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the scripts read of this checkout, under a path with spaces."""
    copy = tmp_path / "a check out"
    for name in ("scripts", "requirements.lock", "requirements-dev.lock", "requirements-ffmpeg.lock"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
    for file in (
        *ROOT.glob("pyproject.toml"),
        *ROOT.glob("*/pyproject.toml"),
        *ROOT.glob("plugins/*/pyproject.toml"),
    ):
        (copy / file.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy / file.relative_to(ROOT))
    return copy


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A PATH with a few programs on it, and an ordinary user."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    program(folder / "id", "echo 1000")
    return folder


def program(file: Path, *lines: str) -> None:
    file.write_text("\n".join(("#!/bin/sh", *lines)) + "\n", encoding="utf-8")
    file.chmod(0o755)


def run(script: str, checkout: Path, machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(checkout / "scripts" / script), *arguments],
        env={"PATH": str(machine), "HOME": str(checkout.parent)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda file: file.name)
def test_every_script_is_plain_sh_and_can_be_run(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text(encoding="utf-8").startswith("#!/bin/sh\n")
    subprocess.run(["/bin/sh", "-n", str(script)], check=True, timeout=10)


@pytest.mark.parametrize("script", ["demo", "test"])
def test_a_machine_without_python_is_told_so(script: str, checkout: Path, machine: Path) -> None:
    done = run(script, checkout, machine)
    assert done.returncode == 3
    assert "Python 3.11 or newer, and there is no python3 on PATH" in done.stderr


def test_a_python_that_is_too_old_is_told_its_version(checkout: Path, machine: Path) -> None:
    program(machine / "python3", 'case "$2" in *print*) echo 3.10.12 ;; *) exit 1 ;; esac')
    done = run("demo", checkout, machine)
    assert done.returncode == 3
    assert "the python3 on PATH is 3.10.12" in done.stderr


def test_a_newer_python_beside_an_old_one_is_found(checkout: Path, machine: Path) -> None:
    program(machine / "python3", "exit 1")
    program(machine / "python3.12", 'case "$2" in *ensurepip*) exit 1 ;; *-venv*) echo python3.12-venv ;; esac')
    done = run("demo", checkout, machine)
    assert done.returncode == 3
    assert "python3.12 cannot make a virtual environment" in done.stderr


def test_an_ordinary_user_without_ensurepip_gets_one_line_to_run_and_no_broken_folder(
    checkout: Path, machine: Path
) -> None:
    program(machine / "python3", 'case "$2" in *ensurepip*) exit 1 ;; *-venv*) echo python3.11-venv ;; esac')
    program(machine / "apt-get", "echo must not be called; exit 1")
    done = run("demo", checkout, machine)
    assert done.returncode == 3
    assert "sudo apt-get install python3.11-venv ffmpeg" in done.stderr
    assert "must not be called" not in done.stderr + done.stdout
    assert not (checkout / ".venv").exists()


def test_root_gets_what_is_missing_from_apt_and_is_told_first(checkout: Path, machine: Path) -> None:
    program(machine / "id", "echo 0")
    program(machine / "python3", 'case "$2" in *ensurepip*) exit 1 ;; *-venv*) echo python3.11-venv ;; esac')
    program(machine / "apt-get", 'echo "apt-get $*" >&2; exit 1')
    done = run("demo", checkout, machine)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert lines[0] == "apigpu: installing with apt: python3.11-venv ffmpeg"
    assert any(line.startswith("apt-get") and "install -y" in line and "ffmpeg" in line for line in lines)
    assert "sudo apt-get install python3.11-venv" in lines[-1]


def test_a_failed_try_leaves_no_folder_behind(checkout: Path, machine: Path) -> None:
    program(machine / "ffmpeg", "exit 0")
    program(machine / "ffprobe", "exit 0")
    program(machine / "python3", 'case "$1 $2" in "-m venv") mkdir -p .venv/bin; exit 1 ;; esac')
    done = run("demo", checkout, machine)
    assert done.returncode == 3
    assert "could not make a virtual environment in" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_prepared_checkout_starts_at_once_and_asks_neither_python_nor_pip(checkout: Path, machine: Path) -> None:
    program(machine / "python3", "echo python was asked >&2; exit 1")
    tools = checkout / ".venv" / "bin"
    tools.mkdir(parents=True)
    program(tools / "pytest", 'echo "pytest $*"')
    stamp = run_state(checkout, machine)
    (checkout / ".venv" / ".apigpu-dev").write_text(stamp, encoding="utf-8")
    done = run("test", checkout, machine, "tests/repo", "-k", "two words")
    assert (done.returncode, done.stdout, done.stderr) == (0, "pytest tests/repo -k two words\n", "")


def test_a_changed_lock_is_noticed(checkout: Path, machine: Path) -> None:
    before = run_state(checkout, machine)
    with (checkout / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("another==1.0\n")
    assert run_state(checkout, machine) != before


def test_a_venv_made_by_other_means_is_used_and_never_touched(checkout: Path, machine: Path) -> None:
    program(machine / "python3", "exit 0")
    tools = checkout / ".venv" / "bin"
    tools.mkdir(parents=True)
    program(tools / "pytest", 'echo "pytest $*"')
    done = run("test", checkout, machine, "tests/repo")
    assert (done.returncode, done.stdout) == (0, "pytest tests/repo\n")
    assert "using the .venv that is here" in done.stderr
    assert [file.name for file in tools.iterdir()] == ["pytest"]


def run_state(checkout: Path, machine: Path) -> str:
    done = subprocess.run(
        ["/bin/sh", "-c", ". scripts/_setup.sh; state"],
        cwd=checkout,
        env={"PATH": str(machine)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=10,
        check=True,
    )
    return done.stdout
