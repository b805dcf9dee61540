"""What a plugin may implement. Mark an implementation with `hookimpl`."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from apigpu.operations import Operation

hookspec = pluggy.HookspecMarker("apigpu")
hookimpl = pluggy.HookimplMarker("apigpu")


@hookspec
def apigpu_operations() -> Sequence[Operation]:  # type: ignore[empty-body]
    """The operations that this plugin brings. Called once, when plugins are discovered."""


@hookspec(firstresult=True)
def apigpu_resolve_url(url: str) -> str | None:
    """The direct http(s) address of the file behind a link that people share; None for links of others.

    Called for each address of a request before it is fetched. It computes, and opens no connection: the answer is
    fetched as if the user had written it, with the same checks.
    """
