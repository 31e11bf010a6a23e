"""Answers of contract space, for the OpenAPI page and the contract tests; `convert` builds them without the models."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, RootModel, create_model

from app.schemas.answers import Certificate, Solver, VerificationAnswer
from app.schemas.diagnostics import Answer, Diagnostics, Robustness
from app.schemas.wire import Money
from solvers.contracts.fills import Rule
from solvers.contracts.solve import Reason

Decimal = Annotated[str, Field(pattern=r"^-?[0-9]+(\.[0-9]+)?(e-?[0-9]+)?$", description="Decimal string.")]
"""Contracts or a price, at whatever precision it takes; with an exponent only where it would be very long without."""

Side = Literal["long", "short"]


class ClosureRow(Answer):
    """What is closed of one position."""

    account: str = Field(description="Whose position.")
    market: str = Field(description="In which market.")
    quantity: Decimal = Field(description="Contracts as traded: a long is closed by a sale, which is negative.")
    price: Decimal = Field(description="Currency a contract, the same for everybody on this side of the market.")
    cost: Money = Field(description="What the account pays for it: contracts x gap, in whole units.")
    realised_pnl: Money = Field(description="Profit of the closed contracts at the mark, rounded down, less the cost.")


class ClosedAccountRow(Answer):
    """What happens to one account."""

    id: str = Field(description="The account, as it came.")
    endowment: Money = Field(description="What could be taken at most, before caps; isolated: of all its positions.")
    haircut: float = Field(description="seized / endowment, after rounding; 0 without an endowment.")
    seized: Money = Field(description="What its closes cost it in all.")
    capped: bool = Field(description="One more lot of what it still holds would pass its cap.")
    equity_after: Money = Field(description="cash + profit - seized.")
    notional_before: Money = Field(description="Gross notional at mark prices, rounded down.")
    notional_after: Money = Field(description="The same of what is left.")
    leverage_before: float | None = Field(description="notional / equity; null where equity is not above zero.")
    leverage_after: float | None = Field(description="The same of what is left.")


def _columns_of(row: type[Answer], name: str, text: str) -> Any:
    columns: dict[str, Any] = {
        field: (list[info.annotation], Field(description=info.description))  # type: ignore[name-defined]
        for field, info in row.model_fields.items()
    }
    return create_model(name, __base__=Answer, __doc__=text, **columns)


ClosureColumns: TypeAlias = _columns_of(  # type: ignore[valid-type]
    ClosureRow, "ClosureColumns", "What is closed: one array a field."
)
ClosedAccountColumns: TypeAlias = _columns_of(  # type: ignore[valid-type]
    ClosedAccountRow, "ClosedAccountColumns", "What happens to the accounts: one array a field, in the order they came."
)


class ClosedMarket(Answer):
    """One side of one market."""

    market: str = Field(description="The symbol.")
    side: Side = Field(description="The side of the bankrupt: long means that shorts are closed.")
    needed: Decimal = Field(description="Contracts that bankrupt accounts left.")
    closed: Decimal = Field(description="Contracts closed: needed, fewer, or more under a queue of whole positions.")
    left: Decimal = Field(description="Contracts needed and not closed.")
    reason: Reason | None = Field(
        description=(
            "Why contracts are left; null where none are. only unprofitable holders remain: closing costs something, "
            "and no other holder has a profit. only holders without equity remain: closing is free, and no other "
            "holder has equity above zero. caps: max_haircut or min_equity of those who could pay."
        )
    )
    price: Decimal = Field(description="What a contract is closed at: mark + gap for shorts, mark - gap for longs.")
    gap: Decimal = Field(description="Currency a contract that closing costs, after fund and severity.")
    cost: Money = Field(description="What is paid for all contracts closed.")
    accounts_touched: int = Field(description="Accounts of which contracts are closed.")
    fully_closed_share: float | None = Field(
        description="Positions closed whole over positions touched; null where none are."
    )
    open_interest_closed: float | None = Field(
        description="Contracts closed over all that are held on the side that is closed; null where none are."
    )
    shadow_price: float | None = Field(
        description=(
            "The haircut at which one more unit of this side's cost would be borne. For revenue, expected-deficit and "
            "cvar what one more unit of its cost adds to the objective; for leverage-draining the expected shortfall "
            "that one more contract closed saves. Null where contracts are left, and for policies that minimise "
            "nothing."
        )
    )


class ClosureCertificate(Certificate):
    """Evidence, computed by code that did not make the closing."""

    objective: float | None = Field(
        description=(
            "lexicographic: sum of endowment x haircut^2 / 2, in currency; min-max: the worst haircut; revenue: fees "
            "lost; leverage-draining: expected shortfall of the accounts that may be closed, without covariance sum of "
            "y^2 / (2 e), y the notional left; expected-deficit, cvar: the loss over scenarios; all before whole lots. "
            "With integer exact the worst haircut in whole lots. Null for baselines."
        )
    )
    bound: float | None = Field(
        description="Lower bound on the objective, proven from the shadow prices or the search."
    )
    relative_gap: float | None = Field(
        description="|objective - bound| over the larger of the two; optimal means at most 1e-9."
    )
    kkt_residual: float | None = Field(
        description=(
            "Largest distance of a haircut, or of what a contract adds to the objective, from the shadow prices of its "
            "markets; expected-deficit, cvar: the most that one account is above its part of the bound, as a share of "
            "the objective."
        )
    )
    budget_error: Money = Field(
        description="What is paid less the budget: below zero where contracts are left, above it where too many are."
    )
    multiplier: float | None = Field(description="The highest shadow price, of sides of which contracts are left too.")
    worst_haircut: float | None = Field(description="The largest haircut, in whole lots; null without winners.")
    worst_haircut_bound: float | None = Field(
        description=(
            "No closing of these contracts has a smaller worst haircut, in whole lots or not; before costs become "
            "whole units, which moves an account by less than one unit."
        )
    )


class LeverageChange(Answer):
    """Of the accounts with equity above 0, which is held at its value before; null where there are none."""

    max_before: float | None = Field(description="The largest before.")
    max_after: float | None = Field(description="The largest after.")
    mean_before: float | None = Field(description="Their mean before, weighted by equity.")
    mean_after: float | None = Field(description="The same after.")


class ScenarioLosses(Answer):
    """What the venue would lose beyond the equity of accounts in the next shock, over its scenarios."""

    level: float = Field(description="Of VaR and CVaR: 0.95 looks at the worst 5 %; cvar's own level.")
    expected_deficit_before: Money = Field(description="Mean loss by the scenarios' weights if nothing were closed.")
    expected_deficit_after: Money = Field(description="Mean loss after these closes, and after what they cost.")
    var_before: Money = Field(description="Value at risk before.")
    var_after: Money = Field(description="Value at risk after.")
    cvar_before: Money = Field(description="Mean loss in the worst 1 - level before.")
    cvar_after: Money = Field(description="Mean loss in the worst 1 - level after.")


class NormalLosses(Answer):
    """What the venue would lose where prices move by the covariance of leverage-draining, costs of closes aside."""

    expected_deficit_before: Money = Field(
        description=(
            "sum E[max(-(e + y'dP), 0)] over all accounts with equity above 0, also those that may not be closed; of "
            "the leading factors alone where `factors` is given, which see less."
        )
    )
    expected_deficit_after: Money = Field(description="The same after, in whole lots.")


class Risk(Answer):
    """What the closes do to risk, with every position where it is: contract space."""

    effective_leverage: LeverageChange = Field(description="Gross notional over equity before anything is paid.")
    factor_leverage: LeverageChange | None = Field(
        description=(
            "|v'y| over equity, y the contracts held and v the leading eigenvector of the covariance of price moves "
            "times the root of its eigenvalue: a hedged account has little. The covariance is that of "
            "leverage-draining, else that of the scenarios in options.shock about the prices of now; null without "
            "either."
        )
    )
    normal: NormalLosses | None = Field(description="Null but for leverage-draining with a covariance.")
    scenarios: ScenarioLosses | None = Field(
        description="Null unless options.shock is scenarios with a move for each market."
    )
    hedged_accounts: int | None = Field(
        description=(
            "Accounts with a position that may be closed and that lowers the deviation of their equity; null without "
            "moves of prices."
        )
    )
    hedges_broken: int | None = Field(
        description="Of them, those whose deviation is higher after than before; the others are kept."
    )


class ClosureDiagnostics(Diagnostics):
    """What the closes do to the venue and to its accounts: money as of an allocation, and risk."""

    robustness: Robustness | None = Field(
        description=(
            "Of the payments alone; `risk` knows the positions. Null without options.shock, and for scenarios with a "
            "move for each market unless accounts give their `exposure`."
        )
    )
    risk: Risk


class ClosureAnswer(Answer):
    """One closing, verified."""

    id: str = Field(description="Digest of the request and the version: the same request has the same id.")
    status: Literal["optimal", "feasible", "partial"] = Field(
        description=(
            "optimal: minimises what the policy minimises, proven by the certificate. feasible: keeps the rules; a "
            "baseline, or a search that proved less. partial: contracts are left, see markets."
        )
    )
    reproducible: bool = Field(
        description="The same request always has these bytes. False only where a clock cut a search short."
    )
    policy: dict[str, Any] = Field(description="The policy, with its defaults filled in.")
    budget: Money = Field(description="What closing everything costs.")
    notes: list[str] = Field(description="What a reader should know, in sentences.")
    closures: list[ClosureRow] | ClosureColumns | None = Field(
        description=(
            "What is closed, in the order of the positions as they came; rows or columns as positions came; null with "
            "detail summary."
        )
    )
    accounts: list[ClosedAccountRow] | ClosedAccountColumns | None = Field(
        description=(
            "Every account, in the order they came; rows or columns as accounts came; null with detail summary."
        )
    )
    markets: list[ClosedMarket] = Field(
        description="One entry a side of a market that bankrupt accounts left, by symbol."
    )
    diagnostics: ClosureDiagnostics = Field(
        description="Of the accounts' payments, as of an allocation; with margin isolated of the positions'."
    )
    certificate: ClosureCertificate
    solver: Solver
    recorded: Literal[False] | None = Field(
        None, description="Only there, and false, if the answer could not be recorded and settings allow to answer."
    )


class JudgedMarket(Answer):
    """One side of one market."""

    market: str = Field(description="The symbol.")
    side: Side = Field(description="The side of the bankrupt: long means that shorts are closed.")
    needed: Decimal = Field(description="Contracts that bankrupt accounts left.")
    closed: Decimal = Field(description="Contracts by which positions on the other side shrank.")
    positions_touched: int = Field(description="Positions closed, whole or in part.")


class JudgedClosures(Answer):
    """What closes that were made cost, against what was needed."""

    needed: Money = Field(description="What closing everything costs.")
    paid: Money = Field(description="Contracts x price against the mark over all closes, to the nearest unit.")
    overshoot: Money = Field(description="paid - needed; below zero where too little was taken.")
    markets: list[JudgedMarket] = Field(description="One entry a side of a market that bankrupt accounts left.")
    worst_haircut: float | None = Field(description="The largest haircut taken; null without winners.")
    smallest_worst_haircut: float | None = Field(
        description=(
            "The smallest that any closing of these contracts has; null without winners, and where not all of them can "
            "be closed."
        )
    )
    accounts_touched: int = Field(description="Accounts with a close.")
    same_side_accounts: int = Field(
        description="Of them, those with a trade that adds to a position or closes a side that nobody needed."
    )
    unprofitable_accounts: int = Field(description="Of them, those closed without a profit to take it from.")
    hedges_broken: int = Field(description="Accounts whose net exposure over equity rose.")
    gains: int = Field(description="Closes at a price better than the mark for the account.")
    gained: Money = Field(description="What these gave away.")


class ClosureViolation(Answer):
    """One broken rule, or one warning."""

    rule: Rule = Field(
        description=(
            "unknown-account, unknown-market, no-position: there is nothing to close. same-side: adds to a position, "
            "or closes a side that nobody needed. off-lot: not whole lots. over-position: more than was held. "
            "unprofitable: paid without an endowment. over-cap: paid more than the cap. not-closed, over-closed: fewer "
            "or more contracts than needed. order-broken: closed while a higher score had contracts left. Warnings: "
            "risk-rose: a hedge was closed, so that net exposure over equity rose. over-paid, under-paid: the closes "
            "of one side of a market paid more, or less, in all than its price asks for them, by more than one unit."
        )
    )
    account: str | None = Field(description="Null where the rule is not about one account.")
    market: str | None = Field(description="Null where the rule is not about one market.")
    closure: int | None = Field(description="The first of the closes at fault, counted from 0.")
    detail: str = Field(description="By how much.")


class ClosureVerificationAnswer(Answer):
    """Whether closes keep the rules, and what they do."""

    id: str = Field(description="Digest of the request and the version.")
    valid: bool = Field(
        description=(
            "No rule is broken; warnings do not count. It speaks of contracts: short of a cap no price breaks a rule. "
            "For the money read overshoot, gained and worst_haircut."
        )
    )
    violations: list[ClosureViolation] = Field(description="Every broken rule.")
    warnings: list[ClosureViolation] = Field(description="What nothing forbids and nobody wants.")
    closures: JudgedClosures = Field(description="What the closes cost, against what was needed.")
    diagnostics: Diagnostics = Field(
        description="Of the accounts' payments, as of an allocation; with margin isolated of the positions'."
    )
    recorded: Literal[False] | None = Field(
        None, description="Only there, and false, if the answer could not be recorded and settings allow to answer."
    )


class AnyVerificationAnswer(RootModel[VerificationAnswer | ClosureVerificationAnswer]):
    """Of an allocation, or of closures."""
