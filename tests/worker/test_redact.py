"""What leaves the worker in words holds no secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigpu_runtime.envelope import Failure
from apigpu_runtime.worker.redact import Redactor, secrets_of

QUERY = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=10, max_size=40)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("GET https://s3.example/b/k.mp4?X-Amz-Signature=abc failed", "GET https://s3.example/b/k.mp4 failed"),
        ("http://user:pass@host:8000/x#part", "http://host:8000/x"),
        ("s3://key:secret@bucket/x", "s3://bucket/x"),
        ("see http://host/a and 'http://host/b?c=d'.", "see http://host/a and 'http://host/b'."),
        ("PUT /k?X-Amz-Signature=abc&x=1", "PUT /k?X-Amz-Signature=[hidden]&x=1"),
        ("token=abcdef in a sentence", "token=[hidden] in a sentence"),
        ("nothing to hide: a=b, c:d", "nothing to hide: a=b, c:d"),
    ],
)
def test_what_looks_like_a_secret_goes(text: str, left: str) -> None:
    assert Redactor().text(text) == left


@given(QUERY, QUERY)
def test_no_query_or_login_of_an_address_stays(query: str, password: str) -> None:
    told = Redactor().text(f"could not open https://me:{password}0@example.com/file.mp4?sig={query}1, sorry")
    assert f"{query}1" not in told
    assert f"{password}0" not in told


@given(QUERY)
def test_the_queries_of_a_jobs_addresses_go_wherever_they_appear(query: str) -> None:
    job = {"url_video": f"https://host/v.mp4?{query}", "nested": [{"put": {"url": f"https://host/put?{query}2"}}]}
    assert query not in Redactor().knowing(job).text(f"the query {query} and {query}2 were refused")


def test_the_values_of_secret_variables_go() -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": "abcdefgh12345", "MY_PASSWORD": "short", "PATH": "/usr/bin/ordinary"}
    redactor = Redactor(secrets_of(environ))
    assert redactor.text("abcdefgh12345 in /usr/bin/ordinary, short") == "[hidden] in /usr/bin/ordinary, short"


def test_every_text_of_a_failure_is_looked_through() -> None:
    url = "https://host/x?sig=SECRETSECRET"
    failure = Failure(code="c", message=url, remedy=url, argv=["ffmpeg", url], stderr_head=url, stderr_tail=url)
    assert "SECRETSECRET" not in Redactor().failure(failure).model_dump_json()
