"""What the user is told of cues that are not shown, or not whole: one sentence for each reason, never one a cue."""

from __future__ import annotations

from collections.abc import Iterable

from apigpu import Media
from apigpu_caption.cues import Lost, listed

REASONS = {
    "broken_time": "cannot be shown, since their times cannot be read",
    "no_time": "cannot be shown, since they have no times",
    "empty_text": "have no text",
    "no_duration": "cannot be shown, since they end before they begin or at that moment",
    "before_start": "lie before the start of the video",
    "after_end": "lie after the end of the video",
    "between_frames": "are so short that no frame of the video falls into them",
    "crowded": "cannot be shown, since too many others are on the screen at the same time",
}
"""Why a cue is not shown: the end of `3 cues ...: 1 (0:00:01.000), ...`."""

ALTERED = {
    "tags_dropped": "had formatting that is not supported, which was left out",
    "text_cut": "were longer than any screen and have been cut off",
    "past_end": "last longer than the video and end with it",
}
"""What was left out of a cue that is shown."""


def tell(media: Media, items: Iterable[Lost]) -> None:
    """A notice for each reason, with the count and the first few cues. Codes are `cues_` and the reason."""
    by_reason: dict[str, list[str]] = {}
    for item in items:
        by_reason.setdefault(item.reason, []).append(item.label)
    for reason, labels in by_reason.items():
        sentence = (REASONS | ALTERED)[reason]
        what = "1 cue" if len(labels) == 1 else f"{len(labels)} cues"
        media.warn(f"cues_{reason}", f"{what} of the subtitles {sentence}: {listed(labels)}.")
