"""How far haircuts are from minimising a sum of convex losses, by complementary slackness alone (MODEL 3 and 9).

    min sum f_i(x_i)  over  0 <= x_i <= cap_i, sum x_i = amount,    f_i convex, g_i a subgradient of it

With any price mu of the amount, mu amount + sum_i min_y (f_i(y) - mu y) is a lower bound (weak duality). Tangents at
a <= x <= b, a little to either side, bound each minimum from below without solving for it: where g(a) <= mu <= g(b),
by the point where the two cross; where the slope is on the wrong side of mu, by the tangent's value at the end of the
range. The distances from f(x) - mu x are non-negative and add up to the gap. Nothing here knows how x was found.
"""

from collections.abc import Callable
from fractions import Fraction
from math import fsum

import numpy as np

from solvers.money import Float64, Int64
from solvers.problem import HaircutProblem
from solvers.robustness.exposures import Positions
from solvers.robustness.laws import Law, Scenarios
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces
from solvers.robustness.tail import moves
from solvers.verify import Optimality

_ASIDE = (0.0, 1e-14, 1e-11)
"""How far aside tangents are taken, in haircuts; under `cash` in parts of w + e, which is what its margins are sums of.
The best bound counts, whichever it is of."""

_DOUBLES = 8 * float(np.finfo(np.float64).eps)
"""Relative to the terms of an account's own gap: what doubles cannot tell from none."""

Values = Callable[[Float64], tuple[Float64, Float64]]
"""Haircuts to losses in dollars and to slopes in dollars for each haircut, of the exposed accounts."""


def certify(
    problem: HaircutProblem, haircuts: Float64, multiplier: Fraction | None, law: Law | Scenarios, model: ExposureModel
) -> Optimality:
    """Objective and dual bound in dollars at this multiplier, for haircuts one a winner.

    multiplier   dollars of expected loss that a further dollar taken adds; below zero it takes some away
    What the haircuts miss of the amount counts at the multiplier's price. The residual is the largest distance of a
    slope from the multiplier where it should meet it, in dollars of loss a dollar taken.
    """
    rows, values = _exposed(problem, law, model)
    n, scale = len(problem.book), 10.0**problem.book.precision
    w = problem.endowment
    everyone = np.zeros(n)
    everyone[problem.winners] = haircuts
    most = problem.haircuts(problem.cap_units)
    mu = 0.0 if multiplier is None else float(multiplier)
    h, dollars = everyone[rows], w[rows] / scale
    at, _ = values(h)
    reach = np.ones(len(rows))
    if model == "cash":
        reach += np.divide(problem.book.equity_units[rows], w[rows], out=np.zeros(len(rows)), where=w[rows] > 0)
    gaps, residuals, steepest = np.full(len(rows), np.inf), np.full(len(rows), np.inf), np.zeros(len(rows))
    price = mu * dollars
    for aside in _ASIDE:
        a, b = np.maximum(h - aside * reach, 0.0), np.minimum(h + aside * reach, most[rows])
        a, b = np.minimum(a, h), np.maximum(b, h)
        (left, slope_a), (right, slope_b) = values(a), values(b)
        steepest = np.maximum(steepest, np.maximum(np.abs(slope_a), np.abs(slope_b)))
        high, low = slope_a > price, slope_b < price  # too much taken, too little taken
        fall, rise, between = price - slope_a, slope_b - price, b - a
        apart = left - right + slope_b * between  # of the tangents, at a
        met = np.divide(apart, fall + rise, out=between.copy(), where=fall + rise > 0)
        to_left = (at - left) - price * (h - a) + np.where(high, -fall * a, fall * np.clip(met, 0.0, between))
        to_right = (at - right) + price * (b - h) - rise * (most[rows] - b)
        gaps = np.minimum(gaps, np.where(low, to_right, to_left))
        wrong = np.where(high & (a > 0), slope_a - price, np.where(low & (b < most[rows]), price - slope_b, 0.0))
        residuals = np.minimum(residuals, np.divide(wrong, dollars, out=np.zeros(len(rows)), where=dollars > 0))
    # Winners that the shock cannot hit lose nothing, whatever is taken.
    safe = np.ones(n, np.bool_)
    safe[rows] = False
    idle = (np.where(mu > 0, most - everyone, everyone) * abs(mu) * w / scale)[safe & (most > 0)]
    missing = fsum((problem.amount_units, *(-haircuts * w[problem.winners]).tolist())) / scale
    objective = fsum((*at.tolist(), abs(mu * missing)))
    # A haircut is rounded, and so is what it costs: by parts of these terms alone, however much money stands behind.
    gaps = np.maximum(gaps - _DOUBLES * (at + (np.abs(price) + steepest) * h), 0.0)
    short = max(abs(mu * missing) - mu * missing - _DOUBLES * abs(mu) * problem.amount_units / scale, 0.0)
    gap = fsum((*gaps.tolist(), *np.maximum(idle, 0.0).tolist(), short))
    residual = max(float(residuals.max(initial=0.0)), abs(mu) if (idle > 0).any() else 0.0)
    for units, forced in ((0, np.zeros(n)), (problem.reachable_units, most)):
        if problem.amount_units == units and np.array_equal(everyone, forced):
            gap, residual = 0.0, 0.0  # there is nothing to choose, whatever the multiplier
    return Optimality(objective, max(objective - gap, 0.0), residual, multiplier)  # no loss is below zero


def _exposed(problem: HaircutProblem, law: Law | Scenarios, model: ExposureModel) -> tuple[Int64, Values]:
    """Positions in the book of the accounts that can lose, and their losses and slopes."""
    if isinstance(law, Scenarios):
        pieces = Pieces.of(problem)
        return pieces.rows, lambda haircuts: _in_scenarios(pieces, law.probabilities, model, haircuts)
    positions = Positions.of(problem)
    if (discrete := moves(law)) is not None:
        pieces = positions.long(discrete)
        return pieces.rows, lambda haircuts: _in_scenarios(pieces, discrete.probabilities, model, haircuts)
    return positions.rows, lambda haircuts: _by_law(positions, law, model, haircuts)


def _in_scenarios(
    pieces: Pieces, probabilities: Float64, model: ExposureModel, haircuts: Float64
) -> tuple[Float64, Float64]:
    losses, slopes = np.empty((2, len(haircuts)))
    for some, margins in pieces.blocks():
        a, b = pieces.linear(model, some, margins)
        line = a + b * haircuts[some, None]
        slopes[some] = ((line > 0) * b * probabilities).sum(axis=1)
        losses[some] = (np.maximum(line, 0.0) * probabilities).sum(axis=1)
    return losses, slopes


def _by_law(positions: Positions, law: Law, model: ExposureModel, haircuts: Float64) -> tuple[Float64, Float64]:
    """-n psi(e/n);  w P(Z < -u);  -n psi(u) - P(Z < -u) c / (1 - h), by the definitions of the models."""
    losses = positions.losses(law, model, haircuts)
    n, w, c, kept = positions.size, positions.endowment, positions.principal, 1 - haircuts
    if model == "deleverage":
        return losses, -n * law.expected_loss(positions.equity / n)
    if model == "cash":
        return losses, w * law.tail((c + kept * w) / n)
    rest = np.divide(c, kept, out=np.where(c > 0, np.inf, 0.0), where=kept > 0)
    u = (w + rest) / n
    pull = np.multiply(law.tail(u), rest, out=np.zeros_like(rest), where=np.isfinite(rest))
    return losses, -n * law.expected_loss(u) - pull
