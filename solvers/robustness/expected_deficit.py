"""`expected-deficit`: the haircuts after which the next shock costs the venue least on average (MODEL 3).

    min  sum_i f_i(x_i)   over  0 <= x_i <= cap_i,  sum x_i = amount

with f_i one of the three exposure models (`exposures`), summed over accounts with e_i > 0 (arXiv 2512.01112, section
6). All are convex, and one price of the amount, the multiplier, settles every account:

* deleverage   f_i falls by loss_i / w_i with each dollar: a fractional knapsack, on a log scale, so that losses below
  the smallest double are still told apart. Takes from those who stand to lose most on a dollar.
* cash         f_i rises by P(Z_i < -u_i). Under one continuous law that makes the margins u_i = t equal:
  x_i = clip(e_i - t n_i, 0, cap_i). Takes from the safest, first from those without a position.
* both         one price on the derivative (`closing`).
* cash and both under finitely many moves: piecewise linear, a knapsack of segments (`steps`).

Where the optimum is not unique it is a box, and the fairest point of it is answered: capped-pro-rata within the tie.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from solvers.allocation import Allocation
from solvers.between import fairest, settle
from solvers.errors import ProblemError
from solvers.knapsack import knapsack
from solvers.money import Bool, Float64, Int64, total
from solvers.problem import HaircutProblem, once
from solvers.robustness import slackness, steps
from solvers.robustness.closing import Closing
from solvers.robustness.exposures import Positions
from solvers.robustness.laws import Law, Scenarios
from solvers.robustness.losses import Exposed, ExposureModel, expected_losses
from solvers.robustness.pieces import Pieces
from solvers.robustness.tail import flat_below, moves
from solvers.rounding import settled
from solvers.verify import Optimality


@dataclass(frozen=True, kw_only=True)
class ExpectedDeficit:
    """Parameters of `expected-deficit`: what a haircut does to a position."""

    exposure_model: ExposureModel = "deleverage"


def expected_deficit(problem: HaircutProblem, parameters: ExpectedDeficit) -> Allocation:
    """The haircuts of least expected deficit. Refused: no shock, or an amount above what the caps allow.

    The multiplier is what one more dollar taken adds to the expected deficit, in dollars; below zero it takes away.
    """
    return minimise(problem, _law(problem), parameters.exposure_model)


def certify_expected_deficit(
    problem: HaircutProblem, allocation: Allocation, parameters: ExpectedDeficit
) -> Optimality:
    """Expected deficit and a dual bound, in dollars, by `slackness`; of the amounts where there are no haircuts."""
    return certify(problem, allocation, _law(problem), parameters.exposure_model)


def _law(problem: HaircutProblem) -> Law | Scenarios:
    if problem.shock is None:
        raise ProblemError("shock", "is needed by expected-deficit: say what the next shock is")
    return problem.shock


def certify(problem: HaircutProblem, allocation: Allocation, law: Law | Scenarios, model: ExposureModel) -> Optimality:
    return slackness.certify(problem, allocation.real_haircuts(problem), allocation.multiplier, law, model)


def minimise(problem: HaircutProblem, law: Law | Scenarios, model: ExposureModel) -> Allocation:
    """The haircuts of least sum of f_i under any law; scenarios are those of the problem."""
    rows, x, multiplier = _least(problem, law, model)
    seized = np.zeros(len(problem.book), np.int64)
    seized[rows] = settled(x, problem.cap_units[rows], problem.amount_units, problem.book.ids, rows)
    return Allocation(seized, Fraction(multiplier), haircuts=_haircuts(problem, rows, x)[problem.winners])


@once
def least(problem: HaircutProblem, model: ExposureModel) -> Float64:
    """The same haircuts, one an account of the book, before they become whole units: all that a regret needs."""
    rows, x, _ = _least(problem, _law(problem), model)
    return _haircuts(problem, rows, x)


def _haircuts(problem: HaircutProblem, rows: Int64, x: Float64) -> Float64:
    haircuts = np.zeros(len(problem.book))
    haircuts[rows] = np.minimum(x, problem.cap_units[rows]) / problem.endowment[rows]
    return haircuts


def _least(problem: HaircutProblem, law: Law | Scenarios, model: ExposureModel) -> tuple[Int64, Float64, float]:
    """Accounts that can be taken from, units from each, and the multiplier."""
    problem.require_reachable()
    rows = _in_order(problem, np.flatnonzero(problem.cap_units))
    if model == "deleverage":
        x, multiplier = _linear(problem, rows, law)
    elif isinstance(law, Scenarios):
        x, multiplier = _stepwise(problem, rows, law, model)
    elif (discrete := moves(law)) is not None:
        x, multiplier = _stepwise(problem, rows, discrete, model)
    elif model == "cash":
        x, multiplier = _levelled(problem, rows, law)
    else:
        x, multiplier = _closed(problem, rows, law)
    return rows, x, multiplier


def _in_order(problem: HaircutProblem, rows: Int64) -> Int64:
    """In an order by figures alone, so that the last digit of a sum does not depend on the accounts' places."""
    exposed = Exposed.of(problem)
    exposure = np.zeros((len(problem.book), exposed.exposure.shape[1]))
    exposure[exposed.rows] = exposed.exposure
    figures = (problem.cap_units, problem.endowment_units, problem.book.equity_units, *exposure.T)
    return rows[np.lexsort([figure[rows] for figure in figures])]


