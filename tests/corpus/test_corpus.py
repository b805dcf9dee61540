"""Hostile media: each file ends in a right video or in a sentence that names the field, none in a hang."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpus_runs import Case, Runner, cases, strangers

CORPUS = Path(os.environ.get("APIGPU_CORPUS", Path(__file__).resolve().parents[3] / "shared" / "corpus"))
FILES = list(cases(CORPUS)) if CORPUS.is_dir() else []
STRANGERS = list(strangers(CORPUS)) if CORPUS.is_dir() else []

pytestmark = [pytest.mark.ffmpeg, pytest.mark.corpus, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def runner(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(corpus, cuts=tmp_path_factory.mktemp("cuts"))


@pytest.mark.parametrize("case", FILES, ids=lambda case: f"{case.operation}-{case.file}")
def test_a_file_in_its_place_gives_a_right_video_or_a_sentence(runner: Runner, case: Case) -> None:
    outcome = runner.outcome(case)
    assert outcome.kind == "ok" or outcome.detail.startswith(f"{case.field}: ")


@pytest.mark.parametrize("case", STRANGERS, ids=lambda case: f"{case.field}-{case.file}")
def test_a_file_of_another_kind_gives_a_right_video_or_a_sentence(runner: Runner, case: Case) -> None:
    outcome = runner.outcome(case)
    assert outcome.kind == "ok" or outcome.detail.startswith(f"{case.field}: ")
