"""`apigpu serve`: every operation as an endpoint, with a page for people, on this machine or in front of RunPod."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apigpu.errors import InputError
from apigpu_runtime.cli.parser import Parser
from apigpu_runtime.serve.options import DEFAULT_PORT, DEFAULT_WAIT_S, ServeOptions, default_data_dir
from apigpu_runtime.settings import Settings

_EPILOG = (
    "Without --runpod, workers start on this machine when there is work, and machines elsewhere may join: "
    "apigpu worker --join URL --token KEY."
)


def run(words: Sequence[str]) -> int:
    """Serve until a signal comes."""
    settings = Settings.from_environment()
    options = parse(words, settings)
    # Late, so that `apigpu serve --help` stays quick.
    from apigpu_runtime.serve.app import serve

    return serve(options, settings)


def parse(words: Sequence[str], settings: Settings) -> ServeOptions:
    """The options. Raises InputError for what makes no sense."""
    parser = Parser(prog="apigpu serve", description="Serve every installed operation.", epilog=_EPILOG)
    parser.add_argument("--host", default="127.0.0.1", help="Address to listen on. [default: 127.0.0.1]")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"Port; 0 takes a free one. [default: {DEFAULT_PORT}]"
    )
    parser.add_argument(
        "--data-dir", metavar="DIR", help="Folder for jobs, keys and videos. [default: ~/.local/share/apigpu]"
    )
    parser.add_argument(
        "--public-url", metavar="URL", default="", help="How clients and workers elsewhere reach this server."
    )
    parser.add_argument(
        "--runpod",
        metavar="ENDPOINT_ID",
        default="",
        help="The RunPod endpoint that renders; its key is read from RUNPOD_API_KEY.",
    )
    parser.add_argument(
        "--workers",
        metavar="N",
        type=int,
        default=1,
        help="Workers on this machine at most; 0 for none. [default: 1]",
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=float,
        default=DEFAULT_WAIT_S,
        help=f"How long a request waits for its result before it is answered with 202. [default: {DEFAULT_WAIT_S:g}]",
    )
    found = parser.parse_all(words)
    _check("port", 0 <= found.port <= 65535, f"{found.port} is no port.", "Ports lie from 0 to 65535.")
    _check("workers", 0 <= found.workers <= 64, f"{found.workers} workers make no sense.", "Name 0 to 64.")
    _check("wait", 0 <= found.wait <= 300, f"{found.wait:g} s is out of range.", "Wait for 0 to 300 seconds.")
    url = found.public_url.rstrip("/")
    _check("public-url", not url or url.startswith(("http://", "https://")), f"{url!r} is no http(s) URL.", "")
    if found.runpod and not settings.runpod_api_key:
        raise InputError(
            "RUNPOD_API_KEY is not set.",
            code="no_runpod_key",
            where="runpod",
            remedy="Make a key in RunPod's console, under Settings, and put it into the environment.",
        )
    return ServeOptions(
        data_dir=Path(found.data_dir).absolute() if found.data_dir else default_data_dir(settings.environ),
        host=found.host,
        port=found.port,
        public_url=url,
        runpod=found.runpod,
        max_workers=found.workers,
        wait_s=found.wait,
    )


def _check(where: str, is_good: bool, message: str, remedy: str) -> None:
    if not is_good:
        raise InputError(message, code="usage", where=where, remedy=remedy)
