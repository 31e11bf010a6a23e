"""Real-valued plans by linear programs, and whole lots by enumeration, without any of the code under test."""

from collections import Counter
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array, csr_array, hstack, vstack

from solvers.contracts.closing import Plan
from solvers.contracts.problem import ClosureProblem
from solvers.money import Float64, Int64


def min_max_plan(problem: ClosureProblem) -> tuple[Plan, float]:
    """The smallest worst haircut at which the most can be closed, and amounts of a plan that has it.

    Two linear programs in the mean amount: first how much can be closed, then the level, with every demand closed as
    far as the first one says. Not for books of which some amounts are a millionth of others.
    """
    arcs, wealth = problem.arcs, problem.wealth
    costly = np.flatnonzero(~problem.free[arcs.demand])
    count, demands, bearers = len(costly), len(problem.demands), len(wealth.book)
    amounts = np.zeros(len(arcs.lots))
    if not count:
        return Plan(amounts, np.zeros(demands)), 0.0
    gaps = problem.gap_floats[arcs.demand[costly]]
    need = np.array([demand.lots for demand in problem.demands]) * problem.gap_floats
    unit = float(need.sum()) / count
    at = np.arange(count)
    by_demand = csr_array(coo_array((np.ones(count), (arcs.demand[costly], at)), shape=(demands, count)))
    by_bearer = csr_array(coo_array((np.ones(count), (arcs.bearer[costly], at)), shape=(bearers, count)))
    upper = arcs.lots[costly] * gaps / unit
    most = _solved(
        -np.ones(count), vstack([by_demand, by_bearer]), np.concatenate((need, wealth.cap_units)) / unit, upper, None
    )
    closed = np.minimum(by_demand @ most, need / unit)
    whole = closed > need / unit * (1 - 1e-9)
    closed = np.where(whole, need / unit, closed) * (1 - 1e-9)
    scale = float(closed.sum()) / max(float(wealth.capacity_units) / unit, 1e-300)
    level_column = csr_array((-wealth.endowment / unit * scale)[:, None])
    found = _solved(
        np.append(np.zeros(count), 1.0),
        vstack([hstack([by_bearer, level_column]), hstack([by_bearer, csr_array((bearers, 1))])]),
        np.concatenate((np.zeros(bearers), wealth.cap_units / unit)),
        np.append(upper, np.inf),
        (hstack([by_demand, csr_array((demands, 1))]), closed),
    )
    amounts[costly] = np.clip(found[:-1], 0, upper) * unit
    return Plan(amounts, np.zeros(demands)), float(found[-1]) * scale


def closed(problem: ClosureProblem, lots: Int64) -> list[int]:
    """Lots of each demand."""
    sums = Counter[int]()
    for demand, amount in zip(problem.arcs.demand.tolist(), lots.tolist(), strict=True):
        sums[demand] += amount
    return [sums[place] for place in range(len(problem.demands))]


def haircuts(problem: ClosureProblem, lots: Int64) -> dict[int, Fraction]:
    """Of each bearer that pays, exactly."""
    paid: dict[int, Fraction] = {}
    for bearer, demand, amount in zip(
        problem.arcs.bearer.tolist(), problem.arcs.demand.tolist(), lots.tolist(), strict=True
    ):
        if problem.gaps[demand] * amount:
            paid[bearer] = paid.get(bearer, Fraction(0)) + problem.gaps[demand] * amount
    endowments = problem.wealth.endowment_units.tolist()
    return {bearer: amount / endowments[bearer] for bearer, amount in paid.items()}


def worst(problem: ClosureProblem, lots: Int64) -> Fraction:
    return max(haircuts(problem, lots).values(), default=Fraction(0))


def least_worst(problem: ClosureProblem, wanted: list[int], most: int = 200_000) -> Fraction | None:
    """The least worst haircut of all closings of so many lots of the costly demands within caps, by looking at all.

    None where there is none, and where there would be more than `most` to look at.
    """
    arcs, wealth, left = problem.arcs, problem.wealth, list(wanted)
    rows = sorted(np.flatnonzero(~problem.free[arcs.demand]).tolist(), key=lambda arc: int(arcs.demand[arc]))
    last = {int(arcs.demand[arc]): place for place, arc in enumerate(rows)}
    numerators = [problem.gaps[int(arcs.demand[arc])] / int(wealth.endowment_units[arcs.bearer[arc]]) for arc in rows]
    caps = {int(b): Fraction(int(wealth.cap_units[b]), int(wealth.endowment_units[b])) for b in arcs.bearer[rows]}
    paid = dict.fromkeys(caps, Fraction(0))
    best, seen = [Fraction(10**9)], [0]

    def look(place: int, so_far: Fraction) -> None:
        seen[0] += 1
        if seen[0] > most or so_far >= best[0]:
            return
        if place == len(rows):
            best[0] = so_far
            return
        arc, demand, bearer = rows[place], int(arcs.demand[rows[place]]), int(arcs.bearer[rows[place]])
        upper = min(int(arcs.lots[arc]), left[demand])
        for lots in range(left[demand] if last[demand] == place else 0, upper + 1):
            haircut = paid[bearer] + lots * numerators[place]
            if haircut > caps[bearer]:
                break
            before, paid[bearer] = paid[bearer], haircut
            left[demand] -= lots
            look(place + 1, max(so_far, haircut))
            left[demand] += lots
            paid[bearer] = before

    look(0, Fraction(0))
    return best[0] if seen[0] <= most and best[0] < 10**9 else None


def _solved(costs: Float64, matrix: object, right: Float64, upper: Float64, equal: object) -> Float64:
    left, value = equal if isinstance(equal, tuple) else (None, None)
    done = linprog(
        costs, matrix, right, left, value, bounds=np.column_stack((np.zeros(len(upper)), upper)), method="highs"
    )
    assert done.status == 0, done.message
    return np.asarray(done.x)
