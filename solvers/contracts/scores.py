"""The venue scores of single positions: which of them a queue closes first (MODEL 2; formulas: `solvers.queue`).

Scored are the arcs of demands that cost something: positions on the side that is needed, of bearers with a cap above
zero, so that E > 0. What a symbol is for a position of q contracts, entered at p0, with the mark at p:

    uPnL   its unrealised profit q (p - p0), in whole units (rounded towards minus infinity); `pnl` ranks by it
    N, N0  |q| p and |q| p0, exactly; `size` ranks by N
    p/p0   mark over entry, exactly
    E      equity of its account in cross margin; in isolated margin the position's own profit
    W      cash of its account in cross margin; in isolated margin 0
    MM     the market's maintenance_margin_rate times N
    NB     notional at which E is gone if only this price moves: |N - NB| = E, so bitmex's leverage is N / E
    score  for `custom`: the account's `score`, the same for all its positions; a missing one is refused by name

Scores are compared as exact rationals; ties go by account id.
"""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from solvers.contracts.book import common
from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.money import Int64, Integers, fraction
from solvers.queue import Figures, Score, score_keys


def score_classes(problem: ClosureProblem, score: Score) -> Int64:
    """Integers in the order of the arcs' scores, equal where the scores are; 0 where the demand costs nothing."""
    rows = _scored(problem)
    classes = np.zeros(len(problem.arcs.lots), np.int64)
    if rows.size:
        keys = score_keys(score, _Positions(problem, score, rows))
        classes[rows] = np.unique(keys, return_inverse=True)[1]
    return classes


def queue_ranks(problem: ClosureProblem, classes: Int64) -> Int64:
    """Place of each arc in the queue of its demand: 1 is closed first; 0 where the demand costs nothing."""
    rows, demands = _scored(problem), problem.arcs.demand
    # Arcs come in the order of account ids, and the sort keeps it among equal scores.
    order = rows[np.lexsort((-classes[rows], demands[rows]))]
    ranks = np.zeros(len(demands), np.int64)
    ranks[order] = np.arange(1, len(order) + 1) - np.searchsorted(demands[order], demands[order])
    return ranks


def _scored(problem: ClosureProblem) -> Int64:
    return np.flatnonzero(~problem.free[problem.arcs.demand])


class _Positions(Figures):
    """The figures of some arcs."""

    price_ratio = "notional", "entry_notional"

    def __init__(self, problem: ClosureProblem, score: Score, arcs: Int64) -> None:
        self._problem, self._score = problem, score
        self._positions = problem.arcs.position[arcs]
        self._accounts = problem.positions.account[self._positions]

    def exact(self, name: str) -> tuple[Integers, int]:
        problem, at = self._problem, self._positions
        markets, cross = problem.markets, problem.margin == "cross"
        unit = 10**problem.accounts.precision
        values = [size * mark for size, mark in zip(markets.lots, markets.marks, strict=True)]
        match name:
            case "pnl":
                return problem.position_pnl_units[at], unit
            case "equity":
                return self._equity(), unit
            case "cash":
                return problem.accounts.cash_units[self._accounts] if cross else np.zeros(len(at), np.int64), unit
            case "notional":
                return self._priced(values)
            case "maintenance_margin":
                rates = [fraction(rate or 0) for rate in markets.maintenance_margin_rate.raw]
                return self._priced([rate * value for rate, value in zip(rates, values, strict=True)])
            case "entry_notional":
                entries, decimals = problem.positions.entry_price.exact
                sizes, scale = self._priced(markets.lots)
                return sizes * entries[at].astype(object), scale * 10**decimals
            case "bankruptcy_notional":
                notional, scale = self._priced(values)
                return notional * unit - self._equity().astype(object) * scale, scale * unit
            case _:
                return self._column(name)

    def _equity(self) -> Int64:
        problem = self._problem
        if problem.margin == "cross":
            return problem.account_equity_units[self._accounts]
        return problem.position_pnl_units[self._positions]

    def _priced(self, values: list[Fraction]) -> tuple[Any, int]:
        """|q| in lots times a value a lot of each market."""
        numerators, denominator = common(values)
        lots = np.abs(self._problem.lots[self._positions]).astype(object)
        return lots * numerators[self._problem.positions.market[self._positions]], denominator

    def _column(self, name: str) -> tuple[Integers, int]:
        column = self._problem.accounts.columns.get(name)
        if column is None:
            self.refuse(name, "is missing", np.ones(len(self._accounts), np.bool_))
            return np.zeros(0, np.int64), 1
        if column.missing is not None:
            self.refuse(name, "is missing", column.missing[self._accounts])
        integers, decimals = column.exact
        return integers[self._accounts], 10**decimals

    def refuse(self, name: str, why: str, at: Sequence[bool] | np.ndarray) -> None:
        accounts = np.unique(self._accounts[np.asarray(at, np.bool_)])
        if accounts.size:
            detail = f"{why}: score {self._score} needs it for every account that may be closed"
            raise ProblemError(name, detail, accounts.tolist())
