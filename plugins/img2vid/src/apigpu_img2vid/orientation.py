"""EXIF orientation, exactly: no pixel is resampled."""

from __future__ import annotations

from dataclasses import dataclass

from apigpu.graph import Fragment, Pad

# EXIF's number -> FFmpeg filters that turn the stored picture upright.
_FILTERS: dict[int, tuple[tuple[str, dict[str, int | str]], ...]] = {
    1: (),
    2: (("hflip", {}),),
    3: (("hflip", {}), ("vflip", {})),
    4: (("vflip", {}),),
    5: (("transpose", {"dir": "cclock_flip"}),),
    6: (("transpose", {"dir": "clock"}),),
    7: (("transpose", {"dir": "clock_flip"}),),
    8: (("transpose", {"dir": "cclock"}),),
}
_INVERSE = {6: 8, 8: 6}


@dataclass(frozen=True)
class Box:
    """A part of a picture in whole pixels."""

    x: int
    y: int
    width: int
    height: int


def is_turned(orientation: int) -> bool:
    """True where width and height change places."""
    return orientation >= 5


def upright(fragment: Fragment, stored: Pad, orientation: int) -> Pad:
    """The picture as a viewer shows it."""
    for name, options in _FILTERS[orientation]:
        stored = fragment.call(name, (stored,), options)[0]
    return stored


def to_stored(box: Box, width: int, height: int, orientation: int) -> Box:
    """Where a part of the upright picture, `width` x `height` in all, lies in the stored one."""
    right, bottom = width - box.x - box.width, height - box.y - box.height
    x, y = {
        1: (box.x, box.y),
        2: (right, box.y),
        3: (right, bottom),
        4: (box.x, bottom),
        5: (box.y, box.x),
        6: (box.y, right),
        7: (bottom, right),
        8: (bottom, box.x),
    }[orientation]
    return Box(x, y, box.height, box.width) if is_turned(orientation) else Box(x, y, box.width, box.height)


def to_upright(box: Box, width: int, height: int, orientation: int) -> Box:
    """Where a part of the stored picture, `width` x `height` in all, lies in the upright one."""
    return to_stored(box, width, height, _INVERSE.get(orientation, orientation))
