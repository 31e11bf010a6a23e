"""One tree for everything that can go wrong in a solve.

SolverError
├── ProblemError        the problem is malformed: says which field of which accounts
├── InfeasibleBudget    the problem is sound, but the policy cannot reach the budget
│   └── UnclosableMarkets   in contract space: says which markets cannot be closed, and why
├── SolverTimeout       the problem is sound and feasible, and the solver stopped at a limit of its own
└── SolverFailed        the problem is sound and feasible, and the solver did not solve it
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction


class SolverError(Exception):
    """Base of every error that `solvers` raises on purpose."""


class ProblemError(SolverError):
    """The problem is malformed.

    field    the column or scalar at fault (its name on the wire)
    faults   what is wrong, by position of the account, for the first of them; empty where it is not about accounts
    total    how many accounts are at fault
    part     which part of a scalar that has named ones
    """

    KEPT = 20

    def __init__(
        self,
        field: str,
        detail: str,
        faults: Mapping[int, str] | Sequence[int] = (),
        total: int = 0,
        part: str | None = None,
    ) -> None:
        super().__init__(f"{field}: {detail}" if part is None else f"{field} of {part!r}: {detail}")
        self.field = field
        self.detail = detail
        first = list(faults)[: self.KEPT]
        self.faults = {row: faults[row] if isinstance(faults, Mapping) else detail for row in first}
        self.total = total or len(faults)
        self.part = part


class InfeasibleBudget(SolverError):
    """The budget is above what the policy can take. All amounts in whole units.

    `reachable_units` is the most the policy can take from this book; `rows` are the accounts in the way, if
    the policy can name them.
    """

    def __init__(self, detail: str, budget_units: int, reachable_units: int, rows: Sequence[int] = ()) -> None:
        super().__init__(detail)
        self.detail = detail
        self.budget_units = budget_units
        self.reachable_units = reachable_units
        self.rows = tuple(rows)


class UnclosableMarkets(InfeasibleBudget):
    """Not all contracts that bankrupt accounts left can be closed.

    demands    why, by position of the market's side among the problem's demands
    severity   the largest at which all of them can be closed; None where none is, or it is not known
    """

    def __init__(
        self,
        detail: str,
        budget_units: int,
        reachable_units: int,
        demands: Mapping[int, str],
        severity: Fraction | None,
    ) -> None:
        super().__init__(detail, budget_units, reachable_units)
        self.demands = dict(demands)
        self.severity = severity


class SolverTimeout(SolverError):
    """A solver stopped at a limit of its own."""


class SolverFailed(SolverError):
    """A solver did not return a solution that passes verification."""
