"""An exact solver: the assignment of least cost, by variable elimination.

A problem is a set of variables, each with a few values 0..n-1, and factors that put a price on the values of
one to three of them. Filtergraphs are nearly trees, so eliminating the variable with the fewest neighbours
first keeps every table small: linear time for chains and overlays. Ties go to the lower value, so the answer
is deterministic.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

INFINITE = float("inf")


@dataclass(frozen=True)
class Factor:
    """A price on the joint value of `scope`; `table` has an entry for every combination, in scope order."""

    scope: tuple[int, ...]
    table: Mapping[tuple[int, ...], float]


def factor(scope: Sequence[int], sizes: Mapping[int, int], price: Callable[..., float]) -> Factor:
    """The factor that prices every combination of values of `scope` by a function of them."""
    combinations = itertools.product(*(range(sizes[variable]) for variable in scope))
    return Factor(tuple(scope), {values: price(*values) for values in combinations})


def solve(sizes: Mapping[int, int], factors: Sequence[Factor]) -> tuple[float, dict[int, int]]:
    """Least total price and an assignment that reaches it; INFINITE where every assignment is forbidden.

    `sizes` gives each variable's number of values, at least 1.
    """
    pool = _Pool(sizes, factors)
    constant = 0.0
    choices: list[tuple[int, tuple[int, ...], dict[tuple[int, ...], int]]] = []
    while (variable := pool.next_variable()) is not None:
        message, choice = _eliminate(variable, pool.take(variable), sizes)
        choices.append((variable, message.scope, choice))
        if message.scope:
            pool.add(message)
        else:
            constant += message.table[()]
    assignment: dict[int, int] = {}
    for variable, scope, choice in reversed(choices):
        assignment[variable] = choice[tuple(assignment[other] for other in scope)]
    return constant, assignment


class _Pool:
    """The factors not yet eliminated, and which variable touches fewest others."""

    def __init__(self, sizes: Mapping[int, int], factors: Sequence[Factor]) -> None:
        self._factors: dict[int, dict[int, Factor]] = {variable: {} for variable in sizes}
        self._serial = itertools.count()
        self._queue: list[tuple[int, int]] = []
        for item in factors:
            self.add(item)
        for variable in sizes:
            self._push(variable)

    def add(self, item: Factor) -> None:
        key = next(self._serial)
        for variable in item.scope:
            self._factors[variable][key] = item
        for variable in item.scope:
            self._push(variable)

    def take(self, variable: int) -> list[Factor]:
        """The factors that name `variable`, which leave the pool with it."""
        mine = self._factors.pop(variable)
        neighbours = self._neighbours(variable, mine)
        for other in neighbours:
            for key in mine:
                self._factors[other].pop(key, None)
        for other in neighbours:
            self._push(other)
        return list(mine.values())

    def next_variable(self) -> int | None:
        """The variable with the fewest neighbours; the lower number among equals."""
        while self._queue:
            count, variable = heapq.heappop(self._queue)
            if variable in self._factors and count == self._count(variable):
                return variable
        return None

    def _push(self, variable: int) -> None:
        heapq.heappush(self._queue, (self._count(variable), variable))

    def _count(self, variable: int) -> int:
        return len(self._neighbours(variable, self._factors[variable]))

    @staticmethod
    def _neighbours(variable: int, factors: Mapping[int, Factor]) -> list[int]:
        return sorted({other for item in factors.values() for other in item.scope} - {variable})


def _eliminate(
    variable: int, mine: Sequence[Factor], sizes: Mapping[int, int]
) -> tuple[Factor, dict[tuple[int, ...], int]]:
    """The best value of `variable` for every combination of its neighbours, and the price of that."""
    scope = tuple(sorted({other for item in mine for other in item.scope} - {variable}))
    position = {other: index for index, other in enumerate((*scope, variable))}
    reads = [(item.table, tuple(position[other] for other in item.scope)) for item in mine]
    table: dict[tuple[int, ...], float] = {}
    choice: dict[tuple[int, ...], int] = {}
    for values in itertools.product(*(range(sizes[other]) for other in scope)):
        best, best_value = INFINITE, 0
        for value in range(sizes[variable]):
            joint = (*values, value)
            price = sum(prices[tuple(joint[index] for index in where)] for prices, where in reads)
            if price < best:
                best, best_value = price, value
        table[values], choice[values] = best, best_value
    return Factor(scope, table), choice
