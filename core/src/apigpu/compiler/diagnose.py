"""Why a graph has no placement, in the words of the graph: the pad, what it needs and is offered, every way out.

FFmpeg's own words for this (`Impossible to convert between the formats ...`) name filters that nobody wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from apigpu.compiler.elimination import INFINITE
from apigpu.compiler.problem import SINK, Problem, solve_problem
from apigpu.compiler.rows import Exclusion, Row, expand
from apigpu.errors import UnsupportedError
from apigpu.formats import Home
from apigpu.graph import Node
from apigpu.targets.target import Target


def explain(problem: Problem, target: Target) -> UnsupportedError:
    """The error for a problem without a solution."""
    lines = [_conflict(problem, target)]
    lines += [f"  tried   {line}" for line in _tried(problem)]
    fix = _cheapest_fix(problem)
    return UnsupportedError("\n".join(lines), code="no_placement", remedy=f"\n  fix     {fix}" if fix else "")


def _conflict(problem: Problem, target: Target) -> str:
    for number, rows in problem.rows.items():
        if not rows:
            return f"cannot place {_name(problem, number)}: no way to run it on {target.name}."
    for producer, user, pad in _edges(problem):
        offered = {row.output for row in problem.rows[producer]}
        needed = {row.inputs[pad] for row in problem.rows[user]}
        if not any(problem.conversions.between(here, there) for here in offered for there in needed):
            return (
                f"cannot place pad {pad} of {_name(problem, user)}: needs {_list(needed)}, "
                f"gets {_list(offered)} from {_name(problem, producer)}."
            )
    return f"cannot place the graph on {target.name}: each step can run, but not all of them together."


def _tried(problem: Problem) -> Iterator[str]:
    for item in problem.excluded:
        yield f"{item.by or item.node.operator.label} on {item.implementation.domain}: {item.reason}"


def _cheapest_fix(problem: Problem) -> str:
    """The one exclusion whose lifting gives the cheapest plan; empty where no single one helps."""
    best, sentence = INFINITE, ""
    for item in problem.excluded:
        relaxed = _without(problem, item)
        if not all(relaxed.rows.values()):
            continue
        cost, _ = solve_problem(relaxed)
        if cost < best:
            best = cost
            sentence = (
                f"use a machine where {item.by or item.node.operator.label} runs on {item.implementation.domain} "
                f"(here: {item.reason}); the plan then costs {cost / 1e6:.1f} ms a second of video."
            )
    return sentence


def _without(problem: Problem, item: Exclusion) -> Problem:
    number = next(index for index, node in enumerate(problem.nodes) if node is item.node)
    pix_fmts = frozenset(home.pix_fmt for rows in problem.rows.values() for row in rows for home in _homes(row))
    more = list(expand(item.implementation, len(item.node.inputs), pix_fmts, item.by))
    rows: dict[int, Sequence[Row]] = {**problem.rows, number: [*problem.rows[number], *more]}
    every = {home for options in rows.values() for row in options for home in _homes(row)}
    domains = {home.domain for home in every}
    every |= {Home(domain, home.pix_fmt) for home in set(every) for domain in domains}
    return replace(problem, rows=rows, conversions=type(problem.conversions)(every))


def _homes(row: Row) -> tuple[Home, ...]:
    return (row.output, *row.inputs)


def _edges(problem: Problem) -> Iterator[tuple[int, int, int]]:
    for producer, users in problem.uses.items():
        for user, pad in users:
            yield producer, user, pad


def _name(problem: Problem, number: int) -> str:
    if number == SINK:
        return f"the encoder {problem.rows[SINK][0].by}" if problem.rows[SINK] else "the encoder"
    node: Node = problem.nodes[number]
    return f"{node.operator.label} ({node.owner})" if node.owner else node.operator.label


def _list(homes: set[Home]) -> str:
    return " or ".join(sorted(str(home) for home in homes))
