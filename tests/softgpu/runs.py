"""One FFmpeg on one software device: run it, and see what it said and what the device was asked to do."""

from __future__ import annotations

import functools
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from softgpu.equipment import Personality, Trace, environment


@dataclass(frozen=True)
class Finished:
    """One finished run of FFmpeg: what it said, and what the device was asked to do."""

    exit_code: int
    said: str
    trace: Trace

    def psnr_db(self, *, plane: str = "average") -> float:
        found = re.findall(rf"PSNR.* {plane}:(\S+)", self.said)
        assert found, self.said
        return float(found[-1])


@dataclass(frozen=True)
class FFmpeg:
    """One FFmpeg, run in a folder of its own on whichever device is asked for."""

    path: str
    folder: Path

    @property
    def version(self) -> str:
        return _version(self.path)

    @property
    def is_5(self) -> bool:
        return self.version.startswith("5.")

    def run(self, *arguments: str, on: Personality = "t4", loglevel: str = "info", **knobs: Any) -> Finished:
        """Runs to the end, successful or not. Paths in the arguments are relative to the folder."""
        trace = self.folder / "trace"
        trace.unlink(missing_ok=True)
        command = [self.path, "-hide_banner", "-nostdin", "-nostats", "-y", "-loglevel", loglevel, *arguments]
        done = subprocess.run(
            command,
            env=environment(on, trace=trace, **knobs),
            cwd=self.folder,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
            check=False,
        )
        said = re.sub(r" @ 0x[0-9a-f]+", "", done.stderr)
        return Finished(done.returncode, said, Trace.read(trace))

    def succeed(self, *arguments: str, **options: Any) -> Finished:
        """Runs and insists on success, and on a device that had nothing to complain about."""
        done = self.run(*arguments, **options)
        assert done.exit_code == 0, done.said
        assert not done.trace.complaints, done.trace.complaints
        return done

    def frames_md5(self, *arguments: str, **options: Any) -> list[str]:
        """One checksum per picture that the arguments give, in order."""
        self.succeed(*arguments, "-f", "framemd5", "sums", loglevel="error", **options)
        lines = (self.folder / "sums").read_text(encoding="utf-8").splitlines()
        return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]


@functools.cache
def _version(path: str) -> str:
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=True).stdout
    return said.split()[2].lstrip("n")
