"""From a request to a plan, without running anything."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from apigpu import InputError, Media
from apigpu.compiler import compile_clip
from apigpu.ffmpeg.capabilities import Capabilities
from apigpu.filters.audio import MAX_LOOP_S
from apigpu.media.facts import AudioFacts, MediaFile, VideoFacts
from apigpu.plan import Plan
from apigpu.targets.presets import named_target
from apigpu_addaudio import AddAudioInput, addaudio

_KNOWN = json.loads((Path(__file__).parent.parent / "golden" / "ffmpeg-5.1.9.json").read_text(encoding="utf-8"))
CAPABILITIES = Capabilities.stated(filters=_KNOWN["filters"], encoders=_KNOWN["encoders"], version=(5, 1, 9))
PICTURE = VideoFacts(
    index=0, codec="h264", width=1920, height=1080, pix_fmt="yuv420p", frame_rate=Fraction(25), duration_s=10.0
)
OWN_SOUND = AudioFacts(index=1, codec="aac", sample_rate_hz=48000, channels=2, duration_s=10.0)
SOUND = AudioFacts(index=0, codec="mp3", sample_rate_hz=44100, channels=1, duration_s=4.0)


def plan(*, picture: VideoFacts = PICTURE, sound: AudioFacts = SOUND, target: str = "cpu", **fields: Any) -> Plan:
    request = AddAudioInput(url_video="v", url_audio="a", **fields)
    files = {
        "v": MediaFile(path="/v.mp4", format="mov,mp4", size_bytes=9, videos=(picture,), audios=(OWN_SOUND,)),
        "a": MediaFile(path="/a.mp3", format="mp3", size_bytes=9, audios=(sound,)),
    }
    return compile_clip(addaudio.build(request, Media(files)), named_target(target, CAPABILITIES))


def argv(made: Plan) -> str:
    return " ".join(made.steps[0].arguments)


@pytest.mark.parametrize("target", ["cpu", "t4", "l4", "h100"])
def test_only_the_sound_costs_anything_on_any_card(target: str) -> None:
    made = plan(target=target)
    assert made.output.video == "copy"
    assert "-hwaccel" not in argv(made)
    assert "-init_hw_device" not in argv(made)


def test_a_picture_within_half_a_frame_of_the_sound_is_left_alone() -> None:
    almost = replace(SOUND, duration_s=9.985)
    made = plan(sound=almost, length="audio")
    assert made.output.video == "copy"
    assert " -t " not in argv(made)


def test_a_held_picture_is_as_long_as_the_sound() -> None:
    made = plan(sound=replace(SOUND, duration_s=12.0), length="audio")
    assert (made.output.frames, made.output.duration_s) == (300, 12.0)


@pytest.mark.parametrize(
    ("fields", "sound", "code"),
    [
        ({}, replace(SOUND, duration_s=0.0), "empty_sound"),
        ({"delay_s": 10.0}, SOUND, "delay_too_long"),
        ({}, replace(SOUND, channels=24, layout="22.2"), "channels"),
        ({"mode": "mix"}, replace(SOUND, channels=9), "channels"),
    ],
)
def test_what_cannot_be_served_is_refused(fields: dict[str, Any], sound: AudioFacts, code: str) -> None:
    with pytest.raises(InputError) as caught:
        plan(sound=sound, **fields)
    assert caught.value.code == code


def test_a_very_long_sound_is_not_kept_in_memory_to_be_repeated() -> None:
    endless = replace(PICTURE, duration_s=3 * MAX_LOOP_S)
    with pytest.raises(InputError, match="too long to be repeated") as caught:
        plan(picture=endless, sound=replace(SOUND, duration_s=MAX_LOOP_S + 1), when_short="loop")
    assert caught.value.where == "when_short"
    assert plan(picture=endless, sound=replace(SOUND, duration_s=MAX_LOOP_S + 1), when_short="pad")


def test_a_video_of_unknown_length_is_refused() -> None:
    with pytest.raises(InputError, match="how long this video is"):
        plan(picture=replace(PICTURE, duration_s=0.0))


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "duck"},
        {"length": 3},
        {"volume_db": 21},
        {"volume_db": "loud"},
        {"fade_out_s": -1},
        {"delay_s": float("nan")},
        {"volumen_db": 3},
    ],
)
def test_fields_are_strict(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AddAudioInput(url_video="v", url_audio="a", **fields)


def test_every_field_says_what_it_is_with_an_example() -> None:
    for name, field in AddAudioInput.model_fields.items():
        assert field.description, name
        assert field.examples, name
        if name not in {"url_video", "url_audio"}:
            AddAudioInput(url_video="v", url_audio="a", **{name: field.examples[0]})


requests = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["replace", "mix"]),
        "length": st.sampled_from(["video", "audio", "shortest"]),
        "when_short": st.sampled_from(["pad", "loop"]),
        "delay_s": st.floats(0, 0.1),
        "volume_db": st.floats(-60, 20),
        "original_volume_db": st.floats(-60, 20),
        "fade_in_s": st.floats(0, 60),
        "fade_out_s": st.floats(0, 60),
    }
)
sounds = st.builds(
    replace,
    st.just(SOUND),
    duration_s=st.floats(0.2, 1000),
    channels=st.integers(1, 8),
    sample_rate_hz=st.sampled_from([8000, 22050, 44100, 48000, 96000, 192000]),
)


@settings(max_examples=60, deadline=None)
@given(requests, sounds)
def test_every_valid_request_plans_the_same_twice(fields: dict[str, Any], sound: AudioFacts) -> None:
    """Plans pass verification on their way, so every graph is a legal one."""
    first = plan(sound=sound, **fields)
    assert first.steps == plan(sound=sound, **fields).steps
    assert first.output.audio == "aac"
    is_held = fields["length"] == "audio" and sound.duration_s + fields["delay_s"] > PICTURE.duration_s + 0.02
    assert first.output.video == ("libx264" if is_held else "copy")
