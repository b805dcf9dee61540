"""What `nvidia-smi` tells, as far as it tells."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
# It says when it has given its samples, and then waits, as the real one goes on for ever.
OLD = """#!/bin/sh
cd "${0%/*}"
case $* in
*encoder*) echo 'Field "utilization.encoder" is not a valid field to query.'; exit 2 ;;
*name*) echo 'NVIDIA L4, 550.54.15' ;;
*lms*) echo '31, 500'; echo '[N/A], 500'; echo '44, 500'; echo >sampled; exec cat for-ever ;;
*) echo '0, 0' ;;
esac
"""


@pytest.fixture(autouse=True)
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)


def test_an_old_nvidia_smi_is_asked_for_less_and_gaps_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gpu_check.device import Device

    program = tmp_path / "nvidia-smi"
    program.write_text(OLD, encoding="utf-8")
    program.chmod(0o755)
    for name in ("sampled", "for-ever"):
        os.mkfifo(tmp_path / name)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    device = Device.at_hand()
    assert (device.name, device.driver) == ("NVIDIA L4", "550.54.15")
    with device.watched() as load:
        (tmp_path / "sampled").read_text(encoding="utf-8")
    assert load.samples == {"utilization.gpu": [31, 44], "memory.used": [500, 500, 500]}
    assert load.peak("utilization.gpu") == 44
    assert load.peak("utilization.encoder") is None


def test_a_machine_without_nvidia_smi_has_no_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpu_check.device import Device

    monkeypatch.setenv("PATH", str(tmp_path))
    with Device.at_hand().watched() as load:
        pass
    assert load.samples == {}
