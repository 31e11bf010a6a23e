"""What is told to one account: its own figures, the rule, and what other policies would have taken."""

from typing import Any, Literal

from pydantic import Field

from app.schemas.diagnostics import Answer
from app.schemas.wire import Money

Limit = Literal["endowment", "max_haircut", "min_equity"]
Terms = dict[str, str | float]
_LIMIT = (
    "Which limit made the cap: the whole endowment, max_haircut of it, or equity less min_equity. Null without an "
    "endowment."
)
_TERMS = (
    "The numbers of the formula by name, and further ones that the rule mentions: amounts, contracts and figures of "
    "the request as decimal strings, ratios as numbers with as many digits as the amount needs."
)


_AS_ANSWERED = (
    "The record has the same amount for this account. False where the request comes out otherwise today: another "
    "version answered it, or a clock had cut it short. Null where the record tells no accounts (detail summary)."
)


class Rounding(Answer):
    """What lies between the formula and the amount."""

    difference: str = Field(description="seized - computed, a decimal string.")
    why: str = Field(description="Where it comes from.")


class Score(Answer):
    """What a queue ranks by."""

    formula: str = Field(description="Over the figures.")
    figures: Terms = Field(description="The account's or the position's own numbers by name.")
    value: float | None = Field(description="What the formula gives; null where it is infinite.")


class Alternative(Answer):
    """Another policy on the same book, with default parameters and the request's own shock and retention."""

    policy: str = Field(description="Its name.")
    code: str | None = Field(description="Code of the problem where it cannot be solved for this book; else null.")
    seized: Money | None = Field(description="What it would have taken from this account; null with a code.")
    haircut: float | None = Field(description="The same over the endowment; null with a code.")
    saves: Money | None = Field(
        description="seized less that: below zero where the account would have lost more; null with a code."
    )


class NotComputed(Answer):
    """Another policy that was left out."""

    policy: str = Field(description="Its name.")
    reason: str = Field(description="Why.")


class AllocatedFigures(Answer):
    """The account's own figures, as far as any policy may look at them."""

    cash: Money = Field(description="Protected cash.")
    pnl: Money = Field(description="Unrealised profit and loss.")
    equity: Money = Field(description="cash + pnl.")
    notional: str = Field(description="As it was given.")
    leverage: float | None = Field(description="notional / equity; null without equity above 0.")
    exposure: list[float] | None = Field(
        description="Dollars for each factor, as the shock moves them; null without a shock."
    )
    max_haircut: str = Field(description="As it was given.")
    min_equity: Money = Field(description="Equity that had to be left.")
    endowment: Money = Field(description="What could be taken at most, before caps.")
    cap: Money = Field(
        description="min(max_haircut * endowment rounded down, equity - min_equity), between 0 and the endowment."
    )
    limit: Limit | None = Field(description=_LIMIT)


class AllocationExplanation(Answer):
    """Why one account lost what it lost. Nothing in it is of another account."""

    account: str = Field(description="The account, as it came.")
    policy: dict[str, Any] = Field(description="The policy, with its defaults filled in.")
    numeraire: Literal["pnl", "equity"] = Field(description="What endowments are made of.")
    status: Literal["optimal", "feasible", "partial"] = Field(description="Of the whole allocation.")
    budget: Money = Field(description="What was to be taken in all.")
    figures: AllocatedFigures
    outcome: Literal["no-endowment", "no-cap", "spared", "part", "cap"] = Field(
        description=(
            "no-endowment: nothing to take. no-cap: nothing that may be taken. spared: nothing was. part: less than "
            "the cap. cap: all of the cap."
        )
    )
    seized: Money = Field(description="What was taken.")
    as_answered: bool | None = Field(description=_AS_ANSWERED)
    haircut: float = Field(description="seized / endowment.")
    pnl_after: Money = Field(description="pnl - seized.")
    equity_after: Money = Field(description="equity - seized.")
    rank: int | None = Field(description="Place in the queue, 1 is closed first; null for other policies.")
    ranked: int | None = Field(description="How many places the queue has; null for other policies.")
    quantile: int | None = Field(description="ADL light: 4 is the first fifth of the queue, 0 the last.")
    score: Score | None = Field(description="What gave the account its place; null for other policies.")
    multiplier: float | None = Field(description="As in the answer's certificate; one for the whole book.")
    rule: str = Field(description="The rule, and what it came to here, in words.")
    formula: str | None = Field(
        description=(
            "The amount as a formula over the terms: names, numbers, + - * / ^, min, max and abs. Null where others' "
            "data would be needed, or none can be written out: the rule says why."
        )
    )
    terms: Terms = Field(description=_TERMS)
    computed: str | None = Field(description="What the formula gives, a decimal string; null without a formula.")
    rounding: Rounding | None = Field(description="Null without a formula.")
    alternatives: list[Alternative] = Field(description="The other policies, in the order of GET /v1/policies.")
    not_computed: list[NotComputed] = Field(description="Those left out.")


