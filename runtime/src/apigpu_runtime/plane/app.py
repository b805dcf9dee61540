"""The plane as an ASGI app, to be mounted where RunPod would be: `.../v2/ENDPOINT`."""

from __future__ import annotations

from starlette.applications import Starlette

from apigpu_runtime.plane.endpoint_api import endpoint_routes
from apigpu_runtime.plane.plane import Plane
from apigpu_runtime.plane.worker_api import worker_routes


def plane_app(plane: Plane) -> Starlette:
    """Both sides of the plane. Who calls is read from the scope (`callers`); without it everything is 401.

    The plane must be `running` while this is served.
    """
    return Starlette(routes=[*endpoint_routes(plane), *worker_routes(plane)])
