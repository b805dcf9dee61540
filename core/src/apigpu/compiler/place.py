"""Pass 2, place: every video step picks an implementation, and so every frame a home, at the least total cost.

The cost that is minimised, exactly: for each step the cost of its row, plus for each stream and each distinct
home in which somebody needs it the cheapest chain of conversions there, paid once. Rates are *change* rates:
a still costs nothing to convert.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from apigpu.compiler.diagnose import explain
from apigpu.compiler.elimination import INFINITE
from apigpu.compiler.encoders import Encoder
from apigpu.compiler.homes import Conversions
from apigpu.compiler.problem import SINK, problem_of, solve_problem
from apigpu.compiler.rows import Row
from apigpu.graph import Node
from apigpu.targets.target import Target


@dataclass(frozen=True)
class Placement:
    """The row of every video node, by identity, and of the encoder."""

    rows: Mapping[int, Row]
    sink: Row
    conversions: Conversions
    cost_ns_per_s: float


def place(root: Node, encoder: Encoder, target: Target) -> Placement:
    """The cheapest placement of the graph under `root`. Raises UnsupportedError where there is none."""
    problem = problem_of(root, encoder, target)
    if not all(problem.rows.values()):
        raise explain(problem, target)
    cost, chosen = solve_problem(problem)
    if cost == INFINITE:
        raise explain(problem, target)
    rows = {id(node): problem.rows[number][chosen[number]] for number, node in enumerate(problem.nodes)}
    return Placement(rows, problem.rows[SINK][chosen[SINK]], problem.conversions, cost)
