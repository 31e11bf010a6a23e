"""Request bodies of contract space: markets, positions, what bankrupt accounts left, and closures that were made."""

from typing import Annotated, Any, Literal, TypeAlias, Union, get_args

from pydantic import BeforeValidator, Field, RootModel, SkipValidation
from pydantic_core import PydanticCustomError

from app.schemas.policies import policy_model
from app.schemas.requests import Options, VerificationRequest
from app.schemas.retentions import AnyRetention
from app.schemas.shocks import AnyShock
from app.schemas.snapshot import AccountId, AccountRow, Exposure, Moment, columns_of
from app.schemas.wire import Amount, Number, Wire
from solvers.contracts.problem import Margin
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.contracts.solve import Integer
from solvers.problem import SeverityRule
from solvers.queue import Score

Symbol = AccountId
"""As short, and as free in its characters."""

LOT = "0.00000001"


def _said(name: str) -> str:
    return str(AccountRow.model_fields[name].description)


class MarketRow(Wire):
    """One market."""

    symbol: Symbol = Field(description="Unique in the snapshot; decides ties between markets.")
    mark_price: Number = Field(description="Currency a contract, above zero.")
    lot_size: Number = Field(LOT, description="Contracts a lot, above zero: quantities are whole lots.")
    tick_size: Number | None = Field(
        None,
        description=(
            "Mark and liquidation prices are multiples of it, if given. Prices of closes are not rounded to it: settle "
            "their cost."
        ),
    )
    maintenance_margin_rate: Number = Field(0, description="Share of notional, for the queue scores binance and aevo.")


class ClosureAccountRow(Wire):
    """One account; profit and notional follow from its positions."""

    id: AccountId = Field(description=_said("id"))
    cash: Number = Field(description=_said("cash"))
    max_haircut: Number = Field(1, description=_said("max_haircut"))
    min_equity: Number = Field(0, description=f"{_said('min_equity')} With margin isolated it must be 0.")
    fees: Number = Field(0, description=_said("fees"))
    group: str | None = Field(None, description=_said("group"))
    score: Number | None = Field(None, description=_said("score"))
    exposure: Exposure | None = Field(None, description=_said("exposure"))


class PositionRow(Wire):
    """One position, at most one of an account in a market."""

    account: AccountId = Field(description="Id of an account of the snapshot.")
    market: Symbol = Field(description="Symbol of a market of the snapshot.")
    quantity: Number = Field(description="Contracts, long is positive: whole lots, not zero.")
    entry_price: Number = Field(description="Currency a contract, above zero.")


class LiquidationRow(Wire):
    """What a bankrupt account leaves to be closed."""

    account: AccountId | None = Field(
        None, description="Who left it: an account of the snapshot that holds it, or any other name."
    )
    market: Symbol = Field(description="Symbol of a market of the snapshot.")
    quantity: Number = Field(description="Contracts as the bankrupt held them, long is positive: whole lots, not zero.")
    price: Number | None = Field(
        None,
        description=(
            "The bankruptcy price they are taken over at, at or above the mark for a long, at or below it for a short. "
            "Null: the negative equity of the account of the snapshot, spread over its positions by notional."
        ),
    )


class MadeClosureRow(Wire):
    """One close that was made. The other fields of this service's own answers may stand beside it and are ignored."""

    account: AccountId = Field(description="Id of the account that was closed.")
    market: Symbol = Field(description="Symbol of the market.")
    quantity: Number = Field(description="Contracts as the account traded: buying back a short is positive.")
    price: Number = Field(description="Currency a contract.")
    cost: Any = Field(None, description="Ignored.")
    realised_pnl: Any = Field(None, description="Ignored.")


MARKET_REQUIRED = ("symbol", "mark_price")
MARKET_DEFAULTS = {"lot_size": LOT, "maintenance_margin_rate": 0}
ACCOUNT_REQUIRED = ("id", "cash")
ACCOUNT_DEFAULTS = {"max_haircut": 1, "min_equity": 0, "fees": 0}
POSITION_REQUIRED = ("account", "market", "quantity", "entry_price")
LIQUIDATION_REQUIRED = ("market", "quantity")
CLOSURE_REQUIRED = ("account", "market", "quantity", "price")

