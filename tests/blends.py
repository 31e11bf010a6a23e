"""Books with all that a blend looks at: a shock, fees and a retention, groups; and blends of them, all checked."""

from collections.abc import Sequence
from dataclasses import replace
from math import fsum
from typing import Any

import numpy as np
import pytest

from solvers import verify
from solvers.blend import Blend, BlendWeights, blend, certify_blend
from solvers.errors import InfeasibleBudget
from solvers.groups import group_violations, limit_units
from solvers.money import Float64, Int64, Numbers
from solvers.problem import HaircutProblem
from solvers.revenue.retention import Linear, Power, Retention
from solvers.robustness.laws import Normal, Shock, StudentT, TwoPoint
from solvers.robustness.losses import expected_losses
from tests.problems import UNIT, book, problem, random_problem

SHOCKS: Sequence[Shock] = (Normal(0.1), TwoPoint(0.3), StudentT(3, 0.2))
RETENTIONS: Sequence[Retention] = (Linear(0.7), Power(0.5, 2), Power(1, 1.5), Power(0.3, 3))
LABELS = ("a", "b", "c", None)

Limits = dict[str, str]
FAIR, ROBUST, REVENUE = BlendWeights(), BlendWeights(fairness=0, robustness=1), BlendWeights(fairness=0, revenue=1)
EVEN = BlendWeights(fairness=1, robustness=1, revenue=1)


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


def three(limit_of: str | None = "x", **more: object) -> HaircutProblem:
    """10, 20 and 30 to lose, fees 1 each, the first two in group x, and 30 to take."""
    found = problem(book([0] * 3, [10, 20, 30], notional=[100, 100, 100]), 30)
    return with_aims(found, [1, 1, 1], [limit_of, limit_of, None], **more)  # type: ignore[arg-type]


def solved(found: HaircutProblem, weights: BlendWeights, limits: Limits) -> tuple[HaircutProblem, Int64, Float64]:
    """The problem (with less to take, where the limits ask for that), amounts and haircuts, after all checks."""
    parameters = Blend(weights=weights, group_limits=limits)
    try:
        allocation = blend(found, parameters)
    except InfeasibleBudget as shortage:
        found = found.reduced(shortage.reachable_units)
        allocation = blend(found, parameters)
    seized = allocation.seized_units
    assert not verify.violations(found, seized)
    assert not group_violations(found, seized, limit_units(found, limits))
    assert allocation.haircuts is not None
    wanted = allocation.haircuts * found.endowment[found.winners]
    assert np.abs(seized[found.winners] - wanted).max(initial=0) <= 1 + 1e-9 * wanted.max(initial=0)
    proof = certify_blend(found, allocation, parameters)
    assert proof is not None
    assert proof.relative_gap <= 1e-12
    assert proof.kkt_residual <= 1e-9
    assert proof.objective == pytest.approx(value(found, weights, allocation.haircuts), rel=1e-12, abs=1e-300)
    return found, seized, allocation.haircuts


def figures(found: HaircutProblem) -> tuple[Float64, Float64, Float64, float, float]:
    """Dollars of endowment, expected loss and fees of the winners; k and p."""
    rows = found.winners
    retention = found.retention
    rate = 0.0 if retention is None else retention.rate
    exponent = retention.exponent if isinstance(retention, Power) else 1.0
    fees = found.book.column("fees").floats[rows]
    return found.endowment[rows] / UNIT, expected_losses(found)[0][rows], fees, rate, exponent


def value(found: HaircutProblem, weights: BlendWeights, h: Float64) -> float:
    """The objective, written out."""
    w, losses, fees, k, p = figures(found)
    everybody = expected_losses(found)[0]
    others = np.delete(everybody, found.winners)
    fair = fsum((w * h * h).tolist()) / 2
    risk = fsum([*others.tolist(), *((1 - h) * losses).tolist()])
    return weights.fairness * fair + weights.robustness * risk + weights.revenue * k * fsum((fees * h**p).tolist())
