"""Exponential retention: losses concave in the haircut, so that an optimum is a vertex (MODEL 5).

    min sum f_i(x_i),  f_i(x) = v_i (1 - exp(-k x / w_i)),   over 0 <= x_i <= cap_i, sum x_i = amount

All at 0 or cap but one. The chords a_i x, a_i = f_i(cap_i) / cap_i, lie below: the knapsack by a_i ascending is a
lower bound, and costs more than it only by what the one fractional account j loses beyond its chord, f_j(x) - a_j x.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Self

import numpy as np

from solvers.knapsack import knapsack
from solvers.money import Bool, Float64, Int64, total
from solvers.revenue.retention import Exponential
from solvers.revenue.stakes import A_HAIR_BELOW, Point, Stakes

_ROUNDING = 1e-9
"""Relative distance within which a bound and a value may be the same."""


@dataclass(frozen=True)
class Vertex:
    """Accounts at their caps, and the one that bears `rest_units` instead of 0 or its cap; -1 if there is none."""

    full: Bool
    fractional: int
    rest_units: int

    def amounts(self, cap_units: Int64) -> Int64:
        """Whole units, one an account."""
        seized = np.where(self.full, cap_units, 0)
        if self.fractional >= 0:
            seized[self.fractional] = self.rest_units
        return seized


@dataclass(frozen=True)
class Losses:
    """f_i and its chord, of accounts in the order of their ids; caps are whole units above 0."""

    curve: Exponential
    fees: Float64
    endowment: Float64
    cap_units: Int64

    @classmethod
    def of(cls, curve: Exponential, stakes: Stakes) -> Self:
        return cls(curve, stakes.fees, stakes.endowment_units.astype(np.float64), stakes.cap_units)

    def __call__(self, amounts: Int64 | float) -> Float64:
        """f_i(x_i) in dollars."""
        return self.fees * self.curve.leaves(amounts / self.endowment)

    def of_some(self, places: Int64, amounts: Int64 | float) -> Float64:
        """The same of some accounts."""
        return self.fees[places] * self.curve.leaves(amounts / self.endowment[places])

    @cached_property
    def whole(self) -> Float64:
        """f_i(cap_i)."""
        return self(self.cap_units)

    @cached_property
    def slopes(self) -> Float64:
        """a_i, the fees lost for each unit if all of the cap is taken."""
        return self.whole / self.cap_units


def exponential(curve: Exponential, stakes: Stakes, amount_units: int) -> Point:
    """The greedy vertex with its best fractional account, and the price of the chords."""
    vertex, price = greedy(Losses.of(curve, stakes), amount_units)
    return at(stakes, vertex.amounts(stakes.cap_units), price)


def at(stakes: Stakes, seized_units: Int64, price: float) -> Point:
    """Whole units are the real-valued haircuts too."""
    return Point(seized_units, seized_units / stakes.endowment_units, price)


def greedy(losses: Losses, amount_units: int) -> tuple[Vertex, float]:
    """The vertex, and the price a_j of the last account j that the chords take; 0 < amount < sum cap.

    Accounts tied at the critical chord are filled whole, largest cap first: spread over them the amount would cost
    more, since losses are concave. Those that do not fit are skipped, or else the first of them ends it, whichever
    costs less. Then one account is chosen to be fractional: of those at 0 the one that loses least by bearing the
    rest, or, filling one more of the tie, of those at their caps the one that is best relieved of what is then too
    much. Ties go to the first, that is by id.
    """
    with np.errstate(divide="ignore"):
        cut = knapsack(-np.log(losses.slopes), losses.cap_units, amount_units)
    above, tied = cut.low > 0, np.flatnonzero(cut.low < cut.high)
    tied = tied[np.argsort(-losses.cap_units[tied], kind="stable")]
    rest = amount_units - total(losses.cap_units[above])
    plain, skipping = _fitting(losses.cap_units[tied], rest)
    found = _completed(losses, above, tied, plain, rest)
    if not np.array_equal(plain, skipping):
        found = min(found, _completed(losses, above, tied, skipping, rest), key=lambda candidate: candidate[1])
    return found[0], float(losses.slopes[tied].min()) * A_HAIR_BELOW


def _completed(losses: Losses, above: Bool, tied: Int64, taken: Bool, rest: int) -> tuple[Vertex, float]:
    """The vertex with the best fractional account, and what it loses beyond the accounts above the tie."""
    caps, full = losses.cap_units, above.copy()
    full[tied[taken]] = True
    rest -= total(caps[tied[taken]])
    lost = float(np.sort(losses.whole[tied[taken]]).sum())
    if not rest:
        return Vertex(full, -1, 0), lost
    # What an account loses by the rest is no less than along its chord, and what it is relieved of no more.
    able = np.flatnonzero(~full & (caps >= rest))
    taker, bearing = _least(able, losses.slopes[able] * rest, lambda some: losses.of_some(some, float(rest)))
    others = tied[~taken]
    last = int(others[np.count_nonzero(caps[others] >= rest) - 1])
    excess = int(caps[last]) - rest
    able = np.flatnonzero(full & (caps >= excess))
    giver, relieved = _least(
        able,
        losses.slopes[able] * -excess,
        lambda some: losses.of_some(some, caps[some] - excess) - losses.whole[some],
    )
    over = relieved + float(losses.whole[last])
    if over < bearing:
        full[last], full[giver] = True, False
        return Vertex(full, giver, int(caps[giver]) - excess), lost + over
    return Vertex(full, taker, rest), lost + bearing


def _least(places: Int64, bounds: Float64, value: Callable[[Int64], Float64]) -> tuple[int, float]:
    """The place of the least value, the first of ties, and the value; infinite where there is no place.

    bounds    that values are not below, but for rounding: those above one known value are not looked at
    """
    if not places.size:
        return -1, inf
    known = float(value(places[[bounds.argmin()]])[0])
    some = places[bounds - _ROUNDING * np.abs(bounds) <= known + _ROUNDING * abs(known)]
    found = value(some)
    return int(some[found.argmin()]), float(found.min())


def _fitting(cap_units: Int64, rest: int) -> tuple[Bool, Bool]:
    """Which of these caps, in descending order, are taken: up to the first that does not fit, and with skipping.

    Runs of accounts that fit are taken together. After each run the rest is below the cap of the next account, hence
    less than half of what it was: at most 63 runs.
    """
    taken = np.zeros(len(cap_units), np.bool_)
    reach = np.concatenate(([0], np.cumsum(cap_units)))
    plain = reach[1:] <= rest
    place = 0
    while place < len(cap_units) and rest:
        place += int(np.searchsorted(-cap_units[place:], -rest))  # the first that fits
        most = min(int(reach[place]) + rest, int(reach[-1]))  # sums of caps fit in 64 bits, but not those and the rest
        stop = int(np.searchsorted(reach, most, side="right")) - 1
        taken[place:stop] = True
        rest -= int(reach[stop] - reach[place])
        place = stop
    return plain, taken