MarketColumns: TypeAlias = columns_of(  # type: ignore[valid-type]
    MarketRow, MARKET_REQUIRED, "MarketColumns", "All markets: one array a field."
)
ClosureAccountColumns: TypeAlias = columns_of(  # type: ignore[valid-type]
    ClosureAccountRow, ACCOUNT_REQUIRED, "ClosureAccountColumns", "All accounts: one array a field."
)
PositionColumns: TypeAlias = columns_of(  # type: ignore[valid-type]
    PositionRow, POSITION_REQUIRED, "PositionColumns", "All positions: one array a field."
)
LiquidationColumns: TypeAlias = columns_of(  # type: ignore[valid-type]
    LiquidationRow, LIQUIDATION_REQUIRED, "LiquidationColumns", "All that is to be closed: one array a field."
)
MadeClosureColumns: TypeAlias = columns_of(  # type: ignore[valid-type]
    MadeClosureRow, CLOSURE_REQUIRED, "MadeClosureColumns", "The closes that were made: one array a field."
)


class ClosureSnapshot(Moment):
    """The venue's markets, accounts and positions at one moment; each table as rows, or as columns."""

    markets: SkipValidation[Annotated[list[MarketRow], Field(min_length=1)] | MarketColumns] = Field(
        description="All markets."
    )
    accounts: SkipValidation[Annotated[list[ClosureAccountRow], Field(min_length=1)] | ClosureAccountColumns] = Field(
        description="All accounts."
    )
    positions: SkipValidation[Annotated[list[PositionRow], Field(min_length=1)] | PositionColumns] = Field(
        description="All positions, those of bankrupt accounts too."
    )


def _no_rule(value: Any) -> Any:
    if isinstance(value, dict) or value in get_args(SeverityRule):
        raise PydanticCustomError(
            "severity", "must be a number from 0 to 1: rules set the severity of allocations only"
        )
    return value


class ClosureShortfall(Wire):
    """What has to be covered beside the gaps of the liquidations, which are the deficit."""

    insurance_fund: Amount = Field(0, description="What the fund pays before any haircut: gaps shrink alike.")
    severity: Annotated[Amount, BeforeValidator(_no_rule)] = Field(
        1, description="Share of the residual shortfall that is borne by who is closed: a number from 0 to 1, no rule."
    )
    largest: Amount | None = Field(None, description="Largest single shortfall; null: from the book's losers.")
    needed: Amount | None = Field(None, description="What was needed in fact, for the overshoot.")


class ClosureOptions(Options):
    """How to solve and what to answer."""

    margin: Margin = Field(
        "cross", description="What backs a close: the account's net profit, or with isolated the position's own."
    )
    integer: Integer = Field(
        "rounded",
        description=(
            "rounded: the policy's amounts made of whole lots. exact: the least worst haircut that whole lots allow is "
            "searched from there, within the time limit; for lexicographic and min-max."
        ),
    )
    on_infeasible: Literal["reject", "partial"] = Field(
        "reject", description="Contracts that cannot be closed: refuse, or close the most that can be closed."
    )
    detail: Literal["full", "summary"] = Field("full", description="`summary` leaves closures and accounts out.")
    shock: AnyShock | None = Field(
        None, description="The next shock, for robustness diagnostics. With margin isolated it must be null."
    )
    retention: AnyRetention | None = Field(
        None,
        description=(
            "How haircuts drive accounts away, for `revenue` and its diagnostics. With margin isolated it must be null."
        ),
    )


CLOSING_MODELS: dict[str, type[Wire]] = {
    name: policy_model(name, policy.parameters, policy.summary, "Closing") for name, policy in CLOSING_POLICIES.items()
}
_union: Any = Union[tuple(CLOSING_MODELS.values())]  # noqa: UP007
AnyClosingPolicy: TypeAlias = SkipValidation[Annotated[_union, Field(discriminator="name")]]
"""Validated in `convert`, for exact error pointers."""


class BankruptRequest(Wire):
    """What every request of contract space has."""

    snapshot: ClosureSnapshot
    liquidations: SkipValidation[Annotated[list[LiquidationRow], Field(min_length=1)] | LiquidationColumns] = Field(
        description="What bankrupt accounts left: those on one side of a market are pooled."
    )
    shortfall: ClosureShortfall = ClosureShortfall()
    options: ClosureOptions = ClosureOptions()


class ClosureRequest(BankruptRequest):
    """Which contracts of which accounts are closed, by one policy."""

    policy: AnyClosingPolicy


class ClosureVerificationRequest(BankruptRequest):
    """Are these closes sound?"""

    closures: SkipValidation[Annotated[list[MadeClosureRow], Field(min_length=1)] | MadeClosureColumns] = Field(
        description="What was closed, by anyone: several closes of one position are added up."
    )
    score: Score | None = Field(
        None, description="The queue that was to be kept; null: the order of closes breaks no rule."
    )


class AnyVerificationRequest(RootModel[VerificationRequest | ClosureVerificationRequest]):
    """An allocation, or closures."""
