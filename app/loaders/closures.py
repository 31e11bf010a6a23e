"""One wave of the detailed table as markets, accounts, positions and liquidations, to be closed or verified.

    mark_price   adl_price; where it changed within the wave, its mean over the contracts closed, to 17 digits
    lot_size     the finest decimal of the coin's sizes in the whole table, one contract at most
    quantity     of a position: position_size in the first row of the account and coin within the wave
    liquidation  a coin's closes of one side, pooled: as many contracts, signed as the bankrupt held them, at
                 mark + side * gap, side +1 where the bankrupt was long

Cash is account_value_realtime of the account's first row within the wave. What adl_price is, and what entry_price is
not: docs/loading.md.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

from app.loaders import cells, gaps, positions, waves
from app.loaders.positions import Positions
from app.loaders.report import LoadError, Report
from app.loaders.waves import Wave

_MEAN = "; unprofitable, over-cap, gains and haircuts of their closes are of that mean, not of the venue"


class NoWave(LoadError):
    """A table has several waves and none of them was chosen, or fewer than that; the report lists them."""


@dataclass(frozen=True)
class Choice:
    """Which wave, counted from 1, the table of gaps, and whether the venue's own closes are to be verified."""

    wave: int | None = None
    gaps: Path | None = None
    verify: bool = False


def load(report: Report, choice: Choice = Choice()) -> dict[str, Any]:
    """The members of a request that the table fills; every row that is not used is in the report."""
    found = waves.read(report)
    if not found:
        return {}
    if choice.wave is None and len(found) > 1:
        raise _unchosen(report, found, f"has {len(found)} waves: choose one with --wave N")
    chosen = choice.wave or 1
    if chosen > len(found):
        raise _unchosen(report, found, f"has no wave {chosen}: the last is wave {len(found)}")
    wave = found[chosen - 1]
    report.notes.append(f"wave {chosen} of {len(found)}: {waves.described(wave)}")
    with localcontext(cells.EXACT):
        held = positions.of(report, wave, positions.lot_sizes(close for one in found for close in one))
        by_coin = {} if choice.gaps is None else gaps.read(choice.gaps, wave[0].time, wave[-1].time)
        report.notes += filter(None, (_simpler(held, choice.verify), _free(held, choice.gaps, by_coin)))
        request = {"snapshot": _snapshot(held), "liquidations": _liquidations(held, by_coin)}
    return {**request, "closures": _closures(held)} if choice.verify else request


def _unchosen(report: Report, found: list[Wave], why: str) -> NoWave:
    report.notes += [f"wave {place}: {waves.described(wave)}" for place, wave in enumerate(found, 1)]
    return NoWave(f"{report.path} {why}")


def _simpler(held: Positions, verify: bool) -> str | None:
    """Coins whose price changed within the wave, of which a snapshot knows one only; what it says of the closes."""
    ranges = {coin: sorted(close.price for close in closes) for coin, closes in held.coins.items()}
    spreads = {coin: prices[-1] / prices[0] - 1 for coin, prices in ranges.items() if prices[0] < prices[-1]}
    if not spreads:
        return None
    widest = max(spreads, key=lambda coin: spreads[coin])
    low, high = cells.written(ranges[widest][0]), cells.written(ranges[widest][-1])
    return (
        f"coins whose adl_price changed within the wave, marked at its mean: {len(spreads)}, "
        f"by {spreads[widest]:.2%} at most ({widest}, {low} to {high})" + (_MEAN if verify else "")
    )


def _free(held: Positions, path: Path | None, by_coin: dict[str, Decimal]) -> str | None:
    if path is None:
        return "no gaps given: closing is free"
    free = sum(not by_coin.get(coin) for coin in held.coins)
    return f"coins without a gap in {path}, whose closing is free: {free} of {len(held.coins)}" if free else None


def _snapshot(held: Positions) -> dict[str, Any]:
    cash: dict[str, str] = {}
    for close in held.closes:
        cash.setdefault(close.user, close.cash)
    firsts = held.firsts.values()
    return {
        "markets": {
            "symbol": [*held.coins],
            "mark_price": [cells.written(mark) for mark in held.marks.values()],
            "lot_size": [cells.written(held.lots[coin]) for coin in held.coins],
        },
        "accounts": {"id": [*cash], "cash": [*cash.values()]},
        "positions": {
            "account": [close.user for close in firsts],
            "market": [close.coin for close in firsts],
            "quantity": [cells.written(close.position) for close in firsts],
            "entry_price": [cells.written(close.entry_price) for close in firsts],
        },
    }


def _liquidations(held: Positions, by_coin: dict[str, Decimal]) -> dict[str, list[str]]:
    rows = []
    for coin, closes in held.coins.items():
        for side in (1, -1):
            closed = sum((close.size for close in closes if close.position * side < 0), Decimal(0))
            price = held.marks[coin] + side * by_coin.get(coin, Decimal(0))
            if closed and price <= 0:
                raise LoadError(f"the gap of {coin} leaves no bankruptcy price above zero: {cells.written(price)}")
            if closed:
                rows.append((coin, cells.written(side * closed), cells.written(price)))
    return {name: [row[place] for row in rows] for place, name in enumerate(("market", "quantity", "price"))}


def _closures(held: Positions) -> dict[str, list[str]]:
    """One a row of the table: whoever was long sold."""
    return {
        "account": [close.user for close in held.closes],
        "market": [close.coin for close in held.closes],
        "quantity": [cells.written(close.size.copy_sign(-close.position)) for close in held.closes],
        "price": [cells.written(close.price) for close in held.closes],
    }
