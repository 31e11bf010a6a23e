"""`leverage-draining`: closings that lower leverage where it may hurt, in whole lots."""

from dataclasses import dataclass
from fractions import Fraction
from math import fsum

import numpy as np

from solvers.backends.deadline import NEVER, UP, Deadline
from solvers.contracts.closing import Closing, Plan
from solvers.contracts.leverage.certificate import draining_bound
from solvers.contracts.leverage.covariance import Matrix, checked, leading
from solvers.contracts.leverage.drain import drained
from solvers.contracts.leverage.level import levelled, one_factor
from solvers.contracts.leverage.lots import in_whole_lots
from solvers.contracts.order import ordered
from solvers.contracts.problem import ClosureProblem
from solvers.errors import ProblemError
from solvers.money import Float64
from solvers.verify import Optimality

_CALM, _WILD = 1e-4, 2.0
"""Of a mark price: where the largest deviation lies outside, a note asks whether the units are meant."""


@dataclass(frozen=True, kw_only=True)
class LeverageDraining:
    """Parameters of `leverage-draining`.

    covariance    of price moves, M x M, in units of price squared, in the order of the markets; None for the
                  distribution-free rule of one side of one market
    factors       so many leading eigenvectors stand for the covariance; None for all of it
    """

    covariance: Matrix | None = None
    factors: int | None = None


@dataclass(frozen=True)
class DrainingPlan(Plan):
    """A closing before lots. `amounts` is what each arc costs, `levels` are the prices.

    closed        lots of each arc of the problem, free demands included
    prices        of each demand, currency a contract: what closing one more saves of shortfall; 0 without moves
    need          of each demand, lots that are closed here
    covariance    of prices as it was used, in the order of symbols; None without moves
    level         leverage left to accounts inside their bounds: q' p / e without moves, |v'y| / e with one factor
    """

    closed: Float64
    prices: Float64
    need: Float64
    covariance: Float64 | None
    level: Fraction | float | None = None


def leverage_draining(problem: ClosureProblem, parameters: LeverageDraining, deadline: Deadline = NEVER) -> Closing:
    """Close every demand so that the least shortfall is to be expected at the next move of prices (MODEL 4).

    min sum_i E[max(-(e_i + (q_i - x_i)' dP), 0)], dP normal of covariance S; of one side of one market without S, drain
    leverage q p / e from above to one level. Equity is held at its value before. Source: arXiv 2603.15963.
    Refused: isolated margin; no covariance with several demands; what `checked` and `leading` refuse. Raises
    SolverTimeout at the deadline, or returns what it has.
    """
    if problem.margin == "isolated":
        raise ProblemError("margin", "must be cross: leverage-draining weighs the positions of a whole account")
    if parameters.covariance is None:
        return _without_moves(problem, parameters)
    S, (problem, order) = checked(parameters.covariance, problem.markets), ordered(problem)
    S = S[np.ix_(order, order)]
    V = None if parameters.factors is None else leading(S, parameters.factors)
    if V is not None:
        S = V @ V.T
        S = (S + S.T) / 2
    sizes = np.array([float(problem.markets.lots[one.market]) for one in problem.demands])
    if V is not None and V.shape[1] == 1 and len(problem.demands) == 1:
        closed_form = one_factor(problem, V[:, 0])
        if closed_form is not None:
            need = np.array([min(float(problem.demands[0].lots), float(closed_form.closed.sum()))])
            prices = np.array([closed_form.price])
            plan = _plan(problem, closed_form.closed, prices / sizes, need, S, closed_form.level)
            lots = in_whole_lots(problem, closed_form.closed, need)
            return Closing(lots, plan, notes=_units(problem, S), method="closed-form", libraries=("numpy", "scipy"))
    found, notes = drained(problem, S, deadline), _units(problem, S)
    if found.lost or deadline.ended:
        why = UP if deadline.ended else "The interior point method lost its path"
        what = "the fairest closing" if found.lost else "the best closing so far"
        notes += (f"{why}: this is {what}, and the certificate has its gap.",)
    if found.stretch > 1:
        notes += (
            "Closing some of the markets saves nothing that can be told from nothing at moves of this size: there the "
            "most levered are closed first all the same, as they would be if prices moved "
            f"{found.stretch:.3g} times as far.",
        )
    plan = _plan(problem, found.closed, found.prices / sizes, found.need, S, None)
    lots = in_whole_lots(problem, found.closed, found.wanted)
    return Closing(lots, plan, notes=notes, method="interior-point", libraries=("numpy", "scipy"))


