"""n8n as a process of its own on this machine, and what its editor asks of it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from n8n_check.install import Installed
from serve_support import free_port

_READY_S = 180.0
_RUN_S = 120.0
_OPEN = {"new", "running", "waiting"}
# Nothing of n8n's calls home: there is nobody there, and it is nobody's business.
_QUIET = {
    "N8N_DIAGNOSTICS_ENABLED": "false",
    "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
    "N8N_TEMPLATES_ENABLED": "false",
    "N8N_PERSONALIZATION_ENABLED": "false",
    "N8N_HIRING_BANNER_ENABLED": "false",
    "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
    "N8N_DISABLED_MODULES": "mcp-registry,community-packages",
    "EXTERNAL_FRONTEND_HOOKS_URLS": "",
    "N8N_DEFAULT_BINARY_DATA_MODE": "filesystem",
    "N8N_SECURE_COOKIE": "false",
}


@dataclass(frozen=True)
class Execution:
    """One run of a workflow, as n8n keeps it."""

    id: str
    status: str
    """success, error, ..."""
    seconds: float
    data: dict[str, Any]

    @property
    def message(self) -> str:
        """What n8n shows in red."""
        return str((self.data["resultData"].get("error") or {}).get("message", ""))

    @property
    def nodes(self) -> list[str]:
        return list(self.data["resultData"]["runData"])

    def item(self, node: str) -> dict[str, Any]:
        """The first item that came out of a node."""
        found: dict[str, Any] = self.data["resultData"]["runData"][node][-1]["data"]["main"][0][0]
        return found


class N8n:
    """A client of the API that n8n's editor uses."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx2.Client(base_url=url, timeout=30)

    def sign_up(self) -> None:
        """The owner of a new n8n, for as long as it lives."""
        owner = {"email": "check@example.com", "firstName": "A", "lastName": "Check"}
        self._post("/rest/owner/setup", {**owner, "password": f"A1{secrets.token_hex(12)}"})

    def header_credential(self, name: str, header: str, value: str) -> None:
        self._post(
            "/rest/credentials", {"name": name, "type": "httpHeaderAuth", "data": {"name": header, "value": value}}
        )

    def run(self, workflow: Mapping[str, Any], *, trigger: str = "Start") -> Execution:
        """Import a workflow, press its button, and wait for the end."""
        kept = self._post("/rest/workflows", workflow)
        began = time.monotonic()
        started = self._post(
            f"/rest/workflows/{kept['id']}/run", {"workflowData": kept, "triggerToStartFrom": {"name": trigger}}
        )
        while time.monotonic() - began < _RUN_S:
            found = self.http.get(f"/rest/executions/{started['executionId']}").json()["data"]
            if found["status"] not in _OPEN:
                seconds = time.monotonic() - began
                return Execution(found["id"], found["status"], seconds, unflattened(found["data"]))
            time.sleep(0.2)
        raise SystemExit(f"n8n-check: the workflow {workflow['name']} has not ended after {_RUN_S:g} s")

    def file(self, item: Mapping[str, Any], name: str = "data") -> bytes:
        """The bytes of a file that an item carries."""
        binary = item["binary"][name]
        answer = self.http.get("/rest/binary-data", params={"id": binary["id"], "action": "download"})
        answer.raise_for_status()
        return answer.content

    def _post(self, path: str, document: Mapping[str, Any]) -> dict[str, Any]:
        answer = self.http.post(path, json=document)
        if not answer.is_success:
            raise SystemExit(f"n8n-check: n8n answers {path} with {answer.status_code}: {answer.text[:300]}")
        found: dict[str, Any] = answer.json()["data"]
        return found


@contextmanager
def running(installed: Installed, home: Path) -> Iterator[tuple[N8n, float]]:
    """n8n with an empty database on this machine alone, and the seconds until it was ready."""
    port, broker = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    places = {"N8N_USER_FOLDER": str(home), "N8N_PORT": str(port), "N8N_RUNNERS_BROKER_PORT": str(broker)}
    places |= {"N8N_HOST": "127.0.0.1", "N8N_LISTEN_ADDRESS": "127.0.0.1", "WEBHOOK_URL": f"{url}/"}
    path = {"PATH": f"{installed.node.parent}:{os.environ['PATH']}"}
    began = time.monotonic()
    with (home / "n8n.log").open("wb") as log:
        process = subprocess.Popen(
            installed.command,
            env={**os.environ, **_QUIET, **places, **path},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        n8n = N8n(url)
        try:
            _until_ready(n8n, process, home / "n8n.log")
            yield n8n, time.monotonic() - began
        finally:
            n8n.http.close()
            _end(process)


def _until_ready(n8n: N8n, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            # The editor's settings come last: before, a part of n8n still answers that it is starting.
            if n8n.http.get("/healthz/readiness").is_success and n8n.http.get("/rest/settings").is_success:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.5)
    raise SystemExit(f"n8n-check: n8n did not become ready:\n{log.read_text(errors='replace')[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """n8n and the task runner that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def unflattened(text: str) -> dict[str, Any]:
    """n8n keeps runs as a list of values that name each other by their number, as texts."""
    values = json.loads(text)

    def value(found: Any) -> Any:
        """Texts inside containers are numbers; what they name is taken as it is."""
        if isinstance(found, dict):
            return {name: named(item) for name, item in found.items()}
        if isinstance(found, list):
            return [named(item) for item in found]
        return found

    path: set[int] = set()

    def named(item: Any) -> Any:
        if not isinstance(item, str):
            return item
        number = int(item)
        if number in path:  # a circle, which nobody here looks at
            return None
        path.add(number)
        try:
            return value(values[number])
        finally:
            path.discard(number)

    found: dict[str, Any] = value(values[0])
    return found
