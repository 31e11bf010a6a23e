"""What is left to decide after an exact reduction, as blocks of accounts (MODEL 7).

An arc is decided where nobody has a choice: its demand needs all that its holders can give, or has one holder left,
or its holder can pay nothing. Of the others, x = k / most in [0, 1] is the unknown,

    sum over a demand of part x = 1,   sum over an account of cost x <= 1,   part = most / need, cost = g most / room

and of the pairs (account, scenario), with margin u + slope . x: those that cannot be above zero for any x in the box
are left out; for an expected deficit those that cannot be below are a linear cost; what is left are the pairs.
Accounts with equally many arcs that are not decided are kept together, some ten thousand pairs at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from solvers.contracts.scenarios.venue import Venue
from solvers.money import Bool, Float64, Int64

_ALL = 1e-12
"""Relative distance within which all that holders can give is what is needed."""


@dataclass(frozen=True)
class Choice:
    """Arcs that are not decided, and what is left for them.

    base     A lots of the decided arcs, 0 for the others
    arcs     B places of the others among the venue's arcs, by account id, then symbol
    most     B lots, the most that can be closed of each
    need     m lots that each demand still lacks, 0 where all is decided
    room     n dollars that each account may still pay
    wanted   m lots, the whole need
    shut     A arcs that are not closed because their holders have nothing left to pay
    """

    base: Float64
    arcs: Int64
    most: Float64
    need: Float64
    room: Float64
    wanted: Float64
    shut: Bool

    @classmethod
    def of(cls, venue: Venue, need: Float64, caps: Float64) -> "Choice":
        """need: m lots that can be closed within the caps; caps: n dollars."""
        wanted, base, room = need, np.zeros(len(venue.lots)), caps
        undecided = need[venue.demand] > 0
        shut = np.zeros(len(base), np.bool_)
        while True:
            afford = np.full(len(base), np.inf)
            np.divide(room[venue.account], venue.gap, out=afford, where=venue.gap > 0)
            most = np.minimum(np.minimum(venue.lots, need[venue.demand]), afford)
            shut |= undecided & (most <= _ALL * venue.lots)
            undecided &= ~shut
            most[~undecided] = 0.0
            gives = np.bincount(venue.demand, most, len(need))
            holders = np.bincount(venue.demand, undecided, len(need))
            closed = (gives <= need * (1 + _ALL)) | (holders == 1)
            now = undecided & closed[venue.demand]
            if not now.any():
                arcs = np.flatnonzero(undecided)
                return cls(base, arcs, most[arcs], np.where(holders > 0, need, 0.0), room, wanted, shut)
            base[now] = most[now]
            undecided &= ~now
            need = np.where(closed, 0.0, need)
            room = np.maximum(room - np.bincount(venue.account, venue.gap * most * now, len(room)), 0.0)

    @classmethod
    def of_all(cls, venue: Venue, need: Float64, caps: Float64) -> "Choice":
        """The same with no arc decided."""
        arcs = np.flatnonzero(need[venue.demand] > 0)
        most = np.minimum(venue.lots, need[venue.demand])[arcs]
        return cls(np.zeros(len(venue.lots)), arcs, most, need, caps, need, np.zeros(len(venue.lots), np.bool_))

    def lots(self, x: Float64) -> Float64:
        """A lots, of the B unknowns."""
        found = self.base.copy()
        found[self.arcs] = self.most * x
        return found


@dataclass(frozen=True)
class Block:
    """N accounts with j arcs each, and their P pairs, account by account. All amounts in dollars.

    arcs       N x j places among the B undecided arcs
    demand, part, cost     N x j: the demand, and the figures above; cost is 0 for accounts that no cap can stop
    capped     N accounts that a cap could stop
    scale      N dollars, what a typical move of all that can be closed is worth
    linear     N x j, what x adds to the loss in scenarios where the account always loses, by their weights
    count      N, how many pairs each account has
    scenario   P, places among the scenarios of the program
    margin     P, u;  slope: j x P
    """

    arcs: Int64
    demand: Int64
    part: Float64
    cost: Float64
    capped: Float64
    scale: Float64
    linear: Float64
    count: Int64
    scenario: Int64
    margin: Float64
    slope: Float64

    def by_account(self, values: Float64) -> Float64:
        """Sums over each account's pairs of (..., P) values."""
        found = np.zeros((*values.shape[:-1], len(self.count)))
        if values.shape[-1]:
            rows, first = self.segments
            found[..., rows] = np.add.reduceat(values, first, axis=-1)
        return found

    @cached_property
    def segments(self) -> tuple[Int64, Int64]:
        """Accounts that have pairs, and where each one's begin."""
        rows = np.flatnonzero(self.count)
        return rows, (np.cumsum(self.count) - self.count)[rows]

    @cached_property
    def owner(self) -> Int64:
        """P, the account of each pair."""
        return np.repeat(np.arange(len(self.count)), self.count)

    def per_pair(self, values: Float64) -> Float64:
        """slope . values of each pair, for N x j values."""
        found = np.zeros(len(self.margin))
        for place, slope in enumerate(self.slope):
            found += slope * np.repeat(values[:, place], self.count)
        return found


