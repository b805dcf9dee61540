"""When a store does not do as it is told."""

from __future__ import annotations

from apigpu.errors import ApiGpuError


class StorageError(ApiGpuError):
    """The store failed, or refused; `retryable` where the same may work later."""

    code = "storage_failed"

    def __init__(
        self, message: str, *, code: str | None = None, where: str = "", remedy: str = "", retryable: bool = False
    ) -> None:
        super().__init__(message, code=code, where=where, remedy=remedy)
        self.retryable = retryable
