"""Books with all that a blend looks at: a shock, fees and a retention, groups."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from solvers.blend_terms import BlendWeights
from solvers.money import Numbers
from solvers.problem import HaircutProblem
from solvers.revenue.retention import Linear, Power, Retention
from solvers.robustness.laws import Normal, Shock, StudentT, TwoPoint
from tests.problems import UNIT, random_problem

SHOCKS: Sequence[Shock] = (Normal(0.1), TwoPoint(0.3), StudentT(3, 0.2))
RETENTIONS: Sequence[Retention] = (Linear(0.7), Power(0.5, 2), Power(1, 1.5), Power(0.3, 3))
LABELS = ("a", "b", "c", None)


def with_aims(
    found: HaircutProblem,
    fees: Sequence[Any],
    groups: Sequence[str | None] | None = None,
    shock: Shock | None = None,
    retention: Retention | None = None,
) -> HaircutProblem:
    """The problem with fees and groups; without a shock or a retention where none is said."""
    columns = {**found.book.columns, "fees": Numbers.parse("fees", list(fees))}
    return replace(found, book=replace(found.book, columns=columns, groups=groups), shock=shock, retention=retention)


def random_blend(seed: int, n: int | None = None) -> tuple[HaircutProblem, BlendWeights, dict[str, str]]:
    """A nasty random book (`random_problem`), weights of many sizes, zeros among them, and for odd seeds limits."""
    rng = np.random.default_rng(seed)
    found = random_problem(rng, n or 1 + seed % 30)
    n = len(found.book)
    fees = np.where(rng.random(n) < 0.2, 0, np.round(rng.lognormal(2, 2, n), 2)).tolist()
    groups = [LABELS[place] for place in rng.choice(4, n, p=[0.3, 0.3, 0.2, 0.2])]
    problem = with_aims(found, fees, groups, SHOCKS[seed % 3], RETENTIONS[seed % 4])
    weights = BlendWeights(
        fairness=float(rng.choice([0, 1, 1e-3, 5])),
        robustness=float(rng.choice([0, 1, 1e3])),
        revenue=float(rng.choice([0, 1, 0.01])),
    )
    if weights == BlendWeights(fairness=0):
        weights = BlendWeights()
    limits = {}
    if seed % 2:
        for name in {label for label in groups if label}:
            caps = sum(int(cap) for cap, label in zip(problem.cap_units, groups, strict=True) if label == name)
            limits[name] = f"{int(caps * rng.random()) / UNIT:.6f}"
    return problem, weights, dict(sorted(limits.items()))
