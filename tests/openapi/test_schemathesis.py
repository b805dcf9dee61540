"""Schemathesis takes the document at its word, with good data and bad, and finds nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from apigpu.registry import Registry
from apigpu_runtime.proxy.openapi.openapi import openapi_document
from openapi_support import PUBLIC_URL, served_whole

EXAMPLES = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    with served_whole(tmp_path_factory.mktemp("whole")) as found:
        yield found


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        yield made


def document() -> dict[str, Any]:
    """Without bodies that are bare files, whose other fields stand in the query, and with web addresses as people
    write them, not as `format: uri` has them."""
    text = json.dumps(openapi_document(Registry.discover(), version="1", public_url=PUBLIC_URL))
    found: dict[str, Any] = json.loads(text.replace('"format": "uri", ', ""))
    for item in found["paths"].values():
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {})
            for kind in set(content) - {"application/json", "multipart/form-data"}:
                del content[kind]
    return found


schema = schemathesis.openapi.from_dict(document())
schema.config.generation.with_security_parameters = False
# There is no FFmpeg behind dry runs and previews, and they say so.
schema.config.checks.not_a_server_error.expected_statuses = ["2xx", "3xx", "4xx", "503"]


@schema.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
def test_the_answers_are_as_the_document_says(case: Any, session: requests.Session, server: tuple[str, str]) -> None:
    address, key = server
    headers = {"X-API-Key": key}
    answer = case.call(base_url=address, session=session, headers=headers, timeout=10)
    if answer.status_code == 503:
        assert answer.json()["code"] in {"facts_needed", "ffmpeg_missing"}
    excluded = []
    if is_beyond_schemas(case.path, answer):
        excluded.append(positive_data_acceptance)
    if "" in (case.query or {}).values():  # a filter that was left empty is none
        excluded.append(negative_data_rejection)
    case.validate_response(answer, headers=headers, excluded_checks=excluded, transport_kwargs={"session": session})


def is_beyond_schemas(path: str, answer: Any) -> bool:
    """Refused for how parts of the request go together, or for what an address leads to, which no schema tells."""
    if answer.status_code not in {413, 422}:
        return False
    told = answer.json()
    place, code = told["errors"][0]["path"], told["code"]
    return (
        code in {"idempotency_conflict", "codec_not_in_container"}
        or (path.endswith("/dry-run") and code not in {"invalid_input", "local_path"})
        or (path.endswith("/webhooks/test") and place == "url")
        or place in {"cursor", "facts.url_video.frame_rate"}
        or "needs either url_image or images" in told["message"]
        or (place.startswith("facts.") and "no such media field" in told["message"])
    )
