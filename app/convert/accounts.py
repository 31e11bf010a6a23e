"""Accounts on the wire, rows or columns, to columns and to a book. Every refusal names field and account."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from typing import Any

import numpy as np

from app.problems import Error, Faults, RequestProblem, invalid, pointer, unknown_field
from app.schemas import snapshot as wire
from solvers import money
from solvers.errors import ProblemError
from solvers.money import Numbers
from solvers.problem import Book, repeated


@dataclass(frozen=True)
class Table:
    """Rows or columns as columns, remembering how they came. `at` is where they stand in the request."""

    at: tuple[str, ...]
    columnar: bool
    columns: Mapping[str, list[Any]]

    @classmethod
    def read(cls, at: tuple[str, ...], raw: Any, required: Sequence[str], known: Sequence[str], most: int) -> "Table":
        """Check number, shape and field names; elements are checked by whoever uses the columns."""
        if _count(raw) > most:
            raise RequestProblem("payload-too-large", f"{pointer(at)} may have at most {most} accounts")
        if isinstance(raw, list):
            return cls(at, False, _from_rows(at, raw, required, known))
        if isinstance(raw, dict):
            return cls(at, True, _from_columns(at, raw, required, known))
        raise invalid([(pointer(at), "must be a list of rows or an object of columns", None)])

    def __len__(self) -> int:
        return len(self.columns["id"])

    def pointer(self, field: str, row: int) -> str:
        return pointer((*self.at, field, row) if self.columnar else (*self.at, row, field))

    def account_pointer(self, row: int) -> str:
        """The whole account: its row, or its id in the columns."""
        return self.pointer("id", row) if self.columnar else pointer((*self.at, row))

    def errors(self, field: str, faults: Iterable[tuple[int, str]]) -> Iterator[Error]:
        """Errors of single elements, with the account's id where it is one."""
        ids = self.columns["id"]
        for row, detail in faults:
            yield self.pointer(field, row), detail, ids[row] if _id_fault(ids[row]) is None else None

    def id_errors(self) -> Iterator[Error]:
        ids = self.columns["id"]
        if set(map(type, ids)) == {str}:
            lengths = set(map(len, ids))
            if 0 not in lengths and max(lengths) <= wire.MAX_ID:
                return iter(())
        return self.errors("id", ((row, why) for row, value in enumerate(ids) if (why := _id_fault(value))))


def _count(raw: Any) -> int:
    ids = raw.get("id") if isinstance(raw, dict) else raw
    return len(ids) if isinstance(ids, list) else 0


