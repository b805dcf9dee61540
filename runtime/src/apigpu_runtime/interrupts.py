"""Signals that end the program go through it as exceptions, so that every `finally` runs."""

from __future__ import annotations

import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Interrupted(BaseException):
    """The program was told to end. A BaseException, so that nothing takes it for a failed job."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


def run_until_done(work: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run` that takes SIGTERM and SIGHUP as it takes SIGINT: the work is cancelled and tidies up.

    Raises KeyboardInterrupt or Interrupted.
    """
    import asyncio

    received: list[int] = []

    async def guarded() -> Result:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def cancel(number: int) -> None:
            received.append(number)
            if task is not None:
                task.cancel()

        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_IGN:  # nohup wants the work to go on
                continue
            loop.add_signal_handler(number, cancel, number)
        return await work

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        raise Interrupted(received[0] if received else signal.SIGINT) from None
