"""Answers, for the OpenAPI page and the contract tests; `convert` builds them without these models."""

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.schemas.diagnostics import Answer, Diagnostics
from app.schemas.wire import Money


class AllocatedRow(Answer):
    """What happens to one account."""

    id: str = Field(description="The account, as it came.")
    endowment: Money = Field(description="What could be taken at most, before caps.")
    haircut: float = Field(description="seized / endowment, after rounding to whole units.")
    seized: Money = Field(description="What is taken: at most the cap, and in all exactly the budget.")
    pnl_after: Money = Field(description="pnl - seized.")
    equity_after: Money = Field(description="cash + pnl - seized.")
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


class Certificate(Answer):
    """Evidence, computed by code that did not make the allocation."""

    objective: float | None = Field(
        description=(
            "What the policy minimises, in currency. capped-pro-rata: sum of endowment x haircut^2 / 2 (method convex: "
            "the disutility asked for; lp: the worst haircut, a ratio). expected-deficit and cvar: that loss. revenue: "
            "the fees lost. blend: the weighted sum. Of the real-valued haircuts behind the amounts. Null where "
            "nothing is minimised."
        ),
    )
    bound: float | None = Field(
        description=(
            "Lower bound on the objective of every allocation of this budget, from the dual at the multiplier; with "
            "revenue's exact what the search proved. docs/exactness.md has each policy's formula."
        )
    )
    relative_gap: float | None = Field(
        description="|objective - bound| over the larger of the two; optimal means at most 1e-9."
    )
    kkt_residual: float | None = Field(
        description=(
            "Largest distance of a haircut from a minimiser of the Lagrangian at the multiplier, beyond the one unit "
            "of rounding (method convex and lp: of a solver's own haircut, before rounding). revenue with exponential "
            "retention is not convex: there the account that bears a part is away from both its ends, so that a proven "
            "optimum may have a residual above 0. Null where nothing is minimised."
        ),
    )
    budget_error: Money = Field(description="Sum of seized - what was to be taken. Zero in every answer.")
    cap_violation: Money = Field(
        description="Most that an account is above its cap or below zero. Zero in every answer."
    )
    multiplier: float | None = Field(
        description=(
            "capped-pro-rata, leverage-pro-rata, rap, contracts-pro-rata: the water level, a haircut before caps or "
            "dollars a contract. expected-deficit, cvar, revenue, blend: what one more dollar of budget adds to the "
            "objective. Null for the others, and for revenue where the budget leaves no choice."
        )
    )


class Solver(Answer):
    method: str = Field(description="How it was solved.")
    library: str = Field(description="With what; two libraries are separated by a slash, as are their versions.")
    version: str = Field(description="And which version of it.")


class AllocationAnswer(Answer):
    """One allocation, verified."""

    id: str = Field(description="Digest of the request and the version: the same request has the same id.")
    status: Literal["optimal", "feasible", "partial"] = Field(
        description=(
            "optimal: minimises what the policy minimises, proven by the certificate to a relative gap of 1e-9. "
            "feasible: keeps the rules; the policy is a baseline or heuristic that minimises nothing, or the "
            "certificate's gap is larger (revenue with exponential retention, the generic methods). partial: a "
            "shortage was accepted, see uncovered; the certificate is of the smaller amount."
        ),
    )
    reproducible: bool = Field(
        description="The same request always has these bytes. False only where a clock cut a solve short."
    )
    policy: dict[str, Any] = Field(description="The policy, with its defaults filled in.")
    budget: Money = Field(description="What was to be taken in all.")
    notes: list[str] = Field(description="What a reader should know, in sentences.")
    allocations: list[AllocatedRow] | AllocatedColumns | None = Field(
        description=(
            "One entry an account, in the order they came; rows or columns as they came; null with detail summary."
        ),
    )
    diagnostics: Diagnostics
    certificate: Certificate
    solver: Solver
    recorded: Literal[False] | None = Field(
        None, description="Only there, and false, if the answer could not be recorded and settings allow to answer."
    )


