"""docs/worker.md leaves no field of the envelope out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from apigpu.registry import Registry
from apigpu_runtime import envelope
from apigpu_runtime.job import read_job

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "worker.md").read_text(encoding="utf-8")
MODELS = [
    envelope.Result,
    envelope.OutputFile,
    envelope.Ran,
    envelope.Timings,
    envelope.WorkerFacts,
    envelope.Failure,
    envelope.ProgressReport,
]


@pytest.mark.parametrize("model", MODELS)
def test_every_field_of_the_envelope_is_on_the_page(model: type[BaseModel]) -> None:
    told = set(re.findall(r"`(\w+)`", PAGE))
    assert set(model.model_fields) - told == set()


def test_the_job_on_the_page_is_one() -> None:
    (document,) = re.findall(r"```jsonc\n(.*?)```", PAGE, re.DOTALL)
    assert read_job(Registry.discover(), json.loads(document)).request.title == "caption"
