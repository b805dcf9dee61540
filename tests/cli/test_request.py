"""A pipeline document becomes a checked job, or a sentence that names the step and the field."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from apigpu.errors import InputError
from apigpu.media.fields import PREVIOUS, AudioUrl, ImageUrl, SubtitleUrl, VideoUrl
from apigpu.operations import Input, Operation
from apigpu.registry import Registry
from apigpu.streams import Clip
from apigpu_runtime.request import pipeline_request, single_request


class StillInput(Input):
    url_image: ImageUrl
    duration: float = Field(5, gt=0)


class CaptionInput(Input):
    url_video: VideoUrl
    url_srt: SubtitleUrl


class SoundInput(Input):
    url_video: VideoUrl
    url_audio: AudioUrl


def _build(request: Input, media: object) -> Clip:
    raise AssertionError("never built")


def _operation(name: str, model: type[Input]) -> Operation:
    return Operation(name, model, _build, f"Does {name}.")


REGISTRY = Registry(
    {
        "still": _operation("still", StillInput),
        "caption": _operation("caption", CaptionInput),
        "sound": _operation("sound", SoundInput),
    }
)
STILL = {"operation": "still", "url_image": "a.jpg"}
CAPTION = {"operation": "caption", "url_srt": "a.srt"}


def test_later_steps_work_on_the_result_before_and_only_real_files_are_fetched() -> None:
    job = pipeline_request(REGISTRY, {"steps": [STILL, CAPTION]})
    assert job.title == "still -> caption"
    assert job.steps[1].request == CaptionInput(url_video=PREVIOUS, url_srt="a.srt")
    assert [(ref.where, ref.url) for ref in job.refs()] == [
        ("steps.0.url_image", "a.jpg"),
        ("steps.1.url_srt", "a.srt"),
    ]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], 'a pipeline is an object: {"steps": [{"operation": ..., ...fields}, ...]}.'),
        ({"steps": [STILL], "codec": "av1"}, 'a pipeline has only "steps"; codec cannot stand beside it.'),
        ({"steps": []}, "steps: must be a list of 1 to 20 steps."),
        ({"steps": [STILL] * 21}, "steps: must be a list of 1 to 20 steps."),
        ({"steps": ["still"]}, 'steps.0: a step is an object with the name of its "operation".'),
        (
            {"steps": [{"operation": "stil"}]},
            "steps.0.operation: there is no operation 'stil'. Did you mean",
        ),
        ({"steps": [{"operation": "pipeline"}]}, "steps.0.operation: a pipeline cannot be a step of a pipeline."),
        ({"steps": [CAPTION]}, "steps.0.url_video: it is required, and missing."),
        ({"steps": [STILL, {"operation": "caption"}]}, "steps.1.url_srt: it is required, and missing."),
        (
            {"steps": [STILL, {**CAPTION, "url_video": "b.mp4"}]},
            "steps.1.url_video: a later step works on the result of the step before. Leave this field out.",
        ),
        (
            {"steps": [STILL, {**CAPTION, "ulr_srt": "b"}]},
            "steps.1.ulr_srt: there is no such field. Did you mean 'url_srt'?",
        ),
        ({"steps": [STILL, STILL]}, "steps.1: still takes no video, so it can only be the first step."),
        ({"steps": [{**STILL, "duration": True}]}, "steps.0.duration: must be a number, not true."),
        ({"steps": [{**STILL, "url_image": PREVIOUS}]}, "steps.0.url_image: there is no step before"),
        ({"steps": [STILL, {**CAPTION, "url_srt": PREVIOUS}]}, "steps.1.url_srt: there is no step before"),
    ],
)
def test_a_faulty_pipeline_is_told_where(document: Any, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        pipeline_request(REGISTRY, document)
    assert str(caught.value).startswith(sentence)


def test_the_word_for_the_step_before_means_nothing_outside_a_pipeline() -> None:
    with pytest.raises(InputError, match="url_video: there is no step before to take this from"):
        single_request(REGISTRY.get("caption"), {"url_video": PREVIOUS, "url_srt": "a.srt"})
