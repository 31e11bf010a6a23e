"""Who is haircut by how much, policies compared, and allocations judged."""

from typing import Any, Literal, NotRequired, TypedDict, final

from app.client.answers.diagnostics import Diagnostics
from app.client.answers.shared import Certificate, Money, Problem, Solver, Status


class AllocatedRow(TypedDict):
    """What happens to one account."""

    id: str
    endowment: Money
    haircut: float
    seized: Money
    pnl_after: Money
    equity_after: Money
    capped: bool
    rank: int | None
    quantile: int | None


class AllocatedColumns(TypedDict):
    """What happens to the accounts: one array a field, in the order they came."""

    id: list[str]
    endowment: list[Money]
    haircut: list[float]
    seized: list[Money]
    pnl_after: list[Money]
    equity_after: list[Money]
    capped: list[bool]
    rank: list[int | None]
    quantile: list[int | None]


@final
class AllocationAnswer(TypedDict):
    """One allocation, verified."""

    id: str
    status: Status
    reproducible: bool
    policy: dict[str, Any]
    budget: Money
    notes: list[str]
    allocations: list[AllocatedRow] | AllocatedColumns | None
    diagnostics: Diagnostics
    certificate: Certificate
    solver: Solver
    recorded: NotRequired[bool | None]


@final
class RefusedPolicy(TypedDict):
    """A policy of a comparison that could not be solved."""

    policy: dict[str, Any] | None
    problem: Problem


class ComparisonAnswer(TypedDict):
    """One result a policy, in the order asked."""

    id: str
    results: list[AllocationAnswer | RefusedPolicy]
    recorded: NotRequired[bool | None]


class Violation(TypedDict):
    """One broken rule."""

    account: str | None
    rule: Literal["over-cap", "negative", "unknown-account", "not-a-winner", "budget"]
    detail: str


@final
class VerificationAnswer(TypedDict):
    """Whether an allocation keeps the rules, and what it does."""

    id: str
    valid: bool
    violations: list[Violation]
    diagnostics: Diagnostics
    recorded: NotRequired[bool | None]
