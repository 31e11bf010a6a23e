"""What goes between a command and its worker process."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Source:
    """A file or stdin, already read: its name for messages, and json, csv or parquet where that is known."""

    name: str
    data: bytes
    format: str | None = None

    def kind(self) -> str:
        if self.format is not None:
            return self.format
        if self.data.startswith(b"PAR1"):
            return "parquet"
        start = self.data[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
        return "json" if start.startswith((b"{", b"[")) else "csv"


@dataclass(frozen=True)
class Table:
    """A table from a file: what is needed to tell a fault in the words of who made it.

    known  the columns it may have
    lines  of the file, by row; None: it has none, rows are counted
    empty  cells of required columns without anything in them, as COLUMN/ROW; of each column the first that are told
    """

    name: str
    known: Sequence[str]
    lines: Sequence[int] | None
    empty: Collection[str]

    def row(self, row: int) -> str:
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"


@dataclass
class Body:
    """A request's bytes, and where in it tables stand that came from files: pointer to table.

    policies  as they were given, for their labels
    note      what of the files is not looked at
    """

    raw: bytes = b""
    tables: dict[str, Table] = field(default_factory=dict)
    policies: Sequence[Mapping[str, Any]] | None = None
    note: str | None = None


@dataclass(frozen=True)
class Shown:
    """An answer's bytes in the format wanted, and as text for a terminal; why the command is to fail all the same."""

    data: bytes
    text: str
    refusal: str | None
