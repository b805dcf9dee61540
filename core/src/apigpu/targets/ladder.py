"""What to do without when the machine fails: each rung is the target with less of the card in it.

cuda+nvdec+nvenc -> cuda+nvenc -> cuda+nvdec -> cuda -> cpu+nvenc -> cpu, as far as the target goes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from apigpu.errors import FFmpegError
from apigpu.formats import Domain
from apigpu.targets.target import Target

Parts = frozenset[str]

_CUDA, _NVDEC, _NVENC = frozenset({"cuda"}), frozenset({"nvdec"}), frozenset({"nvenc"})
_ALL = _CUDA | _NVDEC | _NVENC
_REFUSED = re.compile(r"^\[(\w+) @ [^\]]+\] (?:\[\w+\] )?Failed setup for format cuda", re.MULTILINE)
_ORDER = (_ALL, _CUDA | _NVENC, _CUDA | _NVDEC, _CUDA, _NVENC, frozenset[str]())


@dataclass(frozen=True)
class Rung:
    """A target, and what of the card it uses: `cuda` (filters), `nvdec`, `nvenc`."""

    name: str
    target: Target
    parts: Parts


@dataclass(frozen=True)
class Way:
    """What a kind of failure asks to give up: the first of `gives_up` that the failed rung uses.

    `lasts` is False where the cause lies in one job's media, so that the next job may try again.
    """

    gives_up: tuple[Parts, ...]
    lasts: bool = True


WAYS = {
    "nvdec_failed": Way((_NVDEC,), lasts=False),
    "nvenc_size": Way((_NVENC,), lasts=False),
    "nvenc_lacks_feature": Way((_NVENC,), lasts=False),
    "nvenc_sessions": Way((_NVENC,)),
    "no_nvenc": Way((_NVENC,)),
    # NVDEC's surfaces take most of a decoding job's memory, the frames between filters come next.
    "gpu_out_of_memory": Way((_NVDEC, _CUDA, _NVENC)),
    "gpu_failed": Way((_CUDA | _NVDEC, _NVENC)),
    "driver_too_old": Way((_NVENC, _CUDA | _NVDEC)),
    "no_video_capability": Way((_NVDEC | _NVENC,)),
    "no_driver": Way((_ALL,)),
    "no_gpu": Way((_ALL,)),
    "no_device": Way((_ALL,)),
    "driver_mismatch": Way((_ALL,)),
}
"""By the codes of `apigpu.ffmpeg.failures`: the faults of a machine that another rung avoids. A full disk, for
instance, is none."""


@dataclass(frozen=True)
class Setback:
    """A failure that made a job step down, with the sentence that tells it."""

    code: str
    gave_up: Parts
    reason: str


@dataclass
class Setbacks:
    """What this process has learnt about its machine the hard way; later jobs begin below it."""

    known: list[Setback] = field(default_factory=list)

    def learn(self, setbacks: Iterable[Setback]) -> None:
        """Remember those whose cause is the machine and not one job's media."""
        self.known += [one for one in setbacks if WAYS[one.code].lasts and one not in self.known]

    def first_rung(self, target: Target) -> tuple[Rung, tuple[Setback, ...]]:
        """Where a job starts, and why not above."""
        top = rungs(target)[0]
        counting = tuple(one for one in self.known if one.gave_up & top.parts)
        given_up = frozenset[str]().union(*(one.gave_up for one in counting))
        return _at_most(target, top.parts - given_up), counting


def rungs(target: Target) -> tuple[Rung, ...]:
    """The ladder of a target from the top to the CPU, each rung different from the others."""
    has = _parts_of(target)
    steps = dict.fromkeys(parts for parts in (has, *_ORDER) if parts <= has)
    return tuple(Rung(_name(parts), _reduced(target, parts), parts) for parts in steps)


def step_down(target: Target, rung: Rung, error: FFmpegError) -> tuple[Rung, Setback] | None:
    """The rung to try after this failure, and what to remember; None where no rung would help.

    A user's fault never steps down.
    """
    way = WAYS.get(error.code)
    if error.fault != "machine" or way is None:
        return None
    for gives_up in way.gives_up:
        if gave_up := gives_up & rung.parts:
            lower = _at_most(target, rung.parts - gave_up)
            # What the lower rung leaves out beside it works, and later jobs may use it.
            return lower, Setback(error.code, gave_up, _told(rung, lower, error))
    return None


def _at_most(target: Target, parts: Parts) -> Rung:
    return next(rung for rung in rungs(target) if rung.parts <= parts)


def _parts_of(target: Target) -> Parts:
    found = {"nvenc"} if target.nvenc else set[str]()
    if Domain.CUDA in target.domains:
        found |= {"cuda", "nvdec"} if target.decoders else {"cuda"}
    return frozenset(found)


def _reduced(target: Target, parts: Parts) -> Target:
    if parts == _parts_of(target):
        return target
    if not parts:
        target = replace(target, name="cpu", device="CPU")
    return replace(
        target,
        domains=target.domains if "cuda" in parts else target.domains - {Domain.CUDA},
        decoders=target.decoders if "nvdec" in parts else frozenset(),
        encoders=target.encoders if "nvenc" in parts else _software(target),
    )


def _software(target: Target) -> tuple[str, ...]:
    return tuple(name for name in target.encoders if name not in target.nvenc)


def _name(parts: Parts) -> str:
    return "+".join(("cuda" if "cuda" in parts else "cpu", *(part for part in ("nvdec", "nvenc") if part in parts)))


def _told(rung: Rung, lower: Rung, error: FFmpegError) -> str:
    return f"{rung.name} failed, so {lower.name} is used: {error.message}"


def refused_by_nvdec(log: str) -> tuple[str, ...]:
    """The codecs that a run's log tells of: NVDEC would not have them, and FFmpeg decoded them on the CPU.

    FFmpeg goes on without it and ends with exit status 0.
    """
    return tuple(dict.fromkeys(_REFUSED.findall(log)))
