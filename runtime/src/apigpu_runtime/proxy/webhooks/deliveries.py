"""What a delivery is, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PENDING = "pending"
DELIVERED = "delivered"
DEAD = "dead"
STATUSES = (PENDING, DELIVERED, DEAD)

Status = Literal["pending", "delivered", "dead"]


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message on its way. Times are seconds since 1970, UTC.

    `url` and `body` are sent as they stand, each time the same. `id` is the message's, sent as `webhook-id`.
    """

    id: str
    job_id: str
    event: str
    """`job.completed`, `job.failed`, `job.cancelled` or `job.timed_out`."""
    origin: str
    """`scheme://host:port` of the receiver."""
    status: str
    created_s: float
    next_try_s: float | None
    first_try_s: float | None
    finished_s: float | None
    tries: int
    quick_tries: int
    slow_tries: int
    http_status: int | None
    note: str
    url: str
    body: str


@dataclass(frozen=True, kw_only=True)
class Try:
    """How one request ended."""

    number: int = 0
    started_s: float
    duration_ms: int
    http_status: int | None = None
    """None where no answer came."""
    note: str = ""
    """Empty where the receiver took it."""
    response: str = ""
    """The beginning of its answer."""
    retry_after_s: float | None = None

    @property
    def is_taken(self) -> bool:
        return self.http_status is not None and 200 <= self.http_status < 300
