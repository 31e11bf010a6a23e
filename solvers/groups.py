"""Limits on what groups of accounts may lose together: sum over a group of x_i <= limit (MODEL 6).

An account has one label or none, so groups do not overlap, and what can be taken under the limits is

    sum over limited groups of min(limit, sum of their caps) + the caps of everybody else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from solvers.errors import InfeasibleBudget, ProblemError
from solvers.money import Bool, Float64, Int64, fault, total, units
from solvers.problem import HaircutProblem
from solvers.rounding import settled

_SHOWN = 20
_LONGEST = 64

Fill = Callable[[Int64, int], tuple[Float64, float]]
"""Amounts of the accounts at these places that add up to so many units and minimise an objective, and their price."""


@dataclass(frozen=True)
class Group:
    """One limited group: `places` of its accounts among those that can be taken from, and its limit in whole units."""

    name: str
    places: Int64
    limit_units: int


@dataclass(frozen=True)
class Limits:
    """Group limits over the m accounts `rows` of a book: those of the groups whose caps add up to more."""

    groups: tuple[Group, ...]
    count: int

    @classmethod
    def of(cls, problem: HaircutProblem, wanted: Mapping[str, int], rows: Int64) -> "Limits":
        """Groups in the order of their names; limits that the caps keep anyway are left out.

        wanted   group to whole units, as `limit_units` has them
        Raises InfeasibleBudget, naming the groups that bind, where limits and caps do not allow the amount.
        """
        labels = problem.book.groups or [None] * len(problem.book)
        places: dict[str, list[int]] = {name: [] for name in wanted}
        for place, row in enumerate(rows.tolist()):
            if (label := labels[row]) is not None and label in places:
                places[label].append(place)
        caps = problem.cap_units[rows]
        found = [Group(name, np.array(places[name], np.int64), limit) for name, limit in sorted(wanted.items())]
        found = [group for group in found if total(caps[group.places]) > group.limit_units]
        _require(problem, found, caps)
        return cls(tuple(found), len(rows))

    def fill(self, amount_units: int, fill: Fill, guess: Bool | None = None) -> Float64:
        """min of a convex separable objective under the limits, from `fill`, its minimiser without limits.

        Groups whose limits bind take exactly their limits, each at a price of its own; everybody else has one price,
        which rises with every group found to bind. So a group that passes its limit at one price passes it at the
        next, and none has to be let go again (as accounts at their caps in water-filling).

        guess   groups to begin with; dropped unless each takes its limit below the common price, which proves them
        """
        bound = np.zeros(len(self.groups), np.bool_)
        x, sound = self._filled(amount_units, fill, bound if guess is None else guess)
        if guess is not None and sound:
            bound = guess.copy()
        elif guess is not None:
            x, _ = self._filled(amount_units, fill, bound)
        while (over := self._over(x) & ~bound).any():
            bound |= over
            x, _ = self._filled(amount_units, fill, bound)
        return x

    def _filled(self, amount_units: int, fill: Fill, bound: Bool) -> tuple[Float64, bool]:
        """Amounts, and whether the price of everybody else is above those of the bound groups."""
        held = [group for group, binds in zip(self.groups, bound.tolist(), strict=True) if binds]
        left, x, free = amount_units - sum(group.limit_units for group in held), np.zeros(self.count), self.free(bound)
        if left < 0:
            return x, False
        prices = []
        for group in held:
            x[group.places], price = fill(group.places, group.limit_units)
            prices.append(price)
        x[free], price = fill(free, left)
        return x, all(one < price for one in prices)

    def free(self, bound: Bool) -> Int64:
        """Places of the accounts outside of the bound groups."""
        free = np.ones(self.count, np.bool_)
        for group, binds in zip(self.groups, bound.tolist(), strict=True):
            free[group.places] &= not binds
        return np.flatnonzero(free)

    def _over(self, x: Float64) -> Bool:
        return np.array([float(x[group.places].sum()) > group.limit_units for group in self.groups], np.bool_)

    def settled(self, wanted: Float64, caps: Int64, amount_units: int, ids: Sequence[str], rows: Int64) -> Int64:
        """Whole units that keep every limit: what each group takes together first, then each account's part of it.

        `rounding.settled` twice. `ids` and `rows` as there; everybody without a limit is one more group.
        """
        if not self.groups:
            return settled(wanted, caps, amount_units, ids, rows)
        everyone = np.ones(len(self.groups), np.bool_)
        parts = [*(group.places for group in self.groups), self.free(everyone)]
        most = [*(group.limit_units for group in self.groups), total(caps[parts[-1]])]
        sums = np.array([float(wanted[part].sum()) for part in parts])
        names = [*(group.name for group in self.groups), ""]
        shares = settled(sums, np.array(most, np.int64), amount_units, names, np.arange(len(parts)))
        units_of = np.zeros(self.count, np.int64)
        for part, share in zip(parts, shares.tolist(), strict=True):
            units_of[part] = settled(wanted[part], caps[part], share, ids, rows[part])
        return units_of


def limit_units(problem: HaircutProblem, amounts: Mapping[str, int | float | str]) -> dict[str, int]:
    """Group limits, given in currency, in whole units, rounded down.

    Refused: what is no number, negative or too large for exact arithmetic, and groups that nobody in the book has.
    """
    known, found = set(problem.book.groups or ()), {}
    for name, amount in amounts.items():
        why = "no account is in this group" if name not in known else fault(amount)
        if why is None:
            try:
                found[name] = units(amount, problem.book.precision, "group_limits")
            except ProblemError as exc:
                why = exc.detail
            else:
                why = "must not be negative" if found[name] < 0 else None
        if why is not None:
            raise ProblemError("group_limits", why, part=name)
    return found


@dataclass(frozen=True)
class GroupViolation:
    """A group that loses more together than its limit."""

    name: str
    seized_units: int
    limit_units: int


def group_violations(problem: HaircutProblem, seized_units: Int64, limits: Mapping[str, int]) -> list[GroupViolation]:
    """Every group of `limits`, in whole units, that loses more; from the labels of the book alone."""
    sums = dict.fromkeys(limits, 0)
    for label, amount in zip(problem.book.groups or (), seized_units.tolist(), strict=False):
        if label is not None and label in sums:
            sums[label] += amount
    return [GroupViolation(name, sums[name], limit) for name, limit in limits.items() if sums[name] > limit]


def _require(problem: HaircutProblem, groups: Sequence[Group], caps: Int64) -> None:
    kept_back = sum(total(caps[group.places]) - group.limit_units for group in groups)
    reachable = problem.reachable_units - kept_back
    if problem.amount_units > reachable and groups:
        shown = ", ".join(_short(group.name) for group in groups[:_SHOWN])
        more = f" and {len(groups) - _SHOWN} more" if len(groups) > _SHOWN else ""
        raise InfeasibleBudget(
            f"the budget is above what the caps and the group limits allow to take; the limits of {shown}{more} bind: "
            "raise them, lower the severity, or accept a shortage with on_infeasible = partial",
            problem.amount_units,
            reachable,
        )
    problem.require_reachable()


def _short(name: str) -> str:
    return repr(name if len(name) <= _LONGEST else name[:_LONGEST] + "...")
