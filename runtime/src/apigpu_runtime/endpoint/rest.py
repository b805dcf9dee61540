"""How an endpoint is set up: the few reads of RunPod's API v2 that a diagnosis needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from apigpu_runtime.endpoint.answers import Count, OddAnswer, Text
from apigpu_runtime.endpoint.asking import Asker
from apigpu_runtime.endpoint.refusals import Peer

RUNPOD_REST_URL = "https://api.runpod.io/v2"


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

    async def endpoint(self, endpoint_id: str, *, tries: int = 1) -> EndpointSetup:
        """How the endpoint is set up."""
        peer = Peer("RunPod", endpoint_id)
        api = Asker(self._http, self._base_url, peer=peer, api_key=self._api_key)
        return await api.ask("GET", f"/serverless/{quote(endpoint_id, safe='')}", endpoint_setup, tries=tries)
