"""The target of the machine at hand, found by real one-frame runs rather than by lists."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.cache import BinaryCache, cache_folder
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.ffmpeg.failures import Failure
from apigpu.formats import Domain
from apigpu.targets import lacks
from apigpu.targets.device import fingerprint, has_driver, name_and_driver, processor
from apigpu.targets.presets import named_target, present
from apigpu.targets.probes import (
    NVENC_ENCODERS,
    Answer,
    probe_decoder,
    probe_encoder,
    probe_filters,
    sampled_codecs,
)
from apigpu.targets.target import Lack, Target

_SCHEMA = 1
_PASSING = frozenset({"nvenc_sessions", "gpu_out_of_memory", "out_of_memory", "out_of_handles", "timeout", "killed"})
"""Failures of an hour: a machine that shows one is asked again the next time."""


@dataclass(frozen=True)
class _Answers:
    filters: Answer
    encoders: Mapping[str, Answer]
    decoders: Mapping[str, Answer]
    card: str
    driver: str

    @property
    def lasts(self) -> bool:
        every = (self.filters, *self.encoders.values(), *self.decoders.values())
        return not any(one.failure and one.failure.code in _PASSING for one in every)


def detect(
    binaries: Binaries, capabilities: Capabilities, environ: Mapping[str, str] | None = None, *, fresh: bool = False
) -> Target:
    """What this machine can do; `lacks` and `reasons` say what is missing and what would mend it.

    The answers are kept on disk until FFmpeg, the driver or the cards change; `fresh` asks all the same.
    """
    if not has_driver():
        return _processor(capabilities, lacks.NO_DRIVER)
    if "scale_cuda" not in capabilities.filters:
        return _processor(capabilities, lacks.NO_CUDA_BUILD)
    return _target(
        _answers(binaries.ffmpeg, capabilities, os.environ if environ is None else environ, fresh), capabilities
    )


def _answers(ffmpeg: str, capabilities: Capabilities, environ: Mapping[str, str], fresh: bool) -> _Answers:
    cache = BinaryCache(cache_folder(environ) / "targets", ffmpeg)
    key = {"schema": _SCHEMA, "machine": fingerprint(environ)}
    kept = {} if fresh else cache.read()
    if kept.get("key") == key:
        try:
            return _unpacked(kept["answers"])
        except (KeyError, TypeError, AttributeError):
            pass  # written by hand, or by another version
    answers = _asked(ffmpeg, capabilities)
    if answers.lasts:
        cache.write({"key": key, "answers": asdict(answers)})
    return answers


def _asked(ffmpeg: str, capabilities: Capabilities) -> _Answers:
    """All probes, several at a time. Two encoders at most, since some cards allow few sessions at once."""
    encoders = present(NVENC_ENCODERS, capabilities)

    def encode(name: str) -> Answer:
        return probe_encoder(ffmpeg, name)

    def decode(codec: str) -> Answer:
        return probe_decoder(ffmpeg, codec)

    with ThreadPoolExecutor(2) as two, ThreadPoolExecutor(max(2, min(4, os.cpu_count() or 1))) as more:
        encoded = two.map(encode, encoders)
        filtered = more.submit(probe_filters, ffmpeg, capabilities)
        told = more.submit(name_and_driver)
        decoded = dict(zip(sampled_codecs(), more.map(decode, sampled_codecs()), strict=True))
        by_encoder = dict(zip(encoders, encoded, strict=True))
    name, driver = told.result()
    return _Answers(
        filters=filtered.result(),
        encoders=by_encoder,
        decoders=decoded,
        card=name or next((one.card for one in by_encoder.values() if one.card), ""),
        driver=driver,
    )


def _target(answers: _Answers, capabilities: Capabilities) -> Target:
    on_card = answers.filters.failure is None
    nvenc = tuple(name for name, answer in answers.encoders.items() if answer.failure is None)
    software = named_target("cpu", capabilities).encoders
    found = _lacks(answers, software[0] if software else "")
    if not on_card and not nvenc:
        return replace(_processor(capabilities, *found), driver=answers.driver)
    return Target(
        "cuda" if on_card else "cpu",
        capabilities,
        domains=frozenset({Domain.SYSTEM, Domain.CUDA}) if on_card else frozenset({Domain.SYSTEM}),
        decoders=frozenset(codec for codec, one in answers.decoders.items() if one.failure is None and on_card),
        encoders=(*nvenc, *software),
        encoder_features=frozenset(f"{name}:{word}" for name in nvenc for word in answers.encoders[name].features),
        device=answers.card or "NVIDIA GPU",
        driver=answers.driver,
        lacks=found,
        reasons=tuple(lack.sentence for lack in found),
    )


def _lacks(answers: _Answers, otherwise: str) -> tuple[Lack, ...]:
    filters = lacks.lack_of_filters(answers.filters)
    if filters is not None and all(one.failure for one in answers.encoders.values()):
        return (filters,)  # nothing of the card can be used, and this is why
    found = [filters] if filters else []
    found += lacks.lacks_of_decoders(answers.decoders)
    found += lacks.lacks_of_encoders(answers.encoders, otherwise)
    return tuple(found)


def _processor(capabilities: Capabilities, *found: Lack) -> Target:
    target = named_target("cpu", capabilities)
    reasons = tuple(lack.sentence for lack in found)
    return replace(target, device=processor() or "CPU", lacks=found, reasons=reasons)


def _unpacked(kept: Mapping[str, Any]) -> _Answers:
    def one(answer: Mapping[str, Any]) -> Answer:
        failure = answer["failure"]
        features = tuple(answer["features"])
        return Answer(Failure(**failure) if failure else None, features, answer["needs_driver"], answer["card"])

    def many(answers: Mapping[str, Any]) -> dict[str, Answer]:
        # JSON sorts the names; the order of encoders is their preference.
        ordered = sorted(answers, key=lambda name: NVENC_ENCODERS.index(name) if name in NVENC_ENCODERS else 0)
        return {name: one(answers[name]) for name in ordered}

    return _Answers(
        one(kept["filters"]), many(kept["encoders"]), many(kept["decoders"]), kept["card"], kept["driver"]
    )
