"""RunPod's endpoint API, spoken by a client: of RunPod itself, and of the local plane, which speaks the same."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx2
from starlette.types import ASGIApp

from apigpu.errors import InputError
from apigpu_runtime.backend import BackendError, Diagnosis, EndpointHealth, JobStatus, JobUnknown
from apigpu_runtime.endpoint.answers import endpoint_health, job_status, submitted_id
from apigpu_runtime.endpoint.asking import Asker
from apigpu_runtime.endpoint.diagnosis import Observer, diagnosis_of
from apigpu_runtime.endpoint.refusals import MAX_JOB_BYTES, Peer, too_large
from apigpu_runtime.endpoint.rest import EndpointSetup, RestApi
from apigpu_runtime.settings import Settings

RUNPOD_API_URL = "https://api.runpod.ai/v2"
LOCAL = "local"


def http_over(app: ASGIApp) -> httpx2.AsyncClient:
    """A client of an application in the same process; give it a caller with `callers.as_caller` first."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app, raise_app_exceptions=False))


class RunPodEndpoint:
    """An endpoint, as a `backend.Backend`.

    `base_url` is RunPod's address, to which the id is added; with `rest`, diagnoses also know how the endpoint is
    set up. With `local` it is the local plane's, whose routes begin right there. The plane takes a job once, however
    often it is sent under one `Idempotency-Key`; RunPod does not promise that, so a submission to it that nobody
    answered is not sent again from here. `setup` is what is known of the endpoint without asking.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        endpoint_id: str,
        *,
        api_key: str = "",
        base_url: str = RUNPOD_API_URL,
        rest: RestApi | None = None,
        setup: EndpointSetup | None = None,
        local: bool = False,
    ) -> None:
        self.name = endpoint_id
        self._local = local
        peer = Peer("the local plane") if local else Peer("RunPod", endpoint_id)
        url = base_url if local else f"{base_url.rstrip('/')}/{quote(endpoint_id, safe='')}"
        self._api = Asker(http, url, peer=peer, api_key=api_key)
        self._observer = Observer(self._api, rest, setup=setup)

    @classmethod
    def at_runpod(cls, http: httpx2.AsyncClient, endpoint_id: str, settings: Settings) -> RunPodEndpoint:
        """The endpoint of that id at RunPod. Raises InputError where the id or the key cannot be one."""
        check_endpoint_id(endpoint_id)
        key = check_api_key(settings.runpod_api_key)
        rest = RestApi(http, api_key=key, base_url=settings.runpod_rest_url)
        return cls(http, endpoint_id, api_key=key, base_url=settings.runpod_api_url, rest=rest)

    @classmethod
    def at_plane(
        cls,
        http: httpx2.AsyncClient,
        *,
        url: str = "http://plane",
        api_key: str = "",
        max_workers: int | None = None,
    ) -> RunPodEndpoint:
        """The local plane: in this process by `http_over`, or the one whose routes begin at `url`. It starts at most
        `max_workers` of its own; others may join."""
        setup = EndpointSetup("", max_workers=max_workers)
        return cls(http, LOCAL, api_key=api_key, base_url=url, setup=setup, local=True)

    async def run(self, document: Mapping[str, Any], *, job_id: str, policy: Mapping[str, Any] | None = None) -> str:
        body = _body({"input": document, "policy": policy} if policy else {"input": document})
        if len(body) > MAX_JOB_BYTES:
            raise too_large(self._api.peer)
        headers = {"Content-Type": "application/json", "Idempotency-Key": job_id}
        return await self._api.ask("POST", "/run", submitted_id, body=body, headers=headers, repeatable=self._local)

    async def status(self, endpoint_job_id: str) -> JobStatus:
        path = f"/status/{quote(endpoint_job_id, safe='')}"
        try:
            return await self._api.ask("GET", path, lambda answer: job_status(answer, endpoint_job_id))
        except BackendError as error:
            raise await self._of_job(error, endpoint_job_id) from None

    async def cancel(self, endpoint_job_id: str) -> None:
        """Whether the answer to a job that has ended is an error is not documented; here it is none."""
        path = f"/cancel/{quote(endpoint_job_id, safe='')}"
        try:
            await self._api.ask("POST", path, lambda answer: None)
        except BackendError as error:
            if error.code != "endpoint_refused":
                raise await self._of_job(error, endpoint_job_id) from None

    async def health(self) -> EndpointHealth:
        return await self._api.ask("GET", "/health", endpoint_health)

    async def diagnose(self, *, waiting_s: float | None = None) -> Diagnosis | None:
        return diagnosis_of(await self._observer.look(), waiting_s=waiting_s)

    async def _of_job(self, error: BackendError, endpoint_job_id: str) -> BackendError:
        """404 is said of a job and of an endpoint alike: an endpoint that answers otherwise does not know the job."""
        if error.code != "endpoint_unknown":
            return error
        try:
            await self.health()
        except BackendError as unhealthy:
            return unhealthy
        return JobUnknown(f"{self._api.peer.name} does not know the job {endpoint_job_id} (any more).")


def check_endpoint_id(text: str) -> None:
    """Raises InputError for what cannot be the id of an endpoint, such as its whole address."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text):
        raise InputError(
            f"{text[:100]!r} is not the id of a RunPod endpoint.",
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


def _body(document: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise BackendError(f"the job is no plain JSON data: {error}.", code="job_not_json") from error
