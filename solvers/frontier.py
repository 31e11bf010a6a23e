"""The frontier: what fairness, robustness and revenue cost each other on one book (MODEL 6).

The blend's weights are swept, and what nobody beats in all measures at once is kept. The blend's own terms,

    F = sum w_i h_i^2 / 2,    R = sum (1 - h_i) l_i,    V = sum v_i (1 - r(h_i)),

are convex in h over a convex set (arXiv 2512.01112, section 8). So the least F subject to R <= rho is a convex,
decreasing function of rho, and every blend of the two lies on it: along a sweep one rises, the other falls, and the
slope is the ratio of the weights. The measures follow the terms (max_haircut and gini fairness, expected_deficit and
cvar robustness, revenue_kept revenue), but only expected_deficit and revenue_kept are terms: in the others this is the
frontier of the blends, and another policy may lie on its better side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from math import ceil, inf, isinf, sqrt
from typing import Any

import numpy as np

from solvers.allocation import Allocation
from solvers.blend import Blend, BlendModel, BlendWeights, certify_blend, objective
from solvers.errors import ProblemError
from solvers.measures import HIGHER_IS_BETTER, Measure, Measuring, require
from solvers.money import Bool, Float64, Int64
from solvers.problem import HaircutProblem
from solvers.verify import Optimality

TOLERANCE = 1e-9
"""Measures within this part of their range over the frontier are equal."""

_TERMS = ("fairness", "robustness", "revenue")
_TERM_OF: dict[Measure, str] = {
    "max_haircut": "fairness",
    "gini": "fairness",
    "expected_deficit": "robustness",
    "cvar": "robustness",
    "revenue_kept": "revenue",
}
_DIGITS = 6
"""Weights have so few significant digits, so that they come back as they were sent."""

_FARTHEST, _NEAREST, _REACH = 9.0, 1e-4, 3.0
"""Of the powers of ten between two weights: the largest, the finest step, and how far the lattice inside goes."""


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

    dominated   some point is at least as good in all measures and better in one, beyond TOLERANCE and beyond the unit
                by which rounding may raise a haircut
    distance    the largest part of the measures' ranges by which one point is better in all of them at once; 0 if none
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

    policies   names and amounts seized, whole units, one an account of the book
    check      called before every solve; what it raises ends the sweep
    Refused: other than two or three different measures, fewer than two points, measures that the problem has no
    figures for (`shock`, `retention`). Raises InfeasibleBudget as every policy does.
    """
    if points < 2:
        raise ProblemError("points", "must be at least 2")
    names = require(problem, tuple(measures))
    sweep = _Sweep(problem, names, check)
    sweep.run(points)
    found = sweep.spread(points)
    values = np.array([_costs(point.measures) for point in found])
    marked = tuple(_mark(sweep.measuring, names, values, name, seized) for name, seized in policies)
    return Frontier(tuple(map(sweep.certified, found)), marked)


def _costs(measures: dict[Measure, float]) -> list[float]:
    """Measures as costs: less is better."""
    return [-value if name in HIGHER_IS_BETTER else value for name, value in measures.items()]


