"""One closing, end to end: feasibility, policy, whole lots, costs, verification, certificate."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, fsum, inf
from typing import Any, Literal

import numpy as np

from solvers.allocation import Certificate
from solvers.backends.deadline import Deadline
from solvers.contracts.certificate import least_worst_haircut
from solvers.contracts.closing import Closing
from solvers.contracts.costs import Costs, costs, within_caps
from solvers.contracts.exact import search
from solvers.contracts.fairest import Lexicographic, lexicographic
from solvers.contracts.lexicographic import min_max_plan, reachable
from solvers.contracts.network import Network
from solvers.contracts.problem import ClosureProblem
from solvers.contracts.registry import ClosingPolicy
from solvers.errors import ProblemError, SolverFailed, UnclosableMarkets
from solvers.money import Float64, Int64, total
from solvers.solve import GAP_TOLERANCE, Status

Integer = Literal["rounded", "exact"]
Reason = Literal[
    "no opposite holders",
    "only unprofitable holders remain",
    "only holders without equity remain",
    "caps",
    "whole lots",
]

_STATIONARY = 1e-6
"""What is not stationary is not optimal, however little of the whole objective it is."""

_PLANNED = 1e-9
"""Relative distance within which a plan closes a market."""


@dataclass(frozen=True)
class ClosureCertificate(Certificate):
    """Evidence, by code that did not make the closing.

    objective, bound, relative_gap, kkt_residual    of the real-valued plan (in currency; min-max: fractions), or with
        `exact` of the worst haircut in whole lots; None for baselines
    budget_error_units     what is paid less the budget;  cap_violation_units: most that a bearer is above its cap
    multiplier             the highest level of a demand, None for baselines
    worst_haircut          after lots and rounding
    worst_haircut_bound    no closing of all contracts is below it; None where some are left
    """

    worst_haircut: float | None
    worst_haircut_bound: float | None


@dataclass(frozen=True)
class ClosureSolution:
    """A closing that passed verification.

    reasons    why lots of a demand are left, by its place
    cut        whether a clock ended the search for it, so that another run may find another
    """

    problem: ClosureProblem
    closing: Closing
    costs: Costs
    certificate: ClosureCertificate
    status: Status
    reasons: dict[int, Reason]
    cut: bool


def close(
    problem: ClosureProblem,
    policy: ClosingPolicy,
    parameters: Any,
    *,
    integer: Integer = "rounded",
    partial: bool = False,
    seconds: float = inf,
    best: bool = False,
) -> ClosureSolution:
    """Close what bankrupt accounts left, by `policy`.

    parameters   an instance of `policy.parameters`
    integer      `exact` searches the least worst haircut in whole lots, from the policy's own closing
    partial      close the most that can be closed where that is not all
    seconds      how long a search or an interior point method may take
    best         when the time is up, return what was found by then, or the fairest closing, with its gap
    Raises UnclosableMarkets (unless partial), ProblemError, SolverTimeout, SolverFailed. Lots that fit
    nobody's cap are left and told.
    """
    if integer == "exact" and not policy.searched:
        raise ProblemError("integer", f"must be rounded: the worst haircut is not what {policy.name} minimises")
    deadline = Deadline(seconds, best)
    closing = policy.solve(problem, parameters, *((deadline,) if policy.timed else ()))
    left, reasons = lots_left(problem, closing.lots), _reasons(problem, closing)
    short = {place: why for place, why in reasons.items() if why != "whole lots"}
    if short and not partial:
        raise _unclosable(problem, policy, short)
    least = None if reasons else _least(problem, policy, closing)
    if integer == "exact":
        found = search(problem, closing.lots, least or 0.0, max(deadline.left(), 0.0))
        deadline.ended = deadline.left() <= 0  # the search got all of them
        closing = replace(closing, lots=found.lots, bound=found.bound, method="max-flow, then search in whole lots")
    paid = costs(problem, closing.lots)
    _verify(problem, policy, closing, left)
    certificate = _certify(problem, policy, closing, paid, least)
    gap, away = certificate.relative_gap, certificate.kkt_residual or 0.0
    proven = gap is not None and gap <= GAP_TOLERANCE and away <= _STATIONARY
    status: Status = "optimal" if proven else "feasible"
    return ClosureSolution(
        problem, closing, paid, certificate, "partial" if reasons else status, reasons, deadline.ended
    )


def lots_left(problem: ClosureProblem, lots: Int64) -> Int64:
    """What each demand lacks, less than zero where more was closed than needed."""
    needed = np.array([demand.lots for demand in problem.demands])
    closed = np.zeros(len(needed), np.int64)
    np.add.at(closed, problem.arcs.demand, lots)
    left: Int64 = needed - closed
    return left


def _reasons(problem: ClosureProblem, closing: Closing) -> dict[int, Reason]:
    short = np.flatnonzero(lots_left(problem, closing.lots) > 0)
    return {place: _reason(problem, closing, place) for place in short.tolist()}


def _reason(problem: ClosureProblem, closing: Closing, place: int) -> Reason:
    holders, allowed = problem.opposite.demand == place, problem.arcs.demand == place
    if not holders.any():
        return "no opposite holders"
    if total(closing.lots[allowed]) == total(problem.arcs.lots[allowed]):
        if total(problem.opposite.lots[holders]) == total(problem.arcs.lots[allowed]):
            return "no opposite holders"
        if problem.free[place]:
            return "only holders without equity remain"
        # A holder with a profit and no arc has a cap of zero.
        wealth, bearers = problem.wealth, problem.opposite.bearer[holders]
        capped = (wealth.endowment_units[bearers] > 0) & (wealth.cap_units[bearers] <= 0)
        return "caps" if capped.any() else "only unprofitable holders remain"
    if closing.plan is not None and not problem.free[place]:
        planned = float(closing.plan.amounts[allowed].sum())
        if planned >= float(problem.gaps[place] * problem.demands[place].lots) * (1 - _PLANNED):
            return "whole lots"
    return "caps"


def _unclosable(problem: ClosureProblem, policy: ClosingPolicy, short: Mapping[int, Reason]) -> UnclosableMarkets:
    network = Network.of(problem)
    lacking = ceil(fsum((network.need - reachable(network).need).tolist()))
    symbols = [problem.markets.symbols[problem.demands[place].market] for place in short]
    named = ", ".join(f"{symbol} ({why})" for symbol, why in zip(symbols[:3], short.values(), strict=False))
    more = "" if len(short) <= 3 else f", and {len(short) - 3} more"
    budget = problem.wealth.budget_units
    return UnclosableMarkets(
        f"{policy.name} cannot close all contracts: {named}{more}; "
        "accept a shortage with options.on_infeasible = partial",
        budget,
        max(budget - lacking, 0),
        short,
        None if policy.optimality is None else _largest_severity(problem),
    )


def _largest_severity(problem: ClosureProblem) -> Fraction | None:
    """The largest severity at which all can be closed, below the one asked for; None where there is none.

    Caps stay while gaps shrink with the severity. A minimum cut at one scale of the gaps says at which smaller scale it
    would let all through: Newton's method on the scale. At severity zero closing is free, and for other holders too.
    What is told is solved first: a market that is dust beside the others, or free, may be out of reach all the same.
    """
    wealth, network, scale = problem.wealth, Network.of(problem), 1.0
    while scale > 0:
        carried = network.flow(network.cap / scale)
        if carried.brings(float(network.need.sum())):
            break
        below, taking = carried.found.bearers, carried.found.demands
        across = float(network.most[below[network.bearer] & ~taking[network.demand]].sum())
        lacking = float(network.need[~taking].sum()) - across
        smaller = float(network.cap[~below].sum()) / lacking if lacking > 0 else 0.0
        if smaller >= scale:
            break  # rounding alone keeps this cut
        scale = max(smaller, 0.0)
    within = int(scale * (1 - _PLANNED / 2) * wealth.budget_units)
    severities = [Fraction(units, wealth.residual_units) for units in (within, 0) if wealth.residual_units]
    return next((one for one in severities if one < wealth.severity and _closes(problem, one)), None)


def _closes(problem: ClosureProblem, severity: Fraction) -> bool:
    """Whether all can be closed but for whole lots; what can be is the same for every policy that minimises."""
    again = replace(problem, shortfall=replace(problem.shortfall, severity=severity))
    reasons = _reasons(again, lexicographic(again, Lexicographic()))
    return all(why == "whole lots" for why in reasons.values())


def _least(problem: ClosureProblem, policy: ClosingPolicy, closing: Closing) -> float:
    """The smallest possible worst haircut before lots, of a problem of which everything was closed."""
    levels = closing.plan.levels if closing.plan is not None and policy.searched else min_max_plan(problem).levels
    return least_worst_haircut(Network.of(problem), levels)


def smallest_worst_haircut(problem: ClosureProblem) -> float | None:
    """The smallest possible worst haircut before lots; None without winners, or where not all can be closed."""
    if not problem.wealth.winners.size or (lots_left(problem, problem.arcs.lots) > 0).any():
        return None
    plan = min_max_plan(problem)
    needed = problem.gap_floats * [demand.lots for demand in problem.demands]
    planned = np.bincount(problem.arcs.demand, plan.amounts, len(needed))
    if (planned < needed * (1 - _PLANNED)).any():
        return None
    return least_worst_haircut(reachable(Network.of(problem)), plan.levels)


def _verify(problem: ClosureProblem, policy: ClosingPolicy, closing: Closing, left: Int64) -> None:
    lots, most = closing.lots, problem.arcs.lots
    faults = {
        "closes more than a position, or less than nothing": (lots < 0) | (lots > most),
        "takes more than a cap": ~within_caps(problem, lots),
        "does not close what it said": lots_left(problem, lots) != left,
    }
    for what, at in faults.items():
        if at.any():
            raise SolverFailed(f"{policy.name} returned a closing that fails verification: it {what}")


def _certify(
    problem: ClosureProblem, policy: ClosingPolicy, closing: Closing, paid: Costs, least: float | None
) -> ClosureCertificate:
    caps, worst = problem.wealth.cap_units, _worst(problem, paid.bearer_units)
    proof = None
    if closing.plan is not None and policy.optimality is not None:
        proof = policy.optimality(problem, closing.plan)
    objective, bound = (proof.objective, proof.bound) if proof else (None, None)
    gap, residual = (proof.relative_gap, proof.kkt_residual) if proof else (None, None)
    if closing.bound is not None:
        objective, residual = _worst_cost(problem, closing), None
        bound = min(closing.bound, objective)
        gap = (objective - bound) / objective if objective else 0.0
    return ClosureCertificate(
        objective,
        bound,
        gap,
        residual,
        total(paid.bearer_units) - problem.wealth.budget_units,
        int(max((paid.bearer_units - caps).max(initial=0), 0)),
        float(closing.plan.levels.max(initial=0.0)) if closing.plan is not None else None,
        worst,
        least if problem.wealth.winners.size else None,
    )


def _worst(problem: ClosureProblem, bearer_units: Int64) -> float | None:
    rows = problem.wealth.winners
    haircuts: Float64 = bearer_units[rows] / problem.wealth.endowment_units[rows]
    return float(haircuts.max()) if rows.size else None


def _worst_cost(problem: ClosureProblem, closing: Closing) -> float:
    """The worst haircut in whole lots, before costs are rounded to units."""
    network = Network.of(problem)
    costs_an_arc = (closing.lots * problem.gap_floats[problem.arcs.demand])[network.rows]
    return float((network.paid(costs_an_arc) / network.weight).max(initial=0.0))
