"""Aims traded off."""

from typing import Any, NotRequired, TypedDict, final

from app.client.answers.shared import Money, Problem


class Weights(TypedDict):
    """Of the blend's terms."""

    fairness: float
    robustness: float
    revenue: float


class Measures(TypedDict):
    """Those that were asked for: expected_deficit, cvar and revenue_kept are money, the others ratios."""

    max_haircut: NotRequired[float | None]
    gini: NotRequired[float | None]
    expected_deficit: NotRequired[Money | None]
    cvar: NotRequired[Money | None]
    revenue_kept: NotRequired[Money | None]


class FrontierPoint(TypedDict):
    """A blend that no other blend of the sweep beats in all measures."""

    weights: Weights
    measures: Measures
    policy: dict[str, Any]
    status: str
    relative_gap: float | None


@final
class MarkedPolicy(TypedDict):
    """Another policy, beside the sweep."""

    measures: Measures
    dominated: bool
    distance: float
    policy: dict[str, Any]


@final
class UnmarkedPolicy(TypedDict):
    """A policy that does not fit this request."""

    policy: dict[str, Any]
    problem: Problem


class OwnAllocation(TypedDict):
    """The venue's own allocation."""

    measures: Measures
    dominated: bool | None
    distance: float | None
    valid: bool


class FrontierAnswer(TypedDict):
    """The Pareto set of blends over the measures asked for."""

    id: str
    status: str
    budget: Money
    measures: list[str]
    points: list[FrontierPoint]
    policies: list[MarkedPolicy | UnmarkedPolicy]
    allocation: OwnAllocation | None
    notes: list[str]
    recorded: NotRequired[bool | None]