@dataclass
class _Sweep:
    """Blends solved so far, by their weights."""

    problem: HaircutProblem
    names: tuple[Measure, ...]
    check: Callable[[], object]
    found: dict[BlendWeights, Point] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model, self.measuring = BlendModel(self.problem, {}), Measuring(self.problem)
        self.terms = [term for term in _TERMS if term in {_TERM_OF[name] for name in self.names}]
        self.unit = dict.fromkeys(self.terms, 1.0)

    def run(self, points: int) -> None:
        """The pure optima, then between every two of them, then, where there are three, inside."""
        rows = self.problem.winners
        pure = [self.solve({term: 1.0}).allocation.seized_units[rows] for term in self.terms]
        for term in self.terms:
            # A term in units of what is at stake in it between the pure optima.
            only = BlendWeights(**({"fairness": 0.0} | {term: 1.0}))
            costs = [objective(self.problem, only, seized / self.problem.endowment[rows]) for seized in pure]
            self.unit[term] = max(costs) - min(costs) or abs(costs[0]) or 1.0
        for one, other in combinations(self.terms, 2):
            self._between(one, other, 2 * points)
        if len(self.terms) == 3:
            steps = np.linspace(-_REACH, _REACH, ceil(sqrt(2 * points))).tolist()
            for first in steps:
                for second in steps:
                    self.solve(dict(zip(self.terms, (1.0, 10.0**first, 10.0**second), strict=True)))

    def solve(self, shares: dict[str, float]) -> Point:
        """The blend with these shares of the terms, each in its own unit."""
        raw = {term: share / self.unit[term] for term, share in shares.items()}
        whole = sum(raw.values())
        weights = BlendWeights(**({"fairness": 0.0} | {t: float(f"{r / whole:.{_DIGITS}g}") for t, r in raw.items()}))
        if weights not in self.found:
            self.check()
            allocation = self.model.solve(weights)
            measures = self.measuring.of(self.names, allocation.seized_units)
            self.found[weights] = Point(weights, measures, allocation, None)
        return self.found[weights]

    def _between(self, one: str, other: str, count: int) -> None:
        """Up to `count` blends of two terms: always into the widest gap between neighbours, in powers of ten."""
        along = {-inf: self.solve({one: 1.0}), inf: self.solve({other: 1.0})}
        ends = np.array([_costs(point.measures) for point in along.values()])
        ranges = _ranges(ends)
        for _ in range(count):
            steps = sorted(along)
            costs = np.array([_costs(along[step].measures) for step in steps])
            gaps = [
                (_trade(change), -i)
                for i, (change, (low, high)) in enumerate(
                    zip(np.diff(costs, axis=0) / ranges, pairwise(steps), strict=True)
                )
                if _middle(low, high) is not None
            ]
            if not gaps or max(gaps)[0] <= TOLERANCE:
                return
            place = -max(gaps)[1]
            step = _middle(steps[place], steps[place + 1])
            if step is not None:
                along[step] = self.solve({one: 1.0, other: 10.0**step})

    def spread(self, points: int) -> list[Point]:
        """The best in each measure, then always the one farthest from those taken; none that another one beats."""
        candidates = sorted(self.found.values(), key=lambda point: (_costs(point.measures), str(point.weights)))
        costs = np.array([_costs(point.measures) for point in candidates])
        kept = np.flatnonzero(undominated(costs))
        costs = costs[kept]
        scaled = (costs - costs.min(axis=0)) / _ranges(costs)
        taken = list(dict.fromkeys(scaled.argmin(axis=0).tolist()))[:points]
        away = np.linalg.norm(scaled[:, None] - scaled[taken], axis=2).min(axis=1)
        while len(taken) < min(points, len(kept)):
            taken.append(int(away.argmax()))
            away = np.minimum(away, np.linalg.norm(scaled - scaled[taken[-1]], axis=1))
        return [candidates[kept[place]] for place in sorted(taken)]

    def certified(self, point: Point) -> Point:
        proof = certify_blend(self.problem, point.allocation, Blend(weights=point.weights))
        return Point(point.weights, point.measures, point.allocation, proof)


def _middle(low: float, high: float) -> float | None:
    """A step between two powers of ten; None where they are near enough, or far enough out."""
    if isinf(low) and isinf(high):
        return 0.0
    if isinf(low):
        return high - 1 if high > -_FARTHEST else None
    if isinf(high):
        return low + 1 if low < _FARTHEST else None
    return (low + high) / 2 if high - low > _NEAREST else None


def _trade(change: Float64) -> float:
    """The length of a step by which one measure gets better and another worse; of others there is no use."""
    traded = (change > TOLERANCE).any() and (change < -TOLERANCE).any()
    return float(np.linalg.norm(change)) if traded else 0.0


def _ranges(costs: Float64) -> Float64:
    """Of each measure over some points; its own size where it does not move."""
    ranges = costs.max(axis=0) - costs.min(axis=0)
    sizes = np.abs(costs).max(axis=0)
    return np.where(ranges > 0, ranges, np.where(sizes > 0, sizes, 1.0))


def undominated(costs: Float64) -> Bool:
    """Which rows no other row beats: as good in all columns and better in one, beyond TOLERANCE of their ranges.

    Of rows that are equal in all columns the first one stays.
    """
    tolerance = TOLERANCE * _ranges(costs)
    stays = np.ones(len(costs), np.bool_)
    for row, cost in enumerate(costs):
        as_good = (costs <= cost + tolerance).all(axis=1)
        better = as_good & (costs < cost - tolerance).any(axis=1)
        equal = (np.abs(costs - cost) <= tolerance).all(axis=1)
        stays[row] = not (better.any() or (equal[:row] & stays[:row]).any())
    return stays


def _mark(
    measuring: Measuring, names: tuple[Measure, ...], frontier_costs: Float64, name: str, seized_units: Int64
) -> Marked:
    measures = measuring.of(names, seized_units)
    spared = dict(measures)
    if "max_haircut" in spared:
        w = measuring.problem.endowment_units.clip(1)
        spared["max_haircut"] = float((np.maximum(seized_units - 1, 0) / w).max())
    ranges = _ranges(frontier_costs)
    better: Any = (np.array(_costs(spared)) - frontier_costs) / ranges
    dominated = bool(((better >= -TOLERANCE).all(axis=1) & (better > TOLERANCE).any(axis=1)).any())
    return Marked(name, measures, dominated, max(float(better.min(axis=1).max()), 0.0))
