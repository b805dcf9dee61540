"""The placement problem of one graph on one target: the choices, and what they cost together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apigpu.compiler.elimination import INFINITE, Factor, factor, solve
from apigpu.compiler.encoders import Encoder
from apigpu.compiler.homes import Conversions
from apigpu.compiler.rows import Exclusion, Row, formats_in, rows_of, sink_rows
from apigpu.formats import Home, VideoFormat
from apigpu.graph import Node, walk
from apigpu.targets.target import Target

SINK = -1
"""The variable of the encoder, beside those of the nodes."""


@dataclass(frozen=True)
class Problem:
    """What placement decides: the nodes in order, the rows of each, and who uses whose result on which pad."""

    nodes: Sequence[Node]
    rows: Mapping[int, Sequence[Row]]
    uses: Mapping[int, Sequence[tuple[int, int]]]
    """For the node at each position, its users: position (or SINK) and pad."""
    conversions: Conversions
    excluded: Sequence[Exclusion] = field(default=())

    def conversion_ns(self, producer: int, source: Row, user: Row, pad: int) -> float:
        """Cost a second of bringing a result to where one user needs it; INFINITE where there is no way."""
        found = self.conversions.between(source.output, user.inputs[pad])
        if found is None:
            return INFINITE
        return found.ns_per_pixel * changed_pixels_per_s(self.nodes[producer])


def problem_of(root: Node, encoder: Encoder, target: Target) -> Problem:
    nodes = [node for node in walk([root]) if node.is_video]
    pix_fmts = formats_in(nodes, encoder)
    rows: dict[int, Sequence[Row]] = {}
    excluded: list[Exclusion] = []
    for number, node in enumerate(nodes):
        rows[number], more = rows_of(node, target, pix_fmts)
        excluded += more
    assert isinstance(root.format, VideoFormat)
    rows[SINK] = sink_rows(encoder, root.format, target)
    every = [row for options in rows.values() for row in options]
    homes = {home for row in every for home in (row.output, *row.inputs)}
    # A conversion may pass through a home that no row names, such as cuda:nv12 between cuda:p010le and the CPU.
    homes |= {Home(domain, home.pix_fmt) for home in set(homes) for domain in target.domains}
    return Problem(nodes, rows, _uses(nodes, root), Conversions(homes), excluded)


def solve_problem(problem: Problem) -> tuple[float, dict[int, int]]:
    """Least cost in nanoseconds a second, and the row number of every variable."""
    sizes = {variable: len(rows) for variable, rows in problem.rows.items()}
    factors = [
        factor([variable], sizes, lambda value, rows=rows: rows[value].cost_ns_per_s)
        for variable, rows in problem.rows.items()
    ]
    for producer, users in problem.uses.items():
        if len({user for user, _ in users}) <= 2:
            factors.append(_stream_factor(problem, producer, users, sizes))
        else:
            factors += _copy_factors(problem, producer, users, sizes)
    cost, chosen = solve(sizes, factors)
    return cost, {variable: chosen[variable] for variable in problem.rows}


def changed_pixels_per_s(node: Node) -> float:
    """Pixels a second that really change, and so must be converted or carried over."""
    picture = node.format
    assert isinstance(picture, VideoFormat)
    if picture.change_rate is None:
        return picture.pixels_per_s
    return picture.width * picture.height * max(float(picture.change_rate), 1 / max(picture.duration_s, 1.0))


def _stream_factor(
    problem: Problem, producer: int, users: Sequence[tuple[int, int]], sizes: Mapping[int, int]
) -> Factor:
    """The price of all conversions of one stream, given its row and its users' rows."""
    scope = [producer, *dict.fromkeys(user for user, _ in users)]
    place_of = {variable: index for index, variable in enumerate(scope)}

    def price(*values: int) -> float:
        source = problem.rows[producer][values[0]]
        needed: dict[object, float] = {}
        for user, pad in users:
            row = problem.rows[user][values[place_of[user]]]
            needed[row.inputs[pad]] = problem.conversion_ns(producer, source, row, pad)
        return sum(needed.values())

    return factor(scope, sizes, price)


def _copy_factors(
    problem: Problem, producer: int, users: Sequence[tuple[int, int]], sizes: dict[int, int]
) -> list[Factor]:
    """The same for a stream with many users, where one factor over all of them would explode.

    A new variable for every home that somebody may need says whether a copy of the stream exists there.
    """
    factors: list[Factor] = []
    homes = sorted({row.inputs[pad] for user, pad in users for row in problem.rows[user]})
    for home in homes:
        copy = max(sizes) + 1
        sizes[copy] = 2

        def cost(value: int, exists: int, home: Home = home) -> float:
            found = problem.conversions.between(problem.rows[producer][value].output, home)
            if not exists:
                return 0.0
            return INFINITE if found is None else found.ns_per_pixel * changed_pixels_per_s(problem.nodes[producer])

        factors.append(factor([producer, copy], sizes, cost))
        for user, pad in users:

            def need(value: int, exists: int, home: Home = home, user: int = user, pad: int = pad) -> float:
                return INFINITE if problem.rows[user][value].inputs[pad] == home and not exists else 0.0

            factors.append(factor([user, copy], sizes, need))
    return factors


def _uses(nodes: Sequence[Node], root: Node) -> dict[int, list[tuple[int, int]]]:
    position = {id(node): number for number, node in enumerate(nodes)}
    uses: dict[int, list[tuple[int, int]]] = {number: [] for number in range(len(nodes))}
    for number, node in enumerate(nodes):
        for pad, child in enumerate(child for child in node.inputs if child.is_video):
            uses[position[id(child)]].append((number, pad))
    uses[position[id(root)]].append((SINK, 0))
    return uses
