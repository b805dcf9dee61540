"""Pass 1, share: equal steps on the same streams become one step, so that nothing is decoded or made twice."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from apigpu.graph import Node, walk


def share(*roots: Node) -> tuple[Node, ...]:
    """The same results with every equal step done once.

    Two steps are equal where operator and inputs are. Operators are frozen dataclasses; one that cannot be
    hashed is left alone. Where a stream then has several users, `connect` writes the explicit split, after the
    conversions that those users share.
    """
    kept: dict[int, Node] = {}
    known: dict[Hashable, Node] = {}
    for node in walk(roots):
        inputs = tuple(kept[id(child)] for child in node.inputs)
        same = node if all(a is b for a, b in zip(inputs, node.inputs, strict=True)) else replace(node, inputs=inputs)
        kept[id(node)] = _first_equal(same, known)
    return tuple(kept[id(root)] for root in roots)


def _first_equal(node: Node, known: dict[Hashable, Node]) -> Node:
    key = (type(node.operator), node.operator, tuple(id(child) for child in node.inputs))
    try:
        return known.setdefault(key, node)
    except TypeError:  # an operator with a list or a dict in it has no hash
        return node
