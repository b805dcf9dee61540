"""`apigpu operations`: what is installed, and what failed to load."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from apigpu.operations import Operation
from apigpu.registry import Registry
from apigpu_runtime.cli.parser import Parser


def run(words: Sequence[str]) -> int:
    """Print the operations; 0 even where a plugin failed, since the others work."""
    parser = Parser(prog="apigpu operations", description="List the operations that are installed.")
    parser.add_argument("--json", action="store_true", help="Print JSON, with the schema of every input.")
    options = parser.parse_all(words)
    registry = Registry.discover()
    print(json.dumps(_document(registry), indent=2) if options.json else _text(registry))
    return 0


def _document(registry: Registry) -> dict[str, Any]:
    return {
        "operations": [_operation(item) for item in registry.operations.values()],
        "failures": [
            {"plugin": item.plugin, "distribution": item.distribution, "error": item.error}
            for item in registry.failures
        ],
    }


def _operation(item: Operation) -> dict[str, Any]:
    return {
        "name": item.name,
        "summary": item.summary,
        "distribution": item.distribution,
        "version": item.version,
        "main_field": item.main_field,
        "input": item.input.model_json_schema(),
    }


def _text(registry: Registry) -> str:
    names = [*registry.operations, *(item.plugin for item in registry.failures)]
    width = max(map(len, names), default=0)
    lines = [
        f"{item.name:{width}}  {item.summary}  ({item.distribution} {item.version})"
        for item in registry.operations.values()
    ]
    lines += [
        f"{item.plugin:{width}}  FAILED to load ({item.distribution}): {item.error}" for item in registry.failures
    ]
    return "\n".join(lines) or "No operation is installed. Try: pip install apigpu-caption"
