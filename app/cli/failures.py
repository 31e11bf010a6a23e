"""How a command ends when it does not answer: a line on stderr, and an exit code that scripts can tell apart.

Where more than one fault was found, each has a line below the first.
"""

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from app.cli.parts import Table

REFUSED, UNANSWERED, FAILED, INTERRUPTED, CLOSED_PIPE = 1, 3, 4, 130, 141
"""Exit codes beside 0 and, of wrong usage, 2: the last two as a shell tells SIGINT and SIGPIPE."""

_CODES = {
    **dict.fromkeys(
        ("solver-timeout", "overloaded", "store-unavailable", "rate-limited", "request-timeout"), UNANSWERED
    ),
    **dict.fromkeys(("solver-failed", "internal-error"), FAILED),
}
_SIZES = "larger ones are allowed by the variables ADL_MAX_..., see docs/settings.md"
_REMEDIES = {
    "solver-timeout": "allow more time with ADL_TIME_LIMIT, and with options.time_limit where it is set",
    "payload-too-large": _SIZES,
    "unauthorized": "give it with --key or in ADL_KEY",
}


class Failure(Exception):
    """Ends the command with this exit code; the message is one line that says what to change.

    further  other faults, a line each
    """

    def __init__(self, exit_code: int, message: str, further: Sequence[str] = ()) -> None:
        super().__init__(exit_code, message, further)
        self.exit_code = exit_code
        self.message = message
        self.further = further

    def lines(self) -> list[str]:
        """What is told on stderr."""
        return [f"adl: {printable(self.message)}", *(f"  {printable(line)}" for line in self.further)]


def of_problem(document: Mapping[str, Any], options: Collection[str], tables: Mapping[str, Table]) -> Failure:
    """A problem document as a failure: with the option at fault of those given, or the place in a table from a file."""
    code, detail = str(document.get("code")), str(document.get("detail"))
    errors = document.get("errors", ())
    places = [error["pointer"] for error in errors]
    named = [option for option in options if places and _OPTIONS[option] in (places[0], places[0].rpartition("/")[0])]
    remedies = [f"it is what {option} says" for option in named]
    faults = [_fault(error, tables) for error in errors]
    if code == "invalid-request" and faults:
        detail, total = faults.pop(0), document.get("errors_total", len(errors))
        detail += f", and {total - 1} more" if total > 1 else ""
    if code == "infeasible-budget":
        remedies.append(_feasible(document))
    elif code in _REMEDIES:
        remedies.append(_REMEDIES[code])
    return Failure(_CODES.get(code, REFUSED), "; ".join([detail, *remedies]), faults)


_OPTIONS = {
    "--policy": "/policy",
    "--severity": "/shortfall/severity",
    "--deficit": "/shortfall/deficit",
    "--fund": "/shortfall/insurance_fund",
    "--needed": "/shortfall/needed",
    "--shock": "/options/shock",
    "--retention": "/options/retention",
    "--precision": "/snapshot/precision",
    "--measure": "/measures",
    "--points": "/points",
}
"""Where in a request an option's word is put."""


def _fault(error: Mapping[str, Any], tables: Mapping[str, Table]) -> str:
    """One error: `/snapshot/accounts/pnl/3` in the words of who made the table."""
    place, detail, account = error["pointer"], error["detail"], error.get("account")
    who = "" if account is None else f" (account {account})"
    parent, _, last = place.rpartition("/")
    above, _, column = parent.rpartition("/")
    if parent in tables and last not in tables[parent].known:
        table = tables[parent]
        return unknown_column(table.name, last, table.known)
    if above in tables and last.isdecimal():
        table = tables[above]
        if f"{column}/{last}" in table.empty:
            detail = "is required, and the cell is empty"
        return f"{table.name} {table.row(int(last))}, column {column}{who}: {detail}"
    return f"{place or 'the body'}{who}: {detail}"


def unknown_column(table: str, column: str, known: Sequence[str]) -> str:
    """With a question after what is nearest to it of the columns that are known, where one is near."""
    near = get_close_matches(column.lower(), known, 1)
    return f"{table} column {column}: is not a known field" + (f" (did you mean {near[0]}?)" if near else "")


def _feasible(document: Mapping[str, Any]) -> str:
    severity = document.get("largest_feasible_severity")
    least = "" if severity is None else f"the largest --severity that can be reached is {severity}, and "
    return f"{least}--partial takes the most there is"


def printable(text: str) -> str:
    """Text that moves no cursor and has one line: what a terminal would obey is shown as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
