"""The tags that SRT and WebVTT really use, read into spans. Everything else is text, and stays text.

Honoured: `<i> <b> <u> <s>`, `<font color>`, and ASS's `{\\i1}`, `{\\b1}`, `{\\u1}`, `{\\s1}`, `{\\c&HBBGGRR&}` and
`{\\an1}` to `{\\an9}`. Other tags of ASS in its own form, such as `{\\pos(1,2)}`, are left out and reported. Anything
else in braces or angle brackets is shown as it stands.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field, replace

from apigpu_caption.colours import colour_of
from apigpu_caption.cues import Span
from apigpu_caption.input import Position

_NUMBER = r"-?\d*\.?\d*"
_KNOWN = "|".join(
    (
        rf"(?:fscx|fscy|fsp|fs|fax|fay|frx|fry|frz|fr|bord|xbord|ybord|shad|xshad|yshad|blur|be|pbo|p|q|kf|ko|k|K|fe|an|a){_NUMBER}",
        rf"(?:i|b|u|s){_NUMBER}",
        r"[1-4]?c(?:&H[0-9A-Fa-f]*&?)?",
        r"(?:alpha|[1-4]a)&H[0-9A-Fa-f]*&?",
        r"(?:pos|move|org|fad|fade|clip|iclip|t)\([^(){}]*\)",
        r"fn[^\\{}]*",
        r"r(?:[A-Z]\w*)?",
    )
)
_BLOCK_TAG = re.compile(rf"\\({_KNOWN})\s*(?=[\\}}])")
_TOKEN = re.compile(
    rf"(?P<block>\{{(?:\\(?:{_KNOWN})\s*)+\}})"
    r"|<(?P<closing>/?)(?P<name>[A-Za-z]+)(?P<rest>(?:[\s./][^<>]*)?)>"
    r"|<(?P<stamp>\d[\d:.]*)>"
)
_FONT_COLOUR = re.compile(r"\bcolor\s*=\s*[\"']?\s*([^\"'\s>]+)", re.IGNORECASE)
_SWITCHES = {
    "i": "italic",
    "em": "italic",
    "b": "bold",
    "strong": "bold",
    "u": "underline",
    "s": "strike",
    "strike": "strike",
    "del": "strike",
}
_VTT_TAGS = frozenset({"c", "v", "lang", "ruby", "rt"})
_POSITIONS: tuple[Position, ...] = (
    "bottom_left",
    "bottom_center",
    "bottom_right",
    "middle_left",
    "middle_center",
    "middle_right",
    "top_left",
    "top_center",
    "top_right",
)
_LEGACY = {1: 1, 2: 2, 3: 3, 5: 7, 6: 8, 7: 9, 9: 4, 10: 5, 11: 6}
"""SSA's `\\a` numbers as `\\an` numbers."""


@dataclass(frozen=True)
class Marked:
    """A cue's text read: its spans, the place it asks for, and whether something was left out."""

    spans: tuple[Span, ...]
    position: Position | None = None
    dropped: bool = False


def read_markup(text: str, *, vtt: bool = False) -> Marked:
    """The spans of a cue's text. `vtt` adds WebVTT's tags and its character references."""
    state = _State(vtt)
    at = 0
    for token in _TOKEN.finditer(text):
        state.text(text[at : token.start()])
        if not state.token(token):
            state.text(token[0])
        at = token.end()
    state.text(text[at:])
    return Marked(tuple(state.spans), state.position, state.dropped)


@dataclass
class _State:
    vtt: bool
    position: Position | None = None
    dropped: bool = False
    now: Span = field(default_factory=lambda: Span(""))
    open: list[tuple[str, Span]] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def text(self, piece: str) -> None:
        """Add text in the present appearance."""
        if not piece:
            return
        piece = html.unescape(piece) if self.vtt else _few_references(piece)
        if self.spans and replace(self.spans[-1], text="") == self.now:
            piece = self.spans.pop().text + piece
        self.spans.append(replace(self.now, text=piece))

    def token(self, match: re.Match[str]) -> bool:
        """Take a tag in; False where it is none of ours and belongs to the text."""
        if match["block"]:
            for tag in _BLOCK_TAG.finditer(match[0]):
                self._override(tag[1])
            return True
        if match["stamp"]:
            return self.vtt
        closing, name, rest = match["closing"], match["name"].lower(), match["rest"]
        if name == "br":
            self.text("\n")
            return True
        if name in _SWITCHES or name == "font":
            if closing:
                self._close(name)
            else:
                self._open(name, rest)
            return True
        return (self.vtt and name in _VTT_TAGS) or name == "span"

    def _open(self, name: str, rest: str) -> None:
        self.open.append((name, self.now))
        if name in _SWITCHES:
            self.now = replace(self.now, **{_SWITCHES[name]: True})  # type: ignore[arg-type]
        elif (found := _FONT_COLOUR.search(rest)) and (colour := colour_of(found[1])):
            self.now = replace(self.now, colour=colour)

    def _close(self, name: str) -> None:
        """Back to how it was before the tag; tags that were opened inside it end with it."""
        for index in range(len(self.open) - 1, -1, -1):
            if self.open[index][0] == name:
                self.now = self.open[index][1]
                del self.open[index:]
                return

    def _override(self, tag: str) -> None:
        if found := re.fullmatch(r"([ibus])([01]?)", tag):
            self.now = replace(self.now, **{_SWITCHES[found[1]]: found[2] == "1"})  # type: ignore[arg-type]
        elif found := re.fullmatch(r"an([1-9])", tag):
            self.position = self.position or _POSITIONS[int(found[1]) - 1]
        elif (found := re.fullmatch(r"a(\d{1,2})", tag)) and int(found[1]) in _LEGACY:
            self.position = self.position or _POSITIONS[_LEGACY[int(found[1])] - 1]
        elif found := re.fullmatch(r"1?c(?:&H([0-9A-Fa-f]{1,6})&?)?", tag):
            value = f"{int(found[1], 16):06X}" if found[1] else ""
            self.now = replace(self.now, colour=f"#{value[4:]}{value[2:4]}{value[:2]}" if value else None)
        else:
            self.dropped = True


_REFERENCES = re.compile(r"&(?:amp|lt|gt|quot|apos|nbsp|#39|lrm|rlm);")


def _few_references(text: str) -> str:
    """SRT knows no character references, but programs that export from the web leave these few."""
    return _REFERENCES.sub(lambda found: html.unescape(found[0]), text)
