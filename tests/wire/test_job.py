"""A job's `input` says what is wanted in words that a worker reads back as they were meant."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu.compiler.output import OutputSpec
from apigpu.errors import InputError
from apigpu.registry import Registry
from apigpu_runtime.job import Control, Output, job_input, read_job, split_options

REGISTRY = Registry.discover()
CAPTION = {"url_video": "https://example.com/a.mp4", "url_srt": "https://example.com/a.srt"}


def test_a_client_of_runpod_needs_no_more_than_the_operation_and_its_fields() -> None:
    job = read_job(REGISTRY, {"operation": "caption", **CAPTION})
    assert job.request.title == "caption"
    assert job.output == OutputSpec()
    assert job.control == Control()
    assert not job.dry_run


def test_what_the_proxy_writes_the_worker_reads() -> None:
    control = Control(job_id="job_1", request_id="r-1", digest="abc")
    document = job_input(
        "caption", CAPTION, output=Output(container="mkv", quality=90), control=control, dry_run=True
    )
    job = read_job(REGISTRY, json.loads(json.dumps(document)))
    assert (job.output.container, job.output.quality) == ("mkv", 90)
    assert job.control == control
    assert job.dry_run


def test_a_pipeline_is_read_step_by_step() -> None:
    steps = [
        {"operation": "img2vid", "url_image": "https://example.com/1.jpg"},
        {"operation": "caption", "url_srt": "https://example.com/a.srt"},
    ]
    job = read_job(REGISTRY, {"operation": "pipeline", "steps": steps})
    assert job.request.title == "img2vid -> caption"


@pytest.mark.parametrize(
    ("document", "where", "words"),
    [
        (None, "operation", "operation"),
        ({}, "operation", "operation"),
        ({"operation": 3}, "operation", "operation"),
        ({"operation": "captoin", **CAPTION}, "", "captoin"),
        ({"operation": "caption", **CAPTION, "output": {"container": "avi"}}, "output.container", "mp4"),
        ({"operation": "caption", **CAPTION, "output": {"quality": 0}}, "output.quality", "at least 1"),
        ({"operation": "caption", **CAPTION, "webhook_url": "ftp://x.example"}, "webhook_url", "https://example.com"),
        ({"operation": "caption", **CAPTION, "dry_run": "yes"}, "dry_run", "true or false"),
        ({"operation": "caption", **CAPTION, "apigpu": {"digets": ""}}, "apigpu.digets", "digest"),
        ({"operation": "caption", **CAPTION, "apigpu": {"job_id": "../x"}}, "apigpu.job_id", "must look like"),
    ],
)
def test_a_wrong_job_is_refused_with_the_place(document: object, where: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_job(REGISTRY, document)
    assert caught.value.where == where
    assert words in str(caught.value)


def test_a_codec_that_the_container_does_not_take_is_refused_before_anything_is_submitted() -> None:
    with pytest.raises(InputError, match="codec"):
        split_options({"output": {"container": "mov", "codec": "av1"}})


def test_several_faults_are_each_told_with_their_place() -> None:
    with pytest.raises(InputError) as caught:
        read_job(REGISTRY, {"operation": "caption", "url_video": 3, "colour": 1})
    assert {fault.where for fault in caught.value.faults} == {"url_video", "url_srt", "colour"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["operation", "steps", "output", "webhook_url", "dry_run", "apigpu", "url_video", "images"])


@given(st.dictionaries(NAMES, JSON), st.sampled_from(["caption", "img2vid", "addaudio", "pipeline"]))
def test_no_json_at_all_does_worse_than_an_input_error(document: dict[str, object], operation: str) -> None:
    with suppress(InputError):
        read_job(REGISTRY, {**document, "operation": operation})
