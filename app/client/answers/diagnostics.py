"""What an allocation does to the venue and to its accounts."""

from typing import Literal, TypedDict

from app.client.answers.shared import Money


class Solvency(TypedDict):
    """The money: what is missing, who can pay, what stays open."""

    deficit: Money
    insurance_used: Money
    residual: Money
    severity: float
    budget: Money
    capacity: Money
    reachable_capacity: Money
    regime: Literal["insured", "coverable", "principal-needed", "insolvent"]
    binding: Literal["caps", "principal"] | None
    uncovered: Money
    equity_before: Money
    equity_after: Money
    overshoot: Money | None


Versus = TypedDict(
    "Versus",
    {
        "capped-pro-rata": Literal["fairer", "less-fair", "equal", "incomparable"] | None,
        "queue": Literal["fairer", "less-fair", "equal", "incomparable"] | None,
    },
)
"""Lorenz dominance against two policies that take the same total."""


class Fairness(TypedDict):
    """Who bears how much. Null where undefined."""

    ptsr: float | None
    pmr: float | None
    max_haircut: float | None
    mean_haircut: float | None
    top_winner_survival: float | None
    gini: float | None
    jain: float | None
    rank_inversions: int
    lorenz: list[list[float]] | None
    versus: Versus
    fairness_regret: Money | None
    overshoot_regret: Money


class LeverageMass(TypedDict):
    """How much of the winners' positions is highly levered."""

    above: int
    before: float | None
    after: float | None


class ModelLoss(TypedDict):
    """The next loss after this allocation under one exposure model."""

    exposure_model: Literal["deleverage", "cash", "both"]
    level: float
    expected_deficit_after: Money
    cvar_after: Money


class Robustness(TypedDict):
    """What the next shock would cost the venue: the losses beyond equity of all accounts with positive equity."""

    exposure_model: Literal["deleverage", "cash", "both"]
    level: float
    expected_deficit_before: Money
    expected_deficit_after: Money
    expected_deficit_regret: Money | None
    var_before: Money
    var_after: Money
    cvar_before: Money
    cvar_after: Money
    max_leverage_before: float | None
    max_leverage_after: float | None
    leverage_masses: list[LeverageMass]
    models: list[ModelLoss]


class Revenue(TypedDict):
    """What the venue keeps of the fees it expects, when haircuts drive accounts away."""

    fees: Money
    ltv_kept: Money
    churned_fees: Money
    share_kept: float | None
    churn_regret: Money | None


class Screening(TypedDict):
    """Whether the budget is small beside the largest winners; says nothing about the allocation."""

    winners: int
    hill_endowment: float | None
    hill_leverage: float | None
    order_statistics_endowment: int | None
    order_statistics_leverage: int | None
    upper_quantile: Money | None
    severity_load: float | None
    leverage_imbalance: float | None
    sparing_severity: float | None
    verdict: Literal["static-suffices", "dynamic-needed"] | None
    severity_load_threshold: float
    tail_index_threshold: float


class Diagnostics(TypedDict):
    """What the allocation does to the venue and to its accounts."""

    solvency: Solvency
    fairness: Fairness
    robustness: Robustness | None
    revenue: Revenue | None
    screening: Screening