@dataclass(frozen=True)
class Program:
    """min sum_s q_s L_s with q = weights, or the worst such sum over 0 <= q_s <= weights_s, sum q = 1 (CVaR).

    scenarios   T places among the venue's scenarios
    weights     T
    tail        whether q is to be found
    constant    T dollars, losses of accounts without a choice; for q = weights also of pairs that always lose
    """

    venue: Venue
    choice: Choice
    blocks: list[Block]
    scenarios: Int64
    weights: Float64
    tail: bool
    constant: Float64

    @classmethod
    def of(cls, venue: Venue, choice: Choice, scenarios: Int64, weights: Float64, *, tail: bool) -> "Program":
        with_choice = np.zeros(len(venue.rows), np.bool_)
        with_choice[venue.account[choice.arcs]] = True
        idle = np.flatnonzero(~with_choice)
        part = venue.among(scenarios)
        constant = part.losses(choice.base, idle)
        blocks: list[Block] = []
        for block, always in _blocks(part, choice, weights, tail):
            constant += always
            blocks.append(block)
        return cls(venue, choice, blocks, scenarios, weights, tail, constant)


def _blocks(venue: Venue, choice: Choice, weights: Float64, tail: bool) -> Iterator[tuple[Block, Float64]]:
    holder = venue.account[choice.arcs]
    accounts, first, many = np.unique(holder, return_index=True, return_counts=True)
    for j in np.unique(many).tolist():
        of_this = many == j
        starts = first[of_this]
        done = 0
        for rows, margins in venue.margins(choice.base, accounts[of_this]):
            arcs = starts[done : done + len(rows), None] + np.arange(j)
            done += len(rows)
            yield _of_rows(venue, choice, weights, tail, rows, arcs, margins)


def _of_rows(
    venue: Venue, choice: Choice, weights: Float64, tail: bool, rows: Int64, arcs: Int64, margins: Float64
) -> tuple[Block, Float64]:
    places = choice.arcs[arcs]
    slopes = np.stack([venue.slopes(places[:, b]) * choice.most[arcs[:, b], None] for b in range(arcs.shape[1])])
    pairs = margins + np.maximum(slopes, 0.0).sum(axis=0) > 0
    always = np.zeros(len(weights))
    linear = np.zeros(arcs.shape)
    if not tail:
        loses = pairs & (margins + np.minimum(slopes, 0.0).sum(axis=0) >= 0)
        pairs &= ~loses
        always = np.where(loses, margins, 0.0).sum(axis=0)
        linear = np.where(loses, slopes * weights, 0.0).sum(axis=2).T
    demand, most = venue.demand[places], choice.most[arcs]
    cost = venue.gap[places] * most
    capped = cost.sum(axis=1) > choice.room[rows]
    cost = np.where(capped[:, None], cost / np.maximum(choice.room[rows], np.finfo(np.float64).tiny)[:, None], 0.0)
    return (
        Block(
            arcs,
            demand,
            most / choice.need[demand],
            cost,
            capped.astype(np.float64),
            _scale(venue, places, most),
            linear,
            np.count_nonzero(pairs, axis=1),
            np.nonzero(pairs)[1],
            margins[pairs],
            np.ascontiguousarray(slopes[:, pairs]),
        ),
        always,
    )


def _scale(venue: Venue, places: Int64, most: Float64) -> Float64:
    typical = np.abs(venue.moves).mean(axis=0)[venue.market[venue.position[places]]]
    found: Float64 = (most * (np.abs(venue.step[places]) * typical + venue.gap[places])).sum(axis=1)
    return np.maximum(found, np.finfo(np.float64).tiny)


def least(reduced: Float64, cost: Float64) -> Float64:
    """min reduced . x over 0 <= x <= 1, cost . x <= 1, for each of N rows of j."""
    order = np.argsort(np.divide(reduced, cost, out=np.where(reduced < 0, -np.inf, np.inf), where=cost > 0), axis=1)
    reduced, cost = np.take_along_axis(reduced, order, 1), np.take_along_axis(cost, order, 1)
    before = np.cumsum(cost, axis=1) - cost
    taken = np.divide(1 - before, cost, out=np.ones_like(cost), where=cost > 0).clip(0, 1)
    found: Float64 = (np.minimum(reduced, 0) * taken).sum(axis=1)
    return found
