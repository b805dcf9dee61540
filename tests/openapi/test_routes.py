"""The document and the app tell of the same routes."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Mount, Route

from apigpu.registry import Registry
from apigpu_runtime.job import PIPELINE
from apigpu_runtime.proxy.access.keys import KeyStore
from apigpu_runtime.proxy.openapi.openapi import openapi_document
from apigpu_runtime.serve.house import House
from apigpu_runtime.serve.options import DataFolder, ServeOptions
from apigpu_runtime.serve.routes import house_app
from apigpu_runtime.settings import Settings
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


NOT_OF_THE_API = ("/play", "/static/", "/login", "/logout", "/files/", "/v2/", INSIDE_DOCS)
"""Pages, what they load, signed files, and RunPod's own API, which RunPod describes."""


def test_what_apigpu_serve_serves_is_in_the_document_but_for_pages_and_files(tmp_path: Path) -> None:
    folder = DataFolder.made(tmp_path / "data")
    keys = KeyStore(folder.keys)
    house = House(ServeOptions(data_dir=folder.path), Settings(), folder, keys, "http://127.0.0.1:1")
    try:
        paths = {route.path for route in house_app(house).routes if isinstance(route, Route | Mount)}
    finally:
        house.database.close()
        keys.close()
    document = openapi_document(house.registry, version="1")
    told = {
        path.replace(f"/{name}", "/{operation}", 1) if path.startswith("/video/") else path
        for path in document["paths"]
        for name in [*house.registry.operations, PIPELINE]
    }
    assert {path for path in paths if path != "/" and not path.startswith(NOT_OF_THE_API)} <= told
    assert {"/video/{operation}/dry-run", "/video/{operation}/preview", "/docs", "/uploads"} <= paths
