"""What the user is told of cues that are not shown, or not whole: one sentence for each reason, never one a cue."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apigpu import Media
from apigpu_caption.cues import Lost, listed
from apigpu_caption.timeline import MAX_AT_ONCE

HIDDEN = {
    "broken_time": "with times that cannot be read",
    "no_time": "without times",
    "empty_text": "without text",
    "no_duration": "with no time between start and end",
    "before_start": "before the start of the video",
    "after_end": "after the end of the video",
    "between_frames": "between two frames of the video",
    "crowded": f"beyond the {MAX_AT_ONCE} that the screen takes at once",
}
"""Why cues are not shown: what follows `3 cues`."""

ALTERED = {
    "tags_dropped": "with formatting that is not supported, shown without it",
    "text_cut": "longer than any screen, cut off",
    "past_end": "longer than the video, ended with it",
}
"""What was left out of cues that are shown."""


def tell(media: Media, items: Iterable[Lost]) -> None:
    """A notice for each reason, with the count and the first few cues. Codes are `cues_` and the reason."""
    for reason, labels in _by_reason(items).items():
        phrase = ALTERED[reason] if reason in ALTERED else f"{HIDDEN[reason]}, not shown"
        media.warn(f"cues_{reason}", f"{_cues(labels)} {phrase}: {listed(labels)}.")


def summary(items: Iterable[Lost]) -> str:
    """The same in a few words, for a file of which nothing can be shown."""
    return "; ".join(
        f"{_cues(labels)} {HIDDEN[reason]} ({listed(labels)})" for reason, labels in _by_reason(items).items()
    )


def _by_reason(items: Iterable[Lost]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in items:
        found.setdefault(item.reason, []).append(item.label)
    return found


def _cues(labels: Sequence[str]) -> str:
    return "1 cue" if len(labels) == 1 else f"{len(labels)} cues"
