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
