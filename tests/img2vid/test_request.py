"""What img2vid understands, and how many frames it makes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from apigpu.errors import InputError
from apigpu.media.facts import ImageFacts, MediaFile
from apigpu.media.handles import Media
from apigpu.streams import Clip
from apigpu_img2vid import Img2VidInput, img2vid
from apigpu_img2vid.input import exact_rate, frame_counts
from apigpu_img2vid.motion import Motion

RATES = st.sampled_from([1.0, 12.5, 23.976, 24.0, 25.0, 29.97, 30.0, 59.94, 60.0])


def still(name: str, width: int = 4000, height: int = 3000) -> MediaFile:
    facts = ImageFacts(width=width, height=height, pix_fmt="yuvj420p", codec="mjpeg")
    return MediaFile(path=f"/media/{name}", format="jpeg_pipe", size_bytes=1000, image=facts)


def built(*names: str, **fields: object) -> tuple[Clip, Media]:
    media = Media({name: still(name) for name in names})
    return img2vid.build(Img2VidInput.model_validate(fields), media), media


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (24, Fraction(24)),
        (29.97, Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (60.0, Fraction(60)),
    ],
)
def test_a_decimal_rate_means_the_exact_one(told: float, meant: Fraction) -> None:
    assert exact_rate(told) == meant


@given(st.lists(st.floats(0.1, 300), min_size=1, max_size=60), RATES)
def test_all_stills_together_last_the_rounded_frames_of_the_whole(durations: Sequence[float], rate: float) -> None:
    counts = frame_counts(durations, exact_rate(rate))
    whole = sum(Fraction(str(duration)) for duration in durations) * exact_rate(rate)
    assert sum(counts) == round(whole)


@given(st.lists(st.floats(0.1, 300), min_size=1, max_size=60), RATES)
def test_no_still_is_more_than_a_frame_longer_or_shorter_than_asked(durations: Sequence[float], rate: float) -> None:
    counts = frame_counts(durations, exact_rate(rate))
    for count, duration in zip(counts, durations, strict=True):
        assert abs(count - duration * exact_rate(rate)) <= 1


@given(st.floats(0.1, 300), st.floats(1, 60))
def test_one_still_gives_the_rounded_frames_of_its_duration(duration: float, frame_rate: float) -> None:
    clip, _ = built("a.jpg", url_image="a.jpg", duration=duration, frame_rate=frame_rate, motion="none")
    assert clip.video is not None
    assert clip.video.format.frames == max(1, round(Fraction(str(duration)) * exact_rate(frame_rate)))


def test_the_first_and_simplest_request_is_a_zoom_in_full_hd() -> None:
    clip, _ = built("a.jpg", url_image="a.jpg", frame_rate=24, duration=5)
    assert clip.video is not None
    picture = clip.video.format
    assert (picture.width, picture.height, picture.frames, picture.frame_rate) == (1920, 1080, 120, 24)
    assert (picture.color.space, picture.color.range) == ("bt709", "tv")


def test_a_list_takes_other_spellings_and_lets_each_still_have_its_own_way() -> None:
    request = Img2VidInput.model_validate(
        {"images": [{"id": "1", "image_url": "a.jpg", "duracao": 2, "motion": "zoomout"}, {"image_url": "b.jpg"}],
         "motion": "zoompanright"}
    )  # fmt: skip
    assert [image.motion for image in request.images] == [Motion.ZOOM_OUT, None]
    assert request.images[0].duration == 2
    assert request.motion is Motion.PAN_RIGHT


def test_a_still_too_short_to_be_seen_is_told_and_left_out() -> None:
    images = [{"image_url": "a.jpg", "duration": 0.1}, {"image_url": "b.jpg", "duration": 2.0}]
    clip, media = built("a.jpg", "b.jpg", images=images, frame_rate=1)
    assert clip.video is not None
    assert clip.video.format.frames == 2
    assert [notice.code for notice in media.warnings] == ["image_too_short"]


def test_even_the_shortest_single_still_gives_a_frame() -> None:
    clip, _ = built("a.jpg", url_image="a.jpg", duration=0.1, frame_rate=1)
    assert clip.video is not None
    assert clip.video.format.frames == 1


@pytest.mark.parametrize("fields", [{}, {"url_image": "a.jpg", "images": [{"image_url": "b.jpg"}]}])
def test_one_source_is_needed_and_the_message_names_both_fields(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=r"url_image or images"):
        Img2VidInput.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        *({"duration": wrong} for wrong in (0, -1, float("nan"), 1e9)),
        *({"frame_rate": wrong} for wrong in (0, 61, True)),
        *({"zoom": wrong} for wrong in (1.0, 3)),
        {"width": 1921},
        {"height": 8},
        {"motion": "spin"},
        {"fit": "fill"},
        {"background": "red;"},
        {"focus_x": 1.5},
        {"easing": "bounce"},
        {"durtion": 3},
    ],
)
def test_nonsense_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Img2VidInput.model_validate({"url_image": "a.jpg", **fields})


def test_a_video_where_a_still_is_needed_is_the_users_fault() -> None:
    media = Media({"a.mp4": MediaFile(path="/media/a.mp4", format="mov", size_bytes=1)})
    with pytest.raises(InputError):
        img2vid.build(Img2VidInput(url_image="a.mp4"), media)


def test_every_field_explains_itself_with_an_example() -> None:
    for name, field in Img2VidInput.model_fields.items():
        assert field.description, name
        assert field.examples, name


def test_the_examples_of_the_schema_are_valid() -> None:
    for name, field in Img2VidInput.model_fields.items():
        for example in field.examples or []:
            source = {} if name in {"url_image", "images"} else {"url_image": "a.jpg"}
            Img2VidInput.model_validate({**source, name: example})
