"""The card under check: its name and driver, how busy it is, and, for the software one, what it was asked to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from apigpu.errors import ApiGpuError
from apigpu.ffmpeg.process import capture_sync
from softgpu.equipment import Trace

_ANSWER_TIMEOUT_S = 20.0
_EVERY_MS = "200"
# Old drivers do not know the fields of encoder and decoder, and refuse the whole question.
_QUESTIONS = (
    ("utilization.gpu", "utilization.encoder", "utilization.decoder", "memory.used"),
    ("utilization.gpu", "memory.used"),
)


@dataclass
class Load:
    """Samples of `nvidia-smi` by field, five a second: percent, and MiB for `memory.used`."""

    samples: dict[str, list[float]] = field(default_factory=dict)

    def peak(self, name: str) -> float | None:
        """The highest sample, or None where nvidia-smi does not tell."""
        return max(self.samples.get(name, ()), default=None)

    def read(self, fields: Sequence[str], text: str) -> None:
        """Take the lines that nvidia-smi printed; what is no number, such as `[N/A]`, is left out."""
        for line in text.splitlines():
            for name, value in zip(fields, line.split(","), strict=False):
                with suppress(ValueError):
                    self.samples.setdefault(name, []).append(float(value))


@dataclass(frozen=True)
class Device:
    """`is_software` is the tests' own driver, which says nothing about any card."""

    name: str
    driver: str
    is_software: bool = False
    nvidia_smi: str | None = None
    fields: tuple[str, ...] = ()

    @classmethod
    def software(cls, personality: str) -> Device:
        return cls(f"software {personality}", "software driver", is_software=True)

    @classmethod
    def at_hand(cls) -> Device:
        """The first card that nvidia-smi lists; without nvidia-smi only the kernel's word on the driver is known."""
        program = shutil.which("nvidia-smi")
        said = _ask(program, "name", "driver_version") if program else ""
        if not said:
            return cls("", _driver_of_the_kernel())
        name, _, driver = said.splitlines()[0].rpartition(",")
        fields = next((names for names in _QUESTIONS if _ask(program, *names)), ())
        return cls(name.strip(), driver.strip(), nvidia_smi=program, fields=fields)

    @contextmanager
    def watched(self) -> Iterator[Load]:
        """How busy the card is during the block; complete when the block is left."""
        load = Load()
        if self.nvidia_smi is None or not self.fields:
            yield load
            return
        argv = [self.nvidia_smi, *_query(self.fields), "-lms", _EVERY_MS]
        sampler = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            yield load
        finally:
            sampler.terminate()
            text, _ = sampler.communicate()
            load.read(self.fields, text)

    @contextmanager
    def traced(self, file: Path) -> Iterator[None]:
        """The software device writes down in `file` what it is asked to do during the block."""
        if not self.is_software:
            yield
            return
        os.environ["SOFTGPU_TRACE"] = str(file)
        try:
            yield
        finally:
            del os.environ["SOFTGPU_TRACE"]

    def trace(self, file: Path) -> Trace | None:
        """What was written down; None for a real card, which does not tell."""
        return Trace.read(file) if self.is_software else None


def _query(fields: Sequence[str]) -> tuple[str, ...]:
    return ("-i", "0", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits")


def _ask(program: str | None, *fields: str) -> str:
    if program is None:
        return ""
    try:
        done = capture_sync((program, *_query(fields)), timeout_s=_ANSWER_TIMEOUT_S)
    except ApiGpuError:
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.exit_code == 0 else ""


def _driver_of_the_kernel() -> str:
    try:
        text = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    found = re.search(r"Kernel Module.*?\s(\d+\.\d+(?:\.\d+)?)\s", text)
    return found.group(1) if found else ""
