"""Accounts on the wire to a book. Every refusal names field and account."""

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN
from typing import Any

import numpy as np

from app.convert.tables import Fields, Table
from app.problems import Error, Faults, invalid, pointer, unknown_field
from app.schemas import requests
from app.schemas import snapshot as wire
from solvers import money
from solvers.errors import ProblemError
from solvers.money import Numbers
from solvers.problem import Book, repeated

ACCOUNTS = Fields(wire.REQUIRED, wire.FIELDS, wire.DEFAULTS)
SEIZED = Fields(("id", "seized"), tuple(requests.SeizedRow.model_fields))


def book_of(table: Table, precision: int, factors: int | None = None) -> Book:
    """The book of a snapshot; all faulty elements are collected before it is refused.

    Profits are zero where a table does not know them. `factors` is how many numbers an exposure must have; None where
    there is no shock and exposures are not used.
    """
    faults, defaults = Faults(), {"pnl": 0, **table.fields.defaults}
    faults.add(table.text_errors("id"))
    numbers: dict[str, Numbers] = {}
    units: dict[str, money.Int64] = {}
    for name in ("cash", *defaults, *wire.OPTIONAL_NUMBERS):
        if name not in table.columns and name not in defaults:
            continue
        try:
            numbers[name] = (
                Numbers.parse(name, table.columns[name], optional=name in wire.OPTIONAL_NUMBERS)
                if name in table.columns
                else Numbers.constant(name, defaults[name], len(table))
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
    why = f"must be signed dollars for each factor of the shock, {factors} an account"
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
    **dict.fromkeys(("shock", "retention", "margin", "integer", "numeraire"), ("options",)),
    "moves": ("options", "shock"),
}
"""Where fields that are no account's stand in a request."""

_OF_A_POLICY = ("level", "weights", "group_limits", "covariance", "factors")


def problem_errors(exc: ProblemError, table: Table, policy: tuple[str | int, ...] = ("policy",)) -> list[Error]:
    """Pointers for what a problem refused: account columns by element, others by name; `policy`: where it stands."""
    if exc.faults:
        return list(table.errors(exc.field, exc.faults.items()))
    if exc.field in _OF_A_POLICY:
        at = (*policy, exc.field)
        return [(pointer(at) if exc.part is None else unknown_field(at, exc.part), exc.detail, None)]
    if exc.field in _PARTS:
        return [(pointer((*_PARTS[exc.field], exc.field)), exc.detail, None)]
    if table.columnar:
        return [(pointer((*table.at, exc.field)), exc.detail, None)]
    return [(pointer(table.at), f"{exc.field}: {exc.detail}", None)]


def seized_of(table: Table, book: Book, precision: int) -> tuple[money.Int64, list[str]]:
    """Amounts seized in the book's order, to the nearest unit, and the ids that are not in the book."""
    ids = table.columns["id"]
    faults = Faults()
    faults.add(table.text_errors("id"))
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
    far = out_of_range(book, seized)
    where = {name: row for row, name in enumerate(ids)}
    wrong = ((where[book.ids[row]], "what is left is too large for exact arithmetic") for row in far)
    faults.add(table.errors("seized", wrong))
    faults.refuse()
    return seized, [name for name in ids if name not in position]


def out_of_range(book: Book, seized: money.Int64) -> list[int]:
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
