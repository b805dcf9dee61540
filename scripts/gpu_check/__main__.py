"""The command line: find or build the device, run every check, write the report, say how many passed."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import get_args

from apigpu.errors import ApiGpuError
from apigpu_runtime.execute import Machine
from apigpu_runtime.settings import Settings
from gpu_check.cases import FULL, QUICK, SMALL
from gpu_check.checks import check_everything
from gpu_check.device import Device
from gpu_check.report import ROOT, file_name, written
from softgpu.equipment import EquipmentMissing, Personality, environment


def main(words: Sequence[str]) -> int:
    """0 where everything passed, 1 where something failed, 3 where nothing could be run."""
    options = _parser().parse_args(words)
    if options.software and os.environ.get("SOFTGPU") != options.software:
        return _restarted(options.software, words)
    size = QUICK if options.quick else SMALL if options.software else FULL
    now = datetime.now(UTC)
    try:
        with TemporaryDirectory(prefix="gpu-check-") as name:
            # Whatever was found out before is asked again: a check believes nobody.
            os.environ["APIGPU_CACHE_DIR"] = str(Path(name) / "cache")
            machine = Machine.found(Settings.from_environment(guarded=False))
            device = Device.software(options.software) if options.software else Device.at_hand()
            results = check_everything(machine, device, size, Path(name))
    except ApiGpuError as error:
        print(f"{error.message} {error.remedy}", file=sys.stderr)
        return 3
    report = options.report / file_name(results, now)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(written(results, now), encoding="utf-8")
    print(f"report: {report}")
    failed = len(results.failed)
    print(f"{len(results.checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/gpu-check", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--software",
        nargs="?",
        const="l4",
        choices=get_args(Personality),
        metavar="DEVICE",
        help="check the software driver of the tests instead of a card, as this device [l4]",
    )
    parser.add_argument("--quick", action="store_true", help="very small and short pictures: does it work at all")
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        default=ROOT / "docs" / "gpu-runs",
        help="folder for the report [docs/gpu-runs]",
    )
    # scripts/gpu-check takes this one itself.
    parser.add_argument("--wheels", metavar="DIR", help="install Python's packages from this folder, not the network")
    return parser


def _restarted(personality: Personality, words: Sequence[str]) -> int:
    """The same call where libcuda.so.1 is the software one; the loader reads its path when a process starts."""
    try:
        env = environment(personality)
    except EquipmentMissing as missing:
        print(missing, file=sys.stderr)
        return 3
    return subprocess.run([sys.executable, "-m", "gpu_check", *words], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
