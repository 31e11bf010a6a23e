"""The frontier: what fairness, robustness and revenue cost each other on one book (MODEL 6).

The blend's weights are swept, and what nobody beats in all measures at once is kept. The blend's own terms,

    F = sum w_i h_i^2 / 2,    R = sum (1 - h_i) l_i,    V = sum v_i (1 - r(h_i)),

are convex in h over a convex set (arXiv 2512.01112, section 8). So the least F subject to R <= rho is a convex,
decreasing function of rho, and every blend of the two lies on it: along a sweep one rises, the other falls, and the
slope is the ratio of the weights. The measures follow the terms (max_haircut and gini fairness, expected_deficit and
cvar robustness, revenue_kept revenue), but only expected_deficit and revenue_kept are terms: in the others this is the
frontier of the blends, and another policy may lie on its better side.

All measures are convex in h at one total (revenue kept concave), so a mixture of two points is at least as good as the
same mixture of their measures: other allocations are held against all mixtures of two (`solvers.mixtures`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.allocation import Allocation
from solvers.blend import Blend, BlendWeights, certify_blend
from solvers.errors import ProblemError
from solvers.measures import Measure, Measuring, in_units, require
from solvers.mixtures import beaten
from solvers.money import Bool, Float64, Int64
from solvers.problem import HaircutProblem
from solvers.sweep import TOLERANCE, Sweep, Swept, costs, ranges_of
from solvers.verify import Optimality


@dataclass(frozen=True)
class Point:
    """A blend on the frontier: its weights give the same allocation again."""

    weights: BlendWeights
    measures: dict[Measure, float]
    allocation: Allocation
    optimality: Optimality | None


@dataclass(frozen=True)
class Marked:
    """An allocation of somebody else's, held against the frontier.

    dominated   some blend of the sweep, or a mixture of two of them, is at least as good in all measures and better in
                one, beyond TOLERANCE and beyond the unit by which rounding may move an amount
    distance    the largest part of the measures' ranges over the sweep by which one of those is better in all of them
                at once; 0 if none
    """

    name: str
    measures: dict[Measure, float]
    dominated: bool
    distance: float


@dataclass(frozen=True)
class Frontier:
    """Points in ascending order of the first measure, then of the next ones."""

    points: tuple[Point, ...]
    policies: tuple[Marked, ...]


def frontier(
    problem: HaircutProblem,
    measures: Sequence[str],
    points: int,
    policies: Sequence[tuple[str, Int64]] = (),
    check: Callable[[], object] = lambda: None,
) -> Frontier:
    """At most `points` blends that spread over the Pareto set of these measures, and `policies` marked against it.

    points     how many are answered; the sweep, and so every mark, is the same whatever it is
    policies   names and amounts seized, whole units, one an account of the book, all of the problem's total
    check      called before every solve; what it raises ends the sweep
    Refused: other than two or three different measures, fewer than two points, measures that the problem has no
    figures for (`shock`, `retention`). Raises InfeasibleBudget as every policy does.
    """
    if points < 2:
        raise ProblemError("points", "must be at least 2")
    names = require(problem, tuple(measures))
    sweep = Sweep(problem, names, check)
    sweep.run()
    candidates = sorted(sweep.found.values(), key=lambda point: (costs(point.measures), str(point.weights)))
    precision = problem.book.precision
    values = np.array([costs(in_units(point.measures, precision)) for point in candidates])
    kept = np.flatnonzero(undominated(values))
    best, values = [candidates[place] for place in kept], values[kept]
    chosen = [_certified(sweep.measuring, best[place]) for place in _spread(values, points)]
    values = np.array([costs(point.measures) for point in best])
    marked = tuple(_mark(sweep.measuring, names, values, name, seized) for name, seized in policies)
    return Frontier(tuple(sorted(chosen, key=lambda point: tuple(point.measures.values()))), marked)


def _spread(values: Float64, points: int) -> list[int]:
    """Places of the best in each measure, then always of the one farthest from those taken."""
    scaled = (values - values.min(axis=0)) / ranges_of(values)
    taken = list(dict.fromkeys(scaled.argmin(axis=0).tolist()))[:points]
    away = np.linalg.norm(scaled[:, None] - scaled[taken], axis=2).min(axis=1)
    while len(taken) < min(points, len(values)):
        taken.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(scaled - scaled[taken[-1]], axis=1))
    return sorted(taken)


def _certified(measuring: Measuring, point: Swept) -> Point:
    proof = certify_blend(measuring.problem, point.allocation, Blend(weights=point.weights))
    measures = measuring.told(tuple(point.measures), point.allocation.seized_units)
    return Point(point.weights, measures, point.allocation, proof)


def undominated(values: Float64) -> Bool:
    """Which rows of costs no other row beats: as good in all and better in one, beyond TOLERANCE of their ranges.

    Of rows that are equal in all columns the first one stays.
    """
    tolerance = TOLERANCE * ranges_of(values)
    stays = np.ones(len(values), np.bool_)
    for row, cost in enumerate(values):
        as_good = (values <= cost + tolerance).all(axis=1)
        better = as_good & (values < cost - tolerance).any(axis=1)
        equal = (np.abs(values - cost) <= tolerance).all(axis=1)
        stays[row] = not (better.any() or (equal[:row] & stays[:row]).any())
    return stays


def _mark(measuring: Measuring, names: tuple[Measure, ...], values: Float64, name: str, seized_units: Int64) -> Marked:
    measures = measuring.told(names, seized_units)
    spared = np.array(costs(measuring.spared(names, seized_units)))
    return Marked(name, measures, *beaten(values, spared, ranges_of(values), TOLERANCE))
