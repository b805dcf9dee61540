"""Install, start, run, tell."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import httpx2

from n8n_check.cases import CASES, Bench, Outcome, files
from n8n_check.install import N8N, Installed, installed, say
from n8n_check.n8n import running
from serve_support import serving


def main() -> int:
    parser = argparse.ArgumentParser(prog="n8n-check", description=__doc__)
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "apigpu"
    parser.add_argument("--cache", type=Path, default=cache, help="Where n8n is kept. [default: %(default)s]")
    parser.add_argument("--n8n", default=N8N, metavar="VERSION", help="Which n8n. [default: %(default)s]")
    options = parser.parse_args()
    program = installed(options.cache.absolute(), options.n8n)
    with TemporaryDirectory(prefix="n8n-check-") as folder:
        outcomes, ready_s = _run(program, Path(folder))
    print(_report(program, ready_s, outcomes))
    return 1 if any(outcome.faults for outcome in outcomes) else 0


def _run(program: Installed, folder: Path) -> tuple[list[Outcome], float]:
    home, data = folder / "home", folder / "data"
    home.mkdir()
    with ExitStack() as stack:
        n8n, ready_s = stack.enter_context(running(program, home))
        say(f"n8n is ready after {ready_s:.1f} s")
        key = _key(data)
        environ = {"APIGPU_WEBHOOK_HOSTS": urlsplit(n8n.url).netloc}
        server = stack.enter_context(serving(data, environ=environ))
        say(f"apigpu serve is ready after {server.ready_s:.1f} s")
        http = stack.enter_context(httpx2.Client(base_url=server.url, headers={"X-API-Key": key}, timeout=60))
        n8n.sign_up()
        n8n.header_credential("apigpu", "X-API-Key", key)
        bench = Bench(n8n, http, **files(folder, http))
        outcomes = []
        for case in CASES:
            say(f"running: {case.__name__}")
            outcomes.append(case(bench))
        return outcomes, ready_s


def _key(data: Path) -> str:
    """With a key there, requests on loopback need one too."""
    command = [sys.executable, "-m", "apigpu_runtime.cli", "keys", "create", "--name", "n8n", "--data-dir", str(data)]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    return next(word for word in told.split() if word.startswith("ak_"))


def _report(program: Installed, ready_s: float, outcomes: list[Outcome]) -> str:
    installed_in = f", installed in {program.seconds:.0f} s" if program.seconds else ""
    rows = [
        f"| {item.name} | {item.status} | {item.seconds:.1f} | {item.said.replace('|', '/')} |" for item in outcomes
    ]
    lines = [
        f"n8n {program.version()} on Node {program.node_version()}{installed_in}; ready after {ready_s:.1f} s.",
        "",
        "| case | n8n's word | seconds | what it shows |",
        "|---|---|---|---|",
        *rows,
    ]
    faults = [f"- {item.name}: {fault}" for item in outcomes for fault in item.faults]
    return "\n".join([*lines, "", *(["Faults:", *faults] if faults else ["No faults."])])


def _cell(text: str) -> str:
    return text.replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
