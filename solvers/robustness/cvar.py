"""`cvar`: the smallest mean of the venue's loss in the worst cases of the next shock (MODEL 3; arXiv 2512.01112, 6).

    min CVaR_level(L(h)),   L = sum_i loss_i,   0 <= h_i <= beta_i,   sum w_i h_i = amount

CVaR_level is the mean of the worst 1 - level of all cases. Parametric laws move all accounts by one factor, so losses
are comonotone and the CVaR of the sum is the sum of the CVaRs: `expected-deficit` of the law's tail. Scenarios are a
linear program (`tail_program`).

Where the optimum is not unique: accounts with the same figures get the mean of what the program gave them; accounts
that lose nothing in the tail, and would not if they paid more or less, pay capped-pro-rata among themselves, as far as
that is so; beyond that the answer is the vertex that the program finds with its accounts in the order of their ids.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import fsum
from typing import Annotated

import numpy as np
from annotated_types import Gt, Lt

from solvers.allocation import Allocation
from solvers.backends.deadline import NEVER, Deadline
from solvers.errors import ProblemError
from solvers.money import Bool, Float64, total
from solvers.problem import HaircutProblem
from solvers.robustness import expected_deficit
from solvers.robustness.laws import Scenarios
from solvers.robustness.losses import ExposureModel
from solvers.robustness.pieces import Pieces, totals_after
from solvers.robustness.segments import Segments, Weighted, best_price
from solvers.robustness.tail import Tail
from solvers.robustness.tail_program import CLOSED, Venue, minimise
from solvers.robustness.ties import fair
from solvers.robustness.worst import admissible, at_risk, tail_weights
from solvers.rounding import settled
from solvers.verify import GAP_TOLERANCE, Optimality

_TIE = 1e-9
"""Slopes within this of the price, relative to it or to 1, are the price."""

_DOUBLES = 8 * float(np.finfo(np.float64).eps)
"""Relative to the terms of an account's own gap: what doubles cannot tell from none."""


@dataclass(frozen=True, kw_only=True)
class CVar:
    """Parameters of `cvar`: it looks at the worst 1 - level of all cases."""

    level: Annotated[float, Gt(0), Lt(1)] = 0.95
    exposure_model: ExposureModel = "deleverage"


@dataclass(frozen=True)
class TailAllocation(Allocation):
    """`scenario_weights`, S numbers q, prove a lower bound: CVaR >= sum_s q_s L_s for every haircut."""

    scenario_weights: Float64 | None = None


def cvar(problem: HaircutProblem, parameters: CVar, deadline: Deadline = NEVER) -> Allocation:
    """The haircuts of least CVaR. Refused: a problem without a shock, an amount above what the caps allow.

    Under scenarios it raises SolverTimeout at the deadline, or returns the best it has.
    """
    if not isinstance(problem.shock, Scenarios):
        return expected_deficit.minimise(problem, _tail(problem, parameters.level), parameters.exposure_model)
    problem.require_reachable()
    haircuts, weights, ended = _in_scenarios(problem, problem.shock, parameters, deadline)
    rows = problem.winners
    endowment, caps = problem.endowment[rows], problem.cap_units[rows]
    wanted = np.where(haircuts[rows] >= caps / endowment, caps, haircuts[rows] * endowment)
    seized = np.zeros(len(problem.book), np.int64)
    seized[rows] = settled(wanted, caps, problem.amount_units, problem.book.ids, rows)
    found = TailAllocation(
        seized,
        haircuts=haircuts[rows],
        method="row-generation",
        libraries=("numpy", "highspy"),
        scenario_weights=weights,
    )
    if ended is None or certify_cvar(problem, found, parameters).relative_gap <= GAP_TOLERANCE:
        return found
    return replace(found, notes=(f"{ended}: the best haircuts so far, with the gap that is left.",))


