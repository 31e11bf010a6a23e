"""The closes of a wave against the positions they closed, and the markets that both make up."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import cached_property

from app.loaders import waves
from app.loaders.report import LoadError, Report
from app.loaders.waves import Close, Wave
from solvers.contracts.book import MOST_LOTS

MEAN = Context(prec=17, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True)
class Positions:
    """What a wave closed.

    closes   in the order of time
    firsts   the first close of each account and coin: its position is the one before the wave
    lots     lot sizes by coin
    """

    closes: Wave
    firsts: dict[tuple[str, str], Close]
    lots: dict[str, Decimal]

    @cached_property
    def coins(self) -> dict[str, list[Close]]:
        """The closes of each coin, coins in alphabetical order."""
        found: dict[str, list[Close]] = defaultdict(list)
        for close in self.closes:
            found[close.coin].append(close)
        return dict(sorted(found.items()))

    @cached_property
    def marks(self) -> dict[str, Decimal]:
        """The one adl_price of a coin, or the mean of several over the contracts closed."""
        return {coin: _mean(closes) for coin, closes in self.coins.items()}


def of(report: Report, wave: Wave, lots: dict[str, Decimal]) -> Positions:
    """Closes that do not fit the position of the first row of their account and coin go to the report."""
    firsts: dict[tuple[str, str], Close] = {}
    rests: dict[tuple[str, str], Decimal] = {}
    kept = []
    for close in wave:
        pair = close.user, close.coin
        first, rest = firsts.setdefault(pair, close), rests.setdefault(pair, abs(close.position))
        where = f"the position on {report.at} {first.at}, its first of the wave"
        if (close.position > 0) != (first.position > 0):
            report.leave_out(close.at, close.user, "position_size", f"is not on the side of {where}")
        elif close.size > rest:
            report.leave_out(close.at, close.user, "adl_size", f"is more than is left of {where}")
        else:
            rests[pair] = rest - close.size
            kept.append(close)
    report.unusable.sort(key=lambda row: row.at)
    found = Positions(kept, firsts, lots)
    for coin, closes in found.coins.items():
        closed = sum((close.size for close in closes), Decimal(0))
        largest = max(closed, *(abs(close.position) for close in closes))
        if largest >= MOST_LOTS * lots[coin]:
            raise LoadError(f"{report.path}: {largest:f} contracts of {coin} are 2^53 or more lots of {lots[coin]}")
    report.finish(list(dict.fromkeys(close.user for close in kept)), "many")
    return found


def lot_sizes(closes: Iterable[Close]) -> dict[str, Decimal]:
    """By coin the finest decimal of its sizes, one contract at most: the grid that all of them are on."""
    exponents: dict[str, int] = defaultdict(int)
    for close in closes:
        exponents[close.coin] = min(exponents[close.coin], _exponent(close.size), _exponent(close.position))
    return {coin: Decimal((0, (1,), exponent)) for coin, exponent in exponents.items()}


def _exponent(value: Decimal) -> int:
    return int(value.normalize(waves.DIGITS).as_tuple().exponent)


def _mean(closes: list[Close]) -> Decimal:
    prices = {close.price for close in closes}
    if len(prices) == 1:
        return prices.pop()
    value = sum((close.price * close.size for close in closes), Decimal(0))
    return MEAN.divide(value, sum((close.size for close in closes), Decimal(0)))
