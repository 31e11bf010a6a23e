"""What closed lots cost, in whole units that add up: each arc's, and each bearer's (MODEL 7 and 8).

    exact cost of arc a = g_d k_a,   of bearer i = sum of its arcs',   of all together, rounded up = sum of what is paid

Amounts are floored; the units left over go to the largest fractions, ties by account id, then symbol. Whoever has no
fraction gets none, so that a bearer whose exact cost is within its cap, a whole number of units, stays within it.

Gaps are fractions whose common denominator may have thousands of digits. So each gap is first rounded down to 2^-64
units and multiplied in 64-bit integers; Python's integers see only what those leave open.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.money import UNIT_LIMIT, Bool, Int64

_BITS = 40
"""Fractions of a unit are compared on a grid of 2^-40 first: coarse enough to add up millions of them in 64 bits."""

_ONE = 1 << _BITS


@dataclass(frozen=True)
class Costs:
    """Whole units; both add up to ceil(sum g k), the whole budget where everything is closed.

    arc_units      one for each of `ClosureProblem.arcs`
    bearer_units   one a bearer: the sum of its arcs
    """

    arc_units: Int64
    bearer_units: Int64


def costs(problem: ClosureProblem, lots: Int64) -> Costs:
    """What `lots`, one for each of the arcs, cost. Refused: lots that cost 2^63 units or more."""
    closed = _Closed(problem, lots)
    paid, total = closed.arcs, closed.total_units
    if total >= UNIT_LIMIT:
        raise ProblemError("closures", "the cost is too large for exact arithmetic: 2^63 units or more")
    everyone = np.zeros(len(closed.bearers), np.int64)
    bearer_units = _rounded(closed.bearer_amounts, everyone, np.array([total], np.int64))
    result = Costs(np.zeros(len(lots), np.int64), np.zeros(len(problem.wealth.book), np.int64))
    result.bearer_units[closed.bearers] = bearer_units
    result.arc_units[closed.rows] = _rounded(paid, closed.place, bearer_units)
    return result


def within_caps(problem: ClosureProblem, lots: Int64) -> Bool:
    """Whether each bearer's exact cost is within its cap."""
    closed = _Closed(problem, lots)
    caps, result = problem.wealth.cap_units[closed.bearers], np.ones(len(problem.wealth.book), np.bool_)
    if closed.total_units < UNIT_LIMIT:
        amounts = closed.bearer_amounts
        within = amounts.whole < caps
        undecided = np.flatnonzero(amounts.whole == caps)
    else:
        within, undecided = np.ones(len(caps), np.bool_), np.arange(len(caps))
    for place in undecided.tolist():
        within[place] = closed.bearer_numerator(place) <= int(caps[place]) * closed.denominator
    result[closed.bearers] = within
    return result


@dataclass(frozen=True)
class _Amounts:
    """Exact amounts: `whole` units, and `fraction` on the grid of 2^-40, at most `error` of the grid below the truth.

    numerator    of one amount, exactly, over `denominator`
    """

    whole: Int64
    fraction: Int64
    error: int
    numerator: Callable[[int], int]
    denominator: int

    @classmethod
    def proven(
        cls, whole: Int64, grid: Int64, errors: Int64, numerator: Callable[[int], int], denominator: int
    ) -> "_Amounts":
        """`whole` units and `grid` of 2^-40, of one or more; where the error may hide a whole unit, exactly."""
        whole, fraction = whole + (grid >> _BITS), grid & (_ONE - 1)
        for place in np.flatnonzero(fraction + errors >= _ONE).tolist():
            whole[place], rest = divmod(numerator(place), denominator)
            fraction[place] = (rest << _BITS) // denominator
        return cls(whole, fraction, int(errors.max(initial=1)), numerator, denominator)


