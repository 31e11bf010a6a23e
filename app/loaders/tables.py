"""Tables on disk as rows of text: the cells of CSV as they are written, those of Parquet in their shortest form.

Parquet's numbers become the shortest decimal that reads back as the same double, which is what the service takes a
JSON number for. Columns that nobody asked for are not looked at.
"""

import csv
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from app.loaders.report import LoadError, Report

Rows = Iterator[tuple[int, tuple[str, ...]]]
FORMATS = (".csv", ".parquet")
NO_PYARROW = "reading Parquet needs pyarrow, which the extra `tables` installs: pip install '.[tables]'"


def rows(needed: Sequence[str], report: Report) -> Rows:
    """Line or row number and the `needed` cells, two or more; rows that do not fit the header go to the report."""
    if report.path.suffix == ".parquet":
        report.at = "row"
        return _parquet(needed, report)
    return _csv(needed, report)


def _csv(needed: Sequence[str], report: Report) -> Rows:
    with report.path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = [name.strip() for name in next(reader, [])]
            _check(header, needed, report.path)
            pick = itemgetter(*map(header.index, needed))
            end = reader.line_num
            for cells in reader:
                start, end = end + 1, reader.line_num  # a cell in quotes may span lines
                report.rows += 1
                if len(cells) == len(header):
                    yield start, pick(cells)
                elif cells:
                    report.leave_out(start, None, None, f"has {len(cells)} cells where the header has {len(header)}")
                else:
                    report.leave_out(start, None, None, "is blank")
        except (csv.Error, UnicodeDecodeError) as exc:
            raise LoadError(f"{report.path} is not sound CSV in UTF-8 after line {reader.line_num}: {exc}") from exc


def _parquet(needed: Sequence[str], report: Report) -> Rows:
    try:
        import pyarrow  # noqa: PLC0415 - an extra that only Parquet needs
        from pyarrow import compute, parquet  # noqa: PLC0415
    except ImportError as exc:
        raise LoadError(NO_PYARROW) from exc
    try:
        with report.path.open("rb") as source, parquet.ParquetFile(source) as file:
            _check(file.schema_arrow.names, needed, report.path)
            for batch in file.iter_batches(columns=list(needed)):
                texts = (compute.cast(batch.column(name), pyarrow.string()) for name in needed)
                columns = [compute.fill_null(text, "").to_pylist() for text in texts]
                for cells in zip(*columns, strict=True):
                    report.rows += 1
                    yield report.rows, cells
    except pyarrow.ArrowException as exc:
        raise LoadError(f"{report.path} cannot be read as Parquet: {exc}") from exc


def _check(header: Sequence[str], needed: Sequence[str], path: Path) -> None:
    if not header:
        raise LoadError(f"{path} has no header")
    missing = [name for name in needed if name not in header]
    if missing:
        raise LoadError(f"{path} lacks the column{'s' * (len(missing) > 1)} {', '.join(missing)}")
    twice = [name for name in needed if header.count(name) > 1]
    if twice:
        raise LoadError(f"{path} has the column {twice[0]} more than once")
