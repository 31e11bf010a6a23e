"""Which contracts of which accounts are closed, and closes judged."""

from typing import Any, Literal, NotRequired, TypedDict, final

from app.client.answers.diagnostics import Diagnostics
from app.client.answers.shared import Certificate, Money, Side, Solver, Status

Reason = Literal[
    "no opposite holders",
    "only unprofitable holders remain",
    "only holders without equity remain",
    "caps",
    "whole lots",
]
"""Why contracts are left that were to be closed."""


class ClosureRow(TypedDict):
    """What is closed of one position."""

    account: str
    market: str
    quantity: Money
    price: Money
    cost: Money
    realised_pnl: Money


class ClosureColumns(TypedDict):
    """What is closed: one array a field."""

    account: list[str]
    market: list[str]
    quantity: list[Money]
    price: list[Money]
    cost: list[Money]
    realised_pnl: list[Money]


class ClosedAccountRow(TypedDict):
    """What happens to one account."""

    id: str
    endowment: Money
    haircut: float
    seized: Money
    capped: bool
    equity_after: Money
    notional_before: Money
    notional_after: Money
    leverage_before: float | None
    leverage_after: float | None


class ClosedAccountColumns(TypedDict):
    """What happens to the accounts: one array a field, in the order they came."""

    id: list[str]
    endowment: list[Money]
    haircut: list[float]
    seized: list[Money]
    capped: list[bool]
    equity_after: list[Money]
    notional_before: list[Money]
    notional_after: list[Money]
    leverage_before: list[float | None]
    leverage_after: list[float | None]


class ClosedMarket(TypedDict):
    """One side of one market."""

    market: str
    side: Side
    needed: Money
    closed: Money
    left: Money
    reason: Reason | None
    price: Money
    gap: Money
    cost: Money
    accounts_touched: int
    fully_closed_share: float | None
    open_interest_closed: float | None
    shadow_price: float | None


class LeverageChange(TypedDict):
    """Of the accounts with equity above 0, which is held at its value before; null where there are none."""

    max_before: float | None
    max_after: float | None
    mean_before: float | None
    mean_after: float | None


class NormalLosses(TypedDict):
    """What the venue would lose where prices move by the covariance of leverage-draining, costs of closes aside."""

    expected_deficit_before: Money
    expected_deficit_after: Money


class ScenarioLosses(TypedDict):
    """What the venue would lose beyond the equity of accounts in the next shock, over its scenarios."""

    level: float
    expected_deficit_before: Money
    expected_deficit_after: Money
    var_before: Money
    var_after: Money
    cvar_before: Money
    cvar_after: Money


class Risk(TypedDict):
    """What the closes do to risk, with every position where it is: contract space."""

    effective_leverage: LeverageChange
    factor_leverage: LeverageChange | None
    normal: NormalLosses | None
    scenarios: ScenarioLosses | None
    hedged_accounts: int | None
    hedges_broken: int | None


class ClosureDiagnostics(Diagnostics):
    """What the closes do to the venue and to its accounts: money as of an allocation, and risk."""

    risk: Risk


class ClosureCertificate(Certificate):
    """Evidence, computed by code that did not make the closing."""

    worst_haircut: float | None
    worst_haircut_bound: float | None


class ClosureAnswer(TypedDict):
    """One closing, verified."""

    id: str
    status: Status
    reproducible: bool
    policy: dict[str, Any]
    budget: Money
    notes: list[str]
    closures: list[ClosureRow] | ClosureColumns | None
    accounts: list[ClosedAccountRow] | ClosedAccountColumns | None
    markets: list[ClosedMarket]
    diagnostics: ClosureDiagnostics
    certificate: ClosureCertificate
    solver: Solver
    recorded: NotRequired[bool | None]


class ClosureViolation(TypedDict):
    """One broken rule, or one warning."""

    rule: Literal[
        "unknown-account",
        "unknown-market",
        "no-position",
        "same-side",
        "off-lot",
        "over-position",
        "unprofitable",
        "over-cap",
        "not-closed",
        "over-closed",
        "order-broken",
        "risk-rose",
        "over-paid",
        "under-paid",
    ]
    account: str | None
    market: str | None
    closure: int | None
    detail: str


class JudgedMarket(TypedDict):
    """One side of one market."""

    market: str
    side: Side
    needed: Money
    closed: Money
    positions_touched: int


class JudgedClosures(TypedDict):
    """What closes that were made cost, against what was needed."""

    needed: Money
    paid: Money
    overshoot: Money
    markets: list[JudgedMarket]
    worst_haircut: float | None
    smallest_worst_haircut: float | None
    accounts_touched: int
    same_side_accounts: int
    unprofitable_accounts: int
    hedges_broken: int
    gains: int
    gained: Money


@final
class ClosureVerificationAnswer(TypedDict):
    """Whether closes keep the rules, and what they do."""

    id: str
    valid: bool
    violations: list[ClosureViolation]
    warnings: list[ClosureViolation]
    closures: JudgedClosures
    diagnostics: Diagnostics
    recorded: NotRequired[bool | None]