class _Closed:
    """The arcs on which something is closed: `rows`; and their `bearers` in the order of ids, `place` of each arc's."""

    def __init__(self, problem: ClosureProblem, lots: Int64) -> None:
        arcs = problem.arcs
        self.gaps, self.denominator = problem.common_gaps
        self.rows = np.flatnonzero((lots > 0) & ~problem.free[arcs.demand])
        self.lots, self.demand = lots[self.rows], arcs.demand[self.rows]
        bearer = arcs.bearer[self.rows]
        first = np.diff(bearer, prepend=-1) != 0  # a bearer's arcs are neighbours
        self.bearers, self.place = bearer[first], np.cumsum(first) - 1

    @cached_property
    def total_units(self) -> int:
        """ceil(sum g k)."""
        closed = _sums(self.lots, self.demand, len(self.gaps)).tolist()
        total: int = sum(map(operator.mul, self.gaps.tolist(), closed))
        return -(-total // self.denominator)

    @cached_property
    def _parts(self) -> tuple[Int64, Int64, Int64]:
        """Whole units, fractions on the grid and their errors: g rounded down to 2^-64 units, times k."""
        rests = [((gap % self.denominator) << 64) // self.denominator for gap in self.gaps]
        wholes = np.array([gap // self.denominator for gap in self.gaps], np.int64)
        rest, lots = np.array(rests, np.uint64)[self.demand], self.lots.astype(np.uint64)
        carried = _high(rest, lots).astype(np.int64)
        grid = ((rest * lots) >> np.uint64(64 - _BITS)).astype(np.int64)
        return wholes[self.demand] * self.lots + carried, grid, (self.lots >> 64 - _BITS) + 2

    @cached_property
    def arcs(self) -> _Amounts:
        return _Amounts.proven(*self._parts, self._arc_numerator, self.denominator)

    @cached_property
    def bearer_amounts(self) -> _Amounts:
        whole, grid, errors = (_sums(part, self.place, len(self.bearers)) for part in self._parts)
        return _Amounts.proven(whole, grid, errors, self.bearer_numerator, self.denominator)

    def _arc_numerator(self, row: int) -> int:
        return int(self.gaps[self.demand[row]]) * int(self.lots[row])

    def bearer_numerator(self, place: int) -> int:
        """The exact cost of one bearer, over the denominator."""
        start, end = np.searchsorted(self.place, (place, place + 1)).tolist()
        return sum(map(self._arc_numerator, range(start, end)))


def _rounded(amounts: _Amounts, group: Int64, targets: Int64) -> Int64:
    """Whole units that add up to each group's target: floors, and one more for the largest fractions, ties in order.

    Amounts come by group, of which there are no more than fractions that add up. The target of a group is the sum of
    its exact amounts, rounded down or up, so that units go to fractions only.
    """
    left, sizes = targets - _sums(amounts.whole, group, len(targets)), np.bincount(group, minlength=len(targets))
    order = np.argsort((group << _BITS) - amounts.fraction, kind="stable")
    ends = np.cumsum(sizes) - sizes + left  # of those that get one more
    chosen = np.zeros(len(group), np.bool_)
    chosen[order] = np.arange(len(group)) < ends[group]
    cut = (left > 0) & (left < sizes)
    edge = np.zeros(len(targets), np.int64)
    edge[cut] = amounts.fraction[order[ends[cut] - 1]]
    near = cut[group] & (np.abs(amounts.fraction - edge[group]) <= amounts.error)
    near &= (np.bincount(group[near & ~chosen], minlength=len(targets)) > 0)[group]
    wanted = np.bincount(group[near & chosen], minlength=len(targets))
    rows = np.flatnonzero(near).tolist()
    chosen[near] = False
    for row in sorted(rows, key=lambda row: -(amounts.numerator(row) % amounts.denominator)):
        if wanted[group[row]]:
            wanted[group[row]] -= 1
            chosen[row] = True
    return amounts.whole + chosen


def _sums(values: Any, group: Int64, groups: int) -> Int64:
    result = np.zeros(groups, np.int64)
    np.add.at(result, group, values)
    return result


def _high(one: Any, other: Any) -> Any:
    """floor(one other / 2^64) of 64-bit integers, `other` below 2^53."""
    half, mask = np.uint64(32), np.uint64(2**32 - 1)
    low, mixed = (one & mask) * (other & mask), (one >> half) * (other & mask)
    mixed += low >> half
    crossed = (one & mask) * (other >> half) + (mixed & mask)
    return (one >> half) * (other >> half) + (mixed >> half) + (crossed >> half)
