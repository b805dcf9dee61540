"""The new sound and the old one, brought to length and level."""

from __future__ import annotations

from dataclasses import dataclass

from apigpu import AudioStream, InputError
from apigpu.filters.audio import Align, Delay, Loop, PadTo, Resample, TrimTo
from apigpu.filters.levels import FadeIn, FadeOut, Limit, Volume
from apigpu_addaudio.input import AddAudioInput

MAX_RATE_HZ = 48000
"""Above it nothing can be heard, and players and AAC encoders begin to differ."""

MAX_CHANNELS = 8


@dataclass(frozen=True)
class Track:
    """The new sound and what is asked of it. Times in seconds, gain in decibels."""

    sound: AudioStream
    delay_s: float = 0.0
    gain_db: float = 0.0
    fade_in_s: float = 0.0
    fade_out_s: float = 0.0
    loops: bool = False

    @classmethod
    def of(cls, request: AddAudioInput, sound: AudioStream) -> Track:
        """Raises InputError for a sound that is empty or has more channels than can be delivered."""
        if sound.format.duration_s <= 0:
            raise InputError("the sound is empty.", code="empty_sound", where="url_audio")
        return cls(
            _deliverable(sound, "url_audio"),
            delay_s=request.delay_s,
            gain_db=request.volume_db,
            fade_in_s=request.fade_in_s,
            fade_out_s=request.fade_out_s,
            loops=request.when_short == "loop",
        )

    @property
    def end_s(self) -> float:
        """When it ends if it is played once."""
        return self.delay_s + self.sound.format.duration_s


def new_track(track: Track, length_s: float) -> AudioStream:
    """The new sound for a result of `length_s`: in its place, repeated where asked for, faded, at its level."""
    sound = track.sound.apply(Align())
    repeats = track.loops and track.end_s < length_s
    end_s = length_s if repeats else min(track.end_s, length_s)
    if repeats:
        sound = _repeated(sound, length_s - track.delay_s)
    if track.fade_in_s:
        sound = sound.apply(FadeIn(0.0, track.fade_in_s))
    if track.delay_s:
        sound = sound.apply(Delay(track.delay_s))
    if track.fade_out_s:
        fade_s = min(track.fade_out_s, end_s - track.delay_s)
        sound = sound.apply(FadeOut(end_s - fade_s, fade_s))
    return _at_level(sound if repeats else _lasting(sound, length_s), track.gain_db)


def fitted(sound: AudioStream, length_s: float, *, gain_db: float) -> AudioStream:
    """The video's own sound from the first frame on, of exactly `length_s`."""
    return _at_level(_lasting(_deliverable(sound, "url_video").apply(Align()), length_s), gain_db)


def _repeated(sound: AudioStream, length_s: float) -> AudioStream:
    try:
        return sound.apply(Loop(sound.format.duration_s, length_s))
    except InputError as error:
        raise InputError(error.message, code=error.code, where="when_short", remedy=error.remedy) from error


def _lasting(sound: AudioStream, length_s: float) -> AudioStream:
    # Both, whatever the facts say: a file that lies about its length must not make the result longer or shorter.
    return sound.apply(PadTo(length_s)).apply(TrimTo(length_s))


def _at_level(sound: AudioStream, gain_db: float) -> AudioStream:
    if not gain_db:
        return sound
    louder = sound.apply(Volume(gain_db))
    return louder.apply(Limit()) if gain_db > 0 else louder


def _deliverable(sound: AudioStream, where: str) -> AudioStream:
    """The sound at a rate that AAC and all players take. Raises InputError for more channels than they take."""
    if sound.format.channels > MAX_CHANNELS:
        raise InputError(
            f"the sound has {sound.format.channels} channels; the limit is {MAX_CHANNELS}.",
            code="channels",
            where=where,
            remedy="Mix it down to stereo first.",
        )
    if sound.format.sample_rate_hz <= MAX_RATE_HZ:
        return sound
    return sound.apply(Resample(MAX_RATE_HZ, sound.format.channels))
