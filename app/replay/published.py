"""The published tables a wave, a coin or a shock at a time, to rows with checked cells.

A row that cannot be used is refused with its line: left out, it would change the totals that others quote.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from app.loaders import cells, tables
from app.loaders.report import LoadError, Report
from app.replay import exact
from app.replay.event import PRODUCTION, Taking

Value = TypeVar("Value")

TOTALS = ("wave", "t_start_ms", "t_end_ms", "deficit_usd", "budget_needed_usd", "budget_prod_usd")
POLICIES = ("wave", "budget_needed", "budget_prod", "max_pct_prod", "total_cap")
GAPS = ("wave", "t_start_ms", "t_end_ms", "coin", "gap_usd_x_qty")
SHOCKS = ("coin", "deficit_usd", "budget_queue_usd")

BENCHMARKS = {
    "pr": "pro-rata of profit and equity, whichever is less",
    "pnl_pr": "pro-rata of profit",
    "eq_pr": "pro-rata of equity",
    "vector": "mirror descent, market by market",
    "contract_pr": "pro-rata of contracts",
    "fixed_point_ilp_integer": "smallest worst haircut, whole contracts",
}
"""What the publisher's names stand for. Those that a table lacks are left out."""


class Times(NamedTuple):
    """Of a wave, in milliseconds."""

    start: Decimal
    end: Decimal


class Total(NamedTuple):
    """A row of the totals: what a wave needed, and what production took."""

    times: Times
    deficit: Decimal | None
    needed: Decimal | None
    production: Decimal | None


class Metrics(NamedTuple):
    """A row of the policies; production's haircut is the worst as well."""

    needed: Decimal | None
    takings: dict[str, Taking]
    capacity: Decimal | None


def totals(report: Report) -> dict[str, Total]:
    """two_pass_equity_delta_by_wave, by wave."""
    found: dict[str, Total] = {}
    for row in _rows(TOTALS, report):
        amounts = [row.maybe(name) for name in TOTALS[3:]]
        row.once(found, row.wave(), Total(row.times(), *amounts))
    return found


def metrics(report: Report) -> dict[str, Metrics]:
    """policy_per_wave_metrics, by wave: the benchmarks that its header has both columns of."""
    names = [name for name in BENCHMARKS if _has((f"budget_{name}", f"max_pct_{name}"), report)]
    columns = [column for name in names for column in (f"budget_{name}", f"max_pct_{name}")]
    found: dict[str, Metrics] = {}
    for row in _rows((*POLICIES, *columns), report):
        takings = {}
        for name, as_written in ((PRODUCTION, "prod"), *((name, name) for name in names)):
            amount, worst = row.maybe(f"budget_{as_written}"), row.maybe(f"max_pct_{as_written}")
            if amount is not None:
                takings[name] = Taking(amount, worst)
        row.once(found, row.wave(), Metrics(row.maybe("budget_needed"), takings, row.maybe("total_cap")))
    return found


def gaps(report: Report) -> dict[tuple[str, Times], Decimal]:
    """two_pass_wave_coin_gap_per_contract: what is needed by wave and its times, added up over the coins."""
    parts: dict[tuple[str, Times], dict[str, Decimal]] = {}
    for row in _rows(GAPS, report):
        row.once(parts.setdefault((row.wave(), row.times()), {}), row.name("coin"), row.amount("gap_usd_x_qty"))
    return {wave: exact.total(coins.values()) for wave, coins in parts.items()}


def shocks(report: Report) -> list[tuple[Decimal, Decimal]]:
    """per_shock_metrics_queue: what the stylised queue takes and the deficit, a pair a shock."""
    return [(row.amount("budget_queue_usd"), row.amount("deficit_usd")) for row in _rows(SHOCKS, report)]


class _Row:
    """Cells by column; a cell that cannot be used is refused with its line."""

    def __init__(self, report: Report, at: int, found: dict[str, str]) -> None:
        self._report, self._at, self._cells = report, at, found

    def name(self, column: str) -> str:
        try:
            return cells.name(column, self._cells[column])
        except cells.CellError as exc:
            raise self._refused(exc) from exc

    def wave(self) -> str:
        return self.name("wave")

    def times(self) -> Times:
        times = Times(self.amount("t_start_ms"), self.amount("t_end_ms"))
        if times.end < times.start:
            raise self._refused(cells.CellError("t_end_ms", "is before t_start_ms"))
        return times

    def amount(self, column: str) -> Decimal:
        """Not negative: none of these amounts can be."""
        try:
            return Decimal(cells.not_negative(column, self._cells[column]))
        except cells.CellError as exc:
            raise self._refused(exc) from exc

    def maybe(self, column: str) -> Decimal | None:
        """None where the cell is empty."""
        return self.amount(column) if self._cells[column].strip() else None

    def once(self, found: dict[str, Value], key: str, value: Value) -> None:
        if key in found:
            raise LoadError(f"{self._report.path}, {self._report.at} {self._at}: {key} was in a row before")
        found[key] = value

    def _refused(self, exc: cells.CellError) -> LoadError:
        return LoadError(f"{self._report.path}, {self._report.at} {self._at}: {exc.column} {exc.reason}")


def _rows(needed: Sequence[str], report: Report) -> Iterator[_Row]:
    for at, row in tables.rows(needed, report):
        yield _Row(report, at, dict(zip(needed, row, strict=True)))
    for bad in report.unusable:
        raise LoadError(f"{report.path}, {report.at} {bad.at}: {bad.reason}")


def _has(columns: Sequence[str], report: Report) -> bool:
    return lacking(columns, report) is None


def lacking(columns: Sequence[str], report: Report) -> LoadError | None:
    """Why a table does not have the columns, or None. The error may also be that it cannot be read at all."""
    try:
        next(tables.rows(columns, Report(report.path)), None)
    except LoadError as exc:
        return exc
    return None
