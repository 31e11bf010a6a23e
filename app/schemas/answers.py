"""Answers, for the OpenAPI page and the contract tests; `convert` builds them without these models."""

from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, create_model

from app.schemas.wire import Money


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


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


class Solvency(Answer):
    """The money: what is missing, who can pay, what stays open."""

    deficit: Money = Field(description="D: the total shortfall, given or the sum of negative equities.")
    insurance_used: Money = Field(description="min(fund, deficit).")
    residual: Money = Field(description="R = deficit - insurance_used.")
    severity: float = Field(description="theta: the share of the residual that winners are to bear.")
    budget: Money = Field(description="B = theta R, rounded up to a unit: what is to be taken in all.")
    capacity: Money = Field(description="Sum of endowments.")
    reachable_capacity: Money = Field(description="Sum of caps.")
    regime: Literal["insured", "coverable", "principal-needed", "insolvent"] = Field(
        description=(
            "insured: the fund pays all, R = 0. coverable: B is within the caps. principal-needed: B is "
            "above the caps, though not above the sum of positive equities. insolvent: B is above even "
            "that."
        ),
    )
    binding: Literal["caps", "principal"] | None = Field(
        description=(
            "Under principal-needed: caps, when B is at most the capacity and raising caps would do; "
            "principal, when not even all endowments would."
        ),
    )
    uncovered: Money = Field(
        description=(
            "budget - sum of seized. Residual that a severity below 1 leaves open is not in it. Negative "
            "when more than the budget was taken."
        ),
    )
    equity_before: Money = Field(description="Sum of all equities, losers included.")
    equity_after: Money = Field(
        description="equity_before - sum of seized. What is seized is not credited to the losers here."
    )
    overshoot: Money | None = Field(description="Sum of seized - needed; null unless shortfall.needed is given.")


Verdict = Literal["fairer", "less-fair", "equal", "incomparable"]


class Versus(Answer):
    """Lorenz dominance against two policies that take the same total."""

    capped_pro_rata: Verdict | None = Field(alias="capped-pro-rata", description="Never fairer than this one.")
    queue: Verdict | None = Field(description="Largest profit first.")


class Fairness(Answer):
    """Who bears how much. Null where undefined."""

    ptsr: float | None = Field(description="Largest endowment left over the budget.")
    pmr: float | None = Field(description="Largest endowment left over severity times the largest shortfall.")
    max_haircut: float | None = Field(
        description="Largest haircut taken from anybody (not the cap of the same name in requests)."
    )
    mean_haircut: float | None = Field(description="Over winners, each counted once.")
    top_winner_survival: float | None = Field(description="Share that the largest winner keeps.")
    gini: float | None = Field(description="Of haircuts weighted by endowment; 0 is equal.")
    jain: float | None = Field(description="Of haircuts weighted by endowment; 1 is equal.")
    rank_inversions: int = Field(
        description="Pairs of winners of which the richer ends more than one unit below the poorer."
    )
    lorenz: list[tuple[float, float]] | None = Field(
        description="[share of endowments, share of burden], accounts by ascending haircut; at most 101 points."
    )
    versus: Versus
    fairness_regret: Money | None = Field(
        description=(
            "(max_haircut - the smallest max_haircut that any allocation of this total has) times the "
            "budget, in currency."
        ),
    )
    overshoot_regret: Money = Field(description="|sum of seized - budget|, in currency.")


class LeverageMass(Answer):
    """How much of the winners' positions is highly levered."""

    above: int = Field(description="A leverage, notional / equity.")
    before: float | None = Field(
        description="Share of the winners' notional in accounts of greater leverage; null where they have none."
    )
    after: float | None = Field(description="The same of what is left: notional x (1 - haircut), equity - seized.")


class Robustness(Answer):
    """What the next shock would cost the venue: the losses beyond equity of all accounts with positive equity."""

    exposure_model: Literal["deleverage"] = Field(
        description="deleverage: a haircut shrinks an account's equity and position alike."
    )
    level: float = Field(description="Of VaR and CVaR: 0.95 looks at the worst 5 %.")
    expected_deficit_before: Money = Field(description="Mean loss at the next shock if nothing were taken.")
    expected_deficit_after: Money = Field(description="Mean loss at the next shock after this allocation.")
    var_before: Money = Field(
        description="Value at risk before: the smallest loss that is not passed with probability level."
    )
    var_after: Money = Field(description="Value at risk after this allocation.")
    cvar_before: Money = Field(description="Mean loss in the worst cases, of probability 1 - level, before.")
    cvar_after: Money = Field(description="Mean loss in the worst cases after this allocation.")
    max_leverage_before: float | None = Field(
        description="Largest notional / equity of accounts with positive equity; null where there are none."
    )
    max_leverage_after: float | None = Field(
        description=(
            "The same of what is left: notional x (1 - haircut) over equity - seized. Null also where an account is "
            "left with a position and no equity."
        ),
    )
    leverage_masses: list[LeverageMass] = Field(description="For leverages 3, 10 and 50.")


