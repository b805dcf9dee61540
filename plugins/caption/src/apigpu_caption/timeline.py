"""Cues on a video's own time line: which are shown, and from which frame to which. Pure arithmetic.

ASS counts in hundredths of a second. A time is therefore not rounded to the nearest hundredth but put in the
middle of the gap between the frames that it parts, so that every frame shows exactly the cues that its time
lies in, jitter of the frames' own time stamps allowed for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor

from apigpu.formats import VideoFormat
from apigpu_caption.cues import Cue, Lost

MAX_AT_ONCE = 12
"""Cues on the screen at one moment. A file with more is broken, or made to keep a machine busy."""

_MAX_GRID_FPS = 60
_LONGEST_MS = 100 * 3600 * 1000
_WORTH_TELLING_MS = 1000


@dataclass(frozen=True)
class Shown:
    """A cue and the moments between which it is on the screen, in hundredths of a second."""

    cue: Cue
    start_cs: int
    end_cs: int


@dataclass(frozen=True)
class State:
    """What is on the screen between two moments: `cues` in the order in which they came, at least one."""

    start_cs: int
    end_cs: int
    cues: tuple[Cue, ...]


def shown_on(video: VideoFormat, cues: Iterable[Cue]) -> tuple[list[Shown], list[Lost], list[Lost]]:
    """The cues that appear on a video in time order, those that do not, and those that are cut by its end."""
    end_ms = round(video.duration_s * 1000) if video.duration_s else _LONGEST_MS
    end_cs = video_end_cs(video) if video.duration_s else _LONGEST_MS // 10
    shown: list[Shown] = []
    lost: list[Lost] = []
    cut: list[Lost] = []
    for cue in cues:
        span = Shown(cue, moment_cs(cue.start_ms, video), min(end_cs, moment_cs(cue.end_ms, video)))
        reason = _reason(span, end_cs)
        if reason:
            lost.append(Lost(reason, cue.label))
            continue
        shown.append(span)
        if video.duration_s and cue.end_ms > end_ms + _WORTH_TELLING_MS:
            cut.append(Lost("past_end", cue.label))
    shown.sort(key=lambda item: (item.start_cs, item.cue.number))
    return shown, lost, cut


def _reason(span: Shown, end_cs: int) -> str:
    """Why no frame shows a cue; empty where one does."""
    if span.cue.end_ms <= span.cue.start_ms:
        return "no_duration"
    if span.cue.end_ms <= 0:
        return "before_start"
    if span.start_cs >= end_cs:
        return "after_end"
    return "between_frames" if span.start_cs >= span.end_cs else ""


def moment_cs(time_ms: int, video: VideoFormat) -> int:
    """The hundredth that parts the last frame before a time from the first one at or after it.

    Times within half a millisecond after a frame count as that frame's: programs round them.
    """
    rate = video.frame_rate
    if video.is_vfr or rate > _MAX_GRID_FPS:
        return max(0, floor(Fraction(time_ms, 10) + Fraction(1, 2)))
    frame = ceil(Fraction(2 * time_ms - 1, 2000) * rate)
    return max(0, round((frame - Fraction(1, 2)) / rate * 100)) if frame > 0 else 0


def video_end_cs(video: VideoFormat) -> int:
    """The middle of a video's last frame; for uneven frames, of one of average length."""
    return max(0, round((Fraction(video.duration_s) - 1 / (2 * video.frame_rate)) * 100))


def states_of(shown: Sequence[Shown]) -> tuple[list[State], list[Lost]]:
    """The stretches between which nothing changes on the screen, empty ones left out, and the cues for which
    there is no room. `shown` is in time order."""
    states: list[State] = []
    crowded: dict[int, Lost] = {}
    active: list[Shown] = []
    waiting = list(reversed(shown))
    now = 0
    while waiting or active:
        if not active:
            now = waiting[-1].start_cs
        while waiting and waiting[-1].start_cs <= now:
            item = waiting.pop()
            if len(active) < MAX_AT_ONCE:
                active.append(item)
            else:
                crowded[item.cue.number] = Lost("crowded", item.cue.label)
        edges = [item.end_cs for item in active] + ([waiting[-1].start_cs] if waiting else [])
        until = min(edges)
        if active:
            _append(states, State(now, until, tuple(item.cue for item in active)))
        active = [item for item in active if item.end_cs > until]
        now = until
    return states, list(crowded.values())


def _append(states: list[State], state: State) -> None:
    """Join a state to the one before where the screen stays as it was, as between two equal cues."""
    last = states[-1] if states else None
    if last is not None and last.end_cs == state.start_cs and _look(last) == _look(state):
        states[-1] = State(last.start_cs, state.end_cs, last.cues)
    else:
        states.append(state)


def _look(state: State) -> Sequence[object]:
    return [(cue.spans, cue.position) for cue in state.cues]


def ass_clock(time_cs: int) -> str:
    """ASS's `H:MM:SS.cc`."""
    seconds, hundredths = divmod(time_cs, 100)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour}:{minute:02d}:{second:02d}.{hundredths:02d}"
