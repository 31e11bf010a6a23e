"""Answers as data frames and decimals, and data frames as requests. pandas and polars are used where they are."""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any, Literal, cast, get_args, get_type_hints, is_typeddict

from app.client import answers
from app.client.answers import Money

Library = Literal["pandas", "polars"]


def decimals(part: Any) -> Any:
    """A copy of an answer, or of a part of it, where every amount is a Decimal, exactly as written."""
    if isinstance(part, Mapping):
        return {name: _amount(value) if name in amounts() else decimals(value) for name, value in part.items()}
    return [decimals(value) for value in part] if isinstance(part, list) else part


def _amount(value: Any) -> Any:
    if isinstance(value, str):
        return Decimal(value)
    return [_amount(each) for each in value] if isinstance(value, list) else decimals(value)


@cache
def amounts() -> frozenset[str]:
    """The names of all fields of answers that are money."""
    types = [kind for kind in vars(answers).values() if is_typeddict(kind)]
    hints = [get_type_hints(kind, include_extras=True) for kind in types]
    return frozenset(name for fields in hints for name, hint in fields.items() if Money in _parts(hint))


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    if hint != Money:
        for inner in get_args(hint):
            yield from _parts(inner)


def frame(part: Sequence[Mapping[str, Any]] | Mapping[str, Any], library: Library | None = None) -> Any:
    """Rows or columns of an answer as a data frame; amounts are Decimals.

    Without `library` of pandas, or of polars where pandas is not installed. Raises ValueError for a part that is not a
    table, ImportError where there is no such library.
    """
    columns = dict(part) if isinstance(part, Mapping) else _columns(part)
    if not all(isinstance(values, list) for values in columns.values()):
        raise ValueError("only rows or columns can be a data frame")
    return _library(library).DataFrame(decimals(columns))


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _library(wanted: Library | None) -> Any:
    for name in ("pandas", "polars") if wanted is None else (wanted,):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as exc:
            if exc.name != name:
                raise
    raise ImportError(f"a data frame needs {wanted or 'pandas or polars'}: pip install {wanted or 'pandas'}")


def columns_of(value: Any) -> dict[str, list[Any]] | None:
    """A data frame as lists by column, None in missing cells; None if `value` is no data frame.

    Who made a data frame has imported its library, so that it need not be imported here. Raises ValueError for two
    columns of one name.
    """
    pandas, polars = sys.modules.get("pandas"), sys.modules.get("polars")
    if pandas is not None and isinstance(value, pandas.DataFrame):
        if not value.columns.is_unique:
            raise ValueError("the data frame has two columns of one name")
        return {str(name): _cells(column) for name, column in value.items()}
    if polars is not None and isinstance(value, polars.DataFrame):
        return cast("dict[str, list[Any]]", value.to_dict(as_series=False))
    return None


def _cells(column: Any) -> list[Any]:
    values: list[Any] = column.tolist()
    missing = column.isna()
    if not missing.any():
        return values
    return [None if gone else value for value, gone in zip(values, missing.tolist(), strict=True)]
