"""How haircuts spread over accounts, and who would have kept how much, in whole units."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from app.replay import exact
from app.replay.event import Accounts
from solvers.money import Int64, total

BINS = (
    "nothing",
    "up to 0.1 %",
    "up to 1 %",
    "up to 5 %",
    "up to 10 %",
    "up to 25 %",
    "up to 50 %",
    "below 100 %",
    "all of it",
)
_THOUSANDTHS = (1, 10, 50, 100, 250, 500)
GROUPS = (("largest", 20), ("next", 80), ("next", 900), ("all others", None))
TOP = 20


class Kept(NamedTuple):
    """Of a group of accounts: what they had, and what is left of it. The name says how many they are."""

    name: str
    had: Decimal
    kept: Decimal


def ranked(accounts: Accounts) -> Int64:
    """Positions of the accounts with a profit to lose, the largest first, ties by id."""
    endowments, ids = accounts.endowment_units, accounts.ids
    winners = np.flatnonzero(endowments > 0).tolist()
    return np.array(sorted(winners, key=lambda row: (-int(endowments[row]), ids[row])), np.int64)


def kept(accounts: Accounts, taken: Int64, order: Int64) -> list[Kept]:
    """By size of profit; groups without accounts are left out."""
    found, start = [], 0
    for name, size in GROUPS:
        rows = order[start:] if size is None else order[start : start + size]
        start += len(rows)
        if len(rows):
            had = total(accounts.endowment_units[rows])
            left = had - total(taken[rows])
            found.append(Kept(f"{name} ({len(rows):,})", exact.of_units(had), exact.of_units(left)))
    return found


def spread(accounts: Accounts, taken: Int64, order: Int64) -> Sequence[int]:
    """Accounts with a profit in each of `BINS`, compared exactly."""
    counts = [0] * len(BINS)
    for had, lost in zip(accounts.endowment_units[order].tolist(), taken[order].tolist(), strict=True):
        if lost == 0:
            counts[0] += 1
        elif lost == had:
            counts[-1] += 1
        else:
            counts[1 + next((at for at, most in enumerate(_THOUSANDTHS) if 1000 * lost <= most * had), 6)] += 1
    return counts


def worst(accounts: Accounts, taken: Int64, order: Int64) -> Decimal:
    """The largest haircut, as a fraction of the profit."""
    if not len(order):
        return exact.ZERO
    row = order[int((taken[order] / accounts.endowment_units[order]).argmax())]
    return share(int(taken[row]), int(accounts.endowment_units[row]))


def share(part: int, whole: int) -> Decimal:
    return exact.ratio(Decimal(part), Decimal(whole)) or exact.ZERO
