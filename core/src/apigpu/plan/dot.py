"""A plan as Graphviz DOT."""

from __future__ import annotations

import json

from apigpu.plan.model import Plan
from apigpu.plan.words import link_words

_FILL = {"system": "#dbe4ee", "cuda": "#76b900", "vulkan": "#e5989b", "opencl": "#c8b6ff"}
_SHAPE = {"input": "note", "output": "note", "upload": "cds", "download": "cds"}


def render_dot(plan: Plan) -> str:
    """A `digraph`, left to right, boxes filled by the memory their frames live in."""
    lines = [
        "digraph plan {",
        '  rankdir=LR; node [style=filled, fontname="sans-serif"]; edge [fontname="sans-serif"];',
    ]
    for node in plan.nodes:
        label = node.label if not node.owner or node.kind != "filter" else f"{node.label}\n{node.owner}"
        attributes = (
            f"label={_quoted(label)}, shape={_SHAPE.get(node.kind, 'box')}, fillcolor={_quoted(_FILL[node.domain])}"
        )
        lines.append(f"  {node.id} [{attributes}];")
    lines += [f"  {link.source} -> {link.target} [label={_quoted(link_words(link))}];" for link in plan.links]
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    # A DOT string escapes like JSON's, apart from \u, which ensure_ascii=False avoids.
    return json.dumps(text, ensure_ascii=False)
