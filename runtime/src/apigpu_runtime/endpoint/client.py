"""RunPod's endpoint API, spoken by a client: of RunPod itself, and of the local plane, which speaks the same."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx2
import stamina
from starlette.types import ASGIApp

from apigpu.errors import InputError
from apigpu_runtime.backend import BackendError, Diagnosis, EndpointHealth, JobStatus, JobUnknown
from apigpu_runtime.endpoint.answers import OddAnswer, endpoint_health, job_status, submitted_id
from apigpu_runtime.endpoint.refusals import MAX_JOB_BYTES, Peer, odd_answer, refusal, too_large
from apigpu_runtime.settings import Settings

RUNPOD_API_URL = "https://api.runpod.ai/v2"
LOCAL = "local"
MAX_ANSWER_BYTES = 32 * 1024**2
_TIMEOUT = httpx2.Timeout(connect=5, read=30, write=30, pool=5)
_TRIES = 4
_LONGEST_WAIT_S = 10.0
"""An endpoint that asks for more patience is left to the caller, who has other things to do meanwhile."""
_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)

Value = TypeVar("Value")


def http_over(app: ASGIApp) -> httpx2.AsyncClient:
    """A client of an application in the same process; give it a caller with `callers.as_caller` first."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app, raise_app_exceptions=False))


