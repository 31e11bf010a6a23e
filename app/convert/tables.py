"""Tables on the wire, rows or columns, to columns. Every refusal names the field, and the account if there is one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.problems import Error, Faults, RequestProblem, invalid, pointer, told, unknown_field
from app.schemas.snapshot import MAX_ID


@dataclass(frozen=True)
class Fields:
    """The fields of a table's rows.

    required   without these no row is complete; the first of them counts the rows of columns
    known      all that a row may have
    defaults   of fields left out, None where a field has none
    account    the field that names the account a row is about
    what       what the rows are
    """

    required: Sequence[str]
    known: Sequence[str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    account: str = "id"
    what: str = "accounts"


@dataclass(frozen=True)
class Table:
    """Rows or columns as columns, remembering how they came. `at` is where they stand in the request."""

    at: tuple[str, ...]
    fields: Fields
    columnar: bool
    columns: Mapping[str, list[Any]]

    @classmethod
    def read(cls, at: tuple[str, ...], raw: Any, fields: Fields, most: int) -> "Table":
        """Check number, shape and field names; elements are checked by whoever uses the columns."""
        if _count(raw, fields) > most:
            raise RequestProblem("payload-too-large", f"{pointer(at)} may have at most {most} {fields.what}")
        if isinstance(raw, list):
            return cls(at, fields, False, _from_rows(at, raw, fields))
        if isinstance(raw, dict):
            return cls(at, fields, True, _from_columns(at, raw, fields))
        raise invalid([(pointer(at), "must be a list of rows or an object of columns", None)])

    def __len__(self) -> int:
        return len(self.columns[self.fields.required[0]])

    def column(self, name: str) -> list[Any]:
        """A column, of its default where it was left out."""
        return self.columns.get(name) or [self.fields.defaults.get(name)] * len(self)

    def pointer(self, field: str, row: int) -> str:
        return pointer((*self.at, field, row) if self.columnar else (*self.at, row, field))

    def row_pointer(self, row: int) -> str:
        """The whole row, or the element of the first column that stands for it."""
        return self.pointer(self.fields.required[0], row) if self.columnar else pointer((*self.at, row))

    def account(self, row: int) -> str | None:
        """The account a row is about, where it names one."""
        names = self.columns.get(self.fields.account)
        return names[row] if names is not None and _text_fault(names[row]) is None else None

    def errors(self, field: str, faults: Iterable[tuple[int, str]]) -> Iterator[Error]:
        """Errors of single elements, with the account's id where it is one."""
        return told(faults, lambda fault: (self.pointer(field, fault[0]), fault[1], self.account(fault[0])))

    def text_errors(self, field: str, *, optional: bool = False) -> Iterator[Error]:
        """Names that are none."""
        values = self.columns.get(field, [])
        kinds = set(map(type, values))
        if kinds == {str}:
            lengths = set(map(len, values))
            if 0 not in lengths and max(lengths) <= MAX_ID:
                return iter(())
        texts = ((row, value) for row, value in enumerate(values) if value is not None or not optional)
        return self.errors(field, ((row, why) for row, value in texts if (why := _text_fault(value))))


def _count(raw: Any, fields: Fields) -> int:
    counted = raw.get(fields.required[0]) if isinstance(raw, dict) else raw
    return len(counted) if isinstance(counted, list) else 0


def _text_fault(value: Any) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    return None if 0 < len(value) <= MAX_ID else f"must have 1 to {MAX_ID} characters"


def _from_rows(at: tuple[str, ...], rows: list[Any], fields: Fields) -> dict[str, list[Any]]:
    if not rows:
        raise invalid([(pointer(at), "must not be empty", None)])
    faults = Faults()
    if set(map(type, rows)) != {dict}:
        wrong = (i for i, row in enumerate(rows) if type(row) is not dict)
        faults.add(told(wrong, lambda i: (pointer((*at, i)), "must be an object", None)))
        faults.refuse()
    names = set().union(*rows)
    if not names <= set(fields.known) or not all(map(set(fields.required).issubset, rows)):
        faults.add(_row_errors(at, rows, fields))
        faults.refuse()
    return {name: [row.get(name, fields.defaults.get(name)) for row in rows] for name in fields.known if name in names}


def _row_errors(at: tuple[str, ...], rows: list[dict[str, Any]], fields: Fields) -> Iterator[Error]:
    def error(fault: tuple[int, str]) -> Error:
        i, name = fault
        account = rows[i].get(fields.account)
        why = "is not a known field" if name in rows[i] else "is required"
        return unknown_field((*at, i), name), why, account if _text_fault(account) is None else None

    return told(_row_faults(rows, fields), error)


def _row_faults(rows: list[dict[str, Any]], fields: Fields) -> Iterator[tuple[int, str]]:
    """Row and field: those it lacks, and then those that are not known, as they came."""
    known = frozenset(fields.known)
    for i, row in enumerate(rows):
        for name in fields.required:
            if name not in row:
                yield i, name
        if not row.keys() <= known:
            for name in row:
                if name not in known:
                    yield i, name


def _from_columns(at: tuple[str, ...], columns: dict[str, Any], fields: Fields) -> dict[str, list[Any]]:
    known, faults = frozenset(fields.known), Faults()
    faults.add((pointer((*at, name)), "is required", None) for name in fields.required if columns.get(name) is None)
    unknown = (name for name in columns if name not in known)
    faults.add(told(unknown, lambda name: (unknown_field(at, name), "is not a known field", None)))
    present = {name: columns[name] for name in fields.known if columns.get(name) is not None}
    faults.add(
        (pointer((*at, name)), "must be an array", None) for name, column in present.items() if type(column) is not list
    )
    faults.refuse()
    first = fields.required[0]
    count = len(present[first])
    if count == 0:
        raise invalid([(pointer(at), "must not be empty", None)])
    faults.add(
        (pointer((*at, name)), f"has {len(column)} elements where {first} has {count}", None)
        for name, column in present.items()
        if len(column) != count
    )
    faults.refuse()
    return present
