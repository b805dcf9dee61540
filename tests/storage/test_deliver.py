"""A worker's results reach the store whole, by presigned requests alone, or an error says why not."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from apigpu_runtime.deliver import MAX_ENVELOPE_BYTES, deliver_envelope, deliver_file, delivered_before
from apigpu_runtime.envelope import OutputFile, Result
from apigpu_runtime.job import Delivery, Signed
from apigpu_runtime.settings import Settings
from apigpu_runtime.storage import Storage
from apigpu_runtime.storage.errors import StorageError

pytestmark = pytest.mark.anyio
VIDEO = bytes(range(256)) * 20_000
OUTPUT = OutputFile(
    key="jobs/j1/caption.mp4", content_type="video/mp4", size_bytes=len(VIDEO), sha256="0" * 64, duration_s=2.0
)
RESULT = Result(job_id="j1", operation="caption", outputs=[OUTPUT])


def delivery(storage: Storage, *, expires_s: int = 300) -> Delivery:
    video, envelope = "jobs/j1/caption.mp4", "jobs/j1/result.json"
    return Delivery(
        key=video,
        put=storage.signed("PUT", video, expires_s=expires_s, content_type="video/mp4"),
        head=storage.signed("HEAD", video, expires_s=expires_s),
        envelope_put=storage.signed("PUT", envelope, expires_s=expires_s, content_type="application/json"),
        envelope_get=storage.signed("GET", envelope, expires_s=expires_s),
    )


def trusting(found: Delivery) -> Settings:
    """Settings under which the store's own address is reached, although it is this machine's."""
    scheme, _, rest = found.put.url.partition("://")
    return Settings(trusted_urls=(f"{scheme}://{rest.partition('/')[0]}/",))


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "result.mp4"
    path.write_bytes(VIDEO)
    return path


async def test_a_result_and_its_envelope_arrive_and_are_found_by_whoever_does_the_job_again(
    storage: Storage, video: Path
) -> None:
    found = delivery(storage)
    settings = trusting(found)
    assert await delivered_before(found, settings=settings) is None
    for _ in range(2):
        await deliver_file(video, found, content_type="video/mp4", settings=settings)
        await deliver_envelope(RESULT, found, settings=settings)
    assert await delivered_before(found, settings=settings) == RESULT
    stored = await storage.head(found.key)
    assert stored is not None
    assert (stored.size_bytes, stored.md5) == (len(VIDEO), hashlib.md5(VIDEO).hexdigest())


async def test_an_address_that_has_expired_is_said_to_have(storage: Storage, video: Path) -> None:
    found = delivery(storage, expires_s=1)
    until = time.monotonic() + 10
    while httpx2.head(found.head.url).status_code != 403 and time.monotonic() < until:
        time.sleep(0.1)
    with pytest.raises(StorageError) as error:
        await deliver_file(video, found, content_type="video/mp4", settings=trusting(found))
    assert (error.value.code, error.value.retryable) == ("delivery_expired", True)
    assert "Submit the job again" in error.value.remedy


async def test_a_signature_that_was_altered_is_refused_and_not_told(storage: Storage, video: Path) -> None:
    found = delivery(storage)
    put = found.put.model_copy(update={"url": found.put.url[:-1] + ("0" if found.put.url[-1] != "0" else "1")})
    altered = found.model_copy(update={"put": put})
    with pytest.raises(StorageError) as error:
        await deliver_file(video, altered, content_type="video/mp4", settings=trusting(found))
    assert (error.value.code, error.value.retryable) == ("delivery_refused", False)
    assert "http" not in str(error.value)


async def test_a_private_store_that_nobody_trusts_is_told_of_before_any_work(storage: Storage, video: Path) -> None:
    found = delivery(storage)
    for attempt in (
        lambda: delivered_before(found, settings=Settings()),
        lambda: deliver_file(video, found, content_type="video/mp4", settings=Settings()),
    ):
        with pytest.raises(StorageError) as error:
            await attempt()
        assert error.value.code == "address_refused"
        assert "APIGPU_TRUSTED_URLS" in error.value.remedy


class Moody:
    """A store that answers as it is told, one answer after the other, and remembers what it got."""

    def __init__(self, server: HTTPServer) -> None:
        self.answers: list[Response] = []
        self.bodies: list[bytes] = []
        self.delivery = Delivery(
            key="v.mp4",
            put=Signed(method="PUT", url=server.url_for("/v.mp4?signature=secret")),
            head=Signed(method="HEAD", url=server.url_for("/v.mp4?signature=secret")),
            envelope_put=Signed(method="PUT", url=server.url_for("/e.json?signature=secret")),
            envelope_get=Signed(method="GET", url=server.url_for("/e.json?signature=secret")),
        )
        self.settings = Settings(trusted_urls=(server.url_for("/"),))
        server.expect_request("/v.mp4").respond_with_handler(self._answer)
        server.expect_request("/e.json").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        self.bodies.append(request.get_data())
        return self.answers.pop(0)

    async def take(self, video: Path) -> None:
        await deliver_file(video, self.delivery, content_type="video/mp4", settings=self.settings)


@pytest.fixture
def moody(httpserver: HTTPServer) -> Iterator[Moody]:
    yield Moody(httpserver)
    httpserver.check_assertions()


def tagged(content: bytes = VIDEO) -> Response:
    return Response(status=200, headers={"ETag": f'"{hashlib.md5(content).hexdigest()}"'})


@pytest.mark.parametrize("status", [500, 502, 503, 429])
async def test_what_fails_for_a_passing_reason_is_sent_again_whole(moody: Moody, video: Path, status: int) -> None:
    moody.answers = [Response(status=status, headers={"Retry-After": "0"}), tagged()]
    await moody.take(video)
    assert moody.bodies == [VIDEO, VIDEO]


async def test_bytes_damaged_on_the_way_are_sent_again(moody: Moody, video: Path) -> None:
    moody.answers = [Response("<Error><Code>BadDigest</Code></Error>", status=400), tagged()]
    await moody.take(video)
    assert len(moody.bodies) == 2


async def test_a_store_whose_tags_are_no_digests_is_asked_for_the_length(moody: Moody, video: Path) -> None:
    moody.answers = [
        Response(status=200, headers={"ETag": '"encrypted-1"'}),
        Response(status=200, headers={"Content-Length": str(len(VIDEO))}),
    ]
    await moody.take(video)
    assert moody.answers == []


async def test_a_store_that_has_less_than_was_sent_is_sent_it_again_and_then_believed_no_more(
    moody: Moody, video: Path
) -> None:
    moody.answers = [tagged(b"other"), Response(status=200, headers={"Content-Length": "5"})] * 10
    with pytest.raises(StorageError, match="has not the whole file") as error:
        await moody.take(video)
    assert (error.value.retryable, moody.answers) == (True, [])


@pytest.mark.parametrize(
    ("answer", "code", "sentence"),
    [
        (Response(status=404), "delivery_failed", "the store answered 404 NOT FOUND."),
        (Response(status=302, headers={"Location": "/x"}), "delivery_failed", "the store answered 302"),
        (Response(status=413), "too_large", "the store takes no file so large."),
        (Response("<Code>EntityTooLarge</Code>", status=400), "too_large", "takes no file so large."),
        (Response("<Code>AccessDenied</Code>", status=403), "delivery_refused", "the store refuses the result."),
    ],
)
async def test_what_will_not_pass_is_not_tried_again(
    moody: Moody, video: Path, answer: Response, code: str, sentence: str
) -> None:
    moody.answers = [answer]
    with pytest.raises(StorageError) as error:
        await moody.take(video)
    assert error.value.code == code
    assert sentence in str(error.value)
    assert moody.answers == []


async def test_a_store_that_is_not_there_is_an_error_without_its_secrets(
    video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    address = Signed(method="PUT", url="http://127.0.0.1:1/v.mp4?signature=secret")
    found = Delivery(key="v", put=address, head=address, envelope_put=address, envelope_get=address)
    settings = Settings(trusted_urls=("http://127.0.0.1:1/",))
    with pytest.raises(StorageError) as error:
        await deliver_file(video, found, content_type="video/mp4", settings=settings)
    assert error.value.retryable
    assert "secret" not in f"{error.value} {error.value.__cause__} {caplog.text}"
    assert "secret" not in repr(found)
    assert await delivered_before(found, settings=settings) is None


async def test_addresses_are_kept_out_of_logs_even_where_everything_is_logged(
    moody: Moody, video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    moody.answers = [Response(status=503), tagged()]
    await moody.take(video)
    ours = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert ours[0].startswith("trying again in ")
    assert "secret" not in "".join(ours)


@pytest.mark.parametrize(
    "answer",
    [
        Response(status=403),
        Response(status=500),
        Response("{"),
        Response("[]"),
        Response('{"operation": 5, "version": "x"}'),
        Response(b"\xff\xfe"),
        Response(b" " * (MAX_ENVELOPE_BYTES + 1)),
        Response(status=302, headers={"Location": "/elsewhere"}),
    ],
    ids=["denied", "failing", "cut", "list", "wrong", "binary", "huge", "moved"],
)
async def test_an_envelope_that_cannot_be_read_means_doing_the_job_again(moody: Moody, answer: Response) -> None:
    moody.answers = [answer]
    assert await delivered_before(moody.delivery, settings=moody.settings) is None
