"""What HTTP has a status of its own for."""

from __future__ import annotations

from collections.abc import Mapping

from apigpu.errors import InputError


class Refusal(InputError):
    """A request that is answered with `status`, before anybody looks at what it asks for."""

    code = "refused"

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str,
        where: str = "",
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, code=code, where=where, remedy=remedy)
        self.status = status
        self.headers = dict(headers or {})


def malformed(message: str, *, code: str, where: str = "", remedy: str = "") -> Refusal:
    """400: this is not what it claims to be."""
    return Refusal(400, message, code=code, where=where, remedy=remedy)


def too_large(max_bytes: int, *, where: str = "", what: str = "the body", remedy: str = "") -> Refusal:
    """413, told as soon as it is known; the connection ends with it, since the rest is not read."""
    return Refusal(
        413,
        f"{what} is larger than {_bytes(max_bytes)}.",
        code="too_large",
        where=where,
        remedy=remedy,
        headers={"Connection": "close"},
    )


def _bytes(count: int) -> str:
    for power, unit in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if count >= 1024**power:
            return f"{count / 1024**power:g} {unit}"
    return f"{count} bytes"
