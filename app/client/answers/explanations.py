"""Why one account lost what it lost."""

from typing import Any, Literal, TypedDict

from app.client.answers.shared import Money, Side, Status


class AllocatedFigures(TypedDict):
    """The account's own figures, as far as any policy may look at them."""

    cash: Money
    pnl: Money
    equity: Money
    notional: str
    leverage: float | None
    exposure: list[float] | None
    max_haircut: str
    min_equity: Money
    endowment: Money
    cap: Money
    limit: Literal["endowment", "max_haircut", "min_equity"] | None


class ClosedFigures(TypedDict):
    """The account's own figures."""

    cash: Money
    pnl: Money
    equity: Money
    notional: Money
    leverage: float | None
    max_haircut: str
    min_equity: Money
    endowment: Money
    cap: Money
    limit: Literal["endowment", "max_haircut", "min_equity"] | None


class Score(TypedDict):
    """What a queue ranks by."""

    formula: str
    figures: dict[str, str | float]
    value: float | None


class Rounding(TypedDict):
    """What lies between the formula and the amount."""

    difference: str
    why: str


class Alternative(TypedDict):
    """Another policy on the same book, with default parameters and the request's own shock and retention."""

    policy: str
    code: str | None
    seized: Money | None
    haircut: float | None
    saves: Money | None


class NotComputed(TypedDict):
    """Another policy that was left out."""

    policy: str
    reason: str


class Close(TypedDict):
    """One close."""

    market: str
    quantity: str
    price: str
    cost: Money


class ClosingPosition(TypedDict):
    """A position of the account on a side of a market that was to be closed."""

    number: int
    market: str
    side: Side
    quantity: str
    entry_price: str
    mark_price: str
    price: str
    pnl: Money
    endowment: Money
    cap: Money
    limit: Literal["endowment", "max_haircut", "min_equity"] | None
    needed: str
    closed: str
    cost: Money
    outcome: Literal["whole", "part", "not-reached", "barred"]
    level: float | None
    share: float | None
    rank: int | None
    ranked: int | None
    score: Score | None


class AllocationExplanation(TypedDict):
    """Why one account lost what it lost. Nothing in it is of another account."""

    account: str
    policy: dict[str, Any]
    numeraire: Literal["pnl", "equity"]
    status: Status
    budget: Money
    figures: AllocatedFigures
    outcome: Literal["no-endowment", "no-cap", "spared", "part", "cap"]
    seized: Money
    as_answered: bool | None
    haircut: float
    pnl_after: Money
    equity_after: Money
    rank: int | None
    ranked: int | None
    quantile: int | None
    score: Score | None
    multiplier: float | None
    rule: str
    formula: str | None
    terms: dict[str, str | float]
    computed: str | None
    rounding: Rounding | None
    alternatives: list[Alternative]
    not_computed: list[NotComputed]


class ClosureExplanation(TypedDict):
    """Why one account's contracts were closed. Nothing in it is of another account."""

    account: str
    policy: dict[str, Any]
    margin: Literal["cross", "isolated"]
    numeraire: Literal["pnl", "equity"]
    status: Status
    budget: Money
    figures: ClosedFigures
    seized: Money
    as_answered: bool | None
    haircut: float
    equity_after: Money
    notional_after: Money
    leverage_after: float | None
    closes: list[Close]
    positions: list[ClosingPosition]
    rule: str
    formula: str | None
    terms: dict[str, str | float]
    computed: str | None
    rounding: Rounding | None
    alternatives: list[Alternative]
    not_computed: list[NotComputed]
