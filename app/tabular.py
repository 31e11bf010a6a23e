"""Whole tables to and from CSV and Parquet. Amounts are texts on both sides: no number goes through a float.

Numbers of Parquet are read as the shortest decimal that is the same number; of its texts and of CSV, cells are what is
written, without spaces around them. Nulls and empty cells are the same.
"""

import csv
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from app.loaders.report import LoadError
from app.loaders.tables import NO_PYARROW

Columns = Mapping[str, Sequence[Any]]


def read_csv(data: bytes) -> dict[str, list[str]]:
    """The columns of a table in UTF-8 with a header. Raises LoadError."""
    try:
        file = io.StringIO(data.decode("utf-8-sig"), newline="")
    except UnicodeDecodeError as exc:
        raise LoadError("is not text in UTF-8") from exc
    reader = csv.reader(file, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        _check(header)
        rows = []
        for cells in reader:
            if len(cells) == len(header):
                rows.append(cells)
            elif cells:
                why = f"has {len(cells)} cells where the header has {len(header)}"
                raise LoadError(f"line {reader.line_num} {why}")
    except csv.Error as exc:
        raise LoadError(f"is not sound CSV after line {reader.line_num}: {exc}") from exc
    columns = zip(*rows, strict=True) if rows else [()] * len(header)
    return {name: [cell.strip() for cell in column] for name, column in zip(header, columns, strict=True)}


def read_parquet(data: bytes) -> dict[str, list[str]]:
    """The columns of a table. A list of numbers is told as CSV would, `[1, 2]`. Raises LoadError."""
    pyarrow = _pyarrow()
    from pyarrow import parquet  # noqa: PLC0415

    try:
        table = parquet.ParquetFile(pyarrow.BufferReader(data)).read()
        _check(table.column_names)
        return {name: _texts(column) for name, column in zip(table.column_names, table.columns, strict=True)}
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
