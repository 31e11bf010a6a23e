"""Robustness: what the next shock would cost the venue, before and after (MODEL 3 and 9; arXiv 2512.01112, section 6).

Exposure model `deleverage`, the paper's proxy: a haircut h shrinks equity and position alike by 1 - h, so account i
loses (1 - h_i) times what it would have lost. Summed are the accounts with e > 0; losers have failed already.
"""

from dataclasses import dataclass
from math import fsum
from typing import Literal

import numpy as np

from solvers.money import Float64, Int64
from solvers.problem import HaircutProblem
from solvers.robustness.laws import Parametric, Scenarios
from solvers.robustness.losses import Exposed

ExposureModel = Literal["deleverage"]

TAIL = 0.05
LEVEL = 1 - TAIL
"""VaR and CVaR look at the worst 5 %."""

MASSES_ABOVE = (3, 10, 50)
"""Leverages above which the share of the winners' notional is told."""

_REACHED = 1e-12
"""Cumulative weights within this of the level have reached it: twenty scenarios of 0.05 add up to no exact 0.95."""


@dataclass(frozen=True)
class LeverageMass:
    """The share of the winners' notional in accounts of leverage greater than `above`; None without notional."""

    above: int
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Robustness:
    """Losses in dollars (units of the currency) of the whole venue at the next shock, never negative or NaN.

    expected_deficit   mean of the total loss L
    var                value at risk, the `level` quantile of L;  cvar: the mean of L in the worst 1 - level
    max_leverage       largest notional / equity of accounts with e > 0. None where there are none, or where one is
                       left with a position and no equity. `after` takes the account as it is left: notional
                       (1 - h) n over equity e - x. (Under the proxy itself leverage never changes.)
    """

    exposure_model: ExposureModel
    level: float
    expected_deficit_before: float
    expected_deficit_after: float
    var_before: float
    var_after: float
    cvar_before: float
    cvar_after: float
    max_leverage_before: float | None
    max_leverage_after: float | None
    leverage_masses: tuple[LeverageMass, ...]


@dataclass(frozen=True)
class _Loss:
    expected: float
    var: float
    cvar: float


def robustness(problem: HaircutProblem, seized_units: Int64) -> Robustness | None:
    """Robustness of any allocation; None without a shock. Does not depend on the order of the accounts.

    Of an allocation that breaks the rules, haircuts count as the nearest of 0 and 1, and what is taken from an
    account without an endowment does not shrink its position.
    """
    if problem.shock is None:
        return None
    kept = _kept(problem, seized_units)
    exposed = Exposed.of(problem)
    if isinstance(problem.shock, Scenarios):
        before, after = (_in_scenarios(problem.shock, exposed, part) for part in (np.ones(len(kept)), kept))
    else:
        before, after = _by_law(problem.shock, exposed, kept)
    none = np.zeros_like(seized_units)
    leverage_before, masses_before = _leverage(problem, none, np.ones(len(kept)))
    leverage_after, masses_after = _leverage(problem, seized_units, kept)
    return Robustness(
        exposure_model="deleverage",
        level=LEVEL,
        expected_deficit_before=before.expected,
        expected_deficit_after=after.expected,
        var_before=before.var,
        var_after=after.var,
        cvar_before=before.cvar,
        cvar_after=after.cvar,
        max_leverage_before=leverage_before,
        max_leverage_after=leverage_after,
        leverage_masses=tuple(map(LeverageMass, MASSES_ABOVE, masses_before, masses_after)),
    )


def _kept(problem: HaircutProblem, seized_units: Int64) -> Float64:
    """1 - h, what is left of each position."""
    w = problem.endowment_units
    haircuts = np.divide(seized_units, w, out=np.zeros(len(w)), where=w > 0)
    return 1 - np.clip(haircuts, 0, 1)


def _by_law(law: Parametric, exposed: Exposed, kept: Float64) -> tuple[_Loss, _Loss]:
    """Before and after, for one symmetric factor Z.

    L(Z) = sum n_i (1 - h_i) max(-u_i - Z, 0) falls in Z, so its quantile is L(q), q = ppf(1 - level). The excess
    (L - L(q))+ is the sum over accounts of n_i (1 - h_i) times max(-u_i - Z, 0) - max(-u_i - q, 0) where Z < q, else 0:
    max(-u_i - Z, 0) if -u_i <= q, and max(q - Z, 0) if not, of mean psi(max(u_i, -q)) either way. So
    CVaR = L(q) + sum n_i (1 - h_i) psi(max(u_i, -q)) / (1 - level).
    """
    n, e, q = exposed.exposure[:, 0], exposed.equity, law.ppf(TAIL)
    u = e / n
    expected = n * law.expected_loss(u)
    var = np.maximum(-e - n * q, 0.0)
    excess = n * law.expected_loss(np.maximum(u, -q))

    def total(part: Float64) -> _Loss:
        at_risk = fsum((part * var).tolist())
        return _Loss(fsum((part * expected).tolist()), at_risk, at_risk + fsum((part * excess).tolist()) / TAIL)

    return total(np.ones(len(n))), total(kept[exposed.rows])


def _in_scenarios(law: Scenarios, exposed: Exposed, kept: Float64) -> _Loss:
    """VaR: the smallest total loss whose cumulative weight reaches the level. CVaR (Rockafellar-Uryasev):
    VaR + sum_s p_s max(L_s - VaR, 0) / (1 - level).
    """
    part = kept[exposed.rows]
    # Both are 0 + x so that -0 and 0 are one; accounts with the same bytes are interchangeable, so the order in
    # which losses are added up is always the same.
    accounts = 0.0 + np.column_stack((exposed.equity, exposed.exposure)) * part[:, None]
    order = np.argsort(accounts.view(f"V{accounts.shape[1] * accounts.itemsize}")[:, 0])
    losses = law.total_losses(accounts[order, 0], accounts[order, 1:])
    ascending = np.argsort(losses, kind="stable")
    cumulative = np.cumsum(law.probabilities[ascending])
    place = min(int(np.searchsorted(cumulative, LEVEL - _REACHED)), len(losses) - 1)
    at_risk = float(losses[ascending[place]])
    excess = fsum((law.probabilities * np.maximum(losses - at_risk, 0.0)).tolist())
    return _Loss(fsum((law.probabilities * losses).tolist()), at_risk, at_risk + excess / TAIL)


def _leverage(problem: HaircutProblem, seized_units: Int64, kept: Float64) -> tuple[float | None, list[float | None]]:
    """The largest leverage of accounts with e > 0, and the masses of winners above MASSES_ABOVE."""
    book = problem.book
    notional = book.column("notional").floats * kept
    equity = (book.equity_units - seized_units) / 10.0**book.precision
    held = (book.equity_units > 0) & (notional > 0)
    largest: float | None = None
    if (equity[held] > 0).all() and (book.equity_units > 0).any():
        largest = float((notional[held] / equity[held]).max(initial=0.0))
    n, e = notional[problem.winners], equity[problem.winners]
    whole = fsum(n.tolist())
    masses = [fsum(n[n > above * e].tolist()) / whole if whole > 0 else None for above in MASSES_ABOVE]
    return largest, masses
