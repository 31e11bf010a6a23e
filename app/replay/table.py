"""The waves as CSV: a row a wave, amounts with six decimals, times in milliseconds, empty where not known."""

import csv
import io
from decimal import Decimal

from app.replay import exact
from app.replay.event import Event, Wave, over, short
from app.replay.haircuts_told import differs, need_over_cap

_HEAD = ("wave", "start_ms", "end_ms", "needed")
_REST = (
    "deficit",
    "total_cap",
    "needed_over_total_cap",
    "pr_worst_haircut_differs",
    "closes",
    "accounts",
    "coins",
    "closed_notional",
    "closed_profit",
    "closed_loss",
)


def render(event: Event) -> str:
    """For each taker, in the same order everywhere: taken, over and short of the need."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    columns = [f"{name}_{part}" for name in event.takers for part in ("taken", "over", "short", "worst_haircut")]
    writer.writerow((*_HEAD, *columns, *_REST))
    for wave in event.waves:
        takings = [cell for name in event.takers for cell in _taken(wave, name)]
        writer.writerow([*_head(wave), *takings, *_rest(wave)])
    return file.getvalue()


def _head(wave: Wave) -> list[str]:
    return [wave.label, _whole(wave.start), _whole(wave.end), _amount(wave.needed)]


def _taken(wave: Wave, name: str) -> list[str]:
    found = wave.by(name)
    if found is None:
        return [""] * 4
    apart = [""] * 2
    if wave.needed is not None:
        apart = [_amount(over(found.amount, wave.needed)), _amount(short(found.amount, wave.needed))]
    return [_amount(found.amount), *apart, _ratio(found.worst)]


def _rest(wave: Wave) -> list[str]:
    published, closes = wave.published.get("pr"), wave.closes
    level = need_over_cap(wave)
    known = level is not None and published is not None and published.worst is not None
    cells = [
        _amount(wave.deficit),
        _amount(wave.capacity),
        _ratio(level),
        str(differs(wave)).lower() if known else "",
    ]
    if closes is None:
        return cells + [""] * 6
    counts = [str(closes.rows), str(closes.accounts), str(closes.coins)]
    return [*cells, *counts, _amount(closes.notional), _amount(closes.profit), _amount(closes.loss)]


def _amount(value: Decimal | None) -> str:
    return "" if value is None else exact.plain(value)


def _ratio(value: Decimal | None) -> str:
    return "" if value is None else exact.plain(value, 12)


def _whole(value: Decimal | None) -> str:
    return "" if value is None else f"{value:f}"
