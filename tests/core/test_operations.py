"""Input models: strictness, and the media addresses that the framework finds in them."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, Field, ValidationError

from apigpu import AudioUrl, ImageUrl, Input, SubtitleUrl, VideoUrl
from apigpu.media.fields import MediaKind, main_media_field, media_refs


class Slide(Input):
    image_url: ImageUrl
    note: str = ""


class Deep(Input):
    title: str = "x"
    url_video: VideoUrl
    second: VideoUrl | None = None
    slides: tuple[Slide, ...] = ()
    tracks: tuple[AudioUrl, ...] = ()
    maybe: list[ImageUrl] | None = None
    named: dict[str, SubtitleUrl] = Field(default_factory=dict)
    pair: tuple[AudioUrl, ImageUrl] | None = None


def test_media_addresses_are_found_in_every_nesting_with_their_paths() -> None:
    request = Deep(
        url_video="a.mp4",
        slides=(Slide(image_url="b.jpg", note="c"), Slide(image_url="d.png")),
        tracks=("e.mp3",),
        maybe=["f.jpg"],
        named={"pt": "g.srt"},
    )
    assert [(ref.where, ref.kind, ref.url) for ref in media_refs(request)] == [
        ("url_video", MediaKind.VIDEO, "a.mp4"),
        ("slides.0.image_url", MediaKind.IMAGE, "b.jpg"),
        ("slides.1.image_url", MediaKind.IMAGE, "d.png"),
        ("tracks.0", MediaKind.AUDIO, "e.mp3"),
        ("maybe.0", MediaKind.IMAGE, "f.jpg"),
        ("named.pt", MediaKind.SUBTITLE, "g.srt"),
    ]


def test_each_place_of_a_tuple_has_its_own_kind() -> None:
    request = Deep(url_video="a.mp4", pair=("x.mp3", "y.png"))
    assert [(ref.where, ref.kind) for ref in media_refs(request)][1:] == [
        ("pair.0", MediaKind.AUDIO),
        ("pair.1", MediaKind.IMAGE),
    ]


def test_the_main_media_field_is_the_first_video_at_the_top() -> None:
    assert main_media_field(Deep) == "url_video"
    assert main_media_field(Slide) is None


@pytest.mark.parametrize(
    "data",
    [
        {"url_video": "a", "titel": "x"},
        {"url_video": 5},
        {"url_video": ""},
        {"url_video": "a", "title": True},
        {"url_video": "a" * 5000},
    ],
)
def test_inputs_are_strict_and_forbid_what_they_do_not_know(data: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Deep.model_validate(data)


def test_the_schema_tells_what_kind_of_file_a_field_wants() -> None:
    schema: dict[str, object] = Deep.model_json_schema()["properties"]["url_video"]
    assert schema["contentMediaType"] == "video/*"
    assert schema["format"] == "uri-reference"
    assert issubclass(Deep, BaseModel)
