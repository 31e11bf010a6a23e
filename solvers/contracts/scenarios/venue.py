"""What the venue loses in each scenario of prices after a closing, in dollars: contract space (MODEL 3, 4 and 7).

    L_is(k) = max( -(e_i - sum_a g_a k_a) - sum_m (q_im - k_im) v_m move_sm, 0 )        L_s = sum_i L_is

over accounts with e_i > 0 before anything is closed; k_im has the sign of q_im. Money is taken at the gap g, dollars a
lot, and what is closed is gone: v is what a lot is worth at the mark. Both are exact in k, so that L is convex and
piecewise linear in it: with u = -e - q . (v move_s) and slope_as = g_a + sign(q_a) v_a move_s(a), it is
max(u + sum_a slope_as k_a, 0). Accounts with e <= 0 have failed already and lose nothing here.

Accounts come in the order of their ids, markets in that of symbols, so that no figure depends on the order of rows.
Accounts times scenarios are never held at once, but in blocks of accounts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy  # its submodules load on first use

from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.money import Float64, Int64
from solvers.robustness.laws import KINK, Scenarios

_HELD = 2**18
"""Accounts times scenarios held at a time."""


@dataclass(frozen=True)
class Venue:
    """n accounts with equity above zero, their P positions, and the A arcs of the problem.

    rows               n: rows of the problem's accounts, in the order of ids
    equity             n dollars
    holder, market     P, in the order of accounts and symbols
    exposure           P signed dollars, q v
    account, position  A: places in `rows` and among the P positions
    demand, lots       A: as in `ClosureProblem.arcs`
    gap, step          A dollars a lot: what is taken, and the signed exposure that goes
    moves, chances     S x M relative moves, in the order of symbols, and S probabilities
    """

    rows: Int64
    equity: Float64
    holder: Int64
    market: Int64
    exposure: Float64
    account: Int64
    position: Int64
    demand: Int64
    lots: Float64
    gap: Float64
    step: Float64
    moves: Float64
    chances: Float64

    @classmethod
    def of(cls, problem: ClosureProblem) -> "Venue":
        """Refused: isolated margin, a shock that is not scenarios, moves that are not one a market."""
        shock = problem.shock
        if problem.margin != "cross":
            raise ProblemError("margin", "must be cross for losses over scenarios: isolated positions share no equity")
        if not isinstance(shock, Scenarios):
            raise ProblemError("shock", "must be scenarios: one relative move for each market")
        if shock.moves.shape[1] != len(problem.markets):
            raise ProblemError("moves", f"must be rows of {problem.markets.shape}")
        unit = 10.0**problem.accounts.precision
        ids, symbols = problem.accounts.ids, problem.markets.symbols
        solvent = np.flatnonzero(problem.account_equity_units > 0)
        rows = np.array(sorted(solvent.tolist(), key=ids.__getitem__), np.int64)
        markets = np.array(sorted(range(len(symbols)), key=symbols.__getitem__), np.int64)
        place, column = np.full(len(ids), -1), np.argsort(markets)
        place[rows] = np.arange(len(rows))
        held, worth = problem.positions, _worth(problem)
        whose, where = place[held.account], column[held.market]
        order = np.lexsort((where, whose))
        order = order[whose[order] >= 0]
        at = np.full(len(held), -1)
        at[order] = np.arange(len(order))
        arcs = problem.arcs
        return cls(
            rows,
            problem.account_equity_units[rows] / unit,
            whose[order],
            where[order],
            (problem.lots * worth[held.market])[order],
            place[arcs.bearer],
            at[arcs.position],
            arcs.demand,
            arcs.lots.astype(np.float64),
            problem.gap_floats[arcs.demand] / unit,
            np.sign(problem.lots[arcs.position]) * worth[held.market[arcs.position]],
            shock.moves[:, markets],
            shock.probabilities,
        )

    def among(self, scenarios: Int64) -> "Venue":
        """The same venue in some of its scenarios."""
        return replace(self, moves=self.moves[scenarios], chances=self.chances[scenarios])

    def exposures(self, lots: Float64) -> Any:
        """n x M sparse signed dollars that are left after these closes, one an arc."""
        left = self.exposure.copy()
        left[self.position] -= lots * self.step
        starts = np.searchsorted(self.holder, np.arange(len(self.rows) + 1))
        shape = (len(self.rows), self.moves.shape[1])
        return scipy.sparse.csr_array((left, self.market, starts), shape=shape)

    def paid(self, lots: Float64) -> Float64:
        """n dollars that these closes take."""
        return np.bincount(self.account, lots * self.gap, len(self.rows)).astype(np.float64)

    def margins(self, lots: Float64, some: Int64 | None = None) -> Iterator[tuple[Int64, Float64]]:
        """Accounts, and what each loses beyond its equity in all scenarios: a loss where it is above zero.

        All accounts, or some, a few at a time. Exactly zero at the kink, where doubles cannot tell.
        """
        exposures, left = self.exposures(lots), self.equity - self.paid(lots)
        moves, places = np.ascontiguousarray(self.moves.T), np.arange(len(left)) if some is None else some
        height = max(1, _HELD // len(self.moves))
        for start in range(0, len(places), height):
            rows = places[start : start + height]
            found: Float64 = -left[rows, None] - exposures[rows] @ moves
            found[np.abs(found) <= KINK * self.equity[rows, None]] = 0.0
            yield rows, found

    def slopes(self, arcs: Int64) -> Float64:
        """What one more lot closed adds to the margin of its holder, arcs x S dollars."""
        found: Float64 = self.gap[arcs, None] + self.step[arcs, None] * self.moves.T[self.market[self.position[arcs]]]
        return found

    def losses(self, lots: Float64, some: Int64 | None = None) -> Float64:
        """L_s in dollars, S numbers, of all accounts or of some."""
        total = np.zeros(len(self.moves))
        for _, margins in self.margins(lots, some):
            total += np.maximum(margins, 0.0, out=margins).sum(axis=0)
        return total


def _worth(problem: ClosureProblem) -> Float64:
    """Dollars that a lot of each market is worth at the mark."""
    pairs = zip(problem.markets.lots, problem.markets.marks, strict=True)
    return np.array([float(size * mark) for size, mark in pairs])
