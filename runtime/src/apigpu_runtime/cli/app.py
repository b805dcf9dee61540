"""`apigpu`: which command runs, and the one table from errors to exit statuses.

Commands are imported when they are called, so that `apigpu --help` costs next to nothing.
"""

from __future__ import annotations

import difflib
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from apigpu_runtime.interrupts import Interrupted

if TYPE_CHECKING:
    from apigpu.errors import ApiGpuError

COMMANDS = {
    "operations": "List the operations that are installed, and the plugins that failed to load.",
    "plan": "Show what FFmpeg would run, and where every frame would live. Renders nothing.",
    "render": "Make the video.",
    "preview": "Make one real frame of the video, as PNG.",
    "worker": "Take jobs from RunPod, or from an apigpu serve, and render them here.",
    "keys": "Make, list and end API keys for apigpu serve.",
    "doctor": "Tell whether this machine can render, and what it lacks.",
    "serve": "Serve every operation: REST endpoints, a playground, and workers.",
}
_USAGE = 2
_FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0 it worked, 1 the render failed, 2 the request is at fault, 130 interrupted (128 + the signal's number).
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _run(words)
        sys.stdout.flush()
        return status
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    except (KeyboardInterrupt, Interrupted) as interrupt:
        print("interrupted.", file=sys.stderr)
        return 128 + getattr(interrupt, "signal_number", signal.SIGINT)
    except BrokenPipeError:
        # Whoever read our output has left, as `| head` does; the interpreter would complain at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except _known_errors() as error:
        return _told(error, words)


def _told(error: ApiGpuError, words: Sequence[str]) -> int:
    from apigpu_runtime.cli.terminal import print_error

    print_error(error, as_json="--json" in words)
    return exit_status(error)


def exit_status(error: ApiGpuError) -> int:
    """2 where another request or another setup is needed, 1 where a render or a plugin failed."""
    from apigpu.errors import InputError, SetupError, UnsupportedError

    return _USAGE if isinstance(error, InputError | SetupError | UnsupportedError) else _FAILED


def _run(words: Sequence[str]) -> int:
    name = words[0] if words else ""
    if name in {"", "-h", "--help", "help"}:
        print(_help())
        return 0 if name else _USAGE
    if name in {"--version", "-V"}:
        from importlib.metadata import version

        print(f"apigpu {version('apigpu-runtime')}")
        return 0
    if name not in COMMANDS:
        raise _unknown(name)
    run = importlib.import_module(f"apigpu_runtime.cli.{name}").run
    status: int = run(words[1:])
    return status


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:{width}}  {summary}" for name, summary in COMMANDS.items())
    return (
        "usage: apigpu COMMAND ...\n\n"
        "Video operations as single FFmpeg runs, on CPU or CUDA.\n\n"
        f"commands:\n{lines}\n\n"
        "  apigpu render caption --url-video talk.mp4 --url-srt talk.srt -o captioned.mp4\n"
        "  apigpu plan caption --url-video talk.mp4 --url-srt talk.srt --target l4\n\n"
        "More on a command: apigpu COMMAND --help. Version: apigpu --version."
    )


def _unknown(name: str) -> Exception:
    from apigpu.errors import InputError

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(COMMANDS)}."
    return InputError(f"there is no command {name!r}.", code="usage", remedy=hint)


def _known_errors() -> type[ApiGpuError]:
    from apigpu.errors import ApiGpuError

    return ApiGpuError
