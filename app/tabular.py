"""Whole tables to and from CSV and Parquet. Amounts are texts on both sides: no number goes through a float.

Numbers of Parquet are read as the shortest decimal that is the same number; of its texts and of CSV, cells are what is
written, without spaces around them. Nulls and empty cells are the same.
"""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.loaders.report import LoadError
from app.loaders.tables import NO_PYARROW

Columns = Mapping[str, Sequence[Any]]


class Faults(LoadError):
    """More than one row is at fault: the message tells the first and how many there are, `further` the others."""

    def __init__(self, message: str, further: Sequence[str]) -> None:
        super().__init__(message)
        self.further = further


@dataclass(frozen=True)
class Cells:
    """A table as it was read: its columns, and the line of the file that each row begins in; None where it has none."""

    columns: Mapping[str, list[str]]
    lines: Sequence[int] | None


def read_csv(data: bytes) -> Cells:
    """A table in UTF-8 with a header. Raises LoadError."""
    try:
        file = io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as exc:
        raise LoadError("is not text in UTF-8") from exc
    reader = csv.reader(file, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check(header)
        if len(header) == 1 and ";" in header[0]:
            raise LoadError("has one column only: cells are separated by commas, not by ;")
        rows, lines, faults = [], [], []
        begins = reader.line_num + 1
        for cells in reader:
            if len(cells) == len(header):
                rows.append(cells)
                lines.append(begins)
            elif cells:
                faults.append(
                    f"line {begins} has {len(cells)} cell{'s' * (len(cells) > 1)} where the header has {len(header)}"
                )
            begins = reader.line_num + 1
    except csv.Error as exc:
        raise LoadError(f"is not sound CSV after line {reader.line_num}: {exc}") from exc
    if faults:
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise Faults(faults[0] + more, faults[1:])
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    told = {name: [cell.strip() for cell in column] for name, column in zip(header, columns, strict=True)}
    return Cells(told, lines)


def read_parquet(data: bytes) -> Cells:
    """A table. A list of numbers is told as CSV would, `[1, 2]`. Raises LoadError."""
    pyarrow = _pyarrow()
    from pyarrow import parquet  # noqa: PLC0415

    try:
        table = parquet.ParquetFile(pyarrow.BufferReader(data)).read()
        _check(table.column_names)
        columns = zip(table.column_names, table.columns, strict=True)
        return Cells({name: _texts(column) for name, column in columns}, None)
    except pyarrow.ArrowException as exc:
        raise LoadError(f"cannot be read as Parquet: {exc}") from exc


def _texts(column: Any) -> list[str]:
    pyarrow = _pyarrow()
    from pyarrow import compute  # noqa: PLC0415

    kind = column.type
    if pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind):
        rows = [(row.as_py() is None, row.values) for row in column]
        return ["" if missing else f"[{', '.join(_texts(values))}]" for missing, values in rows]
    texts = compute.fill_null(compute.cast(column, pyarrow.string()), "").to_pylist()
    return [text.strip() for text in texts]


def _check(header: Sequence[str]) -> None:
    if not any(header):
        raise LoadError("has no header")
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise LoadError(f"has the column {twice[0]} more than once")


def write_csv(columns: Columns) -> bytes:
    """A header and the rows; None is an empty cell, flags are true and false."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    told = [[_cell(value) for value in column] for column in columns.values()]
    writer.writerows(zip(*told, strict=True))
    return file.getvalue().encode()


def _cell(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def write_parquet(columns: Columns, amounts: Collection[str] = ()) -> bytes:
    """Texts of `amounts` as decimals; flags, whole and real numbers as what they are, all else as text."""
    pyarrow = _pyarrow()
    from pyarrow import parquet  # noqa: PLC0415

    arrays = {name: _array(list(values), decimal=name in amounts) for name, values in columns.items()}
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(arrays), sink)
    return bytes(sink.getvalue())


def _array(values: list[Any], *, decimal: bool) -> Any:
    pyarrow = _pyarrow()
    kinds = {type(value) for value in values} - {type(None)}
    if decimal:
        scale = max((len(value.partition(".")[2]) for value in values if value), default=0)
        return pyarrow.array(values, pyarrow.string()).cast(pyarrow.decimal128(38, scale))
    for kind, told in ((bool, pyarrow.bool_()), (int, pyarrow.int64()), (float, pyarrow.float64())):
        if kinds == {kind}:
            return pyarrow.array(values, told)
    return pyarrow.array(values, pyarrow.string())


def _pyarrow() -> Any:
    try:
        import pyarrow  # noqa: PLC0415 - an extra that only Parquet needs
    except ImportError as exc:
        raise LoadError(NO_PYARROW) from exc
    return pyarrow