def _id_fault(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    return None if 0 < len(value) <= wire.MAX_ID else f"must have 1 to {wire.MAX_ID} characters"


def _from_rows(
    at: tuple[str, ...], rows: list[Any], required: Sequence[str], known: Sequence[str]
) -> dict[str, list[Any]]:
    if not rows:
        raise invalid([(pointer(at), "must not be empty", None)])
    faults = Faults()
    if set(map(type, rows)) != {dict}:
        faults.add(
            (pointer((*at, i)), "must be an object", None) for i, row in enumerate(rows) if type(row) is not dict
        )
        faults.refuse()
    names = set().union(*rows)
    if not names <= set(known) or not all(map(set(required).issubset, rows)):
        faults.add(_row_errors(at, rows, required, known))
        faults.refuse()
    return {name: [row.get(name, wire.DEFAULTS.get(name)) for row in rows] for name in known if name in names}


def _row_errors(
    at: tuple[str, ...], rows: list[dict[str, Any]], required: Sequence[str], known: Sequence[str]
) -> Iterator[Error]:
    for i, row in enumerate(rows):
        account = row.get("id") if _id_fault(row.get("id")) is None else None
        for name in required:
            if name not in row:
                yield pointer((*at, i, name)), "is required", account
        for name in sorted(set(row) - set(known)):
            yield unknown_field((*at, i), name), "is not a known field", account


def _from_columns(
    at: tuple[str, ...], columns: dict[str, Any], required: Sequence[str], known: Sequence[str]
) -> dict[str, list[Any]]:
    errors: list[Error] = []
    errors.extend((pointer((*at, name)), "is required", None) for name in required if columns.get(name) is None)
    unknown = sorted(set(columns) - set(known))
    errors.extend((unknown_field(at, name), "is not a known field", None) for name in unknown)
    present = {name: columns[name] for name in known if columns.get(name) is not None}
    errors.extend(
        (pointer((*at, name)), "must be an array", None) for name, column in present.items() if type(column) is not list
    )
    if errors:
        raise invalid(errors)
    count = len(present["id"])
    if count == 0:
        raise invalid([(pointer(at), "must not be empty", None)])
    errors.extend(
        (pointer((*at, name)), f"has {len(column)} elements where id has {count}", None)
        for name, column in present.items()
        if len(column) != count
    )
    if errors:
        raise invalid(errors)
    return present


def book_of(table: Table, precision: int, factors: int | None = None) -> Book:
    """The book of a snapshot; all faulty elements are collected before it is refused.

    `factors` is how many numbers an exposure must have; None where there is no shock and exposures are not used.
    """
    faults = Faults()
    faults.add(table.id_errors())
    numbers: dict[str, Numbers] = {}
    units: dict[str, money.Int64] = {}
    for name in ("cash", "pnl", *wire.DEFAULTS, *wire.OPTIONAL_NUMBERS):
        if name not in table.columns and name not in wire.DEFAULTS:
            continue
        try:
            numbers[name] = (
                Numbers.parse(name, table.columns[name], optional=name in wire.OPTIONAL_NUMBERS)
                if name in table.columns
                else Numbers.constant(name, wire.DEFAULTS[name], len(table))
            )
            if name in ("cash", "pnl", "min_equity"):
                units[name] = numbers[name].units(precision, ROUND_CEILING if name == "min_equity" else ROUND_FLOOR)
        except ProblemError as exc:
            faults.add(problem_errors(exc, table), exc.total)
    faults.add(_label_errors(table))
    faults.add(_exposure_errors(table))
    faults.refuse()
    exposure = None if factors is None else _exposure(table, factors)
    columns = {name: column for name, column in numbers.items() if name not in ("cash", "pnl", "min_equity")}
    try:
        return Book(
            table.columns["id"],
            units["cash"],
            units["pnl"],
            columns.pop("max_haircut"),
            units["min_equity"],
            columns,
            precision,
            exposure,
            table.columns.get("group"),
        )
    except ProblemError as exc:
        raise invalid(problem_errors(exc, table), exc.total) from exc


def _label_errors(table: Table) -> Iterator[Error]:
    column = table.columns.get("group", [])
    if set(map(type, column)) <= {str, type(None)}:
        return iter(())
    labels = enumerate(column)
    wrong = ((row, "must be a string or null") for row, value in labels if not isinstance(value, str | None))
    return table.errors("group", wrong)


def _exposure_errors(table: Table) -> Iterator[Error]:
    column = enumerate(table.columns.get("exposure", []))
    wrong = ((row, why) for row, value in column if value is not None and (why := _exposure_fault(value)))
    return table.errors("exposure", wrong)


def _exposure_fault(value: Any) -> str | None:
    if value == []:
        return "must not be empty"
    return next(filter(None, map(money.fault, value if isinstance(value, list) else [value])), None)


def _exposure(table: Table, factors: int) -> money.Float64 | None:
    """Sound exposures as a row an account, NaN where one gives none; None without any."""
    column = table.columns.get("exposure", [])
    given = [
        (row, value if isinstance(value, list) else [value]) for row, value in enumerate(column) if value is not None
    ]
    if not given:
        return None
    why = f"must be {factors} signed dollars, one a factor of the shock"
    faults = Faults()
    faults.add(table.errors("exposure", ((row, why) for row, values in given if len(values) != factors)))
    faults.refuse()
    numbers = Numbers.parse("exposure", [value for _, values in given for value in values])
    try:
        numbers.check_range()
    except ProblemError as exc:
        rows = {given[place // factors][0]: detail for place, detail in exc.faults.items()}
        raise invalid(list(table.errors("exposure", rows.items())), len(rows)) from exc
    matrix = np.full((len(table), factors), np.nan)
    matrix[[row for row, _ in given]] = numbers.floats.reshape(-1, factors)
    return matrix


_PARTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("deficit", "largest", "insurance_fund", "severity", "needed"), ("shortfall",)),
    **dict.fromkeys(("shock", "retention"), ("options",)),
}
"""Where fields that are no account's stand in a request."""


def problem_errors(exc: ProblemError, table: Table, policy: tuple[str | int, ...] = ("policy",)) -> list[Error]:
    """Pointers for what a problem refused: account columns by element, others by name; `policy`: where it stands."""
    if exc.faults:
        return list(table.errors(exc.field, exc.faults.items()))
    if exc.field in ("weights", "group_limits"):
        return [(pointer((*policy, exc.field)), exc.detail, None)]
    if exc.field in _PARTS:
        return [(pointer((*_PARTS[exc.field], exc.field)), exc.detail, None)]
    if table.columnar:
        return [(pointer((*table.at, exc.field)), exc.detail, None)]
    return [(pointer(table.at), f"{exc.field}: {exc.detail}", None)]


def seized_of(table: Table, book: Book, precision: int) -> tuple[money.Int64, list[str]]:
    """Amounts seized in the book's order, to the nearest unit, and the ids that are not in the book."""
    ids = table.columns["id"]
    faults = Faults()
    faults.add(table.id_errors())
    try:
        numbers = Numbers.parse("seized", table.columns["seized"])
        amounts = numbers.units(precision, ROUND_HALF_EVEN)
    except ProblemError as exc:
        faults.add(problem_errors(exc, table), exc.total)
    faults.refuse()
    faults.add(table.errors("id", ((row, "must be unique") for row in repeated(ids))))
    faults.refuse()
    position = {name: row for row, name in enumerate(book.ids)}
    seized = np.zeros(len(book), dtype=np.int64)
    known = [(position[name], row) for row, name in enumerate(ids) if name in position]
    rows = np.array(known, dtype=np.int64).reshape(-1, 2)
    seized[rows[:, 0]] = amounts[rows[:, 1]]
    far = _out_of_range(book, seized)
    where = {name: row for row, name in enumerate(ids)}
    wrong = ((where[book.ids[row]], "what is left is too large for exact arithmetic") for row in far)
    faults.add(table.errors("seized", wrong))
    faults.refuse()
    return seized, [name for name in ids if name not in position]


def _out_of_range(book: Book, seized: money.Int64) -> list[int]:
    """Where pnl or equity less what was seized would not fit 64 bits; doubles tell who is near."""
    columns = (book.pnl_units, book.equity_units)
    near = np.zeros(len(book), dtype=np.bool_)
    for amounts in columns:
        near |= np.abs(amounts.astype(np.float64) - seized) > 0.99 * money.UNIT_LIMIT
    return [
        row
        for row in np.flatnonzero(near).tolist()
        if any(abs(int(amounts[row]) - int(seized[row])) >= money.UNIT_LIMIT for amounts in columns)
    ]