class Screening(Answer):
    """Whether the budget is small beside the largest winners; says nothing about the allocation."""

    winners: int = Field(description="k: accounts with an endowment.")
    hill_endowment: float | None = Field(
        description=(
            "Hill tail index of the winners' endowments, lower is heavier; null for fewer than 20 winners, "
            "and where the largest are all equal."
        ),
    )
    hill_leverage: float | None = Field(
        description=(
            "The same of leverage, notional / equity, over the accounts with a positive equity and a "
            "positive notional; null for fewer than 20 of them, and where the largest are all equal."
        ),
    )
    order_statistics_endowment: int | None = Field(
        description=(
            "m: the index is taken over the m largest against the next, m = max(10, floor(sqrt(winners))); "
            "null for fewer than 20 winners."
        ),
    )
    order_statistics_leverage: int | None = Field(description="The same for hill_leverage.")
    upper_quantile: Money | None = Field(
        description=(
            "b: the smallest endowment of a winner that a share of at least 1 - 1/k of the winners do not "
            "exceed. The second largest, or the only one."
        ),
    )
    severity_load: float | None = Field(description="kappa = B / b; null without winners.")
    leverage_imbalance: float | None = Field(
        description=(
            "Sum of leverages of the accounts with a positive pnl over that of the others, both of positive "
            "equity only; each account counts by its leverage, not by its size. Null where the others have none."
        ),
    )
    sparing_severity: float | None = Field(
        description=(
            "min(1, b / R): up to this severity not even the whole budget is more than the top winner has; "
            "null where R = 0 or there are no winners."
        ),
    )
    verdict: Literal["static-suffices", "dynamic-needed"] | None = Field(
        description=(
            "dynamic-needed: severity_load is above its threshold, and hill_endowment below its own or "
            "unknown for want of 20 winners. Null when insured or without winners."
        ),
    )
    severity_load_threshold: float = Field(
        description="Above it the budget is more than b, the size to expect of the largest winner."
    )
    tail_index_threshold: float = Field(
        description="Below it the variance is infinite: the next wave's largest winner may be of any size."
    )


class Diagnostics(Answer):
    """What the allocation does to the venue and to its accounts."""

    solvency: Solvency
    fairness: Fairness
    robustness: Robustness | None = Field(description="Null unless options.shock is given.")
    revenue: None = Field(description="Null in this version.")
    screening: Screening


class Certificate(Answer):
    """Evidence, computed by code that did not make the allocation."""

    objective: float | None = Field(
        description=(
            "capped-pro-rata: sum of endowment x haircut^2 / 2, in currency; with method convex the disutility asked "
            "for in place of haircut^2 / 2, with lp the worst haircut, both of the solver's own haircuts. Null where "
            "nothing is minimised."
        ),
    )
    bound: float | None = Field(
        description="Lower bound on the objective of every allocation of this budget, from the dual at the multiplier."
    )
    relative_gap: float | None = Field(
        description="|objective - bound| over the larger of the two; optimal means at most 1e-9."
    )
    kkt_residual: float | None = Field(
        description=(
            "Largest distance of a haircut from min(cap, multiplier x weight), beyond the one unit of rounding; with "
            "method convex or lp of a solver's own haircut, before rounding."
        ),
    )
    budget_error: Money = Field(description="Sum of seized - what was to be taken. Zero in every answer.")
    cap_violation: Money = Field(
        description="Most that an account is above its cap or below zero. Zero in every answer."
    )
    multiplier: float | None = Field(description="The water level: capped-pro-rata's haircut before caps.")


class Solver(Answer):
    method: str = Field(description="How it was solved.")
    library: str = Field(description="With what; two libraries are separated by a slash, as are their versions.")
    version: str = Field(description="And which version of it.")


class AllocationAnswer(Answer):
    """One allocation, verified."""

    id: str = Field(description="Digest of the request and the version: the same request has the same id.")
    status: Literal["optimal", "feasible", "partial"] = Field(
        description=(
            "optimal: minimises what the policy minimises, proven by the certificate. feasible: keeps the"
            " rules; the policy is a baseline or heuristic that minimises nothing. partial: a shortage "
            "was accepted, see uncovered."
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
    reachable_capacity: Money | None = Field(None, description="infeasible-budget: the sum of all caps.")
    shortage: Money | None = Field(
        None,
        description=(
            "infeasible-budget: budget less what this policy can take; for pro-rata that may be less than all caps."
        ),
    )
    largest_feasible_severity: float | None = Field(None, description="infeasible-budget: sent back, it succeeds.")


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


class PoliciesAnswer(Answer):
    policies: list[PolicyDescription] = Field(description="All of this version.")


class Health(Answer):
    status: Literal["ok", "failing"] = Field(description="ok, or what it says.")
