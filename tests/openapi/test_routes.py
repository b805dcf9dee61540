"""The document and the app tell of the same routes."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Route

from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE
from apigpu_runtime.proxy.openapi import openapi_document
from openapi_support import whole_app

INSIDE_DOCS = "/docs/{name}"
"""What the page loads is nobody's API."""


def test_every_route_is_in_the_document_and_the_other_way_round(tmp_path: Path) -> None:
    registry = Registry.discover()
    names = [*registry.operations, PIPELINE]
    app = whole_app(tmp_path)
    served = {
        (method, path.replace("{operation}", name) if path.startswith("/video/") else path)
        for route in app.routes
        if isinstance(route, Route) and (path := route.path) != INSIDE_DOCS
        for method in (route.methods or set()) - {"HEAD"}
        for name in (names if path.startswith("/video/") else [""])
    }
    document = openapi_document(registry, version="1")
    told = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert told == served
