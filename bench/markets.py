"""Closing problems of any size: accounts with positions in several markets, and what bankrupt accounts leave."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from solvers.contracts.book import Liquidations, Markets, Positions
from solvers.contracts.problem import Accounts, ClosureProblem, Margin
from solvers.money import Float64, Int64, Numbers
from solvers.problem import Shortfall

PRECISION = 6


@dataclass(frozen=True, kw_only=True)
class Nature:
    """What a random book is like. Shares are of all accounts, markets or positions, from 0 to 1.

    load          lots that bankrupt accounts leave of those that all holders of the other side have
    gap           by how much bankruptcy prices lie beyond the mark, as a share of it, on average
    position      mean lots of a position; they are heavy-tailed, spread over `tail` powers of e
    shorts        positions that are short
    losers        accounts whose positions lost
    capped        accounts with max_haircut below 1, and as many with min_equity above 0
    ties          accounts that are copies of their neighbour
    free          sides of markets whose gap is zero
    unclosable    sides of markets that leave more than all holders have
    inside        bankrupt accounts of the snapshot, liquidated without a price
    extremes      lot sizes and prices so far apart that a lot costs from 1e-9 to 1e12 units
    """

    load: float = 0.2
    gap: float = 0.02
    position: float = 1000.0
    tail: float = 1.5
    shorts: float = 0.5
    losers: float = 0.2
    capped: float = 0.0
    ties: float = 0.0
    free: float = 0.0
    unclosable: float = 0.0
    inside: int = 0
    extremes: bool = False


NASTY = Nature(load=0.3, position=12.0, capped=0.3, ties=0.3, free=0.15, inside=1)
"""Few lots a position, caps, ties, zero gaps and a bankrupt account of the snapshot."""


def random_market(
    seed: int,
    accounts: int = 12,
    markets: int = 4,
    per_account: int = 2,
    nature: Nature = NASTY,
    *,
    margin: Margin = "cross",
    severity: Fraction = Fraction(1),
    fund_units: int = 0,
) -> ClosureProblem:
    """The same book for the same seed. Both sides of every market that has holders are liquidated.

    Most can be closed with the defaults, but not all: whoever needs one that can asks the solver.
    """
    rng, per = np.random.default_rng([20251010, seed]), min(per_account, markets)
    account = np.repeat(np.arange(accounts), per)
    market = np.sort(np.argpartition(rng.random((accounts, markets)), per - 1, axis=1)[:, :per], axis=1).ravel()
    marks = np.round(10 ** rng.uniform(0, 3, markets), 2)
    decimals = rng.integers(0, 4, markets)
    if nature.extremes:
        marks, decimals = np.round(10 ** rng.uniform(-2, 6, markets) + 0.01, 2), rng.integers(0, 13, markets)
    # Positions of like worth: many lots where a lot is worth little, as far as `position` says on average.
    size = np.exp(rng.normal(-(nature.tail**2) / 2, nature.tail, accounts))[account] * rng.exponential(1, len(account))
    lots = np.clip(np.ceil(size * nature.position), 1, 1e9).astype(np.int64)
    side = np.where(rng.random(len(account)) < nature.shorts, -1, 1)
    won = np.where(rng.random(accounts) < nature.losers, -1, 1)[account] * rng.uniform(0.01, 0.3, len(account))
    bankrupt = np.zeros(accounts, np.bool_)
    bankrupt[: min(nature.inside, accounts)] = True
    won = np.where(bankrupt[account], -0.9, won)
    entry = np.maximum(np.round(marks[market] * (1 - side * won), 4), 0.01)
    profit = side * lots * 10.0 ** -decimals[market] * (marks[market] - entry)
    worth = lots * 10.0 ** -decimals[market] * marks[market]
    total, gross = np.bincount(account, profit, accounts), np.bincount(account, worth, accounts)
    cash = np.round(rng.exponential(0.3, accounts) * gross - 0.02 * gross * (rng.random(accounts) < 0.1), 2)
    cash[bankrupt] = 0.0
    haircuts = np.where(rng.random(accounts) < nature.capped, np.round(rng.random(accounts), 2), 1.0)
    floors = np.where(rng.random(accounts) < nature.capped, np.round(cash + rng.random(accounts) * total, 2), 0.0)
    floors = np.maximum(floors, 0.0) if margin == "cross" else np.zeros(accounts)
    if nature.ties:
        twin = np.flatnonzero(rng.random(accounts - 1) < nature.ties) + 1
        twin = twin[~bankrupt[twin] & ~bankrupt[twin - 1]]
        for column in (cash, haircuts, floors):
            column[twin] = column[twin - 1]
        for rows in (market, lots, side, entry):
            table = rows.reshape(accounts, per)
            table[twin] = table[twin - 1]
    left = _left(rng, nature, account, market, side * lots, bankrupt, marks)
    names = rng.permutation(accounts)
    return ClosureProblem(
        Markets(
            [f"M{place:03}" for place in rng.permutation(markets)],
            _column("mark_price", marks),
            Numbers.parse("lot_size", [f"1e-{places}" for places in decimals]),
            Numbers.parse("tick_size", [None] * markets, optional=True),
            _column("maintenance_margin_rate", np.full(markets, 0.01)),
        ),
        Accounts(
            [f"a{name:06}" for name in names],
            _column("cash", cash).units(PRECISION),
            _column("max_haircut", haircuts),
            _column("min_equity", floors).units(PRECISION),
            {"score": _column("score", rng.random(accounts))},
            PRECISION,
        ),
        Positions(account, market, _quantities("quantity", side * lots, decimals[market]), _column("entry", entry)),
        Liquidations(left[0], left[1], _quantities("quantity", left[2], decimals[left[1]]), left[3]),
        Shortfall(insurance_fund_units=fund_units, severity=severity),
        margin,
    )


def _left(
    rng: np.random.Generator,
    nature: Nature,
    account: Int64,
    market: Int64,
    lots: Int64,
    bankrupt: Any,
    marks: Float64,
) -> tuple[Int64, Int64, Int64, Numbers]:
    """Account, market, signed lots and price of the liquidations: outsiders, and what `inside` accounts hold."""
    sides = np.unique(2 * market + (lots > 0))
    held = np.bincount(2 * market + (lots > 0), np.abs(lots) * ~bankrupt[account], 2 * len(marks))[sides]
    share = nature.load * rng.uniform(0.5, 1.5, len(sides))
    share = np.where(rng.random(len(sides)) < nature.unclosable, 1.5, share)
    amount = np.maximum(np.ceil(held * share), 1).astype(np.int64)
    sign = np.where(sides % 2 == 1, -1, 1)  # holders are long: the bankrupt were short
    beyond = np.where(rng.random(len(sides)) < nature.free, 0.0, nature.gap * rng.uniform(0.2, 1.8, len(sides)))
    price = np.round(marks[sides // 2] * (1 + sign * beyond), 6)
    rows = np.flatnonzero(bankrupt[account])
    missing = np.concatenate((np.zeros(len(sides), np.bool_), np.ones(len(rows), np.bool_)))
    raw = [*price.tolist(), *[None] * len(rows)]
    return (
        np.concatenate((np.full(len(sides), -1), account[rows])),
        np.concatenate((sides // 2, market[rows])),
        np.concatenate((sign * amount, lots[rows])),
        Numbers("price", raw, np.concatenate((price, np.zeros(len(rows)))), missing if len(rows) else None),
    )


def _quantities(field: str, lots: Int64, decimals: Int64) -> Numbers:
    """Contracts of lots of 10^-decimals, as their shortest decimals."""
    return _column(field, lots / 10.0**decimals)


def _column(field: str, values: Float64) -> Numbers:
    return Numbers.parse(field, values.tolist())
