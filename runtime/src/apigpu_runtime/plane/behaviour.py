"""How the plane behaves, in one place: what RunPod documents, and what it does not, as switches.

The second group is what cannot be known without asking the real service: each field holds our guess, and tests of a
client run it with the others too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from apigpu_runtime.backend import FINAL

_SECOND_MS = 1000
_DAY_MS = 24 * 3600 * _SECOND_MS
_MIB = 1024 * 1024


@dataclass(frozen=True)
class RateLimit:
    """Requests in ten seconds, and how many may be open at once (0: any number)."""

    requests: int
    concurrent: int = 0


RUNPOD_RATE_LIMITS: Mapping[str, RateLimit] = {
    "run": RateLimit(1000, 200),
    "runsync": RateLimit(2000, 400),
    "status": RateLimit(2000, 400),
    "stream": RateLimit(2000, 400),
    "cancel": RateLimit(100, 20),
    "purge-queue": RateLimit(2),
}


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """Every number and choice of a plane. The defaults are RunPod's, as far as it says them."""

    keep_run_s: float = 30 * 60
    """How long a finished job of `/run` can be asked for."""
    keep_runsync_s: float = 60
    default_ttl_ms: int = _DAY_MS
    min_ttl_ms: int = 10 * _SECOND_MS
    max_ttl_ms: int = 7 * _DAY_MS
    default_execution_timeout_ms: int = 600 * _SECOND_MS
    min_execution_timeout_ms: int = 5 * _SECOND_MS
    max_execution_timeout_ms: int = 7 * _DAY_MS
    max_run_bytes: int = 10 * _MIB
    max_runsync_bytes: int = 20 * _MIB
    max_result_bytes: int = 20 * _MIB
    max_chunk_bytes: int = _MIB
    default_wait_ms: int = 90 * _SECOND_MS
    min_wait_ms: int = _SECOND_MS
    max_wait_ms: int = 300 * _SECOND_MS
    rate_limits: Mapping[str, RateLimit] = field(default_factory=lambda: RUNPOD_RATE_LIMITS)
    rate_window_s: float = 10.0
    webhook_tries: int = 3
    webhook_pause_s: float = 10.0
    webhook_timeout_s: float = 10.0

    # Not documented by RunPod, or of this plane alone.
    stream_hold_s: float = 9.0
    """RunPod holds an empty poll for 10 s; the Python client gives up after 10 s, so this is a little less."""
    take_hold_s: float = 10.0
    """A worker that is told to end waits for its open polls: the hold bounds how long."""
    stop_hold_s: float = 10.0
    lease_s: float = 30.0
    """A worker that has not pinged with a job for so long has lost it: three of the SDK's pings."""
    silence_s: float = 10.0
    """So long after a worker's stop channel broke off, and nothing but pings came since, it is taken for dead: the
    SDK's ping process outlives its worker."""
    max_losses: int = 3
    """How often a job is queued again after its worker was lost."""
    expired: Literal["deleted", "TIMED_OUT"] = "deleted"
    """What becomes of a waiting or running job whose TTL is over."""
    ttl_deletes_finished: bool = False
    """Whether the TTL also ends the time that a finished job is kept."""
    purged: Literal["CANCELLED", "deleted"] = "CANCELLED"
    webhook_states: frozenset[str] = FINAL
    running_word: Literal["IN_PROGRESS", "RUNNING"] = "IN_PROGRESS"
    cancel_finished_status: int = 200
    wrong_state_status: int = 400
    """Of `/retry` for a job that neither failed nor timed out."""
    bad_request_status: int = 400
    oversize_request_status: int = 413
    oversize_result: Literal["FAILED", "ignored"] = "FAILED"
    """What a result over the limit does to its job; the worker gets 400 either way."""
    run_refused_status: int | None = None
    """Set: what `/run` and `/runsync` answer, as an endpoint whose workers are set to none might."""
