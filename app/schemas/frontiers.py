"""Frontiers in answers."""

from typing import Any, Literal

from pydantic import Field

from app.schemas.answers import Problem
from app.schemas.diagnostics import Answer
from app.schemas.policies import WEIGHTS
from app.schemas.wire import Money


class Measures(Answer):
    """Those that were asked for. expected_deficit, cvar and revenue_kept are money, the others ratios."""

    max_haircut: float | None = Field(None, description="Largest haircut.")
    gini: float | None = Field(None, description="Of haircuts weighted by endowment.")
    expected_deficit: Money | None = Field(None, description="Mean loss at the next shock, model deleverage.")
    cvar: Money | None = Field(None, description="Mean loss in the worst 5 %, model deleverage.")
    revenue_kept: Money | None = Field(None, description="Expected fees of those who stay.")


class Weights(Answer):
    """Of the blend's terms."""

    fairness: float = Field(description=WEIGHTS["fairness"])
    robustness: float = Field(description=WEIGHTS["robustness"])
    revenue: float = Field(description=WEIGHTS["revenue"])


class FrontierPoint(Answer):
    """A blend that no other blend of the sweep beats in all measures."""

    weights: Weights = Field(
        description=(
            "Of the blend's terms, which are in currency. On a straight stretch between two corners a trace of "
            "fairness chooses the point."
        )
    )
    measures: Measures = Field(description="Those asked for.")
    policy: dict[str, Any] = Field(description="Sent to /v1/allocations with the same options, it gives this point.")
    status: str = Field(description="optimal where the certificate's gap is at most 1e-9, else feasible.")
    relative_gap: float | None = Field(description="Of the blend's own objective.")


_DOMINATED = (
    "Some blend of the sweep, shown or not, or a mixture of two of them, is at least as good in all measures and "
    "better in one, beyond the unit by which rounding may move an amount. Does not depend on `points`."
)
_DISTANCE = (
    "The largest share of the measures' ranges over the frontier by which one such blend or mixture is better in all "
    "of them at once; 0 where none is."
)


class MarkedAllocation(Answer):
    """An allocation held against the frontier."""

    measures: Measures = Field(description="Those asked for.")
    dominated: bool = Field(description=_DOMINATED)
    distance: float = Field(description=_DISTANCE)


class MarkedPolicy(MarkedAllocation):
    policy: dict[str, Any] = Field(description="The policy with its defaults.")


class UnmarkedPolicy(Answer):
    """A policy that does not fit this request."""

    policy: dict[str, Any] = Field(description="The policy with its defaults.")
    problem: Problem = Field(description="What /v1/allocations would refuse it with.")


class OwnAllocation(Answer):
    """The venue's own allocation."""

    measures: Measures = Field(description="Those asked for; where it breaks the rules, with amounts within 0 and w.")
    dominated: bool | None = Field(description=f"{_DOMINATED} Null where it is not valid.")
    distance: float | None = Field(description=f"{_DISTANCE} Null where it is not valid.")
    valid: bool = Field(description="It keeps the caps and takes the budget exactly, as /v1/verifications would say.")


class FrontierAnswer(Answer):
    """The Pareto set of blends over the measures asked for."""

    id: str = Field(description="Digest of the request and the version.")
    status: str = Field(description="complete, or partial where a shortage was accepted.")
    budget: Money = Field(description="What was to be taken in all.")
    measures: list[str] = Field(description="As asked.")
    points: list[FrontierPoint] = Field(description="In ascending order of the first measure.")
    policies: list[MarkedPolicy | UnmarkedPolicy] = Field(description="Every other policy by its name alone.")
    allocation: OwnAllocation | None = Field(description="The venue's own, where it was sent.")
    notes: list[str] = Field(description="What a reader should know, in sentences.")
    recorded: Literal[False] | None = Field(
        None, description="Only there, and false, if the answer could not be recorded and settings allow to answer."
    )
