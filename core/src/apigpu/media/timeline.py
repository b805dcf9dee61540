"""Rates and lengths of a file's streams, repaired where the container lies or is silent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from apigpu.media.describe import is_picture, said_frames, said_rates, tagged_length_s
from apigpu.media.facts import AudioFacts, VideoFacts
from apigpu.media.ffprobe import Report, seconds
from apigpu.media.timing import Packet, Rate, frame_times, measure_rate, stream_end_s

_ESTIMATED = "Estimating duration from bitrate"
_EXACT_FORMATS = {"wav", "w64", "aiff", "au", "caf", "gif"}
"""Their header or their size tells the length."""


@dataclass(frozen=True)
class Timeline:
    """What the packets of a file tell. `everything` replaces head and tail where the file had to be read whole."""

    report: Report
    is_whole: bool
    """False where the outer structure shows that the end is missing."""
    is_indexed: bool = True
    """False where the container's index may cover only a part of the file."""
    everything: tuple[Packet, ...] = ()

    @property
    def needs_everything(self) -> bool:
        """True if the length or the rate of a stream is not known from the container and the packets so far."""
        if self.everything or self.report.head_is_all:
            return False
        return any(not self._is_exact(raw) and self._is_unclear(raw) for raw in self._streams())

    def video(self, facts: VideoFacts, raw: Mapping[str, Any]) -> VideoFacts:
        """The stream with its true rate and length."""
        rate = self._rate(raw) or Rate(facts.frame_rate, is_even=True)
        duration_s = self._duration_s(raw, facts.start_s, float(1 / rate.average))
        rate = self._checked(rate, raw, duration_s)
        return replace(
            facts,
            frame_rate=rate.average,
            is_vfr=not rate.is_even,
            duration_s=duration_s,
            frames=self._frames(raw, rate, duration_s),
        )

    def audio(self, facts: AudioFacts, raw: Mapping[str, Any]) -> AudioFacts:
        """The stream with its true length."""
        return replace(facts, duration_s=self._duration_s(raw, facts.start_s, 0.0))

    def file_length(self, streams: Sequence[VideoFacts | AudioFacts]) -> tuple[float, tuple[str, ...]]:
        """The file's length from its earliest start, and a sentence if it is not what the file says."""
        said_s = seconds(self.report.format.get("duration"))
        ends = [stream.start_s + stream.duration_s for stream in streams]
        found_s = round(max(0.0, max(ends) - self.start_s(streams)), 6)
        claims = [] if said_s is None else self._claims(streams, said_s, found_s)
        wrong = next((claim for claim in claims if _is_wrong(*claim)), None)
        if said_s is None or (wrong and _ESTIMATED in self.report.stderr):
            return found_s, (_silence(found_s),)
        if wrong:
            return found_s, (_correction(*wrong),)
        return (max(said_s, found_s) if self._has_subtitles else found_s), (() if self.is_whole else (_CUT,))

    def start_s(self, streams: Sequence[VideoFacts | AudioFacts]) -> float:
        """What FFmpeg shifts to 0: the start of the earliest stream."""
        said_s = seconds(self.report.format.get("start_time"))
        return min(stream.start_s for stream in streams) if said_s is None else said_s

    def _streams(self) -> list[Mapping[str, Any]]:
        return [
            raw for raw in self.report.streams if raw.get("codec_type") in {"video", "audio"} and not is_picture(raw)
        ]

    def _claims(
        self, streams: Sequence[VideoFacts | AudioFacts], said_s: float, found_s: float
    ) -> list[tuple[float, float]]:
        """Pairs of what the file says and what was found: of single streams, then of the whole."""
        by_index = {int(raw["index"]): raw for raw in self.report.streams}
        pairs = []
        for stream in streams:
            raw = by_index[stream.index]
            claim_s = seconds(raw.get("duration")) or tagged_length_s(raw, stream.start_s)
            if claim_s is not None:
                pairs.append((claim_s, stream.duration_s))
        return pairs if self._has_subtitles else [*pairs, (said_s, found_s)]

    @property
    def _has_subtitles(self) -> bool:
        """Subtitles may outlast picture and sound."""
        return any(raw.get("codec_type") == "subtitle" for raw in self.report.streams)

    def _is_unclear(self, raw: Mapping[str, Any]) -> bool:
        if self._end_s(raw, 0.0) is None:
            return True
        rate = self._rate(raw) if raw.get("codec_type") == "video" else None
        return rate is not None and not rate.is_even

    def _is_exact(self, raw: Mapping[str, Any]) -> bool:
        """True where the container's index holds the length of the stream."""
        if (
            not (self.is_whole and self.is_indexed)
            or seconds(raw.get("duration")) is None
            or _ESTIMATED in self.report.stderr
        ):
            return False
        names = set(str(self.report.format.get("format_name") or "").split(","))
        return bool(names & _EXACT_FORMATS) or ("mov" in names and said_frames(raw) is not None)

    def _end_s(self, raw: Mapping[str, Any], frame_s: float) -> float | None:
        known = self.everything or (self.report.head if self.report.head_is_all else self.report.tail)
        return stream_end_s(known, int(raw["index"]), frame_s=frame_s)

    def _duration_s(self, raw: Mapping[str, Any], start_s: float, frame_s: float) -> float:
        said_s = seconds(raw.get("duration"))
        end_s = self._end_s(raw, frame_s)
        found_s = None if end_s is None else round(max(0.0, end_s - start_s), 6)
        if said_s is not None and self._is_exact(raw):
            # MP4 counts the samples that its edit list drops from the start of a sound.
            is_sound = raw.get("codec_type") == "audio"
            return min(said_s, found_s) if is_sound and found_s else said_s
        if found_s is not None:
            return found_s
        file_s = seconds(self.report.format.get("duration"))
        return said_s or tagged_length_s(raw, start_s) or file_s or 0.0

    def _rate(self, raw: Mapping[str, Any]) -> Rate | None:
        is_complete = bool(self.everything) or self.report.head_is_all
        packets = self.everything or self.report.head
        return measure_rate(frame_times(packets, int(raw["index"]), is_complete=is_complete), said_rates(raw))

    def _checked(self, rate: Rate, raw: Mapping[str, Any], duration_s: float) -> Rate:
        """The rate over the whole stream, where the container counts its frames and the first ones mislead."""
        average = next(iter(said_rates(raw)), None)
        if average is None or not self._is_exact(raw):
            return rate
        drift = abs(float(average - rate.average)) * duration_s
        return Rate(average, is_even=False) if not rate.is_even or drift > 1.5 else rate

    def _frames(self, raw: Mapping[str, Any], rate: Rate, duration_s: float) -> int | None:
        """The count in the index, unless an edit list hides some of them."""
        if self.everything or self.report.head_is_all:
            packets = self.everything or self.report.head
            own = [packet for packet in packets if packet.stream == int(raw["index"])]
            return sum(not packet.is_discarded for packet in own) or None
        frames = said_frames(raw)
        return frames if frames and abs(frames - duration_s * rate.average) <= 2 else None


_CUT = "the file is damaged or incomplete: its last part is missing."


def _is_wrong(said_s: float, found_s: float) -> bool:
    return found_s > 0 and abs(said_s - found_s) > max(0.5, 0.02 * found_s)


def _silence(found_s: float) -> str:
    if not found_s:
        return "the file does not say how long it is, and its length could not be measured."
    return f"the file does not say how long it is; {found_s:.2f} s were measured."


def _correction(said_s: float, found_s: float) -> str:
    if found_s < said_s:
        return (
            f"the file says that it is {said_s:.2f} s long, but only {found_s:.2f} s can be read: "
            "it may be damaged or incomplete."
        )
    return f"the file says that it is {said_s:.2f} s long, but {found_s:.2f} s were found."
