"""Expected shortfalls of all accounts and what closing saves of them, from positions left; for proofs and reports.

Written apart from the solver's own: here whole rows of positions meet the whole covariance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from solvers.contracts.leverage.gaussian import shortfall, slope
from solvers.contracts.leverage.sums import ratio
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64

_BLOCK = 2**20
_ROUNDING = 1e-15
"""Variances below this part of the gross one, squared, are what rounding leaves of nothing."""


@dataclass(frozen=True)
class Marginal:
    """deviation, shortfall    of every account, in currency;  saving: of every arc, currency a lot."""

    deviation: Float64
    shortfall: Float64
    saving: Float64


def left_over(problem: ClosureProblem, closed: Float64) -> Float64:
    """Signed lots of every position after `closed` lots of every arc."""
    left = problem.lots.astype(np.float64)
    at = problem.arcs.position
    left[at] = np.sign(left[at]) * np.maximum(np.abs(left[at]) - closed, 0.0)
    return left


def marginal(problem: ClosureProblem, covariance: Float64, closed: Float64) -> Marginal:
    """s_i, f_i(s_i) and s - d f / d k of every arc, after lots are closed.

    covariance    of the values of a lot, M x M
    """
    arcs, left = problem.arcs, left_over(problem, closed)
    equity = problem.account_equity_units / 10.0**problem.accounts.precision
    owner = problem.positions.account[arcs.position]
    market, sign = problem.positions.market[arcs.position], np.sign(problem.lots[arcs.position])
    deviation, covaries = np.zeros(len(equity)), np.zeros(len(owner))
    order = np.argsort(owner, kind="stable")
    for start, some, moves in _moves(problem, covariance, left):
        variance = np.asarray((some * moves).sum(axis=1)).ravel()
        gross = np.asarray(abs(some) @ np.sqrt(covariance.diagonal())).ravel()
        deviation[start : start + len(variance)] = np.sqrt(np.where(variance > _ROUNDING * gross**2, variance, 0.0))
        here = order[slice(*np.searchsorted(owner[order], (start, start + len(variance))))]
        covaries[here] = moves[owner[here] - start, market[here]]
    s = deviation[owner]
    toward = ratio(sign * covaries, s)
    return Marginal(deviation, shortfall(equity, deviation), slope(equity, deviation)[owner] * toward)


def _moves(problem: ClosureProblem, covariance: Float64, left: Float64) -> Iterator[tuple[int, Any, Float64]]:
    """Some accounts' rows of positions at a time, and these times the covariance."""
    accounts, markets = len(problem.accounts.ids), len(covariance)
    rows, columns = problem.positions.account, problem.positions.market
    table = csr_array((left, (rows, columns)), shape=(accounts, markets))
    height = max(1, _BLOCK // markets)
    for start in range(0, accounts, height):
        some: Any = table[start : start + height]
        yield start, some, some @ covariance
