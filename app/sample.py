"""A heavy-tailed venue in a crash, invented and seeded: a large request that is ready to POST.

``python -m app.sample > venue.json`` writes a body for POST /v1/allocations; with the argument ``comparison``
it writes one for POST /v1/comparisons. No row is taken from a real event.

The story: the price fell; shorts won and longs lost. With notional N at the mark, profit p and equity e,

* entry notional N + |p|, price ratio N / (N + |p|), for a winning short and a losing long alike;
* bankruptcy notional N + e for a short, max(N - e, 0) for a long;
* cash e - p, negative for a winner whose profit already covers losses elsewhere (cross margin).

The bytes are the same on every platform: only ``random()`` of the standard generator is drawn from, the
rest are inverse transforms, and every figure is rounded far above the last bit of a float.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from math import exp
from random import Random
from statistics import NormalDist
from typing import Any, Final, NamedTuple, TypeVar

T = TypeVar("T")
Draw = Callable[[], float]

ACCOUNTS: Final = 19_337
LOSER_SHARE: Final = 120 / ACCOUNTS
LOSING_LONG_SHARE: Final = 460 / ACCOUNTS
LARGEST_LOSS: Final = 10_900_000
INSURANCE_FUND: Final = 5_000_000
PROFIT_TAIL: Final = 0.90
LEVERAGE_TAIL: Final = 0.98
NORMAL: Final = NormalDist()
CLOSED_PIPE: Final = 141
"""The exit code when the reader went away, as a shell tells SIGPIPE and as `adl` has it."""

QUEUE_SCORES: Final = (
    "pnl",
    "size",
    "whitebit",
    "pnl-leverage",
    "bitmex",
    "binance",
    "hyperliquid-published",
    "hyperliquid-observed",
)
POLICIES: Final[tuple[dict[str, Any], ...]] = (
    {"name": "pro-rata"},
    {"name": "capped-pro-rata"},
    *({"name": "queue", "score": score} for score in QUEUE_SCORES),
    {"name": "contracts-pro-rata"},
    {"name": "leverage-pro-rata"},
    {"name": "rap", "risk": "linear"},
    {"name": "rap", "risk": "power", "exponent": 2},
    {"name": "rap", "risk": "cvar", "threshold": 3},
    {"name": "rap", "risk": "optimal"},
    {"name": "expected-deficit"},
    {"name": "expected-deficit", "exposure_model": "cash"},
    {"name": "cvar"},
    {"name": "revenue"},
    {"name": "blend", "weights": {"fairness": 1, "robustness": 1, "revenue": 1}},
)
AIMS: Final[dict[str, Any]] = {
    "shock": {"law": "student-t", "df": 3, "scale": 0.03},
    "retention": {"curve": "linear", "rate": 0.5},
}
"""The next shock, and how haircuts drive customers away: invented, as everything here."""


class Market(NamedTuple):
    mark_price: float
    maintenance_margin_rate: float


MARKETS: Final = (Market(118.40, 0.0125), Market(41.25, 0.02), Market(19.06, 0.025), Market(7.315, 0.05))


def venue(seed: int = 20251010, accounts: int = ACCOUNTS) -> dict[str, Any]:
    """A complete allocation request in columns; totals grow in proportion to ``accounts`` (at least 100)."""
    if accounts < 100:
        raise ValueError(f"a venue of {accounts} accounts has no tail: ask for 100 or more")
    draw = Random(seed).random  # noqa: S311 - a sample, not a secret
    scale = accounts / ACCOUNTS
    rows = _shuffled(_rows(accounts, scale, draw), draw)
    ids = _shuffled([f"acct-{number:05d}" for number in range(1, accounts + 1)], draw)
    return {
        "snapshot": {
            "as_of": "2026-01-15T09:30:00Z",
            "venue": "sample",
            "currency": "USD",
            "precision": 6,
            "accounts": {"id": ids} | {column: [row[column] for row in rows] for column in rows[0]},
        },
        "shortfall": {"deficit": None, "insurance_fund": round(INSURANCE_FUND * scale, 2), "severity": 1},
        "policy": {"name": "capped-pro-rata"},
    }


def comparison(request: dict[str, Any]) -> dict[str, Any]:
    """The same book under every policy, without the part per account."""
    kept = {part: request[part] for part in ("snapshot", "shortfall")}
    return kept | {"policies": list(POLICIES), "options": {"detail": "summary", **AIMS}}


def _rows(accounts: int, scale: float, draw: Draw) -> list[dict[str, Any]]:
    """Winners, then longs that lost and stayed solvent, then longs that went bankrupt."""
    losers = max(1, round(LOSER_SHARE * accounts))
    losing_longs = round(LOSING_LONG_SHARE * accounts)
    winners = accounts - losers - losing_longs
    pnls = [_profit(u) for u in _strata(winners, draw)]
    pnls += [-_profit(PROFIT_TAIL * u) for u in _strata(losing_longs, draw)]
    leverages = [_leverage(u) for u in _strata(len(pnls), draw)]
    rates = [0.44 * exp(0.5 * NORMAL.inv_cdf(u)) for u in _strata(accounts, draw)]
    equities = [abs(p) / rate / leverage for p, rate, leverage in zip(pnls, rates, leverages, strict=False)]

    losses = [LARGEST_LOSS * scale * (0.99 + 0.02 * draw())]
    losses += [_bounded_pareto(u, 2_000, 3_000_000, 0.5) for u in _strata(losers - 1, draw)]
    # The margin a loser posted, a quarter of its shortfall or more, went before it owed anything.
    pnls += [-loss * (1.25 + draw()) for loss in losses]
    equities += [-loss for loss in losses]
    return [_row(pnl, rate, equity, draw) for pnl, rate, equity in zip(pnls, rates, equities, strict=True)]


def _row(pnl: float, rate: float, equity: float, draw: Draw) -> dict[str, Any]:
    """One account with one position; ``rate`` is its profit or loss over its notional at the mark."""
    pnl = max(round(pnl, 2), 0.01) if pnl > 0 else min(round(pnl, 2), -0.01)
    notional = max(round(abs(pnl) / rate, 2), 0.01)
    # A near-zero equity keeps six decimals: in cents its leverage would stop at 100 N.
    equity = max(round(equity, 6), 1e-6) if 0 < equity < 1 else round(equity, 2)
    bankruptcy_notional = notional + equity if pnl > 0 else max(notional - equity, 0)
    market = MARKETS[int(draw() * len(MARKETS))]
    group, max_haircut = _terms(pnl, draw())
    return {
        "cash": round(equity - pnl, 6),
        "pnl": pnl,
        "notional": notional,
        "entry_notional": round(notional + abs(pnl), 2),
        "bankruptcy_notional": round(bankruptcy_notional, 6),
        "price_ratio": round(notional / (notional + abs(pnl)), 6),
        "maintenance_margin": round(notional * market.maintenance_margin_rate, 2),
        "contracts": max(round(notional / market.mark_price, 2), 0.01),
        "fees": round(0.015 * notional * exp(0.8 * NORMAL.inv_cdf(0.001 + 0.998 * draw())), 2),
        "group": group,
        "max_haircut": max_haircut,
        "min_equity": 0,
    }


def _terms(pnl: float, u: float) -> tuple[str | None, float]:
    """Group and largest haircut: one large account in ten makes markets and may lose half at most."""
    if pnl < 100_000:
        return ("retail", 1) if u < 0.7 else (None, 1)
    if u < 0.1:
        return "mm", 0.5
    return ("fund", 1) if u < 0.4 else (None, 1)


def _profit(u: float) -> float:
    """Quantile of profit: a lognormal body and a Pareto tail that is cut off."""
    if u < PROFIT_TAIL:
        return exp(5.4 + 3.0 * NORMAL.inv_cdf(u))
    return _bounded_pareto((u - PROFIT_TAIL) / (1 - PROFIT_TAIL), 10_400, 55_200_000, 0.615)


def _leverage(u: float) -> float:
    """Quantile of notional over equity: most accounts below 1, a few with next to no equity."""
    if u < LEVERAGE_TAIL:
        return 0.47 * exp(0.7 * NORMAL.inv_cdf(u))
    return _bounded_pareto((u - LEVERAGE_TAIL) / (1 - LEVERAGE_TAIL), 2, 1e8, 0.35)


def _bounded_pareto(u: float, low: float, high: float, alpha: float) -> float:
    return float(low * (1 - u * (1 - (low / high) ** alpha)) ** (-1 / alpha))


def _strata(count: int, draw: Draw) -> list[float]:
    """A uniform in each of ``count`` equal slices of (0, 1), shuffled: totals hardly depend on the seed.

    Kept off the ends of a slice, since the inverse of a normal is infinite at 0 and 1.
    """
    return _shuffled([(slot + 0.001 + 0.998 * draw()) / count for slot in range(count)], draw)


def _shuffled(items: Sequence[T], draw: Draw) -> list[T]:
    """Fisher and Yates on ``random()``: the standard shuffle may change between versions of Python."""
    result = list(items)
    for last in range(len(result) - 1, 0, -1):
        other = int(draw() * (last + 1))
        result[last], result[other] = result[other], result[last]
    return result


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m app.sample", description="Write the sample venue.")
    parser.add_argument("shape", nargs="?", choices=("allocation", "comparison"), default="allocation")
    shape = parser.parse_args(arguments).shape
    request = venue()
    try:
        json.dump(comparison(request) if shape == "comparison" else request, sys.stdout, separators=(",", ":"))
        sys.stdout.write("\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails again on its way out
        sys.exit(CLOSED_PIPE)


if __name__ == "__main__":
    main()
