"""Our own ASS: a script in the video's real size, in which text can be nothing but text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from apigpu_caption.colours import ass_colour
from apigpu_caption.cues import Cue, Span
from apigpu_caption.input import Position, Style
from apigpu_caption.timeline import State, ass_clock

_ALIGNMENT: dict[Position, int] = {
    "bottom_left": 1,
    "bottom_center": 2,
    "bottom_right": 3,
    "middle_left": 4,
    "middle_center": 5,
    "middle_right": 6,
    "top_left": 7,
    "top_center": 8,
    "top_right": 9,
}
_MIN_SIZE_PX = 12.0

# libass shows \{ and \} as braces. A backslash that stands before N, n or h is code, and nothing escapes it, so
# an invisible word joiner goes between (as FFmpeg's own SRT reader does). Control characters are no text.
_ESCAPES: dict[int, str | None] = {
    **dict.fromkeys([*range(32), *range(127, 160)], None),
    ord("\\"): "\\\u2060",
    ord("{"): "\\{",
    ord("}"): "\\}",
    ord("\n"): "\\N",
    ord("\t"): " ",
    0x2028: "\\N",
    0x2029: "\\N",
    0xFEFF: None,
}


@dataclass(frozen=True)
class Canvas:
    """The picture that a script is drawn on, in pixels: the whole video, or the part of it that begins at `y`.

    `video` is the size of the whole, which sizes and margins follow.
    """

    video: tuple[int, int]
    height: int
    y: int = 0

    @classmethod
    def whole(cls, width: int, height: int) -> Canvas:
        return cls((width, height), height)

    @property
    def width(self) -> int:
        return self.video[0]


def size_px(style: Style, video: tuple[int, int]) -> float:
    """Height of a line of text, which is what ASS calls the font size."""
    return max(_MIN_SIZE_PX, style.size / 100 * min(video))


def margins_px(style: Style, video: tuple[int, int]) -> tuple[int, int]:
    """Horizontal and vertical margin."""
    width, height = video
    return round(style.margin_horizontal / 100 * width), round(style.margin_vertical / 100 * height)


def escaped(text: str) -> str:
    """Text that libass shows as it stands, line breaks included."""
    return text.translate(_ESCAPES)


def script(states: Iterable[State], style: Style, canvas: Canvas) -> bytes:
    """A whole script in UTF-8: in every state one event for each place where cues stand."""
    events = [
        f"Dialogue: 0,{ass_clock(state.start_cs)},{ass_clock(state.end_cs)},Default,,0,0,0,,{text}"
        for state in states
        for text in _texts(state.cues, style)
    ]
    return "\n".join((*_header(style, canvas), *events, "")).encode("utf-8", "replace")


def _header(style: Style, canvas: Canvas) -> Sequence[str]:
    return (
        "[Script Info]",
        "ScriptType: v4.00+",
        f"PlayResX: {canvas.width}",
        f"PlayResY: {canvas.height}",
        "WrapStyle: 0",
        "ScaledBorderAndShadow: yes",
        "YCbCr Matrix: None",
        "",
        "[V4+ Styles]",
        "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, "
        "Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, "
        "MarginL, MarginR, MarginV, Encoding",
        _style_line(style, canvas),
        "",
        "[Events]",
        "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text",
    )


def _style_line(style: Style, canvas: Canvas) -> str:
    size = size_px(style, canvas.video)
    horizontal, vertical = margins_px(style, canvas.video)
    # BorderStyle 4 is libass's own: one box around the whole text, in BackColour, whose padding is Shadow.
    # BorderStyle 3 makes a box for each line, and translucent ones darken where they overlap.
    shadow = size * 0.22 if style.box else size * style.shadow / 100
    fields = (
        "Default",
        style.font,
        f"{size:.2f}",
        ass_colour(style.primary_colour),
        ass_colour(style.primary_colour),
        ass_colour(style.outline_colour),
        ass_colour(style.box_colour),
        -int(style.bold),
        -int(style.italic),
        "0,0,100,100,0,0",
        4 if style.box else 1,
        f"{size * style.outline / 100:.2f}",
        f"{shadow:.2f}",
        _ALIGNMENT[style.position],
        horizontal,
        horizontal,
        vertical,
        1,
    )
    return "Style: " + ",".join(str(item) for item in fields)


def _texts(cues: Sequence[Cue], style: Style) -> Iterable[str]:
    """The text of each place. Where several cues share one, the first keeps its line and others go inwards."""
    places: dict[Position, list[Cue]] = {}
    for cue in cues:
        places.setdefault(cue.position or style.position, []).append(cue)
    for position, sharing in places.items():
        ordered = sharing if position.startswith("top") else sharing[::-1]
        head = "" if position == style.position else f"{{\\an{_ALIGNMENT[position]}}}"
        yield head + "\\N".join(event_text(cue.spans) for cue in ordered)


def event_text(spans: Iterable[Span]) -> str:
    """Spans as the text of an event; it ends in the style's own appearance."""
    parts: list[str] = []
    last = Span("")
    for span in (*spans, Span("")):
        parts.append(_change(last, span) + escaped(span.text))
        last = span
    return "".join(parts)


def _change(last: Span, span: Span) -> str:
    """The override block that leads from one appearance to the next; a tag without a value is the style's."""
    tags = [
        f"\\{tag}{1 if now else ''}"
        for tag, before, now in (
            ("i", last.italic, span.italic),
            ("b", last.bold, span.bold),
            ("u", last.underline, span.underline),
            ("s", last.strike, span.strike),
        )
        if before != now
    ]
    if last.colour != span.colour:
        tags.append(f"\\c&H{ass_colour(span.colour)[4:]}&" if span.colour else "\\c")
    return "{" + "".join(tags) + "}" if tags else ""
