"""One word for what the installed operations are, so that two releases that differ never work together unnoticed."""

from __future__ import annotations

import hashlib
import json

from apigpu.registry import Registry


def operations_digest(registry: Registry) -> str:
    """A digest of every operation's name, version and schema: 16 hexadecimal digits."""
    described = [
        [item.name, item.distribution, item.version, item.input.model_json_schema()]
        for item in registry.operations.values()
    ]
    text = json.dumps(described, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
