"""How fast the proxy turns to the endpoint, and how often it tries."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Bounds that hold however many jobs there are.

    RunPod takes 100 submissions and 200 looks a second of an endpoint, and lets others use it too.
    """

    submissions_at_once: int = 16
    retry_first_s: float = 0.5
    """Wait after the first refusal of a submission that may be tried again; it doubles from there."""
    retry_most_s: float = 30.0
    resubmit_after_s: tuple[float, ...] = (1.0, 8.0, 30.0, 120.0)
    """Waits before a job that was lost, or failed for a passing reason, is handed in again: so many times."""
    looks_at_once: int = 16
    looks_per_s: float = 20.0
    """Looks at jobs that nobody announced a change of."""
    announced_looks_per_s: float = 200.0
    """The same where the endpoint is a part of this process."""
    front: int = 50
    """So many of the oldest queued jobs are looked at often, since a queue moves at its front."""
    look_s: float = 1.0
    """What the waits between two looks at a job are reckoned in."""
    tick_s: float = 0.25

    def retry_s(self, failures: int) -> float:
        """The wait after so many failures one after the other."""
        return min(self.retry_most_s, self.retry_first_s * 2.0 ** min(failures - 1, 16))

    def resubmit_s(self, submissions: int) -> float | None:
        """The wait before a job that was submitted so often is submitted again; None: it has had its tries."""
        tries = max(submissions, 1)
        return self.resubmit_after_s[tries - 1] if tries <= len(self.resubmit_after_s) else None

    def look_interval_s(self, *, age_s: float, waited_for: bool, near: bool, announced: bool) -> float:
        """Seconds between two looks at a job that has been in its state for `age_s`.

        `near`: it runs, or stands at the front of the queue. `announced`: the endpoint tells its changes, so that
        looking is only for what got lost.
        """
        if announced:
            return (15 if waited_for else 60) * self.look_s
        if waited_for:
            return min(self.look_s / 2 + age_s / 20, 3 * self.look_s)
        if near:
            return min(self.look_s + age_s / 10, 15 * self.look_s)
        return 300 * self.look_s


DEFAULT_PACE = Pace()