class RunPodEndpoint:
    """An endpoint, as a `backend.Backend`.

    `base_url` is RunPod's address, to which the id is added. `takes_once` says that the endpoint takes a job once
    however often it is sent under one `Idempotency-Key`, as the local plane does: only then a submission that nobody
    answered is sent again from here.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        endpoint_id: str,
        *,
        api_key: str = "",
        base_url: str = RUNPOD_API_URL,
        takes_once: bool = False,
    ) -> None:
        self.name = endpoint_id
        self._http = http
        self._url = f"{base_url.rstrip('/')}/{quote(endpoint_id, safe='')}"
        self._peer = Peer("RunPod", endpoint_id)
        self._takes_once = takes_once
        self._headers = {"Accept": "application/json"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    @classmethod
    def at_runpod(cls, http: httpx2.AsyncClient, endpoint_id: str, settings: Settings) -> RunPodEndpoint:
        """The endpoint of that id at RunPod. Raises InputError where the id or the key cannot be one."""
        check_endpoint_id(endpoint_id)
        key = check_api_key(settings.runpod_api_key)
        return cls(http, endpoint_id, api_key=key, base_url=settings.runpod_api_url)

    @classmethod
    def local(cls, http: httpx2.AsyncClient, *, url: str = "http://plane", api_key: str = "") -> RunPodEndpoint:
        """The local plane at `url`, which ends before `/run`: in this process by `http_over`, or at an address."""
        endpoint = cls(http, LOCAL, api_key=api_key, takes_once=True)
        endpoint._url = url.rstrip("/")
        endpoint._peer = Peer("the local plane")
        return endpoint

    async def run(self, document: Mapping[str, Any], *, job_id: str, policy: Mapping[str, Any] | None = None) -> str:
        body = _body({"input": document, "policy": policy} if policy else {"input": document})
        if len(body) > MAX_JOB_BYTES:
            raise too_large(self._peer)
        headers = {"Content-Type": "application/json", "Idempotency-Key": job_id}
        return await self._ask("POST", "/run", submitted_id, body=body, headers=headers, again=self._takes_once)

    async def status(self, endpoint_job_id: str) -> JobStatus:
        try:
            return await self._ask(
                "GET", f"/status/{_part(endpoint_job_id)}", lambda answer: job_status(answer, endpoint_job_id)
            )
        except BackendError as error:
            raise await self._of_job(error, endpoint_job_id) from None

    async def cancel(self, endpoint_job_id: str) -> None:
        """Whether the answer to a job that has ended is an error is not documented; here it is none."""
        try:
            await self._ask("POST", f"/cancel/{_part(endpoint_job_id)}", lambda answer: None)
        except BackendError as error:
            if error.code != "endpoint_refused":
                raise await self._of_job(error, endpoint_job_id) from None

    async def health(self) -> EndpointHealth:
        return await self._ask("GET", "/health", endpoint_health)

    async def diagnose(self, *, waiting_s: float | None = None) -> Diagnosis | None:
        return None

    async def _of_job(self, error: BackendError, endpoint_job_id: str) -> BackendError:
        """404 is said of a job and of an endpoint alike: an endpoint that answers otherwise does not know the job."""
        if error.code != "endpoint_unknown":
            return error
        try:
            await self.health()
        except BackendError as unhealthy:
            return unhealthy
        return JobUnknown(f"{self._peer.name} does not know the job {endpoint_job_id} (any more).")

    async def _ask(
        self,
        method: str,
        path: str,
        read: Callable[[Any], Value],
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        again: bool = True,
    ) -> Value:
        """What `read` makes of the answer. Tried again where that is safe: always, if `again`."""

        def wait(error: Exception) -> bool | float:
            if not isinstance(error, BackendError) or not error.retryable:
                return False
            if not again and error.code not in {"endpoint_unreachable", "endpoint_rate_limited"}:
                return False
            if error.retry_after_s is None:
                return True
            return error.retry_after_s if error.retry_after_s <= _LONGEST_WAIT_S else False

        async for attempt in stamina.retry_context(
            on=wait, attempts=_TRIES, timeout=90, wait_initial=0.5, wait_max=5, wait_jitter=0.5
        ):
            with attempt:
                return read_answer(await self._send(method, path, body, headers or {}), read, self._peer)
        raise AssertionError("the last attempt returns or raises")

    async def _send(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> httpx2.Response:
        try:
            async with self._http.stream(
                method,
                self._url + path,
                content=body or None,
                headers=self._headers | dict(headers),
                timeout=_TIMEOUT,
                follow_redirects=False,
            ) as response:
                return await _whole(response, self._peer)
        except _NOT_SENT:
            raise BackendError(
                f"{self._peer.name} cannot be reached.",
                code="endpoint_unreachable",
                remedy="Check this machine's connection.",
                retryable=True,
            ) from None
        except httpx2.HTTPError as error:
            raise BackendError(
                f"{self._peer.name} broke off before its answer was whole ({type(error).__name__}).",
                code="endpoint_no_answer",
                retryable=True,
            ) from None


def read_answer(response: httpx2.Response, read: Callable[[Any], Value], peer: Peer) -> Value:
    """What `read` makes of the JSON in an answer. Raises BackendError for a refusal, and for what is none of ours."""
    if not response.is_success:
        raise refusal(response, peer)
    try:
        return read(json.loads(response.content))
    except OddAnswer as error:
        raise odd_answer(peer, f"did not answer with {error}") from None
    except (ValueError, RecursionError):
        raise odd_answer(peer, "did not answer with JSON") from None


async def _whole(response: httpx2.Response, peer: Peer) -> httpx2.Response:
    """The answer with its body, which a broken peer could send for ever."""
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise odd_answer(peer, f"answers with more than {MAX_ANSWER_BYTES >> 20} MiB")
    headers = {name: value for name, value in response.headers.items() if name not in {"content-encoding"}}
    return httpx2.Response(response.status_code, headers=headers, content=b"".join(chunks))


def _body(document: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise BackendError(f"the job is no plain JSON data: {error}.", code="job_not_json") from error


def check_endpoint_id(text: str) -> None:
    """Raises InputError for what cannot be the id of an endpoint, such as its whole address."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise InputError(
            f"{text!r} is not the id of a RunPod endpoint.",
            code="endpoint_id_malformed",
            remedy="It is the short word in the endpoint's address, such as 4m7x2k9q.",
        )


def check_api_key(text: str) -> str:
    """The key, without the space around it. Raises InputError where there is none, or where it cannot be one."""
    key = text.strip()
    if not key:
        raise InputError(
            "there is no RunPod API key.",
            code="runpod_key_missing",
            where="RUNPOD_API_KEY",
            remedy="Make one in RunPod's console under Settings > API Keys, and set this variable to it.",
        )
    if not re.fullmatch(r"[\x21-\x7e]+", key):
        raise InputError(
            "the RunPod API key has characters in it that no key has.",
            code="runpod_key_malformed",
            where="RUNPOD_API_KEY",
            remedy="Copy it again; it begins with rpa_.",
        )
    return key


def _part(endpoint_job_id: str) -> str:
    return quote(endpoint_job_id, safe="")
