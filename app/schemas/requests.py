"""Request bodies."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SkipValidation, create_model
from pydantic_core import PydanticCustomError

from app.schemas.policies import AnyPolicy
from app.schemas.shocks import AnyShock
from app.schemas.snapshot import AccountId, Snapshot
from app.schemas.wire import Amount, Number, Wire


class Shortfall(Wire):
    """What has to be covered."""

    deficit: Amount | None = Field(None, description="Total shortfall D; null: the sum of negative equities.")
    largest: Amount | None = Field(None, description="Largest single shortfall; null: from the book's losers.")
    insurance_fund: Amount = Field(0, description="What the fund pays before any haircut.")
    severity: Amount = Field(1, description="Share of the residual shortfall that the winners bear, 0 to 1.")
    needed: Amount | None = Field(None, description="What was needed in fact, for the overshoot.")


def _refuse_given(value: Any) -> None:
    if value is not None:
        raise PydanticCustomError("unavailable", "is not available in this version; leave it out")


Unavailable = Annotated[None, BeforeValidator(_refuse_given)]


class Options(Wire):
    """How to solve and what to answer."""

    numeraire: Literal["pnl", "equity"] = Field("pnl", description="What may be taken: profit, or equity.")
    on_infeasible: Literal["reject", "partial"] = Field(
        "reject", description="A budget out of reach: refuse it, or take the most that can be taken."
    )
    on_timeout: Literal["reject", "best"] = Field(
        "reject", description="The closed forms of this version are answered whole or not at all: both refuse."
    )
    time_limit: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Seconds; null or more than the service's own limit: the service's."
    )
    detail: Literal["full", "summary"] = Field("full", description="`summary` leaves the accounts out.")
    shock: AnyShock | None = Field(
        None, description="The next shock: what robustness diagnostics and `rap` with risk `optimal` look at."
    )
    retention: Unavailable = Field(None, description="Not available in this version.")


class SoundRequest(Wire):
    """What every request about a snapshot has."""

    snapshot: Snapshot
    shortfall: Shortfall = Shortfall()
    options: Options = Options()


class AllocationRequest(SoundRequest):
    """Who is haircut by how much, by one policy."""

    policy: AnyPolicy


class ComparisonRequest(SoundRequest):
    """The same for several policies."""

    policies: list[AnyPolicy] = Field(min_length=1)


class SeizedRow(Wire):
    """What one account lost. The other fields of this service's own answers may stand beside it and are ignored."""

    id: AccountId
    seized: Number = Field(description="Amount taken, read to the nearest unit (ties to even).")
    endowment: Any = None
    haircut: Any = None
    pnl_after: Any = None
    equity_after: Any = None
    capped: Any = None
    rank: Any = None
    quantile: Any = None


_seized: dict[str, Any] = {"id": (list[AccountId], ...), "seized": (list[Number], ...)}
_seized |= {name: (Any, None) for name in SeizedRow.model_fields if name not in _seized}
SeizedColumns: Any = create_model(
    "SeizedColumns", __base__=Wire, __doc__="What the accounts lost: one array a field.", **_seized
)


class VerificationRequest(SoundRequest):
    """Is this allocation sound?"""

    allocation: SkipValidation[list[SeizedRow] | SeizedColumns]
