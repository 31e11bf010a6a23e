"""What several answers have."""

from typing import Annotated, Literal, NotRequired, TypedDict

Money = Annotated[str, "money"]
"""An amount as an exact decimal text, like "7.500000"."""

Status = Literal["optimal", "feasible", "partial"]
Side = Literal["long", "short"]


class Solver(TypedDict):
    """What solved it."""

    method: str
    library: str
    version: str


class Certificate(TypedDict):
    """Evidence, computed by code that did not make the allocation."""

    objective: float | None
    bound: float | None
    relative_gap: float | None
    kkt_residual: float | None
    budget_error: Money
    cap_violation: Money
    multiplier: float | None


class ProblemError(TypedDict):
    """One fault of a request."""

    pointer: str
    detail: str
    account: str | None


class Problem(TypedDict):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: NotRequired[list[ProblemError] | None]
    errors_total: NotRequired[int | None]
    budget: NotRequired[Money | None]
    reachable_capacity: NotRequired[Money | None]
    shortage: NotRequired[Money | None]
    largest_feasible_severity: NotRequired[float | None]
