"""The haircut problem: a book of accounts, a shortfall, and what follows from them before any policy decides.

Source: arXiv 2512.01112, sections 2 and 3. Amounts are int64 arrays of whole units (10^-precision of the
settlement currency), one element an account, in the order the accounts came.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property, wraps
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import numpy as np

from solvers.errors import InfeasibleBudget, ProblemError
from solvers.money import UNIT_LIMIT, Bool, Float64, Int64, Numbers, check_sums, fraction, total
from solvers.revenue.retention import Retention
from solvers.robustness.laws import Scenarios, Shock

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

Numeraire = Literal["pnl", "equity"]
Regime = Literal["insured", "coverable", "principal-needed", "insolvent"]
Binding = Literal["caps", "principal"]
SeverityRule = Literal["match", "extreme-value"]

NON_NEGATIVE = ("notional", "contracts", "entry_notional", "maintenance_margin", "price_ratio")
"""Further columns that have no meaning below zero."""


@dataclass(frozen=True)
class Book:
    """A snapshot of `n` accounts.

    ids            n distinct strings
    cash_units     protected cash c, may be negative in cross margin
    pnl_units      unrealised profit and loss
    max_haircut    largest fraction of its endowment an account may lose, in [0, 1]
    min_equity_units   equity that ADL must leave an account, >= 0
    columns        any further columns a policy may need (`notional`, `contracts`, `entry_notional`, ...)
    exposure       n x F signed dollars for the factors of a shock, long is positive; NaN where an account gives none
    groups         n labels, None where an account has none; for limits on groups
    """

    ids: Sequence[str]
    cash_units: Int64
    pnl_units: Int64
    max_haircut: Numbers
    min_equity_units: Int64
    columns: Mapping[str, Numbers]
    precision: int = 6
    exposure: Float64 | None = None
    groups: Sequence[str | None] | None = None

    def __post_init__(self) -> None:
        if not self.ids:
            raise ProblemError("accounts", "a book needs at least one account")
        again = repeated(self.ids)
        if again:
            raise ProblemError("id", "must be unique", again)
        outside = [
            row
            for row in np.flatnonzero(_at_or_beyond_bounds(self.max_haircut)).tolist()
            if not 0 <= fraction(self.max_haircut.raw[row] or 0) <= 1
        ]
        if outside:
            raise ProblemError("max_haircut", "must lie between 0 and 1", outside)
        if (self.min_equity_units < 0).any():
            rows = np.flatnonzero(self.min_equity_units < 0).tolist()
            raise ProblemError("min_equity", "must not be negative", rows)
        for column in (self.max_haircut, *self.columns.values()):
            column.check_range()
        for name in NON_NEGATIVE:
            if name in self.columns and (self.columns[name].floats < 0).any():
                rows = np.flatnonzero(self.columns[name].floats < 0).tolist()
                raise ProblemError(name, "must not be negative", rows)
        check_sums("pnl", self.equity_units)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def equity_units(self) -> Int64:
        """e = c + pnl."""
        far = np.abs(self.cash_units.astype(np.float64) + self.pnl_units) > 0.99 * UNIT_LIMIT
        for i in np.flatnonzero(far).tolist():
            if abs(int(self.cash_units[i]) + int(self.pnl_units[i])) >= UNIT_LIMIT:
                raise ProblemError("pnl", "cash + pnl is too large for exact arithmetic: 2^63 units or more", [i])
        return self.cash_units + self.pnl_units

    @cached_property
    def id_array(self) -> "np.ndarray[tuple[int], np.dtype[np.object_]]":
        """The ids as an array, to take some of them at once."""
        array = np.empty(len(self.ids), dtype=np.object_)
        array[:] = self.ids
        return array

    def column(self, name: str) -> Numbers:
        """A further column; refused by name when the snapshot does not carry it."""
        if name not in self.columns:
            raise ProblemError(name, "is needed by this policy and missing from every account")
        return self.columns[name]


@dataclass(frozen=True)
class Shortfall:
    """What has to be covered, in whole units.

    deficit_units         D, or None to take it from the negative equities
    largest_units         Delta, the largest single shortfall, or None to take it from the book's losers
    insurance_fund_units  F
    severity              theta in [0, 1], the share of the residual to socialise, or the rule that sets it: `match`
                          takes all that the caps allow, `extreme-value` no more than the second largest winner has
    needed_units          what the venue needed in fact, for the overshoot, or None
    """

    deficit_units: int | None = None
    largest_units: int | None = None
    insurance_fund_units: int = 0
    severity: Fraction | SeverityRule = Fraction(1)
    needed_units: int | None = None

    def __post_init__(self) -> None:
        for name in ("deficit", "largest", "insurance_fund", "needed"):
            amount = getattr(self, f"{name}_units")
            if amount is not None and amount < 0:
                raise ProblemError(name, "must not be negative")
        if isinstance(self.severity, Fraction) and not 0 <= self.severity <= 1:
            raise ProblemError("severity", "must lie between 0 and 1")


@dataclass(frozen=True)
class HaircutProblem:
    """Who can be haircut, by how much at most, and how much is to be taken.

    Endowment (what ADL may take): numeraire `pnl`: w = max(pnl, 0) if e > 0, else 0; `equity`: w = max(e, 0).
    Cap: clip(min(floor(max_haircut w), e - min_equity), 0, w), exact, in whole units.
    Budget: B = ceil(theta (D - min(F, D))).
    `reduced_units` is set when a shortage is accepted: policies then allocate that instead of the budget.
    `shock` is the next shock, for what looks at it. Refused: with scenarios, an account with equity and notional
    above 0 that gives no exposure (the winners of a crash are short, so a default would have the wrong sign).
    `retention` is how haircuts drive accounts away. Refused: with one, negative fees.
    `remembered` is what `once` keeps, and of a closing its network and its order.
    """

    book: Book
    shortfall: Shortfall = field(default_factory=Shortfall)
    numeraire: Numeraire = "pnl"
    reduced_units: int | None = None
    shock: Shock | None = None
    retention: Retention | None = None
    remembered: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        given, book = self.book.exposure, self.book
        factors = self.shock.moves.shape[1] if isinstance(self.shock, Scenarios) else 1
        if self.shock is not None and given is not None and given.shape != (len(book), factors):
            raise ProblemError("exposure", f"must be signed dollars for each factor of the shock, {factors} an account")
        if isinstance(self.shock, Scenarios):
            lacking = np.ones(len(book), np.bool_) if given is None else np.isnan(given).any(axis=1)
            rows = np.flatnonzero(lacking & (book.equity_units > 0) & (book.column("notional").floats > 0))
            if rows.size:
                raise ProblemError("exposure", "is needed by scenarios from accounts with notional", rows.tolist())
        if self.retention is not None and (book.column("fees").floats < 0).any():
            rows = np.flatnonzero(book.column("fees").floats < 0)
            raise ProblemError("fees", "must not be negative where a retention is given", rows.tolist())

    def reduced(self, amount_units: int) -> "HaircutProblem":
        """The same problem with less to take than the budget."""
        return replace(self, reduced_units=amount_units)

    @property
    def amount_units(self) -> int:
        """What a policy has to allocate: the budget, unless a shortage was accepted."""
        return self.budget_units if self.reduced_units is None else self.reduced_units

    def require_reachable(self) -> None:
        """Raise InfeasibleBudget where the caps of all winners together do not allow the amount."""
        if self.amount_units > self.reachable_units:
            detail = (
                "the budget is above what the caps of all winners allow to take; lower the severity, raise the caps, "
                "or accept a shortage with on_infeasible = partial"
            )
            if not self.winners.size:
                detail = "there are no winners to take anything from"
            raise InfeasibleBudget(detail, self.amount_units, self.reachable_units)

    @cached_property
    def endowment_units(self) -> Int64:
        equity = self.book.equity_units
        if self.numeraire == "equity":
            return np.maximum(equity, 0)
        return np.where(equity > 0, np.maximum(self.book.pnl_units, 0), 0)

    @cached_property
    def winners(self) -> Int64:
        """Positions of the accounts with an endowment, in the order they came."""
        return np.flatnonzero(self.endowment_units)

    @cached_property
    def cap_units(self) -> Int64:
        endowment = self.endowment_units
        allowed = endowment
        tight = np.flatnonzero((self.book.max_haircut.floats < 1) | ~self.book.max_haircut.short)
        if tight.size:
            numerators, decimals = self.book.max_haircut.exact
            allowed = endowment.copy()
            products = endowment[tight].astype(object) * numerators[tight].astype(object)
            allowed[tight] = (products // 10**decimals).astype(np.int64)
        # e - min_equity may pass -2^63, where it would wrap; a floor at zero is the same and cannot.
        room = np.where(
            self.book.equity_units > self.book.min_equity_units,
            np.maximum(self.book.equity_units, 0) - self.book.min_equity_units,
            0,
        )
        return np.minimum(allowed, room)

    @cached_property
    def capacity_units(self) -> int:
        """U, the sum of endowments."""
        return total(self.endowment_units)

    @cached_property
    def reachable_units(self) -> int:
        """C, the sum of caps."""
        return total(self.cap_units)

    @cached_property
    def deficit_units(self) -> int:
        if self.shortfall.deficit_units is not None:
            return self.shortfall.deficit_units
        return -total(np.minimum(self.book.equity_units, 0))

    @cached_property
    def largest_units(self) -> int | None:
        """Delta: given, or from the book's losers, else unknown."""
        if self.shortfall.largest_units is not None:
            return self.shortfall.largest_units
        worst = int(self.book.equity_units.min())
        return -worst if worst < 0 else None

    @cached_property
    def insurance_used_units(self) -> int:
        return min(self.shortfall.insurance_fund_units, self.deficit_units)

    @cached_property
    def residual_units(self) -> int:
        """R = D - min(F, D)."""
        return self.deficit_units - self.insurance_used_units

    @cached_property
    def upper_quantile_units(self) -> int | None:
        """b, the upper 1/k quantile of the k winners' endowments: the second largest, or the only one."""
        largest = np.sort(np.partition(self.endowment_units, -2)[-2:]) if len(self.book) > 1 else self.endowment_units
        return int(largest[0] or largest[-1]) or None

    @cached_property
    def severity(self) -> Fraction:
        """theta: as given, or by its rule (MODEL 9; arXiv 2512.01112, section 5).

        match          min(1, C / R): all that is coverable
        extreme-value  min(1, b / R): at most b, the second largest endowment, so that whoever pays, the top winner
                       keeps at least the difference between the two largest
        """
        rule = self.shortfall.severity
        if isinstance(rule, Fraction):
            return rule
        most = self.reachable_units if rule == "match" else self.upper_quantile_units or 0
        return min(Fraction(1), Fraction(most, self.residual_units)) if self.residual_units else Fraction(1)

    @cached_property
    def budget_units(self) -> int:
        """B = theta R, rounded up."""
        share = self.severity * self.residual_units
        return -(-share.numerator // share.denominator)

    @cached_property
    def regime(self) -> tuple[Regime, Binding | None]:
        """The regime by name and, where principal would be needed, what binds."""
        if self.residual_units == 0:
            return "insured", None
        if self.budget_units <= self.reachable_units:
            return "coverable", None
        if self.budget_units <= total(np.maximum(self.book.equity_units, 0)):
            return "principal-needed", "caps" if self.budget_units <= self.capacity_units else "principal"
        return "insolvent", None

    @cached_property
    def endowment(self) -> Float64:
        """The endowments as doubles, for ratios."""
        return self.endowment_units.astype(np.float64)

    def haircuts(self, units: Int64) -> Float64:
        """x_i / w_i of every account, 0 without an endowment."""
        return np.divide(units, self.endowment_units, out=np.zeros(len(self.book)), where=self.endowment_units > 0)


def once(
    function: Callable[Concatenate[HaircutProblem, Arguments], Result],
) -> Callable[Concatenate[HaircutProblem, Arguments], Result]:
    """Compute a function of a problem once for each problem, for all the policies and diagnostics of a request."""

    @wraps(function)
    def remembered(problem: HaircutProblem, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        key = (function, args, *kwargs.items())
        if key not in problem.remembered:
            problem.remembered[key] = function(problem, *args, **kwargs)
        found: Result = problem.remembered[key]
        return found

    return remembered


def _at_or_beyond_bounds(caps: Numbers) -> Bool:
    """Where a cap fraction may lie outside [0, 1]: by its double, or where that is not all of it."""
    return (caps.floats < 0) | (caps.floats > 1) | ~caps.short


def repeated(ids: Sequence[str]) -> list[int]:
    """Positions of ids that came before."""
    if len(set(ids)) == len(ids):
        return []
    seen: set[str] = set()
    rows = []
    for i, name in enumerate(ids):
        if name in seen:
            rows.append(i)
        seen.add(name)
    return rows
