"""How an endpoint is set up, and what its workers say: the few reads of RunPod's API v2 that a diagnosis needs."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from apigpu_runtime.endpoint.answers import Count, OddAnswer, Text
from apigpu_runtime.endpoint.asking import Asker
from apigpu_runtime.endpoint.refusals import Peer, without_queries

RUNPOD_REST_URL = "https://api.runpod.io/v2"
_LISTENING_S = 1.0
"""A worker's log is a stream without an end; what it has said before comes at once."""
_LINES = 20
_LAST_CHARACTERS = 300


def _object(value: object) -> object:
    return value if isinstance(value, dict) else {}


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Workers(_Part):
    min: Count = None
    max: Count = None


class _Gpu(_Part):
    pools: Annotated[list[Text], BeforeValidator(lambda value: value if isinstance(value, list) else [])] = []


class _Endpoint(_Part):
    id: str
    name: Text = ""
    type: Text = ""
    image: Text = ""
    workers: Annotated[_Workers, BeforeValidator(_object)] = Field(default_factory=_Workers)
    gpu: Annotated[_Gpu, BeforeValidator(_object)] = Field(default_factory=_Gpu)


@dataclass(frozen=True)
class EndpointSetup:
    """What the owner of an endpoint has chosen; None and empty where the answer does not say."""

    id: str
    name: str = ""
    type: str = ""
    """QUEUE or LOAD_BALANCER."""
    image: str = ""
    min_workers: int | None = None
    max_workers: int | None = None
    gpu_pools: tuple[str, ...] = ()


def endpoint_setup(document: object) -> EndpointSetup:
    """The answer about one endpoint. Raises OddAnswer."""
    try:
        found = _Endpoint.model_validate(document)
    except ValidationError:
        raise OddAnswer("the description of an endpoint") from None
    return EndpointSetup(
        id=found.id,
        name=found.name,
        type=found.type,
        image=found.image,
        min_workers=found.workers.min,
        max_workers=found.workers.max,
        gpu_pools=tuple(pool for pool in found.gpu.pools if pool),
    )


class RestApi:
    """RunPod's API v2, read only. Every method raises BackendError."""

    def __init__(self, http: httpx2.AsyncClient, *, api_key: str, base_url: str = RUNPOD_REST_URL) -> None:
        self._http = http
        self._api_key = api_key
        self._base_url = base_url

    async def endpoint(self, endpoint_id: str) -> EndpointSetup:
        """How the endpoint is set up."""
        return await self._api(endpoint_id).ask("GET", _path(endpoint_id), endpoint_setup, tries=1)

    async def last_words(self, endpoint_id: str) -> str:
        """The last line in the log of a worker that is unhealthy; empty where there is none."""
        api = self._api(endpoint_id)
        worker_id = await api.ask("GET", f"{_path(endpoint_id)}/workers", unhealthy_worker, tries=1)
        if not worker_id:
            return ""
        path = f"{_path(endpoint_id)}/workers/{quote(worker_id, safe='')}/logs?source=container&tail={_LINES}"
        last = ""
        try:
            async with asyncio.timeout(_LISTENING_S), aclosing(api.lines(path, most=4 * _LINES)) as lines:
                async for line in lines:
                    last = said_in(line) or last
        except TimeoutError:
            pass
        return without_queries(last)[-_LAST_CHARACTERS:]

    def _api(self, endpoint_id: str) -> Asker:
        return Asker(self._http, self._base_url, peer=Peer("RunPod", endpoint_id), api_key=self._api_key)


def unhealthy_worker(document: object) -> str:
    """The id of one, in the answer about an endpoint's workers; empty where all are well. Raises OddAnswer."""
    workers = document.get("workers") if isinstance(document, dict) else None
    if not isinstance(workers, list):
        raise OddAnswer("a list of workers")
    ids = (item.get("id") for item in workers if isinstance(item, dict) and item.get("status") == "UNHEALTHY")
    return next((found for found in ids if isinstance(found, str)), "")


def said_in(line: str) -> str:
    """What a worker said, in a line of its log as server-sent events; empty for lines between."""
    name, _, value = line.partition(":")
    try:
        event = json.loads(value) if name == "data" else None
    except ValueError:
        return ""
    text = event.get("line") if isinstance(event, dict) else None
    return " ".join(text.split()) if isinstance(text, str) else ""


def _path(endpoint_id: str) -> str:
    return f"/serverless/{quote(endpoint_id, safe='')}"
