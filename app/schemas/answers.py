"""Answers, for the OpenAPI page and the contract tests; `convert` builds them without these models."""

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.schemas.wire import Money


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AllocatedRow(Answer):
    """What happens to one account."""

    id: str
    endowment: Money = Field(description="What could be taken at most, before caps.")
    haircut: float = Field(description="seized / endowment, after rounding to whole units.")
    seized: Money
    pnl_after: Money
    equity_after: Money
    capped: bool = Field(description="A winner that loses all that its cap allows.")
    rank: int | None = Field(description="Place in the queue, 1 is closed first; null for other policies.")
    quantile: int | None = Field(description="ADL light: 4 is the first fifth of the queue, 0 the last.")


_columns: dict[str, Any] = {name: (list[field.annotation], ...) for name, field in AllocatedRow.model_fields.items()}  # type: ignore[name-defined]
AllocatedColumns: TypeAlias = create_model(  # type: ignore[valid-type]
    "AllocatedColumns",
    __base__=Answer,
    __doc__="What happens to the accounts: one array a field, in the order they came.",
    **_columns,
)


class Solvency(Answer):
    """The money: what is missing, who can pay, what stays open."""

    deficit: Money
    insurance_used: Money
    residual: Money
    severity: float
    budget: Money
    capacity: Money = Field(description="Sum of endowments.")
    reachable_capacity: Money = Field(description="Sum of caps.")
    regime: Literal["insured", "coverable", "principal-needed", "insolvent"]
    binding: Literal["caps", "principal"] | None
    uncovered: Money
    equity_before: Money
    equity_after: Money
    overshoot: Money | None


Verdict = Literal["fairer", "less-fair", "equal", "incomparable"]


class Versus(Answer):
    """Lorenz dominance against two policies that take the same total."""

    capped_pro_rata: Verdict | None = Field(alias="capped-pro-rata")
    queue: Verdict | None = Field(description="Score pnl.")


class Fairness(Answer):
    """Who bears how much. Null where undefined."""

    ptsr: float | None = Field(description="Largest endowment left over the budget.")
    pmr: float | None = Field(description="Largest endowment left over severity times the largest shortfall.")
    max_haircut: float | None
    mean_haircut: float | None = Field(description="Over winners, each counted once.")
    top_winner_survival: float | None = Field(description="Share that the largest winner keeps.")
    gini: float | None = Field(description="Of haircuts weighted by endowment; 0 is equal.")
    jain: float | None = Field(description="Of haircuts weighted by endowment; 1 is equal.")
    rank_inversions: int = Field(description="Pairs of winners whose order by endowment is reversed.")
    lorenz: list[tuple[float, float]] | None = Field(description="Shares of endowments and of burden.")
    versus: Versus
    fairness_regret: Money | None
    overshoot_regret: Money


class Diagnostics(Answer):
    solvency: Solvency
    fairness: Fairness
    robustness: None
    revenue: None
    screening: None


class Certificate(Answer):
    """Evidence, computed by code that did not make the allocation."""

    objective: float | None = Field(description="In currency; null for baselines and heuristics.")
    bound: float | None
    relative_gap: float | None
    kkt_residual: float | None
    budget_error: Money
    cap_violation: Money
    multiplier: float | None = Field(description="The water level: capped-pro-rata's haircut before caps.")


class Solver(Answer):
    method: str
    library: str
    version: str


class AllocationAnswer(Answer):
    """One allocation, verified."""

    id: str = Field(description="Digest of the request and the version: the same request has the same id.")
    status: Literal["optimal", "feasible", "partial"]
    reproducible: bool
    policy: dict[str, Any]
    budget: Money
    notes: list[str]
    allocations: list[AllocatedRow] | AllocatedColumns | None
    diagnostics: Diagnostics
    certificate: Certificate
    solver: Solver


class ProblemError(BaseModel):
    pointer: str
    detail: str
    account: str | None


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemError] | None = Field(None, description="At most 20 of them.")
    errors_total: int | None = None
    budget: Money | None = None
    reachable_capacity: Money | None = None
    shortage: Money | None = None
    largest_feasible_severity: float | None = None


class RefusedPolicy(Answer):
    """A policy of a comparison that could not be solved."""

    policy: dict[str, Any] | None
    problem: Problem


class ComparisonAnswer(Answer):
    """One result a policy, in the order asked."""

    id: str
    results: list[AllocationAnswer | RefusedPolicy]


class Violation(Answer):
    account: str | None
    rule: Literal["over-cap", "negative", "unknown-account", "not-a-winner", "budget"]
    detail: str


class VerificationAnswer(Answer):
    """Whether an allocation keeps the rules, and what it does."""

    id: str
    valid: bool
    violations: list[Violation]
    diagnostics: Diagnostics


class Axiom(Answer):
    name: str
    holds: bool
    condition: str | None


class PolicyDescription(Answer):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str
    policy_class: str = Field(alias="class")
    summary: str
    parameters: dict[str, Any] = Field(description="JSON Schema.")
    axioms: list[Axiom]
    cost: str


class PoliciesAnswer(Answer):
    policies: list[PolicyDescription]


class Health(Answer):
    status: Literal["ok", "failing"]
