"""What was read and what was not: every row of a table is counted, and every row that is not used is named."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

SHOWN = 20
"""Rows named on the terminal; the JSON report names all."""


class LoadError(Exception):
    """Nothing can be loaded; the message is one line for the user."""


class Unusable(NamedTuple):
    """A row that was left out. `at` is its line in a text file, whose header is line 1, or its row in Parquet."""

    at: int
    user: str | None
    column: str | None
    reason: str


@dataclass
class Report:
    """Filled while a table is read."""

    path: Path
    at: Literal["line", "row"] = "line"
    rows: int = 0
    unusable: list[Unusable] = field(default_factory=list)
    accounts: int = 0
    incomplete: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    """Whatever else a loader counts, by what it is called."""
    notes: list[str] = field(default_factory=list)
    """What a reader should know, a line each."""

    def leave_out(self, at: int, user: str | None, column: str | None, reason: str) -> None:
        self.unusable.append(Unusable(at, user, column, reason))

    def finish(self, accounts: list[str], rows_each: Literal["one", "many"]) -> None:
        """Note how many accounts came out and, where they have many rows, which of them lack one."""
        self.accounts = len(accounts)
        if rows_each == "many":
            lacking = {row.user for row in self.unusable}
            self.incomplete = [user for user in accounts if user in lacking]

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        yield f"{self.path}: {self.rows} rows, {len(self.unusable)} unusable, {self.accounts} accounts"
        yield from (f"{name}: {count}" for name, count in self.counts.items())
        yield from self.notes
        if self.incomplete:
            yield f"accounts put together without one of their rows: {len(self.incomplete)}"
        for row in self.unusable[:SHOWN]:
            yield f"{self.at} {row.at}: {' '.join(filter(None, (row.column, row.reason)))}"
        if len(self.unusable) > SHOWN:
            yield f"and {len(self.unusable) - SHOWN} more unusable rows, which --report PATH names"

    def document(self) -> dict[str, Any]:
        """For the JSON report."""
        return {
            "path": str(self.path),
            "rows": self.rows,
            "accounts": self.accounts,
            "counts": self.counts,
            "notes": self.notes,
            "unusable": len(self.unusable),
            "unusable_rows": [
                {self.at: row.at, "user": row.user, "column": row.column, "reason": row.reason} for row in self.unusable
            ],
            "incomplete_accounts": self.incomplete,
        }
