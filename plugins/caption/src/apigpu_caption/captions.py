"""From a subtitle file and a video's format to the filter that burns it in, with an account of every cue."""

from __future__ import annotations

from collections.abc import Sequence

from apigpu import InputError, Media
from apigpu.formats import VideoFormat
from apigpu.graph import Asset
from apigpu_caption import ass, ass_in
from apigpu_caption.band import canvas_for
from apigpu_caption.burn import BurnIn
from apigpu_caption.charset import Decoded, decode
from apigpu_caption.cues import Cue, Lost, Reading, listed
from apigpu_caption.fonts import check_font, is_shipped, missing_fonts, shipped_folder, shipped_font
from apigpu_caption.input import CaptionInput, Style
from apigpu_caption.layer import layer_of
from apigpu_caption.notices import summary, tell
from apigpu_caption.reading import format_of
from apigpu_caption.srt import read_srt
from apigpu_caption.timeline import shown_on, states_of
from apigpu_caption.vtt import read_vtt


def burn_in(request: CaptionInput, media: Media, video: VideoFormat) -> BurnIn | None:
    """The filter for this request, or None where the file has cues but no frame of the video shows any.

    Raises InputError for a file without cues, an unknown font or an unknown encoding.
    """
    decoded = decode(media.text(request.url_srt), request.encoding)
    _tell_charset(decoded, media)
    if format_of(decoded.text) == "ass":
        return _users_script(ass_in.read_ass(decoded.text), request.style, media, video)
    check_font(request.style.font)
    reading = read_vtt(decoded.text) if format_of(decoded.text) == "vtt" else read_srt(decoded.text)
    return _own_script(reading, request.style, media, video)


def _own_script(reading: Reading, style: Style, media: Media, video: VideoFormat) -> BurnIn | None:
    _require_cues(reading.cues, reading.lost)
    shown, hidden, cut = shown_on(video, reading.cues)
    states, crowded = states_of(shown)
    tell(media, (*reading.lost, *hidden, *crowded, *reading.altered, *cut))
    if not states:
        return None
    _tell_glyphs([item.cue for item in shown], style, media)
    size = (video.width, video.height)
    script = Asset("captions.ass", ass.script(states, style, ass.Canvas.whole(*size)))
    band = canvas_for(states, style, size)
    layer = layer_of(states, video, band, "subtitles", lambda drawn: ass.script(drawn, style, band))
    return BurnIn(script, shipped_folder(), layer=layer)


def _users_script(script: ass_in.Script, style: Style, media: Media, video: VideoFormat) -> BurnIn | None:
    _require_cues(script.cues, script.lost)
    shown, hidden, cut = shown_on(video, script.cues)
    tell(media, (*script.lost, *hidden, *cut))
    if style != Style():
        media.warn("style_ignored", "The subtitles are in ASS and carry their own style; `style` was not applied.")
    if not shown:
        return None
    _tell_fonts(script, media)
    states, crowded = states_of(shown)
    layer = None
    if not crowded and script.is_still(states):
        layer = layer_of(states, video, ass.Canvas.whole(video.width, video.height), "ass", script.in_states)
    return BurnIn(Asset("captions.ass", script.content), shipped_folder(), by="ass", layer=layer)


def _require_cues(cues: Sequence[Cue], lost: Sequence[Lost]) -> None:
    if cues:
        return
    found = f"Found instead: {summary(lost)}." if lost else "It may be empty or no subtitle file at all."
    raise InputError(
        "no caption was found in the subtitles.",
        code="no_cues",
        where="url_srt",
        remedy=f"Send SRT, WebVTT or ASS with at least one text and its times. {found}",
    )


def _tell_charset(decoded: Decoded, media: Media) -> None:
    if decoded.guessed:
        media.warn(
            "encoding_guessed",
            f"The subtitles do not say their encoding; they were read as {decoded.encoding}. "
            "If letters look wrong, name it in `encoding`.",
        )
    if decoded.flawed:
        media.warn(
            "encoding_flawed", f"Some bytes of the subtitles are no text in {decoded.encoding}; � stands for them."
        )


def _tell_fonts(script: ass_in.Script, media: Media) -> None:
    missing = [] if script.brings_fonts else missing_fonts(script.fonts)
    if missing:
        media.warn(
            "fonts_missing",
            "The subtitles ask for fonts that are not installed here, and others take their place: "
            f"{listed(missing)}.",
        )


def _tell_glyphs(cues: Sequence[Cue], style: Style, media: Media) -> None:
    """A letter without a glyph is drawn as an empty box, where no other font of the machine has it."""
    if not is_shipped(style.font):
        return
    glyphs = shipped_font(bold=False).glyphs
    missing = sorted(
        {letter for cue in cues for letter in cue.text if letter.isprintable() and ord(letter) not in glyphs}
    )
    if missing:
        media.warn(
            "glyphs_missing",
            f"{style.font} has no glyphs for {len(missing)} characters of the subtitles "
            f"({' '.join(missing[:8])}); other fonts of the machine are used where they have them.",
        )
