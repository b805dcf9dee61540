"""The messages that save an afternoon: what can be seen of an endpoint, what it means, and what to do.

The first rule that applies speaks. docs/runpod.md prints these tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from apigpu_runtime.backend import Diagnosis

_SOON_S = 120.0
_LONG_START_S = 7 * 60.0
"""RunPod itself calls a worker unhealthy that takes longer to start."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What rules look at: counts of workers and jobs, and how long the job has waited."""

    endpoint_id: str = ""
    queued: int = 0
    running: int = 0
    idle: int = 0
    initializing: int = 0
    throttled: int = 0
    unhealthy: int = 0
    max_workers: int | None = None
    is_load_balancer: bool = False
    reason: str = ""
    waiting_s: float | None = None

    @property
    def is_waiting(self) -> bool:
        return self.waiting_s is not None

    @property
    def is_served(self) -> bool:
        """There is a worker that can take a job, now or after its present one."""
        return self.running > 0 or self.idle > 0

    def waits_longer_than(self, seconds: float) -> bool:
        return self.waiting_s is not None and self.waiting_s >= seconds


@dataclass(frozen=True)
class Rule:
    """One message. `seen` says for the documents when it comes; `of_jobs`: only a waiting job is told."""

    code: str
    seen: str
    applies: Callable[[Facts], bool]
    message: str
    remedy: str = ""
    broken: bool = False
    of_jobs: bool = False

    def diagnosis(self, facts: Facts) -> Diagnosis:
        words = {
            "endpoint": facts.endpoint_id,
            "queued": _counted(facts.queued, "job waits", "jobs wait"),
            "running": _counted(facts.running, "worker is", "workers are"),
            "idle": _counted(facts.idle, "worker is", "workers are"),
            "initializing": _counted(facts.initializing, "worker is", "workers are"),
            "throttled": _counted(facts.throttled, "worker waits", "workers wait"),
            "unhealthy": _counted(facts.unhealthy, "worker is", "workers are"),
            "minutes": f"{(facts.waiting_s or 0) / 60:.0f} minutes",
            "said": f". One of them said last: {facts.reason}" if facts.reason else "",
            "reason": f": {facts.reason}" if facts.reason else "",
        }
        text = self.message.format(**words)
        return Diagnosis(self.code, text if text.endswith(".") else f"{text}.", self.remedy, self.broken)


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"


