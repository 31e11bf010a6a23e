"""Request bodies."""

from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, SkipValidation, Tag, create_model
from pydantic_core import PydanticCustomError

from app.schemas.policies import AnyPolicy
from app.schemas.retentions import AnyRetention
from app.schemas.shocks import AnyShock
from app.schemas.snapshot import AccountId, Snapshot
from app.schemas.wire import Amount, Number, Wire
from solvers.measures import Measure
from solvers.problem import SeverityRule as Rule


class SeverityRule(Wire):
    """Severity from the book itself."""

    rule: Rule = Field(
        description=(
            "match: all of the residual that the caps allow to take; a blend's group limits are not looked at. "
            "extreme-value: at most the second largest endowment, so that whoever pays, the top winner keeps at least "
            "the difference between the two largest."
        ),
    )


def _kind(value: Any) -> str:
    return "rule" if isinstance(value, dict | SeverityRule) else "amount"


def _no_rule(value: Any) -> Any:
    """A rule by its bare name is no amount."""
    if value in get_args(Rule):
        raise PydanticCustomError("severity", 'must be a number from 0 to 1; a rule is an object: {"rule": "match"}')
    return value


_Share = Annotated[Amount, BeforeValidator(_no_rule)]
Severity = Annotated[Annotated[_Share, Tag("amount")] | Annotated[SeverityRule, Tag("rule")], Discriminator(_kind)]


class Shortfall(Wire):
    """What has to be covered."""

    deficit: Amount | None = Field(None, description="Total shortfall D; null: the sum of negative equities.")
    largest: Amount | None = Field(None, description="Largest single shortfall; null: from the book's losers.")
    insurance_fund: Amount = Field(0, description="What the fund pays before any haircut.")
    severity: Severity = Field(
        1, description="Share of the residual shortfall that the winners bear, 0 to 1, or the rule that sets it."
    )
    needed: Amount | None = Field(None, description="What was needed in fact, for the overshoot.")


class Options(Wire):
    """How to solve and what to answer."""

    numeraire: Literal["pnl", "equity"] = Field("pnl", description="What may be taken: profit, or equity.")
    on_infeasible: Literal["reject", "partial"] = Field(
        "reject",
        description=(
            "A budget out of reach: refuse it, or take the most that can be taken. Of a verification: hold what was "
            "taken against the budget, or against less of it, since not every policy can take all; see `uncovered`."
        ),
    )
    on_timeout: Literal["reject", "best"] = Field(
        "reject",
        description=(
            "When three fifths of time_limit are over: reject goes on, and is refused at its end. best answers what a "
            "search has by then, with its gap, or the fairest allocation where that is nothing; reproducible is false "
            "then. Closed forms know no best. Searches with limits of their own answer their best under both."
        ),
    )
    time_limit: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Seconds; null or more than the service's own limit: the service's."
    )
    detail: Literal["full", "summary"] = Field("full", description="`summary` leaves the accounts out.")
    shock: AnyShock | None = Field(
        None,
        description=(
            "The next shock: what robustness diagnostics, `rap` with risk `optimal`, `expected-deficit`, `cvar` and "
            "`blend` look at."
        ),
    )
    retention: AnyRetention | None = Field(
        None, description="How haircuts drive accounts away: what revenue diagnostics, `revenue` and `blend` look at."
    )


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


_seized: dict[str, Any] = {
    name: (Annotated[list[kind], Field(min_length=1)], ...)  # type: ignore[valid-type]
    for name, kind in (("id", AccountId), ("seized", Number))
}
_seized |= {name: (Any, None) for name in SeizedRow.model_fields if name not in _seized}
SeizedColumns: Any = create_model(
    "SeizedColumns", __base__=Wire, __doc__="What the accounts lost: one array a field.", **_seized
)


class VerificationRequest(SoundRequest):
    """Is this allocation sound?"""

    allocation: SkipValidation[Annotated[list[SeizedRow], Field(min_length=1)] | SeizedColumns]


def _two_or_three(measures: list[Measure]) -> list[Measure]:
    if not 2 <= len(measures) <= 3:
        raise PydanticCustomError("measures", "must be two or three different ones")
    return measures


class FrontierRequest(SoundRequest):
    """What do fairness, robustness and revenue cost each other on this book?"""

    measures: Annotated[list[Measure], Field(fail_fast=True), AfterValidator(_two_or_three)] = Field(
        json_schema_extra={"minItems": 2, "maxItems": 3, "uniqueItems": True},
        description=(
            "Two or three different ones. max_haircut and gini stand for fairness, expected_deficit and cvar for "
            "robustness (options.shock), revenue_kept for revenue (options.retention, linear or power)."
        ),
    )
    points: Annotated[int, Field(ge=2)] = Field(
        25, description="Most points of the frontier to show. What is swept, and so every mark, is the same for all."
    )
    allocation: SkipValidation[Annotated[list[SeizedRow], Field(min_length=1)] | SeizedColumns] | None = Field(
        None, description="The venue's own allocation, to be held against the frontier."
    )