def _linear(problem: HaircutProblem, rows: Int64, law: Law | Scenarios) -> tuple[Float64, float]:
    """`deleverage`: a knapsack by loss_i / w_i. Units and the multiplier, as of all four."""
    if isinstance(law, Scenarios):
        logarithms = expected_losses(problem)[1]
    else:
        positions, logarithms = Positions.of(problem), np.full(len(problem.book), -np.inf)
        margin = positions.equity / positions.size
        logarithms[positions.rows] = np.log(positions.size) + law.log_expected_loss(margin)
    w = problem.endowment[rows]
    keys = logarithms[rows] - np.log(w / 10.0**problem.book.precision)
    cut = knapsack(keys, problem.cap_units[rows], problem.amount_units)
    return fairest(w, cut.low, cut.high, problem.amount_units)[0], -float(np.exp(cut.key))


def _stepwise(problem: HaircutProblem, rows: Int64, discrete: Scenarios, model: ExposureModel) -> tuple[Float64, float]:
    """`cash` and `both` under finitely many moves: the fairest point of the box of a knapsack of segments."""
    pieces = Pieces.of(problem) if isinstance(problem.shock, Scenarios) else Positions.of(problem).long(discrete)
    held, places = _held(problem, rows, pieces.rows)
    caps, w, scale = problem.cap_units[rows].astype(np.float64), problem.endowment[rows], 10.0**problem.book.precision
    most, safe = caps[held] / w[held], total(problem.cap_units[rows[~held]]) / scale
    ends, safe_ends, multiplier = steps.box(pieces.taken(places), model, most, safe, problem.amount_units / scale)
    low, high = (np.where(full, caps, 0.0) for full in safe_ends)
    low[held], high[held] = (np.where(h >= most, caps[held], h * w[held]) for h in ends)
    return fairest(w, low, high, problem.amount_units)[0], multiplier


def _levelled(problem: HaircutProblem, rows: Int64, law: Law) -> tuple[Float64, float]:
    """`cash` under one continuous law: margins u_i = t. What cannot lose is taken first, at no cost.

    Where P(Z < -u) does not change below some margin, as of a tail, accounts below it are all alike.
    """
    positions = Positions.of(problem)
    held, places = _held(problem, rows, positions.rows)
    caps, w = problem.cap_units[rows].astype(np.float64), problem.endowment[rows]
    safe = total(problem.cap_units[rows[~held]])
    x = np.where(held, 0.0, caps)
    if problem.amount_units <= safe or not held.any():
        x[~held], _ = fairest(w[~held], np.zeros(len(x) - len(places)), caps[~held], problem.amount_units)
        return x, 0.0
    e, n = problem.book.equity_units[rows[held]].astype(np.float64), positions.size[places]
    n = n * 10.0**problem.book.precision
    left, none = problem.amount_units - safe, np.zeros(len(places))
    x[held], eta = settle(e, n, none, caps[held], left)
    if -eta < flat_below(law):
        low = np.clip(e - flat_below(law) * n, 0.0, caps[held])
        x[held], _ = fairest(w[held], low, caps[held], left)
    return x, float(law.tail(np.array([-eta]))[0])


def _closed(problem: HaircutProblem, rows: Int64, law: Law) -> tuple[Float64, float]:
    """`both` under a continuous law."""
    positions = Positions.of(problem)
    held, places = _held(problem, rows, positions.rows)
    caps, w = problem.cap_units[rows].astype(np.float64), problem.endowment[rows]
    units, equity = problem.endowment_units[rows], problem.book.equity_units[rows]
    closing = Closing(
        law,
        positions.size[places] * 10.0**problem.book.precision,
        w[held],
        (equity - units)[held].astype(np.float64),
        (units - problem.cap_units[rows])[held] / w[held],
    )
    found, left, multiplier = closing.solve(total(problem.cap_units[rows[~held]]), problem.amount_units)
    x = np.zeros(len(rows))
    x[held] = np.where(found >= 1 - closing.least, caps[held], found * w[held])
    x[~held], _ = fairest(w[~held], np.zeros(len(rows) - len(places)), caps[~held], left)
    return x, multiplier


def _held(problem: HaircutProblem, rows: Int64, exposed: Int64) -> tuple[Bool, Int64]:
    """Which of the rows can lose, and their places among those that can."""
    place = np.full(len(problem.book), -1)
    place[exposed] = np.arange(len(exposed))
    return place[rows] >= 0, place[rows][place[rows] >= 0]