class ClosedFigures(Answer):
    """The account's own figures."""

    cash: Money = Field(description="Cash.")
    pnl: Money = Field(description="Net unrealised profit over all its positions.")
    equity: Money = Field(description="cash + pnl.")
    notional: Money = Field(description="Of all its positions at mark prices.")
    leverage: float | None = Field(description="notional / equity; null without equity above 0.")
    max_haircut: str = Field(description="As it was given.")
    min_equity: Money = Field(description="Equity that had to be left.")
    endowment: Money = Field(description="What could be taken at most, before caps; isolated: of all its positions.")
    cap: Money = Field(description="What closes could cost at most; isolated: of all its positions.")
    limit: Limit | None = Field(description=f"{_LIMIT} Null with isolated margin, where each position has its own.")


class Close(Answer):
    """One close."""

    market: str = Field(description="Symbol.")
    quantity: str = Field(description="Contracts as the account traded: buying back a short is positive.")
    price: str = Field(description="What a contract was closed at.")
    cost: Money = Field(description="What the close cost: the distance of that price from the mark, for each contract.")


class ClosingPosition(Answer):
    """A position of the account on a side of a market that was to be closed."""

    number: int = Field(description="Of its terms: gap_1, position_1 and so on.")
    market: str = Field(description="Symbol.")
    side: Literal["long", "short"] = Field(description="Of the bankrupt; the account is on the other one.")
    quantity: str = Field(description="Contracts, signed.")
    entry_price: str = Field(description="As it was given.")
    mark_price: str = Field(description="Of the market.")
    price: str = Field(description="What contracts of this market and side were closed at.")
    pnl: Money = Field(description="Its unrealised profit.")
    endowment: Money = Field(description="Of what pays for it: the account, with isolated margin the position.")
    cap: Money = Field(description="The same.")
    limit: Limit | None = Field(description=_LIMIT)
    needed: str = Field(description="Contracts that were to be closed of this market and side, of all accounts.")
    closed: str = Field(description="Contracts closed of this position.")
    cost: Money = Field(description="What that cost.")
    outcome: Literal["whole", "part", "not-reached", "barred"] = Field(
        description=(
            "whole: all of it was closed. part: some. not-reached: none. barred: none, since nothing may be taken "
            "from what pays for it."
        )
    )
    level: float | None = Field(
        description="Of its market, as shadow_price in the answer; null for policies without levels and free closes."
    )
    share: float | None = Field(
        description="Of each position of the market, where it is closed in proportion to contracts; else null."
    )
    rank: int | None = Field(description="Place in the market's queue, 1 is closed first; null for other policies.")
    ranked: int | None = Field(description="How many places that queue has; null for other policies.")
    score: Score | None = Field(description="What gave the position its place; null for other policies.")


class ClosureExplanation(Answer):
    """Why one account's contracts were closed. Nothing in it is of another account."""

    account: str = Field(description="The account, as it came.")
    policy: dict[str, Any] = Field(description="The policy, with its defaults filled in.")
    margin: Literal["cross", "isolated"] = Field(description="What pays for closes: accounts, or single positions.")
    numeraire: Literal["pnl", "equity"] = Field(description="What endowments are made of.")
    status: Literal["optimal", "feasible", "partial"] = Field(description="Of the whole closing.")
    budget: Money = Field(description="What all closes were to cost.")
    figures: ClosedFigures
    seized: Money = Field(description="What the account's closes cost.")
    as_answered: bool | None = Field(description=_AS_ANSWERED)
    haircut: float = Field(description="seized / endowment.")
    equity_after: Money = Field(description="equity - seized.")
    notional_after: Money = Field(description="Of what is left of its positions.")
    leverage_after: float | None = Field(description="notional_after / equity_after; null without equity above 0.")
    closes: list[Close] = Field(description="What was closed, by market.")
    positions: list[ClosingPosition] = Field(
        description="Its positions on a side that was to be closed, by market, closed or not."
    )
    rule: str = Field(description="The rule, and what it came to here, in words.")
    formula: str | None = Field(
        description=(
            "What the closes cost before whole lots, as a formula over the terms: names, numbers, + - * /, min and "
            "max. Null where others' data would be needed: the rule says why."
        )
    )
    terms: Terms = Field(description=_TERMS)
    computed: str | None = Field(description="What the formula gives, a decimal string; null without a formula.")
    rounding: Rounding | None = Field(description="Null without a formula.")
    alternatives: list[Alternative] = Field(description="The other policies, in the order of GET /v1/policies.")
    not_computed: list[NotComputed] = Field(description="Those left out.")
