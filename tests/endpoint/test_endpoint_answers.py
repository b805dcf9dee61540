"""Whatever an endpoint answers becomes a status, or an error of ours."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu_runtime.backend import FINAL, EndpointHealth
from apigpu_runtime.endpoint.answers import OddAnswer, endpoint_health, endpoint_reason, job_status, submitted_id

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
FIELDS = ("id", "status", "output", "error", "delayTime", "executionTime", "retries", "workerId", "more")
STATUS = st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, JSON))


@given(STATUS | JSON)
def test_any_json_is_a_status_or_an_odd_answer(document: object) -> None:
    try:
        found = job_status(document, "job-1")
    except OddAnswer:
        return
    assert found.id
    assert found.status
    assert found.retries >= 0 or isinstance(document, dict)
    assert found.delay_time_ms is None or isinstance(found.delay_time_ms, int)


@given(st.fixed_dictionaries({}, optional={"jobs": JSON, "workers": JSON, "reason": JSON}) | JSON)
def test_any_json_is_a_health_or_an_odd_answer(document: object) -> None:
    assert isinstance(endpoint_reason(document), str)
    try:
        health = endpoint_health(document)
    except OddAnswer:
        return
    assert isinstance(health, EndpointHealth)
    assert all(count >= 0 for counts in (health.jobs, health.workers) for count in counts.values())


@given(JSON)
def test_any_json_is_an_id_or_an_odd_answer(document: object) -> None:
    with suppress(OddAnswer):
        assert submitted_id(document)


@given(st.text(min_size=1).filter(lambda text: text.strip().upper() not in FINAL and text.strip()))
def test_a_state_that_is_not_known_is_not_final(state: str) -> None:
    assert job_status({"id": "a", "status": state}, "a").status not in FINAL


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"status": "", "output": {"a": 1}}, "COMPLETED"),
        ({"output": 0}, "COMPLETED"),
        ({"status": "", "error": "no"}, "FAILED"),
        ({"status": "completed"}, "COMPLETED"),
        ({"status": "RUNNING"}, "IN_PROGRESS"),
    ],
)
def test_states_that_are_left_out_or_spelt_otherwise(document: object, status: str) -> None:
    assert job_status(document, "a").status == status


def test_an_empty_status_says_nothing() -> None:
    with pytest.raises(OddAnswer):
        job_status({"id": "a", "status": ""}, "a")