def _units(problem: ClosureProblem, covariance: Float64) -> tuple[str, ...]:
    """What to ask whoever sends a covariance that looks as if it were not in price units squared."""
    marks = np.array([float(mark) for mark in problem.markets.marks])
    deviations = np.sqrt(covariance.diagonal()) / marks
    most = int(deviations.argmax())
    if _CALM <= deviations[most] <= _WILD:
        return ()
    return (
        f"Is the covariance in units of price squared? Its largest deviation is {100 * deviations[most]:.3g} % of the "
        f"mark price, of {problem.markets.symbols[most]}.",
    )


def _without_moves(problem: ClosureProblem, parameters: LeverageDraining) -> Closing:
    if parameters.factors is not None:
        raise ProblemError("factors", "are factors of a covariance, and none is given")
    if len(problem.demands) != 1:
        detail = f"is needed: there are {len(problem.demands)} sides of markets to close, and only one goes without"
        raise ProblemError("covariance", detail)
    found, notes = levelled(problem), tuple[str, ...]()
    if _elsewhere(problem):
        notes = (
            "Accounts that may be closed hold other markets too. Without a covariance these are not looked at: "
            "leverage is that of the closed market alone, and a hedge may be closed.",
        )
    need = np.array([float(found.lots.sum())])
    plan = _plan(problem, found.closed, np.zeros(1), need, None, found.level)
    return Closing(found.lots, plan, notes=notes, method="closed-form", libraries=("numpy",))


def _elsewhere(problem: ClosureProblem) -> bool:
    """Whether an account that may be closed holds more than the position that is."""
    owner = problem.positions.account
    held = np.bincount(owner, minlength=len(problem.accounts.ids))
    return bool((held[owner[problem.arcs.position]] > 1).any())


def _plan(
    problem: ClosureProblem,
    closed: Float64,
    prices: Float64,
    need: Float64,
    covariance: Float64 | None,
    level: Fraction | float | None,
) -> DrainingPlan:
    amounts = closed * problem.gap_floats[problem.arcs.demand]
    return DrainingPlan(amounts, prices, closed, prices, need, covariance, level)


def draining_optimality(problem: ClosureProblem, plan: Plan) -> Optimality:
    """With moves: expected shortfall against its dual bound. Without: sum y^2 / (2 e), y the notional left.

    Every convex function of leverage weighted by equity has the same optimum without moves; this is one of them.
    """
    assert isinstance(plan, DrainingPlan)  # noqa: S101
    if plan.covariance is None:
        return _levelling(problem, plan)
    sizes = np.array([float(problem.markets.lots[one.market]) for one in problem.demands])
    return draining_bound(ordered(problem)[0], plan.covariance, plan.closed, plan.prices * sizes, plan.need)


def _levelling(problem: ClosureProblem, plan: DrainingPlan) -> Optimality:
    arcs, demand = problem.arcs, problem.demands[0]
    worth = float(problem.markets.lots[demand.market] * problem.markets.marks[demand.market])
    owner = problem.positions.account[arcs.position]
    equity = problem.account_equity_units[owner] * 10.0**-problem.accounts.precision
    gap = problem.gap_floats[0]
    room = np.floor(problem.wealth.cap_units[arcs.bearer] / gap) if gap else arcs.lots.astype(np.float64)
    most, least = arcs.lots * worth, np.maximum(arcs.lots - room, 0.0) * worth
    left, level = (arcs.lots - plan.closed) * worth, float(plan.level or 0)
    ideal = np.clip(level * equity, least, most)
    objective = fsum((left**2 / (2 * equity)).tolist())
    bound = fsum((ideal**2 / (2 * equity) - level * ideal).tolist()) + level * fsum(left.tolist())
    return Optimality(objective, min(bound, objective), float((np.abs(left - ideal) / equity).max(initial=0.0)))
