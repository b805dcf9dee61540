"""What an FFmpeg binary was built with: filters and their options, codecs, hardware accelerations.

A listed encoder or acceleration proves nothing about the machine: Debian lists NVENC everywhere. That is for
`apigpu.targets.detect`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from apigpu.errors import SetupError
from apigpu.ffmpeg.cache import BinaryCache, cache_folder
from apigpu.ffmpeg.version import Version, parse_version, version_text

_ANSWER_TIMEOUT_S = 20.0

# Flags are `TSC` in 5.1 to 7 and `TS` from 8 on; `A->A`, `N->V`, `|->V` are the pads.
_FILTER_LINE = re.compile(r"^ [T.][S.][C.]? +(\S+) +\S+->\S+", re.MULTILINE)
_CODEC_LINE = re.compile(r"^ [VAS][A-Z.]{5} ([^\s=]\S*)", re.MULTILINE)
# Options of the filter and of framesync stand as `   name  <type>`, those of libswscale and libswresample,
# which `scale` and `aresample` pass on, as `  -name  <type>`.
# Array types (from 7 on) read `[<type> ]`.
_OPTION_LINE = re.compile(r"^ {2,3}-?(\w[\w-]*) +\[?<\w+", re.MULTILINE)
_TIMELINE = "This filter has support for timeline"
# libavfilter's own options, which every filter takes that has any option at all.
_EVERY_FILTERS_OPTIONS = frozenset({"thread_type", "threads", "extra_hw_frames"})


class Located(Protocol):
    """Whatever knows where an FFmpeg is, such as `Binaries`."""

    @property
    def ffmpeg(self) -> str: ...


OptionReader = Callable[[str], frozenset[str] | None]


@dataclass(frozen=True)
class Capabilities:
    """Names that one binary knows. `options_of` answers for one filter; see `filter_options`."""

    version: Version
    version_text: str
    filters: frozenset[str]
    encoders: frozenset[str]
    decoders: frozenset[str]
    hwaccels: frozenset[str]
    options_of: OptionReader = field(repr=False, compare=False)

    def filter_options(self, name: str) -> frozenset[str] | None:
        """The options that a filter takes, those of framesync and `enable` included; None: no such filter."""
        return self.options_of(name) if name in self.filters else None

    @classmethod
    def stated(
        cls,
        *,
        filters: Mapping[str, Iterable[str]],
        encoders: Iterable[str] = (),
        decoders: Iterable[str] = (),
        hwaccels: Iterable[str] = (),
        version: Version = (8, 0, 0),
    ) -> Self:
        """Capabilities written down by hand, for dry runs and tests; `filters` maps names to options."""
        options = {name: frozenset(names) for name, names in filters.items()}
        return cls(
            version=version,
            version_text=".".join(map(str, version)),
            filters=frozenset(options),
            encoders=frozenset(encoders),
            decoders=frozenset(decoders),
            hwaccels=frozenset(hwaccels),
            options_of=options.get,
        )


def capabilities_of(binaries: Located, environ: Mapping[str, str] | None = None) -> Capabilities:
    """What the FFmpeg of `binaries` can do; from the cache on disk where it was asked before."""
    return capabilities_at(binaries.ffmpeg, os.environ if environ is None else environ)


def capabilities_at(ffmpeg: str, environ: Mapping[str, str]) -> Capabilities:
    """`capabilities_of` for the absolute path of an ffmpeg.

    Raises:
        SetupError: the file cannot be run, or is no FFmpeg.
    """
    facts = _remembered(ffmpeg, environ, _ask_everything)
    return Capabilities(
        version=_version(facts),
        version_text=facts["version_text"],
        filters=frozenset(facts["filters"]),
        encoders=frozenset(facts["encoders"]),
        decoders=frozenset(facts["decoders"]),
        hwaccels=frozenset(facts["hwaccels"]),
        options_of=_CachedOptions(ffmpeg, BinaryCache(cache_folder(environ), ffmpeg), facts["options"]),
    )


def version_at(program: str, environ: Mapping[str, str]) -> Version:
    """The release of an ffmpeg or ffprobe, given by its absolute path.

    Raises:
        SetupError: the file cannot be run, or is neither.
    """
    return _version(_remembered(program, environ, _ask_version))


class _CachedOptions:
    """Reads a filter's options the first time that somebody asks, and remembers them on disk."""

    def __init__(self, ffmpeg: str, cache: BinaryCache, known: Mapping[str, Iterable[str]]) -> None:
        self._ffmpeg = ffmpeg
        self._cache = cache
        self._known = {name: frozenset(options) for name, options in known.items()}

    def __call__(self, name: str) -> frozenset[str] | None:
        if name not in self._known:
            options = parse_filter_options(_ask(self._ffmpeg, "-h", f"filter={name}"))
            if options is None:
                return None
            self._known[name] = options
            self._remember(name, options)
        return self._known[name]

    def _remember(self, name: str, options: frozenset[str]) -> None:
        facts = self._cache.read()  # read again: another process may have added to it
        if "options" in facts:
            facts["options"][name] = sorted(options)
            self._cache.write(facts)


def parse_filter_options(output: str) -> frozenset[str] | None:
    """The option names in what `ffmpeg -h filter=NAME` prints; None where it knows no such filter.

    FFmpeg says "Unknown filter" and still exits with 0.
    """
    if "Unknown filter" in output or not output.lstrip().startswith("Filter "):
        return None
    options = frozenset(_OPTION_LINE.findall(output))
    if options:
        options |= _EVERY_FILTERS_OPTIONS
    return options | {"enable"} if _TIMELINE in output else options


def _remembered(program: str, environ: Mapping[str, str], ask: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    cache = BinaryCache(cache_folder(environ), program)
    facts = cache.read()
    if not facts:
        facts = ask(program)
        cache.write(facts)
    return facts


def _ask_version(program: str) -> dict[str, Any]:
    output = _ask(program, "-version")
    version = parse_version(output)
    if version is None:
        raise SetupError(
            f"{program} does not answer like FFmpeg.",
            code="ffmpeg_unusable",
            remedy="Name a real one in APIGPU_FFMPEG and APIGPU_FFPROBE.",
        )
    return {"version": list(version), "version_text": version_text(output)}


def _ask_everything(ffmpeg: str) -> dict[str, Any]:
    return _ask_version(ffmpeg) | {
        "filters": _FILTER_LINE.findall(_ask(ffmpeg, "-filters")),
        "encoders": _CODEC_LINE.findall(_ask(ffmpeg, "-encoders")),
        "decoders": _CODEC_LINE.findall(_ask(ffmpeg, "-decoders")),
        "hwaccels": _ask(ffmpeg, "-hwaccels").partition(":")[2].split(),
        "options": {},
    }


def _ask(program: str, *arguments: str) -> str:
    from apigpu.ffmpeg.process import capture_sync  # not needed, and so not loaded, on a warm start

    done = capture_sync([program, "-hide_banner", *arguments], timeout_s=_ANSWER_TIMEOUT_S)
    return done.stdout.decode("utf-8", "replace") or done.stderr.decode("utf-8", "replace")


def _version(facts: Mapping[str, Any]) -> Version:
    major, minor, patch = facts["version"]
    return major, minor, patch
