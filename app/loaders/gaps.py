"""two_pass_wave_coin_gap_per_contract.csv: what the bankrupt of a wave left unpaid, a contract of each coin."""

from decimal import Decimal
from pathlib import Path

from app.loaders import cells, tables
from app.loaders.report import LoadError, Report

NEEDED = ("t_start_ms", "t_end_ms", "coin", "gap_per_contract_usd")


def read(path: Path, start: Decimal, end: Decimal) -> dict[str, Decimal]:
    """Gaps by coin, of the rows whose time range holds all of `start` to `end`.

    A row that cannot be used is refused: left out, it would make closing free.
    """
    report, found, lines = Report(path), dict[str, Decimal](), dict[str, int]()
    for at, row in tables.rows(NEEDED, report):
        try:
            opens, closes = (Decimal(cells.number(*pair)) for pair in zip(NEEDED[:2], row[:2], strict=True))
            coin, gap = cells.name("coin", row[2]), Decimal(cells.not_negative(NEEDED[3], row[3]))
        except cells.CellError as exc:
            raise LoadError(f"{path}, {report.at} {at}: {exc.column} {exc.reason}") from exc
        if opens <= start and end <= closes:
            if coin in found:
                raise LoadError(f"{path}, {report.at} {at}: {coin} was on {report.at} {lines[coin]} already")
            found[coin], lines[coin] = gap, at
    for bad in report.unusable:
        raise LoadError(f"{path}, {report.at} {bad.at}: {bad.reason}")
    return found
