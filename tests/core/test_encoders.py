"""The encoders as data: each row makes what it says with both ends of the range of FFmpegs, at any quality."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu.compiler import OutputSpec, compile_clip
from apigpu.compiler.containers import CONTAINERS
from apigpu.compiler.encoders import CODECS, ENCODERS, choose_encoder
from apigpu.compiler.quality import DEFAULT_QUALITY, MAX_QUALITY, MIN_QUALITY, told
from apigpu.errors import InputError, UnsupportedError
from apigpu.ffmpeg.binary import Binaries
from apigpu.ffmpeg.capabilities import Capabilities, capabilities_of
from apigpu.ffmpeg.process import capture_sync
from apigpu.filters import Scale
from apigpu.formats import Domain
from apigpu.media.facts import MediaFile
from apigpu.media.handles import Media
from apigpu.plan import Plan
from apigpu.streams import Clip
from apigpu.targets.presets import named_target
from apigpu.targets.target import ENCODER_FEATURES, Target
from softgpu.equipment import EquipmentMissing, Personality, build
from softgpu.runs import FFmpeg
from support import media_file

VIDEO = [name for name in ENCODERS if name != "png"]
NVENC = [name for name in VIDEO if name.endswith("_nvenc")]
SOFTWARE = [name for name in VIDEO if name not in NVENC]
STATED = Capabilities.stated(
    filters={"scale": ["w", "h", "flags", "param0", "param1"], "setsar": ["sar"], "format": ["pix_fmts"]},
    encoders=VIDEO,
)
QUALITIES = st.integers(MIN_QUALITY, MAX_QUALITY)


def target_with(encoder: str, capabilities: Capabilities, *features: str) -> Target:
    """A machine with this one encoder, where frames live in system memory."""
    words = frozenset(f"{encoder}:{feature}" for feature in features)
    return Target("one", capabilities, encoders=(encoder,), encoder_features=words)


def clip_of(file: MediaFile) -> Clip:
    return Media(files={"in": file}).video("in")


def smaller(file: MediaFile) -> Clip:
    """A clip whose picture has to be encoded."""
    clip = clip_of(file)
    assert clip.video is not None
    return clip.replace(video=clip.video.apply(Scale(152, 114)))


def value_of(encoder: str, quality: int) -> float:
    (value,) = told(encoder, quality).values()
    return float(value)


def options_of(plan: Plan) -> dict[str, str]:
    return dict(pairwise(plan.argv()))


# -------------------------------------------------------------------------------------------------------- quality


@pytest.mark.parametrize("encoder", VIDEO)
@given(one=QUALITIES, other=QUALITIES)
def test_a_higher_quality_never_asks_an_encoder_for_less(encoder: str, one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert value_of(encoder, low) >= value_of(encoder, high) >= 1


def test_the_default_is_what_is_known_to_look_well() -> None:
    assert told("libx264", DEFAULT_QUALITY) == {"crf": "20"}
    assert told("h264_nvenc", DEFAULT_QUALITY) == {"cq": "21"}
    assert OutputSpec() == OutputSpec("mp4", None, DEFAULT_QUALITY)


@pytest.mark.parametrize("quality", [MIN_QUALITY - 1, MAX_QUALITY + 1, -7, 10**9])
def test_a_quality_off_the_scale_is_refused(quality: int) -> None:
    with pytest.raises(InputError, match=f"from 1 to 100, not at {quality}") as caught:
        OutputSpec(quality=quality)
    assert (caught.value.code, caught.value.where) == ("invalid_quality", "quality")


@pytest.mark.ffmpeg
@pytest.mark.parametrize("encoder", VIDEO)
def test_ffmpeg_knows_every_option_and_takes_both_ends_of_the_scale(encoder: str, each_binaries: Binaries) -> None:
    argv = [each_binaries.ffmpeg, "-hide_banner", "-h", f"encoder={encoder}"]
    said = capture_sync(argv, timeout_s=20).stdout.decode()
    if encoder not in capabilities_of(each_binaries).encoders:
        pytest.skip(f"this FFmpeg has no {encoder}")
    known = dict(re.findall(r"^  -([\w-]+) +<\w+> +\S+ +(.*)$", said, re.MULTILINE))
    own = ENCODERS[encoder].options_on(named_target("l4", STATED))
    generic = {"b:v", "bf"}
    assert {name.removesuffix(":v") for name in own if name not in generic} <= known.keys()
    (option,) = told(encoder, DEFAULT_QUALITY)
    highest = float(re.findall(r"to (\w+)", known[option])[0].replace("FLT_MAX", "51").replace("INT_MAX", "63"))
    assert all(0 < value_of(encoder, quality) <= highest for quality in (MIN_QUALITY, MAX_QUALITY))


# --------------------------------------------------------------------------------------------- codecs and containers


@pytest.mark.ffmpeg
@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("encoder", SOFTWARE)
def test_every_software_encoder_fills_the_containers_that_take_its_codec(
    encoder: str, container: str, clip_file: MediaFile, each_binaries: Binaries, tmp_path: Path
) -> None:
    capabilities = capabilities_of(each_binaries)
    if encoder not in capabilities.encoders:
        pytest.skip(f"this FFmpeg has no {encoder}")
    codec = ENCODERS[encoder].codec
    if codec not in CONTAINERS[container].copies_video:
        with pytest.raises(InputError, match=f"{container} takes no {codec}") as caught:
            OutputSpec(container, codec)
        assert caught.value.code == "codec_not_in_container"
        return
    plan = compile_clip(smaller(clip_file), target_with(encoder, capabilities), output=OutputSpec(container, codec))
    assert plan.output.video == encoder
    out = tmp_path / f"out.{container}"
    argv = plan.argv(ffmpeg=each_binaries.ffmpeg, output=str(out))
    done = capture_sync([argv[0], "-v", "error", *argv[1:]], timeout_s=60)
    assert done.exit_code == 0, done.stderr.decode()
    found = picture_of(out, each_binaries)
    assert (found["codec_name"], found["width"], found["height"]) == (codec, 152, 114)
    assert (found["pix_fmt"], found["nb_read_packets"]) == ("yuv420p", "20")
    if codec == "hevc" and container != "mkv":
        assert found["codec_tag_string"] == "hvc1"


def picture_of(path: Path, binaries: Binaries) -> dict[str, object]:
    argv = [binaries.ffprobe, "-v", "error", "-select_streams", "v:0", "-show_streams", "-count_packets"]
    done = capture_sync([*argv, "-of", "json", str(path)], timeout_s=20)
    (stream,) = json.loads(done.stdout)["streams"]
    return dict(stream)


def test_a_picture_of_the_wanted_codec_is_copied_and_one_of_another_is_not() -> None:
    def encoder(source: str, wanted: str | None) -> str:
        spec = OutputSpec(codec=wanted, quality=90)
        return compile_clip(clip_of(media_file(codec=source)), named_target("cpu", STATED), output=spec).output.video

    assert encoder("h264", None) == encoder("h264", "h264") == encoder("hevc", None) == "copy"
    assert encoder("h264", "hevc") == "libx265"
    assert encoder("hevc", "h264") == "libx264"


def test_a_codec_that_nothing_makes_is_refused() -> None:
    with pytest.raises(InputError, match="there is no encoder of 'h266'") as caught:
        OutputSpec(codec="h266")
    assert caught.value.code == "unknown_codec"
    assert caught.value.remedy == "Choose one of h264, hevc, av1."


# ----------------------------------------------------------------------------------------------------------- targets


def test_a_picture_too_large_or_small_for_a_card_is_left_to_the_next_encoder() -> None:
    l4 = named_target("l4", STATED)

    def chosen(codec: str, width: int, height: int) -> str:
        video = clip_of(media_file(width=width, height=height)).video
        assert video is not None
        return choose_encoder(codec, video.format, l4).name

    assert [chosen(codec, 4096, 2160) for codec in CODECS] == ["h264_nvenc", "hevc_nvenc", "av1_nvenc"]
    assert [chosen(codec, 4098, 2160) for codec in CODECS] == ["libx264", "hevc_nvenc", "av1_nvenc"]
    assert [chosen(codec, 8194, 4320) for codec in CODECS[:2]] == ["libx264", "libx265"]
    assert [chosen(codec, 144, 64) for codec in CODECS] == ["libx264", "libx265", "libsvtav1"]


def test_where_no_encoder_takes_the_picture_the_user_is_told() -> None:
    video = clip_of(media_file(width=62, height=62)).video
    assert video is not None
    with pytest.raises(UnsupportedError, match="makes av1 at 62x62") as caught:
        choose_encoder("av1", video.format, named_target("l4", STATED))
    assert caught.value.code == "no_encoder"


@pytest.mark.parametrize("encoder", NVENC)
@given(features=st.sets(st.sampled_from(ENCODER_FEATURES)))
def test_an_option_is_given_only_to_a_card_that_has_the_feature(encoder: str, features: set[str]) -> None:
    options = ENCODERS[encoder].options_on(target_with(encoder, STATED, *features))
    assert options.keys() & set(ENCODER_FEATURES) == features


# ------------------------------------------------------------------------------------- NVENC, on a software driver


@pytest.fixture
def rendering(each_binaries: Binaries, tmp_path: Path) -> FFmpeg:
    try:
        build()
    except EquipmentMissing as missing:
        pytest.skip(str(missing))
    return FFmpeg(each_binaries.ffmpeg, tmp_path)


def planned(encoder: str, file: MediaFile, binaries: Binaries, *features: str) -> list[str]:
    """The arguments of a render by this encoder, into out.mp4."""
    capabilities = capabilities_of(binaries)
    if encoder not in capabilities.encoders:
        pytest.skip(f"this FFmpeg has no {encoder}")
    target = target_with(encoder, capabilities, *features)
    plan = compile_clip(smaller(file), target, output=OutputSpec("mp4", ENCODERS[encoder].codec))
    return [word for word in plan.argv(output="./out.mp4")[1:] if word != "-hide_banner"]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(("encoder", "card"), [(name, card) for name in NVENC for card in ("l4", "pascal")])
def test_every_nvenc_row_encodes_on_a_card_with_what_the_card_has(
    encoder: str, card: Personality, clip_file: MediaFile, each_binaries: Binaries, rendering: FFmpeg
) -> None:
    if encoder == "av1_nvenc":
        pytest.skip("the software driver encodes no AV1")
    features = ENCODER_FEATURES if card == "l4" else ()
    rendering.succeed(*planned(encoder, clip_file, each_binaries, *features), on=card)
    found = picture_of(rendering.folder / "out.mp4", each_binaries)
    assert (found["codec_name"], found["nb_read_packets"]) == (ENCODERS[encoder].codec, "20")
    assert found["codec_tag_string"] == {"hevc_nvenc": "hvc1", "h264_nvenc": "avc1"}[encoder]


@pytest.mark.ffmpeg
@pytest.mark.parametrize(
    ("encoder", "feature"),
    [
        ("h264_nvenc", "b_ref_mode"),
        ("h264_nvenc", "temporal-aq"),
        ("h264_nvenc", "rc-lookahead"),
        ("hevc_nvenc", "bf"),
    ],
)
def test_one_option_too_many_and_an_old_card_encodes_nothing(
    encoder: str, feature: str, clip_file: MediaFile, each_binaries: Binaries, rendering: FFmpeg
) -> None:
    done = rendering.run(*planned(encoder, clip_file, each_binaries, feature), on="pascal")
    assert done.exit_code != 0
    assert "No capable devices found" in done.said


def test_named_cards_with_nvenc_get_every_option() -> None:
    for name in ("t4", "l4", "rtx4090"):
        card = named_target(name, STATED)
        plan = compile_clip(smaller(media_file()), replace(card, domains=frozenset({Domain.SYSTEM})))
        assert {f"-{feature}" for feature in ENCODER_FEATURES} <= options_of(plan).keys()
