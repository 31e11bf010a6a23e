"""Accounts and what policies would have taken from each: wave by wave, or the whole need at once."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from app.loaders.report import LoadError
from app.replay import exact, policies
from app.replay.event import Accounts, Progress, Taking, Wave
from app.replay.words import waves
from solvers.money import Int64, total, units
from solvers.problem import HaircutProblem, Shortfall

Books = Sequence[tuple[Wave, Mapping[str, Sequence[Any]]]]
"""Waves and the columns of their accounts."""


def wave_by_wave(books: Books, names: Sequence[str], told: Progress) -> tuple[dict[str, dict[str, Taking]], Accounts]:
    """What policies take in each wave that needs something, by its label, and of whom over all those waves."""
    asked = [(wave, columns) for wave, columns in books if wave.needed]
    together = _Together()
    takings: dict[str, dict[str, Taking]] = {}
    refused: dict[str, str] = {}
    for at, (wave, columns) in enumerate(asked or books):
        told(f"wave {wave.label}", 0.5 + 0.4 * at / len(asked or books))
        problem = policies.problem(columns, Shortfall(budget(wave.needed)))
        found, why = policies.takes(problem, names if wave.needed else ())
        refused |= {name: f"in wave {wave.label}: {reason}" for name, reason in why.items() if name not in refused}
        takings[wave.label] = {name: taking(problem, seized) for name, seized in found.items()}
        together.add(problem, columns["notional"], found)
    scope = (
        "Profit is what the closes of a wave realised. Each wave that is known to need something was allocated by "
        f"itself, {waves(len(asked))}, and amounts are added up."
        if asked
        else "Profit is what the closes realised. Nothing is known to be needed, so nothing was allocated."
    )
    needed = exact.total(wave.needed for wave, _ in asked if wave.needed) if asked else None
    return takings, together.accounts(needed, refused, scope)


def at_once(
    problem: HaircutProblem, notional: Sequence[Any], needed: Decimal | None, names: Sequence[str], scope: str
) -> Accounts:
    """One book, one allocation of all that is needed."""
    found, refused = policies.takes(problem, names if needed is not None else ())
    return Accounts(
        problem.book.ids,
        [_decimal(value) for value in notional],
        problem.endowment_units,
        found,
        needed,
        refused,
        scope,
    )


def taking(problem: HaircutProblem, seized: Int64) -> Taking:
    """The sum, and the worst haircut as a share of what could be taken from the account."""
    haircuts = problem.haircuts(seized)
    worst = int(haircuts.argmax())
    share = exact.ratio(exact.of_units(int(seized[worst])), exact.of_units(int(problem.endowment_units[worst])))
    return Taking(exact.of_units(total(seized)), share or exact.ZERO)


class _Together:
    """Amounts of accounts over waves."""

    def __init__(self) -> None:
        self._endowments: dict[str, int] = {}
        self._notionals: dict[str, Decimal] = {}
        self._taken: dict[str, dict[str, int]] = {}

    def add(self, problem: HaircutProblem, notional: Sequence[Any], found: dict[str, Int64]) -> None:
        ids = problem.book.ids
        _add(self._endowments, ids, problem.endowment_units)
        for name, seized in found.items():
            _add(self._taken.setdefault(name, {}), ids, seized)
        for account, value in zip(ids, notional, strict=True):
            self._notionals[account] = exact.total((self._notionals.get(account, exact.ZERO), _decimal(value)))

    def accounts(self, needed: Decimal | None, refused: dict[str, str], scope: str) -> Accounts:
        ids = list(self._endowments)
        # A policy that refused a wave would look kinder than it is over all of them.
        whole = {name: taken for name, taken in self._taken.items() if name not in refused}
        return Accounts(
            ids,
            [self._notionals[account] for account in ids],
            _array(self._endowments, ids),
            {name: _array(taken, ids) for name, taken in whole.items()},
            needed,
            refused,
            scope,
        )


def _add(sums: dict[str, int], ids: Sequence[str], amounts: Int64) -> None:
    for account, amount in zip(ids, amounts.tolist(), strict=True):
        sums[account] = sums.get(account, 0) + amount


def _array(sums: dict[str, int], ids: Sequence[str]) -> Int64:
    try:
        return np.array([sums.get(account, 0) for account in ids], np.int64)
    except OverflowError as exc:
        raise LoadError("the profits of an account are too large over all waves: 2^63 units or more") from exc


def budget(needed: Decimal | None) -> int:
    """Whole units, rounded up, as deficits are. Raises ProblemError."""
    return units(str(needed or 0), exact.PRECISION, "needed", up=True)


def _decimal(value: Any) -> Decimal:
    return Decimal(value if isinstance(value, str) else repr(value))
