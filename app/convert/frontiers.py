"""Frontiers to answers."""

from collections.abc import Mapping
from typing import Any

from app.convert.answers import severity_notes
from app.convert.figures import money, ratio, residual, rounded
from app.convert.requests import Asked, Swept
from solvers import verify
from solvers.frontier import Frontier, Marked, Point
from solvers.measures import Measure
from solvers.problem import HaircutProblem
from solvers.solve import GAP_TOLERANCE

OWN = "the venue's own"
"""The name of the allocation that came with the request; no policy is called so."""

_RATIOS = ("max_haircut", "gini")
_BLENDS = (
    "Points are blends, which minimise the squares of haircuts, the expected deficit and the fees lost. For {others} "
    "that is a stand-in: an allocation that is no blend may do better there."
)
_BROKEN = (
    "The venue's own allocation breaks {rules}, so it is not held against the frontier; /v1/verifications names "
    "what is wrong."
)


def frontier_answer(
    asked: Asked, swept: Swept, problem: HaircutProblem, found: Frontier, refused: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """`problem` is the one that was solved, reduced if partial; `refused` are problems of policies, by name."""
    precision = problem.book.precision
    marked = {one.name: one for one in found.policies}
    own, notes = None, severity_notes(problem)
    if swept.made is not None:
        broken = len(swept.made.strangers) + len(verify.violations(problem, swept.made.seized_units))
        own = {"valid": not broken, **_marked(marked[OWN], precision)}
        if broken:
            own |= {"dominated": None, "distance": None}
            notes.append(_BROKEN.format(rules="a rule" if broken == 1 else f"rules in {broken} places"))
    made = swept.made and (swept.made.seized_units.tolist(), swept.made.strangers)
    others = [name for name in swept.measures if name in ("max_haircut", "gini", "cvar")]
    return {
        "id": asked.identity("frontier", swept.measures, swept.points, made),
        "status": "partial" if problem.amount_units < problem.budget_units else "complete",
        "budget": money(problem.budget_units, precision),
        "measures": list(swept.measures),
        "points": [_point(point, precision) for point in found.points],
        "policies": [
            {"policy": policy.shown, "problem": refused[policy.policy.name]}
            if policy.policy.name in refused
            else {"policy": policy.shown, **_marked(marked[policy.policy.name], precision)}
            for policy in swept.policies
        ],
        "allocation": own,
        "notes": [*notes, *([_BLENDS.format(others=" and ".join(others))] if others else [])],
    }


def _measures(values: Mapping[Measure, float], precision: int) -> dict[str, float | str | None]:
    return {name: ratio(value) if name in _RATIOS else rounded(value, precision) for name, value in values.items()}


def _marked(one: Marked, precision: int) -> dict[str, Any]:
    return {
        "measures": _measures(one.measures, precision),
        "dominated": one.dominated,
        "distance": ratio(one.distance),
    }


def _point(point: Point, precision: int) -> dict[str, Any]:
    weights = {
        "fairness": point.weights.fairness,
        "robustness": point.weights.robustness,
        "revenue": point.weights.revenue,
    }
    gap = None if point.optimality is None else point.optimality.relative_gap
    return {
        "weights": weights,
        "measures": _measures(point.measures, precision),
        "policy": {"name": "blend", "weights": weights, "group_limits": {}},
        "status": "optimal" if gap is not None and gap <= GAP_TOLERANCE else "feasible",
        "relative_gap": residual(gap),
    }
