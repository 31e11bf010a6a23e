"""Accounts on the wire, rows or columns, to columns and to a book. Every refusal names field and account."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from typing import Any

import numpy as np

from app.problems import RequestProblem, invalid, pointer
from app.schemas import snapshot as wire
from solvers import money
from solvers.errors import ProblemError
from solvers.money import Numbers
from solvers.problem import Book

Error = tuple[str, str, str | None]


@dataclass(frozen=True)
class Table:
    """Rows or columns as columns, remembering how they came. `at` is where they stand in the request."""

    at: tuple[str, ...]
    columnar: bool
    columns: Mapping[str, list[Any]]

    @classmethod
    def read(cls, at: tuple[str, ...], raw: Any, required: Sequence[str], known: Sequence[str]) -> "Table":
        """Check shape and field names; elements are checked by whoever uses the columns."""
        if isinstance(raw, list):
            return cls(at, False, _from_rows(at, raw, required, known))
        if isinstance(raw, dict):
            return cls(at, True, _from_columns(at, raw, required, known))
        raise invalid([(pointer(at), "must be a list of rows or an object of columns", None)])

    def __len__(self) -> int:
        return len(self.columns["id"])

    def pointer(self, field: str, row: int) -> str:
        return pointer((*self.at, field, row) if self.columnar else (*self.at, row, field))

    def errors(self, field: str, faults: Mapping[int, str]) -> list[Error]:
        """Errors of single elements, with the account's id where it is one."""
        ids = self.columns["id"]
        return [
            (self.pointer(field, row), detail, ids[row] if _id_fault(ids[row]) is None else None)
            for row, detail in faults.items()
        ]

    def id_errors(self) -> list[Error]:
        ids = self.columns["id"]
        if set(map(type, ids)) == {str} and min(map(len, ids)) > 0 and max(map(len, ids)) <= wire.MAX_ID:
            return []
        return self.errors("id", {row: why for row, value in enumerate(ids) if (why := _id_fault(value))})


def _id_fault(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    return None if 0 < len(value) <= wire.MAX_ID else f"must have 1 to {wire.MAX_ID} characters"


def _from_rows(
    at: tuple[str, ...], rows: list[Any], required: Sequence[str], known: Sequence[str]
) -> dict[str, list[Any]]:
    if not rows:
        raise invalid([(pointer(at), "must not be empty", None)])
    if set(map(type, rows)) != {dict}:
        errors = [(pointer((*at, i)), "must be an object", None) for i, row in enumerate(rows) if type(row) is not dict]
        raise invalid(errors)
    names = set().union(*rows)
    missing = [name for name in required if not all(name in row for row in rows)]
    if missing or not names <= set(known):
        errors = []
        for i, row in enumerate(rows):
            account = row.get("id") if _id_fault(row.get("id")) is None else None
            for name in missing:
                if name not in row:
                    errors.append((pointer((*at, i, name)), "is required", account))
            unknown = sorted(set(row) - set(known))
            errors.extend((pointer((*at, i, name)), "is not a known field", account) for name in unknown)
        raise invalid(errors)
    return {name: [row.get(name, wire.DEFAULTS.get(name)) for row in rows] for name in known if name in names}


def _from_columns(
    at: tuple[str, ...], columns: dict[str, Any], required: Sequence[str], known: Sequence[str]
) -> dict[str, list[Any]]:
    errors: list[Error] = []
    errors.extend((pointer((*at, name)), "is required", None) for name in required if columns.get(name) is None)
    errors.extend((pointer((*at, name)), "is not a known field", None) for name in sorted(set(columns) - set(known)))
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


def book_of(table: Table, precision: int, max_accounts: int) -> Book:
    """The book of a snapshot; all faulty elements are collected before it is refused."""
    if len(table) > max_accounts:
        raise RequestProblem("payload-too-large", f"a snapshot may have at most {max_accounts} accounts")
    errors = table.id_errors()
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
            errors.extend(problem_errors(exc, table))
    errors.extend(_label_errors(table))
    errors.extend(_exposure_errors(table))
    if errors:
        raise invalid(errors)
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
        )
    except ProblemError as exc:
        raise invalid(problem_errors(exc, table)) from exc


def _label_errors(table: Table) -> list[Error]:
    column = table.columns.get("group", [])
    faults = {row: "must be a string or null" for row, value in enumerate(column) if not isinstance(value, str | None)}
    return table.errors("group", faults)


def _exposure_errors(table: Table) -> list[Error]:
    faults = {}
    for row, value in enumerate(table.columns.get("exposure", [])):
        if value is not None:
            why = next(filter(None, map(money.fault, value if isinstance(value, list) else [value])), None)
            if why is not None:
                faults[row] = why
    return table.errors("exposure", faults)


def problem_errors(exc: ProblemError, table: Table) -> list[Error]:
    """Pointers for what a problem refused: account columns by element, scalars of the shortfall by name."""
    if exc.faults:
        return table.errors(exc.field, exc.faults)
    if exc.field in ("deficit", "largest", "insurance_fund", "severity", "needed"):
        return [(pointer(("shortfall", exc.field)), exc.detail, None)]
    return [(pointer((*table.at, exc.field)), exc.detail, None)]


def seized_of(table: Table, book: Book, precision: int) -> tuple[money.Int64, list[str]]:
    """Amounts seized in the book's order, to the nearest unit, and the ids that are not in the book."""
    errors = table.id_errors()
    try:
        numbers = Numbers.parse("seized", table.columns["seized"])
        amounts = numbers.units(precision, ROUND_HALF_EVEN)
    except ProblemError as exc:
        errors.extend(problem_errors(exc, table))
    ids = table.columns["id"]
    position = {name: row for row, name in enumerate(book.ids)}
    seen: set[str] = set()
    repeated = {row: "must be unique" for row, name in enumerate(ids) if name in seen or seen.add(name)}  # type: ignore[func-returns-value]
    errors.extend(table.errors("id", repeated))
    if errors:
        raise invalid(errors)
    seized = np.zeros(len(book), dtype=np.int64)
    known = [(position[name], row) for row, name in enumerate(ids) if name in position]
    rows = np.array(known, dtype=np.int64).reshape(-1, 2)
    seized[rows[:, 0]] = amounts[rows[:, 1]]
    return seized, [name for name in ids if name not in position]
