"""Diagnostics in answers."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.wire import Money


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


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
    after: float | None = Field(description="The same of what is left, as in max_leverage_after.")


ExposureModel = Literal["deleverage", "cash", "both"]


class ModelLoss(Answer):
    """The next loss after this allocation under one exposure model."""

    exposure_model: ExposureModel = Field(
        description=(
            "deleverage: a haircut shrinks equity and position alike, exact only where w = e. cash: money is taken, "
            "the position stays. both: money is taken, and that share of the position is closed."
        )
    )
    level: float = Field(description="Of cvar_after, as above: 0.95 looks at the worst 5 %.")
    expected_deficit_after: Money = Field(description="Mean loss at the next shock.")
    cvar_after: Money = Field(description="Mean loss in the worst cases, of probability 1 - level.")


class Robustness(Answer):
    """What the next shock would cost the venue: the losses beyond equity of all accounts with positive equity."""

    exposure_model: ExposureModel = Field(
        description="What a haircut does to an account: the policy's own model, deleverage where it has none."
    )
    level: float = Field(description="Of VaR and CVaR: 0.95 looks at the worst 5 %; cvar's own level.")
    expected_deficit_before: Money = Field(description="Mean loss at the next shock if nothing were taken.")
    expected_deficit_after: Money = Field(description="Mean loss at the next shock after this allocation.")
    expected_deficit_regret: Money | None = Field(
        description=(
            "expected_deficit_after less the least that seizing the same total allows, which is what the policy "
            "expected-deficit reaches; null where the caps do not allow this allocation."
        )
    )
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
            "The same of what is left over equity - seized: the whole notional under `cash`, notional x (1 - haircut) "
            "under the other two. Null also where an account is left with a position and no equity."
        ),
    )
    leverage_masses: list[LeverageMass] = Field(description="For leverages 3, 10 and 50.")
    models: list[ModelLoss] = Field(
        description="The same allocation under each exposure model, so that all policies fit in one table: compare "
        "policies by one model, the one that is what your engine does."
    )


class Revenue(Answer):
    """What the venue keeps of the fees it expects, when haircuts drive accounts away."""

    fees: Money = Field(description="Expected fees of all accounts, bankrupt ones too.")
    ltv_kept: Money = Field(description="Expected fees of those who stay: sum of fees x retention(haircut).")
    churned_fees: Money = Field(description="fees - ltv_kept.")
    share_kept: float | None = Field(description="ltv_kept / fees; null without fees.")
    churn_regret: Money | None = Field(
        description=(
            "churned_fees less the fewest that seizing the same total allows; null where the caps do not allow this "
            "allocation. With exponential retention less a lower bound of that: the policy's own certificate's if it "
            "is revenue, else the greedy one, so that the true regret may be smaller."
        )
    )


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
    revenue: Revenue | None = Field(description="Null unless options.retention is given.")
    screening: Screening
