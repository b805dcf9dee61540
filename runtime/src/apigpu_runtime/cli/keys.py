"""`apigpu keys`: who may call a server, also while it runs."""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigpu.errors import InputError
from apigpu_runtime.cli.parser import Parser
from apigpu_runtime.serve.options import DataFolder, default_data_dir
from apigpu_runtime.settings import Settings

if TYPE_CHECKING:
    from apigpu_runtime.proxy.access.keys import Key, KeyStore

_USAGE = 2
_LIFETIME = re.compile(r"(\d{1,4})([mhdw])")
_UNIT_S = {"m": 60, "h": 3600, "d": 86400, "w": 604800}


def run(words: Sequence[str]) -> int:
    """Run the command of that name."""
    name = words[0] if words else ""
    if name in {"", "-h", "--help"}:
        print(_help())
        return 0 if name else _USAGE
    if name not in _COMMANDS:
        near = difflib.get_close_matches(name, _COMMANDS, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(_COMMANDS)}."
        raise InputError(f"there is no command keys {name!r}.", code="usage", remedy=hint)
    _COMMANDS[name][0](words[1:])
    return 0


def _create(words: Sequence[str]) -> None:
    parser = _parser("create", "Make a key. Its secret is printed once, and kept nowhere.")
    parser.add_argument("--name", required=True, help="Who will use it, such as n8n.")
    parser.add_argument(
        "--scope",
        default="client",
        help="client: calls operations; worker: takes jobs, on another machine. [default: client]",
    )
    parser.add_argument(
        "--expires", metavar="TIME", help="How long it works, such as 30d, 12h or 8w. [default: for ever]"
    )
    parser.add_argument("--rate", default="", metavar="RATE", help="Most requests, such as 60/minute. [default: any]")
    options = parser.parse_all(words)
    with _store(options, make=True) as store:
        key, secret = store.create(
            options.name, scope=options.scope, lifetime_s=_lifetime_s(options.expires), rate=options.rate
        )
    if options.json:
        print(json.dumps({**_document(key), "secret": secret}))
        return
    print(secret)
    how = "as X-API-Key" if key.scope == "client" else "with: apigpu worker --join URL --token SECRET"
    print(f"This is the secret of {key.id} ({key.name}), shown this once. Use it {how}.", file=sys.stderr)


def _list(words: Sequence[str]) -> None:
    options = _parser("list", "List the keys, without their secrets.").parse_all(words)
    with _store(options) as store:
        keys = store.list() if store else ()
    if options.json:
        print(json.dumps({"items": [_document(key) for key in keys]}, indent=2))
    else:
        print(_table(keys) if keys else "There is no key. Make one with: apigpu keys create --name NAME")


def _revoke(words: Sequence[str]) -> None:
    parser = _parser("revoke", "End a key. A server that runs refuses it from the next request on.")
    parser.add_argument("id", help="The key's id, as apigpu keys list shows it.")
    options = parser.parse_all(words)
    with _store(options) as store:
        if store is None:
            raise InputError("there is no key.", code="unknown_key", where="id", remedy="Is --data-dir right?")
        key = store.revoke(options.id)
    print(json.dumps(_document(key)) if options.json else f"{key.id} ({key.name}) no longer works.")


def _webhook_secret(words: Sequence[str]) -> None:
    from apigpu_runtime.proxy.webhooks.signing import signing_secrets

    options = _parser("webhook-secret", "Show what webhooks are signed with, the newest first.").parse_all(words)
    settings = Settings.from_environment()
    found = signing_secrets(settings, DataFolder.made(_folder(options)).secret("webhooks"))
    print(json.dumps({"items": found}) if options.json else "\n".join(found))


_Command = Callable[[Sequence[str]], None]
_COMMANDS: dict[str, tuple[_Command, str]] = {
    "create": (_create, "Make a key and print its secret."),
    "list": (_list, "List the keys."),
    "revoke": (_revoke, "End a key."),
    "webhook-secret": (_webhook_secret, "Show what webhooks are signed with."),
}


def _help() -> str:
    width = max(map(len, _COMMANDS))
    lines = "\n".join(f"  {name:{width}}  {summary}" for name, (_, summary) in _COMMANDS.items())
    return (
        "usage: apigpu keys COMMAND ...\n\n"
        "API keys: who may call apigpu serve, also while it runs.\n\n"
        f"commands:\n{lines}\n\n"
        "  apigpu keys create --name n8n --expires 90d --rate 60/minute\n\n"
        "More on a command: apigpu keys COMMAND --help."
    )


def _parser(name: str, description: str) -> Parser:
    parser = Parser(prog=f"apigpu keys {name}", description=description)
    parser.add_argument("--data-dir", metavar="DIR", help="The server's folder. [default: ~/.local/share/apigpu]")
    parser.add_argument("--json", action="store_true", help="Print JSON.")
    return parser


@contextmanager
def _store(options: argparse.Namespace, *, make: bool = False) -> Iterator[Any]:
    """The store; None where there is none, and none is to be made for a mere look."""
    # Late, so that --help stays quick.
    from apigpu_runtime.proxy.access.keys import KeyStore

    folder = DataFolder(_folder(options))
    if not make and not folder.keys.exists():
        yield None
        return
    store: KeyStore = KeyStore(DataFolder.made(folder.path).keys)
    with closing(store):
        yield store


def _folder(options: argparse.Namespace) -> Path:
    if options.data_dir:
        return Path(options.data_dir).absolute()
    return default_data_dir(Settings.from_environment().environ)


def _lifetime_s(text: str | None) -> float | None:
    if text is None:
        return None
    found = _LIFETIME.fullmatch(text)
    if not found or int(found[1]) == 0:
        raise InputError(
            f"{text!r} is no time.", code="usage", where="expires", remedy="Write it like 30d, 12h, 90m or 8w."
        )
    return float(int(found[1]) * _UNIT_S[found[2]])


def _document(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scope": key.scope,
        "state": key.state(time.time()),
        "rate": key.rate,
        "created_at": _time(key.created_s),
        "expires_at": _time(key.expires_s),
        "revoked_at": _time(key.revoked_s),
        "last_used_at": _time(key.last_used_s),
    }


def _table(keys: Sequence[Key]) -> str:
    heads = ("ID", "NAME", "SCOPE", "STATE", "RATE", "CREATED", "EXPIRES", "LAST USED")
    rows = [heads, *(_row(key) for key in keys)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(key: Key) -> tuple[str, ...]:
    facts = _document(key)
    times = (facts[name] or "-" for name in ("created_at", "expires_at", "last_used_at"))
    return (key.id, key.name, key.scope, facts["state"], key.rate or "-", *times)


def _time(moment_s: float | None) -> str | None:
    if moment_s is None:
        return None
    return datetime.fromtimestamp(moment_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