def certify_cvar(problem: HaircutProblem, allocation: Allocation, parameters: CVar) -> Optimality:
    """CVaR of the haircuts over all scenarios, and the bound that the scenario weights prove.

    For any 0 <= q_s <= p_s / (1 - level) with sum q = 1, CVaR >= sum_s q_s L_s(h), whose minimum over the caps and the
    amount is a knapsack of segments (`segments`); its price is the multiplier: what one more dollar of budget adds to
    the CVaR. The gap is what is above that minimum: CVaR above the sum by q, each account's term above its own least
    one at that price, idle money on the wrong side of it, and what haircuts miss of the amount. None is negative, so
    nothing cancels. Without weights those of the haircuts' own tail are taken. The residual is the largest distance of
    an amount from the minimisers at that price, beyond a unit.
    """
    shock, model, level = problem.shock, parameters.exposure_model, parameters.level
    if not isinstance(shock, Scenarios):
        return expected_deficit.certify(problem, allocation, _tail(problem, level), model)
    rows, scale = problem.winners, 10.0**problem.book.precision
    haircuts = np.zeros(len(problem.book))
    haircuts[rows] = allocation.real_haircuts(problem)
    losses = totals_after(problem, model, haircuts)
    weights = allocation.scenario_weights if isinstance(allocation, TailAllocation) else None
    if weights is None:
        weights = tail_weights(losses, shock.probabilities, level)
    pieces = _by_id(problem, Pieces.of(problem))
    exposed, reach, amount = pieces.rows, problem.haircuts(problem.cap_units), problem.amount_units / scale
    idle = (problem.reachable_units - total(problem.cap_units[exposed])) / scale
    weights = admissible(weights, shock.probabilities, level)
    oracle = Weighted.of(pieces, model, weights, reach[exposed])
    segments = oracle.segments()
    price = best_price(segments, pieces.endowment, idle, amount)
    value = at_risk(losses, shock.probabilities, level)[1]
    own, noise = _own(oracle, segments, price, haircuts[exposed])
    above = max(value - fsum((weights * losses).tolist()) - fsum(noise.tolist()), 0.0)
    idly = (reach - haircuts if price > 0 else haircuts) * problem.endowment * (abs(price) / scale)
    missing = (problem.amount_units - fsum((problem.endowment[rows] * haircuts[rows]).tolist())) / scale
    short = max(abs(price * missing) - price * missing - _DOUBLES * abs(price) * amount, 0.0)
    objective = value + abs(price * missing)
    gap = fsum((above, short, *own.tolist(), *np.delete(idly, exposed).tolist()))
    low, high = segments.ties(price, _TIE * max(1.0, abs(price)))
    low, high = (part * problem.endowment[exposed] for part in (low, high))
    taken = allocation.seized_units[exposed].astype(np.float64)
    away = np.maximum(np.maximum(low - taken, taken - high) - 1, 0) / np.maximum(problem.endowment[exposed], 1)
    return Optimality(objective, max(objective - gap, 0.0), float(away.max(initial=0.0)), Fraction(price))


def _own(oracle: Weighted, segments: Segments, price: float, haircuts: Float64) -> tuple[Float64, Float64]:
    """What each account's f_i(h) - price w_i h is above its minimum, nothing for a minimiser, and the part of its
    loss in any scenario that may be rounding.

    Haircuts are rounded, and so are losses: by parts of these terms alone, however much money stands behind.
    """
    low, high = segments.ties(price)
    best, paid = np.clip(haircuts, low, high), price * oracle.pieces.endowment
    at, steepest = oracle.values(haircuts), np.zeros(len(haircuts))
    np.maximum.at(steepest, segments.account, segments.size)
    above = at - oracle.values(best) - paid * (haircuts - best)
    noise = _DOUBLES * (at + (np.abs(paid) + steepest * oracle.pieces.endowment) * haircuts)
    return np.maximum(above - noise, 0.0), np.minimum(noise, at / oracle.weights.min(initial=1.0))


def _tail(problem: HaircutProblem, level: float) -> Tail:
    if problem.shock is None or isinstance(problem.shock, Scenarios):
        raise ProblemError("shock", "is needed by cvar: say what the next shock is")
    return Tail(problem.shock, level)


def _in_scenarios(
    problem: HaircutProblem, shock: Scenarios, parameters: CVar, deadline: Deadline
) -> tuple[Float64, Float64, str | None]:
    """Haircuts of the whole book, weights of all scenarios, and how the program ended, None if at its optimum."""
    model, scale = parameters.exposure_model, 10.0**problem.book.precision
    most = problem.haircuts(problem.cap_units)
    possible = np.flatnonzero(shock.probabilities)
    pieces = _by_id(problem, Pieces.of(problem)).in_scenarios(possible)
    pieces = pieces.taken(np.flatnonzero(_can_lose(pieces, model, most[pieces.rows])))
    caps = problem.cap_units / scale
    idle = np.setdiff1d(np.flatnonzero(problem.cap_units), pieces.rows)
    idle = idle[np.argsort(np.array(problem.book.ids, object)[idle])]
    venue = Venue(
        pieces, model, most[pieces.rows], fsum(caps[idle].tolist()), problem.amount_units / scale, parameters.level
    )
    answer = minimise(venue, deadline)
    inside, outside = fair(venue, answer.haircuts, problem.endowment[idle] / scale, caps[idle])
    haircuts = np.zeros(len(problem.book))
    haircuts[pieces.rows], haircuts[idle] = inside, outside
    weights = np.zeros(len(shock.moves))
    weights[possible] = answer.weights
    ended = None if abs(answer.gap) <= CLOSED else "The linear program was solved as far as doubles allow"
    return np.minimum(haircuts, most), weights, answer.stopped or ended


def _by_id(problem: HaircutProblem, pieces: Pieces) -> Pieces:
    ids = problem.book.ids
    order = sorted(range(len(pieces.rows)), key=[ids[row] for row in pieces.rows.tolist()].__getitem__)
    return pieces.taken(np.array(order, np.int64))


def _can_lose(pieces: Pieces, model: ExposureModel, most: Float64) -> Bool:
    """Whether an account loses anything in any scenario, whatever is taken from it: convex, so at an end."""
    found = np.zeros(len(most), np.bool_)
    for some, margins in pieces.blocks():
        a, b = pieces.linear(model, some, margins)
        found[some] = (np.maximum(a, a + b * most[some, None]) > 0).any(axis=1)
    return found