class ProblemError(BaseModel):
    pointer: str = Field(description="JSON pointer to the field at fault; empty for the whole body.")
    detail: str = Field(description="What is wrong with it.")
    account: str | None = Field(description="Id of the account, where there is one.")


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: str = Field(description="urn:adl:problem:code.")
    title: str = Field(description="What kind of problem.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="This problem in a sentence.")
    code: str = Field(description="Stable code.")
    errors: list[ProblemError] | None = Field(None, description="At most 20 of them.")
    errors_total: int | None = Field(None, description="How many errors there are.")
    budget: Money | None = Field(None, description="infeasible-budget: what was to be taken.")
    reachable_capacity: Money | None = Field(
        None,
        description=(
            "infeasible-budget: the sum of all caps. Of closures: the most dollars that caps and positions can bring "
            "to these markets."
        ),
    )
    shortage: Money | None = Field(
        None,
        description=(
            "infeasible-budget: budget less what this policy can take; for pro-rata that may be less than all caps. Of "
            "closures it may be 0, like budget: what cannot be closed is contracts."
        ),
    )
    largest_feasible_severity: float | None = Field(
        None,
        description=(
            "infeasible-budget: sent back, it succeeds; of closures whole lots may still be left (status partial)."
        ),
    )


class RefusedPolicy(Answer):
    """A policy of a comparison that could not be solved."""

    policy: dict[str, Any] | None = Field(description="The policy, or null where it was not valid.")
    problem: Problem


class ComparisonAnswer(Answer):
    """One result a policy, in the order asked."""

    id: str = Field(description="Digest of the request and the version.")
    results: list[AllocationAnswer | RefusedPolicy] = Field(
        description="What /v1/allocations answers for each policy, or its problem."
    )
    recorded: Literal[False] | None = Field(
        None, description="Only there, and false, if the answer could not be recorded and settings allow to answer."
    )


class Violation(Answer):
    account: str | None = Field(description="Null for the budget.")
    rule: Literal["over-cap", "negative", "unknown-account", "not-a-winner", "budget"] = Field(
        description="The rule that is broken."
    )
    detail: str = Field(description="By how much.")


class VerificationAnswer(Answer):
    """Whether an allocation keeps the rules, and what it does."""

    id: str = Field(description="Digest of the request and the version.")
    valid: bool = Field(description="No rule is broken.")
    violations: list[Violation] = Field(
        description="Every broken rule. Unknown accounts do not count towards the budget."
    )
    diagnostics: Diagnostics
    recorded: Literal[False] | None = Field(
        None, description="Only there, and false, if the answer could not be recorded and settings allow to answer."
    )


class Axiom(Answer):
    name: str = Field(
        description=(
            "order-preserving: of two winners the richer ends no poorer. scale-invariant: all money times"
            " a factor is all seizures times it. sybil-proof: splitting an account changes nothing."
        ),
    )
    holds: bool = Field(description="Whether the policy keeps it, up to one unit an account.")
    condition: str | None = Field(description="Under which condition.")


class PolicyDescription(Answer):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(description="Goes into policy.name.")
    policy_class: str = Field(alias="class", description="Baseline, heuristic, or optimal for an aim.")
    summary: str = Field(description="What it does and what it costs.")
    parameters: dict[str, Any] = Field(description="JSON Schema.")
    axioms: list[Axiom] = Field(description="Each axiom, kept or not.")
    cost: str = Field(description="What it takes to compute.")


class ClosingPolicyDescription(Answer):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field(description="Goes into policy.name of /v1/closures.")
    policy_class: str = Field(alias="class", description="Baseline, heuristic, or optimal for an aim.")
    summary: str = Field(description="What it does and what it costs.")
    parameters: dict[str, Any] = Field(description="JSON Schema.")
    integer: list[str] = Field(description="What options.integer may be.")
    cost: str = Field(description="What it takes to compute.")


class PoliciesAnswer(Answer):
    policies: list[PolicyDescription] = Field(description="Who is haircut by how much: all of this version.")
    closing_policies: list[ClosingPolicyDescription] = Field(
        description="Which contracts are closed (/v1/closures): all of this version."
    )


class Health(Answer):
    status: Literal["ok", "failing"] = Field(description="ok, or what it says.")
