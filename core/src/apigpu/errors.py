"""The one family of errors. A message says what happened, to what, and what to do next.

Raised where the fault is known, translated once at each edge: the command line turns it into a sentence
and an exit status, the worker into a result, the proxy into a problem document.
"""

from __future__ import annotations

from collections.abc import Sequence


class ApiGpuError(Exception):
    """Base of all errors that apigpu raises on purpose.

    `code` is a stable snake_case word for machines; `where` names the field, file or plugin at fault, in the
    user's words (`images.2.image_url`); `remedy` is one sentence that says what to do.
    """

    code = "error"

    def __init__(self, message: str, *, code: str | None = None, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        between = "" if self.remedy.startswith("\n") else " "
        return f"{head}{between}{self.remedy}" if self.remedy else head


class InputError(ApiGpuError, ValueError):
    """The request cannot be served as it stands: a wrong field, unusable media, an impossible wish.

    A request can have several faults: `faults` are the errors of each, with its place.
    """

    code = "invalid_input"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: str = "",
        remedy: str = "",
        faults: Sequence[InputError] = (),
    ) -> None:
        super().__init__(message, code=code, where=where, remedy=remedy)
        self._faults = tuple(faults)

    @property
    def faults(self) -> tuple[InputError, ...]:
        return self._faults or (self,)


class UnsupportedError(ApiGpuError):
    """The request is sound, but no machine of the chosen target can serve it."""

    code = "unsupported"


class PluginError(ApiGpuError):
    """A plugin broke its contract: it failed to load, clashed with another, or built an illegal graph."""

    code = "plugin"


class GraphError(PluginError):
    """A graph that FFmpeg would refuse, caught before FFmpeg sees it. `problems` lists each fault."""

    code = "illegal_graph"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("the filtergraph is not legal:\n  " + "\n  ".join(problems))
        self.problems = tuple(problems)


class SetupError(ApiGpuError):
    """This machine lacks something that every render needs, such as a usable FFmpeg."""

    code = "setup"


class FFmpegError(ApiGpuError):
    """An FFmpeg run ended badly.

    `fault` tells whose: `user` (the media or the request), `machine` (driver, memory, disk) or `unknown`.
    `argv` is the command; `stderr_head` and `stderr_tail` are its first and last 4 kB, since FFmpeg 9 writes
    some 7 kB after the decisive line.
    """

    code = "ffmpeg_failed"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        where: str = "",
        remedy: str = "",
        fault: str = "unknown",
        argv: Sequence[str] = (),
        exit_code: int | None = None,
        stderr_head: str = "",
        stderr_tail: str = "",
    ) -> None:
        super().__init__(message, code=code, where=where, remedy=remedy)
        self.fault = fault
        self.argv = tuple(argv)
        self.exit_code = exit_code
        self.stderr_head = stderr_head
        self.stderr_tail = stderr_tail
