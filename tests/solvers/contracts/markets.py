"""Closing problems from plain numbers, random ones, and what tests of several modules do with them."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from bench.markets import NASTY, Nature, random_market
from solvers.contracts.book import Liquidations, Markets, Positions
from solvers.contracts.order import rearranged
from solvers.contracts.problem import Accounts, ClosureProblem, Margin
from solvers.money import Int64, Numbers, units
from solvers.problem import Shortfall

__all__ = ["NASTY", "PRECISION", "Nature", "by_name", "closing", "random_market", "shuffled"]

PRECISION = 6


def closing(
    markets: Mapping[str, Any],
    accounts: Mapping[str, Any],
    positions: Sequence[tuple[str, str, Any, Any]],
    liquidations: Sequence[Any],
    *,
    fund: Any = 0,
    severity: Any = 1,
    margin: Margin = "cross",
    precision: int = PRECISION,
    **more: Any,
) -> ClosureProblem:
    """A problem from plain numbers; decimal strings where floats will not do.

    markets        {"BTC": (mark, lot)} or {"BTC": dict(mark=, lot=, tick=, rate=)}
    accounts       {"a": cash} or {"a": dict(cash=, max_haircut=, min_equity=, score=, ...)}; others are columns
    positions      (account, market, signed quantity, entry price)
    liquidations   (market, signed quantity, price) or dict(market=, quantity=, price=, account=)
    more           further arguments of ClosureProblem: numeraire, shock, retention
    """
    symbols, ids = list(markets), list(accounts)
    kinds = [one if isinstance(one, dict) else {"mark": one[0], "lot": one[1]} for one in markets.values()]
    people = [one if isinstance(one, dict) else {"cash": one} for one in accounts.values()]
    left = [
        one if isinstance(one, dict) else dict(zip(("market", "quantity", "price"), one, strict=True))
        for one in liquidations
    ]
    others = sorted({name for person in people for name in person} - {"cash", "max_haircut", "min_equity"})
    return ClosureProblem(
        Markets(
            symbols,
            _numbers("markets.mark_price", [kind["mark"] for kind in kinds]),
            _numbers("markets.lot_size", [kind["lot"] for kind in kinds]),
            _numbers("markets.tick_size", [kind.get("tick") for kind in kinds]),
            _numbers("markets.maintenance_margin_rate", [kind.get("rate", 0) for kind in kinds]),
        ),
        Accounts(
            ids,
            np.array([units(person["cash"], precision, "cash") for person in people], np.int64),
            _numbers("max_haircut", [person.get("max_haircut", 1) for person in people]),
            np.array([units(one.get("min_equity", 0), precision, "min_equity", up=True) for one in people], np.int64),
            {name: _numbers(name, [person.get(name) for person in people]) for name in others},
            precision,
        ),
        Positions(
            np.array([ids.index(row[0]) for row in positions], np.int64),
            np.array([symbols.index(row[1]) for row in positions], np.int64),
            _numbers("positions.quantity", [row[2] for row in positions]),
            _numbers("positions.entry_price", [row[3] for row in positions]),
        ),
        Liquidations(
            np.array([ids.index(row["account"]) if row.get("account") in ids else -1 for row in left], np.int64),
            np.array([symbols.index(row["market"]) for row in left], np.int64),
            _numbers("liquidations.quantity", [row["quantity"] for row in left]),
            _numbers("liquidations.price", [row.get("price") for row in left]),
        ),
        Shortfall(insurance_fund_units=units(fund, precision, "fund"), severity=Fraction(str(severity))),
        margin,
        **more,
    )


def shuffled(problem: ClosureProblem, seed: int = 0) -> ClosureProblem:
    """The same problem with its markets, accounts, positions and liquidations in another order."""
    rng = np.random.default_rng(seed)
    counts = (len(problem.markets), len(problem.accounts.ids), len(problem.positions), len(problem.liquidations))
    markets, accounts, positions, liquidations = (rng.permutation(count) for count in counts)
    return rearranged(problem, markets, accounts, positions, liquidations)


def by_name(problem: ClosureProblem, amounts: Int64) -> dict[tuple[str, str], int]:
    """What each arc has, by account id and symbol."""
    ids, symbols, rows = problem.accounts.ids, problem.markets.symbols, problem.arcs.position
    pairs = zip(problem.positions.account[rows].tolist(), problem.positions.market[rows].tolist(), strict=True)
    names = [(ids[account], symbols[market]) for account, market in pairs]
    return dict(zip(names, amounts.tolist(), strict=True))


def _numbers(field: str, values: Sequence[Any]) -> Numbers:
    return Numbers.parse(field, list(values), optional=True)
