"""Fills held against the positions they closed: volumes, costs and sums, in exact integers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np

from solvers.contracts.book import common
from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.money import UNIT_LIMIT, Bool, Int64, Numbers


@dataclass(frozen=True)
class Fills:
    """F trades that closed positions. Their order does not matter.

    account, market   rows of the problem's accounts and markets, -1 where it knows none of that name
    quantity          contracts, signed as the account traded: buying back a short is positive
    price             currency a contract, of any sign: where a bankrupt short's price is derived from its negative
                      equity, longs may have to pay for being closed
    """

    account: Int64
    market: Int64
    quantity: Numbers
    price: Numbers

    def __post_init__(self) -> None:
        if (self.quantity.floats == 0).any():
            rows = np.flatnonzero(self.quantity.floats == 0).tolist()
            raise ProblemError("closures.quantity", "must not be zero", rows)
        self.quantity.check_range()
        self.price.check_range()

    def __len__(self) -> int:
        return len(self.account)


class Ledger:
    """What rules and figures need of some fills: F fills, P positions, N accounts, W bearers.

    scale, cost_scale   volumes are contracts times `scale`, costs are units of currency times `cost_scale`
    volume      of each fill, signed as traded
    position    of each fill, the position it trades, -1 where its account holds none in the market
    bearer      of each fill, who pays for it, -1 where nobody does
    cost        of each fill, volume (price - mark), 0 where nobody pays
    """

    def __init__(self, problem: ClosureProblem, fills: Fills) -> None:
        self.problem, self.fills = problem, fills
        markets = problem.markets
        self.known: Bool = (fills.account >= 0) & (fills.market >= 0)
        self.market: Int64 = np.where(fills.market >= 0, fills.market, 0)
        self.key: Int64 = np.where(self.known, fills.account * len(markets) + fills.market, -1)

        integers, decimals = fills.quantity.exact
        self.scale = lcm(10**decimals, *(size.denominator for size in markets.lots))
        self.lot_volume: Any = np.array([int(size * self.scale) for size in markets.lots], dtype=object)
        self.volume: Any = integers.astype(object) * (self.scale // 10**decimals)
        self.size: Any = np.abs(self.volume)

        self.position = self._positions()
        bearer = fills.account if problem.margin == "cross" else self.position
        self.bearer: Int64 = np.where(self.known, bearer, -1)

        prices, decimals = fills.price.exact
        marks, denominator = common([mark * 10**decimals for mark in markets.marks])
        steps = prices.astype(object) * denominator - marks[self.market]
        self.cost_scale = self.scale * denominator * 10**decimals
        self.cost: Any = self.volume * steps * 10**problem.accounts.precision * (self.bearer >= 0)

    def _positions(self) -> Int64:
        if not len(self.problem.positions):
            return np.full(len(self.fills), -1)
        held = self.problem.positions.account * len(self.problem.markets) + self.problem.positions.market
        order = np.argsort(held)
        places = order[np.minimum(np.searchsorted(held[order], self.key), len(held) - 1)]
        return np.where(held[places] == self.key, places, -1)

    def summed(self, values: Any, at: Int64, count: int) -> Any:
        """The exact sum of the fills' values at each of `count` places; a place of -1 is none."""
        sums = np.zeros(count, dtype=object)
        np.add.at(sums, at[at >= 0], values[at >= 0])
        return sums

    def first(self, at: Int64, count: int) -> Int64:
        """The first of the fills at each of `count` places."""
        found = np.zeros(count, np.int64)
        rows = np.arange(len(at))[::-1]
        rows = rows[at[rows] >= 0]
        found[at[rows]] = rows
        return found

    def grouped(self, at: Bool, values: Any) -> Iterator[tuple[int, int]]:
        """The sum of the values of some known fills, and the first of them, for each account in each market."""
        rows = np.flatnonzero(at)
        _, first, group = np.unique(self.key[rows], return_index=True, return_inverse=True)
        yield from zip(self.summed(values[rows], group, len(first)), rows[first].tolist(), strict=True)

    def nearest(self, cost: int) -> int:
        """A cost in whole units; a half goes up."""
        found: int = (2 * cost + self.cost_scale) // (2 * self.cost_scale)
        return found

    @cached_property
    def held(self) -> Any:
        """|q| of each position, as a volume."""
        return np.abs(self.problem.lots).astype(object) * self.lot_volume[self.problem.positions.market]

    @cached_property
    def position_demand(self) -> Int64:
        """The demand that each position is opposite to, or -1."""
        found = np.full(len(self.problem.positions), -1)
        found[self.problem.opposite.position] = self.problem.opposite.demand
        return found

    @cached_property
    def closes(self) -> Bool:
        """Fills that shrink a position opposite to a demand."""
        if not len(self.problem.positions):
            return np.zeros(len(self.fills), np.bool_)
        against = np.sign(self.fills.quantity.floats) == -np.sign(self.problem.lots)[self.position]
        found: Bool = (self.position >= 0) & against & (self.position_demand[self.position] >= 0)
        return found

    @cached_property
    def same_side(self) -> Bool:
        """Fills that add to a position, or close a side that no bankrupt account left."""
        found: Bool = (self.position >= 0) & ~self.closes
        return found

    @cached_property
    def fill_demand(self) -> Int64:
        """The demand that each fill closes something for, or -1."""
        if not len(self.problem.positions):
            return np.full(len(self.fills), -1)
        return np.where(self.closes, self.position_demand[self.position], -1)

    @cached_property
    def traded(self) -> Any:
        """What the fills that close trade of each position."""
        return self.summed(self.size, np.where(self.closes, self.position, -1), len(self.problem.positions))

    @cached_property
    def closed(self) -> Any:
        """By how much each position opposite to a demand shrank: no more than it was."""
        return np.minimum(self.traded, self.held)

    @cached_property
    def demand_closed(self) -> list[int]:
        """By how much the positions opposite to each demand shrank, as a volume."""
        sums = np.zeros(len(self.problem.demands), dtype=object)
        rows = np.flatnonzero(self.traded)
        np.add.at(sums, self.position_demand[rows], self.closed[rows])
        return sums.tolist()

    @cached_property
    def bearer_cost(self) -> Any:
        """What each bearer pays."""
        return self.summed(self.cost, self.bearer, len(self.problem.wealth.book))

    @cached_property
    def paid_units(self) -> int:
        """What all pay, to the nearest unit."""
        return self.nearest(sum(self.bearer_cost.tolist()))

    @cached_property
    def bearer_units(self) -> Int64:
        """What each bearer pays in whole units that add up to `paid_units`: floored, the rest to the largest fractions.

        Ties go by id. Refused: 2^63 units or more.
        """
        floors, ids = self.bearer_cost // self.cost_scale, self.problem.wealth.book.ids
        large = np.abs(floors) >= UNIT_LIMIT - 1
        if large.any() or np.abs(floors).sum() >= UNIT_LIMIT - len(floors):
            rows = np.flatnonzero(large[self.bearer] & (self.bearer >= 0))
            raise ProblemError("closures.price", "the cost is too large for exact arithmetic", rows.tolist())
        fractions = (self.bearer_cost - floors * self.cost_scale).tolist()
        some = sorted(np.flatnonzero(fractions).tolist(), key=lambda row: (-fractions[row], ids[row]))
        found: Int64 = floors.astype(np.int64)
        found[some[: self.paid_units - int(floors.sum())]] += 1
        return found
