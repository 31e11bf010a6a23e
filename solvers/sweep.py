"""The sweep behind a frontier: a blend for one set of weights after another (MODEL 6)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations, pairwise
from math import inf, isinf
from typing import Any

import numpy as np

from solvers.allocation import Allocation
from solvers.blend import BlendModel, BlendWeights, objective
from solvers.blend_terms import LEAST_WEIGHT
from solvers.measures import HIGHER_IS_BETTER, Measure, Measuring
from solvers.money import Float64
from solvers.problem import HaircutProblem
from solvers.stretches import Stretches

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
_DIGITS, _ALL_DIGITS = 6, 17
"""Weights are easier to read with few significant digits; where a ratio must be met, all that a double has."""

_BLENDS, _LATTICE = {2: 100, 3: 50}, 8
"""Blends of every two terms, by how many terms there are, and along each axis inside three of them: as many whatever
is shown."""

_FARTHEST, _NEAREST, _REACH = 9.0, 1e-4, 3.0
"""Of the powers of ten between two weights: the largest, the finest step, and how far the lattice inside goes."""


@dataclass(frozen=True)
class Swept:
    """A blend: its weights give the same allocation again."""

    weights: BlendWeights
    measures: dict[Measure, float]
    allocation: Allocation

    @property
    def haircuts(self) -> Float64:
        """Real-valued, one a winner; every blend has them."""
        found = self.allocation.haircuts
        return np.zeros(0) if found is None else found


def costs(measures: dict[Measure, float]) -> list[float]:
    """Measures as costs: less is better."""
    return [-value if name in HIGHER_IS_BETTER else value for name, value in measures.items()]


def ranges_of(values: Float64) -> Float64:
    """Of each measure over some points; its own size where it does not move."""
    ranges = values.max(axis=0) - values.min(axis=0)
    sizes = np.abs(values).max(axis=0)
    found: Float64 = np.where(ranges > 0, ranges, np.where(sizes > 0, sizes, 1.0))
    return found


@dataclass
class Sweep:
    """Blends solved so far, by their weights; `check` is called before every solve."""

    problem: HaircutProblem
    names: tuple[Measure, ...]
    check: Callable[[], object]
    found: dict[BlendWeights, Swept] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model, self.measuring = BlendModel(self.problem, {}), Measuring(self.problem)
        self.terms = [term for term in _TERMS if term in {_TERM_OF[name] for name in self.names}]
        self.unit, self.blends = dict.fromkeys(self.terms, 1.0), _BLENDS.get(len(self.terms), 0)

    def run(self) -> None:
        """The pure optima, then between every two of them, then, where there are three, inside."""
        rows = self.problem.winners
        pure = [self.solve({term: 1.0}).allocation.seized_units[rows] for term in self.terms]
        for term in self.terms:
            # A term in units of what is at stake in it between the pure optima.
            only = BlendWeights(**({"fairness": 0.0} | {term: 1.0}))
            values = [objective(self.problem, only, seized / self.problem.endowment[rows]) for seized in pure]
            self.unit[term] = max(values) - min(values) or abs(values[0]) or 1.0
        for one, other in combinations(self.terms, 2):
            if one != "fairness" and self.model.terms.exponent == 1:
                self._between_corners()
            else:
                self._between(one, other)
        if len(self.terms) == 3:
            steps = np.linspace(-_REACH, _REACH, _LATTICE).tolist()
            for first in steps:
                for second in steps:
                    self.solve(dict(zip(self.terms, (1.0, 10.0**first, 10.0**second), strict=True)))

    def solve(self, shares: dict[str, float]) -> Swept:
        """The blend with these shares of the terms, each in its own unit."""
        return self._solved({term: share / self.unit[term] for term, share in shares.items()}, _DIGITS)

    def _solved(self, raw: dict[str, float], digits: int) -> Swept:
        """The blend with weights in these proportions."""
        whole = sum(raw.values())
        shares = {term: max(part / whole, LEAST_WEIGHT) if part else 0.0 for term, part in raw.items()}
        weights = BlendWeights(**({"fairness": 0.0} | {t: float(f"{s:.{digits}g}") for t, s in shares.items()}))
        if weights not in self.found:
            self.check()
            allocation = self.model.solve(weights)
            measures = self.measuring.of(self.names, allocation.seized_units)
            self.found[weights] = Swept(weights, measures, allocation)
        return self.found[weights]

    def _between(self, one: str, other: str) -> None:
        """Blends of two terms of which one is curved: always into the widest gap, halving in powers of ten."""
        along = {-inf: self.solve({one: 1.0}), inf: self.solve({other: 1.0})}
        ranges = ranges_of(np.array([costs(point.measures) for point in along.values()]))
        for _ in range(self.blends):
            steps = sorted(along)
            lengths = _lengths([along[step] for step in steps], ranges)
            gaps = [
                (length, -i)
                for i, (length, (low, high)) in enumerate(zip(lengths, pairwise(steps), strict=True))
                if _middle(low, high) is not None
            ]
            if not gaps or max(gaps)[0] <= TOLERANCE:
                return
            place = -max(gaps)[1]
            step = _middle(steps[place], steps[place + 1])
            if step is not None:
                along[step] = self.solve({one: 1.0, other: 10.0**step})

    @cached_property
    def _stretches(self) -> Stretches:
        return Stretches.of(self.problem)

    def _between_corners(self) -> None:
        """Blends of robustness and revenue, both linear: the corners, then points along the stretches between them.

        The ratio at which two neighbours are as good either has a corner between them, or the stretch is straight.
        """
        line = [self.solve({"robustness": 1.0}), self.solve({"revenue": 1.0})]
        ranges, straight = ranges_of(np.array([costs(point.measures) for point in line])), dict[Any, float]()
        for _ in range(self.blends):
            gaps = [
                (length, -i)
                for i, length in enumerate(_lengths(line, ranges))
                if (line[i].weights, line[i + 1].weights) not in straight
            ]
            if not gaps or max(gaps)[0] <= TOLERANCE:
                break
            place = -max(gaps)[1]
            low, high = line[place : place + 2]
            ratio = self._stretches.slope(low.haircuts, high.haircuts)
            if ratio is not None:
                corner = self._solved({"robustness": 1.0, "revenue": ratio}, _ALL_DIGITS)
                if self._stretches.better(ratio, corner.haircuts, low.haircuts, high.haircuts, TOLERANCE):
                    line.insert(place + 1, corner)
                    continue
            straight[low.weights, high.weights] = ratio or 0.0
        lengths = _lengths(line, ranges)
        for (low, high), length in zip(pairwise(line), lengths, strict=True):
            if ratio := straight.get((low.weights, high.weights)):
                count = int(self.blends * length / sum(lengths))
                for place in range(count):
                    self._along(ratio, low, high, (place + 1) / (count + 1))

    def _along(self, ratio: float, low: Swept, high: Swept, part: float) -> None:
        """A blend on a straight stretch; none where no trace of fairness is small enough and large enough."""
        for raw in self._stretches.weights(ratio, low.haircuts, high.haircuts, part):
            if raw["revenue"] > 0:
                point = self._solved(raw, _ALL_DIGITS)
                if self._stretches.on(ratio, point.haircuts, low.haircuts, high.haircuts, TOLERANCE):
                    return
                del self.found[point.weights]


def _middle(low: float, high: float) -> float | None:
    """A step between two powers of ten; None where they are near enough, or far enough out."""
    if isinf(low) and isinf(high):
        return 0.0
    if isinf(low):
        return high - 1 if high > -_FARTHEST else None
    if isinf(high):
        return low + 1 if low < _FARTHEST else None
    return (low + high) / 2 if high - low > _NEAREST else None


def _lengths(line: list[Swept], ranges: Float64) -> list[float]:
    """Of steps by which one measure gets better and another worse; of others there is no use."""
    steps = np.diff(np.array([costs(point.measures) for point in line]), axis=0) / ranges
    traded = (steps > TOLERANCE).any(axis=1) & (steps < -TOLERANCE).any(axis=1)
    found: list[float] = np.where(traded, np.linalg.norm(steps, axis=1), 0.0).tolist()
    return found