RUNPOD_RULES = (
    Rule(
        "scaled_to_zero",
        "RunPod's API says that the endpoint may have 0 workers.",
        lambda facts: facts.max_workers == 0,
        "The endpoint {endpoint} is allowed no workers: RunPod sets this after 7 days without a request.",
        "Raise Max workers in RunPod's console (Serverless > the endpoint > Edit); jobs that wait then run.",
        broken=True,
    ),
    Rule(
        "not_a_queue",
        "RunPod's API says that the endpoint's type is LOAD_BALANCER.",
        lambda facts: facts.is_load_balancer,
        "The endpoint {endpoint} is a load balancer, which has no queue of jobs.",
        "Make one of the type Queue; the type of an endpoint cannot be changed.",
        broken=True,
    ),
    Rule(
        "crash_loop",
        "Workers are unhealthy, and none is running or idle.",
        lambda facts: facts.unhealthy > 0 and not facts.is_served,
        "The workers of {endpoint} end as they start: {unhealthy} unhealthy and none works{said}",
        "Read a worker's log in RunPod's console (Serverless > the endpoint > Workers). Mostly the image cannot be "
        "pulled, or its FFmpeg or driver does not work. RunPod scales such an endpoint down by itself.",
        broken=True,
    ),
    Rule(
        "throttled",
        "Workers are throttled, and none is running, idle or initializing.",
        lambda facts: facts.throttled > 0 and not facts.is_served and not facts.initializing,
        "RunPod has no free GPU of the kinds that {endpoint} allows: {throttled} for one.",
        "Waiting may help. Allowing more kinds of GPU or more data centres in the endpoint's settings does.",
    ),
    Rule(
        "slow_start",
        "A worker has been initializing for 7 minutes or more while the job waits.",
        lambda facts: facts.initializing > 0 and not facts.is_served and facts.waits_longer_than(_LONG_START_S),
        "{initializing} still starting after {minutes}; RunPod gives up on a worker after 7.",
        "Read the worker's log in RunPod's console. A smaller image starts sooner.",
        of_jobs=True,
    ),
    Rule(
        "cold_start",
        "A worker is initializing, and none is running or idle.",
        lambda facts: facts.initializing > 0 and not facts.is_served,
        "{initializing} starting.",
        "The first start of a new image pulls it, which can take minutes. Setting Active workers to 1 avoids cold "
        "starts, for a price.",
        of_jobs=True,
    ),
    Rule(
        "queue",
        "Workers are running.",
        lambda facts: facts.running > 0,
        "{running} at work and {queued}.",
        "Raising Max workers lets more jobs run at once.",
        of_jobs=True,
    ),
    Rule(
        "not_taken",
        "A worker is idle, but the job has waited for 2 minutes or more.",
        lambda facts: facts.idle > 0 and facts.waits_longer_than(_SOON_S),
        "{idle} idle, but none has taken this job for {minutes}.",
        "See in RunPod's console whether the image is one of apigpu, and what its log says.",
        of_jobs=True,
    ),
    Rule(
        "waking",
        "A worker is idle.",
        lambda facts: facts.idle > 0,
        "A worker that is asleep wakes up for this job.",
        of_jobs=True,
    ),
    Rule(
        "no_worker",
        "There is no worker at all, and the job has waited for 2 minutes or more.",
        lambda facts: facts.waits_longer_than(_SOON_S),
        "RunPod has started no worker for {minutes}.",
        "Either the account has no credit (see Billing in RunPod's console), or no GPU of the allowed kinds is free: "
        "allow more of them, or more data centres.",
        of_jobs=True,
    ),
    Rule(
        "starting",
        "There is no worker yet.",
        lambda facts: True,
        "RunPod is about to start a worker for this job.",
        of_jobs=True,
    ),
)
"""Of an endpoint at RunPod."""

LOCAL_RULES = (
    Rule(
        "none_joined",
        "The server was started with `--workers 0`, and no worker has joined.",
        lambda facts: facts.max_workers == 0 and not facts.is_served,
        "There is no worker, and this server starts none of its own.",
        "Let one join: `apigpu worker --join URL --token KEY`, with a key of `apigpu keys create --scope worker`.",
    ),
    Rule(
        "crash_loop",
        "Workers end as they start, and none is running or idle.",
        lambda facts: facts.unhealthy > 0 and not facts.is_served,
        "The workers of this machine end as they start{reason}",
        "`apigpu worker` on its own shows the whole of what it says, and `apigpu doctor` what this machine lacks.",
        broken=True,
    ),
    Rule(
        "cold_start",
        "A worker is starting.",
        lambda facts: facts.initializing > 0 and not facts.is_served,
        "{initializing} starting on this machine.",
        of_jobs=True,
    ),
    Rule(
        "queue",
        "Workers are running.",
        lambda facts: facts.running > 0,
        "{running} at work and {queued}.",
        "Another machine can help: `apigpu worker --join URL --token T`.",
        of_jobs=True,
    ),
    Rule(
        "not_taken",
        "A worker is idle, but the job has waited for 2 minutes or more.",
        lambda facts: facts.idle > 0 and facts.waits_longer_than(_SOON_S),
        "{idle} idle, but none has taken this job for {minutes}.",
        "Look at the log of `apigpu serve`.",
        of_jobs=True,
    ),
    Rule(
        "no_worker",
        "There is no worker, and the job has waited for 2 minutes or more.",
        lambda facts: not facts.is_served and facts.waits_longer_than(_SOON_S),
        "No worker has come for {minutes}{reason}",
        "If this server starts none of its own, let one join: `apigpu worker --join URL --token T`.",
        of_jobs=True,
    ),
    Rule(
        "starting",
        "There is no worker yet, or one is just about to take the job.",
        lambda facts: True,
        "A worker of this machine is about to take this job.",
        of_jobs=True,
    ),
)
"""Of the local plane."""
