"""`apigpu worker`: take jobs and render them."""

from __future__ import annotations

from collections.abc import Sequence

from apigpu_runtime.cli.parser import Parser
from apigpu_runtime.settings import Settings

_EPILOG = (
    "On RunPod, as the container's command, it needs nothing else. SIGTERM finishes the jobs that run and takes no "
    "more; a second one hands them back."
)


def run(words: Sequence[str]) -> int:
    """Work until told to end."""
    parser = Parser(
        prog="apigpu worker",
        description="Take jobs from RunPod, or from an apigpu serve, and render them here.",
        epilog=_EPILOG,
    )
    parser.add_argument("--join", metavar="URL", help="Work for the apigpu serve at this address.")
    parser.add_argument(
        "--token", default="", metavar="KEY", help="A key of scope worker there. [default: RUNPOD_AI_API_KEY]"
    )
    options = parser.parse_all(words)
    from apigpu_runtime.worker.main import run_worker

    return run_worker(Settings.from_environment(), join=options.join, token=options.token)
