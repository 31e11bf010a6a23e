"""How a command ends when it does not answer: one line on stderr, and an exit code that scripts can tell apart."""

from collections.abc import Collection, Mapping
from typing import Any

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
    """Ends the command with this exit code; the message is one line that says what to change."""

    def __init__(self, exit_code: int, message: str) -> None:
        super().__init__(exit_code, message)
        self.exit_code = exit_code
        self.message = message


def of_problem(document: Mapping[str, Any], options: Collection[str], tables: Mapping[str, str]) -> Failure:
    """A problem document as a failure: with the option at fault of those given, or the row of a table from a file."""
    code, detail = str(document.get("code")), str(document.get("detail"))
    places = [error["pointer"] for error in document.get("errors", ())]
    named = [option for option in options if places and _OPTIONS[option] in (places[0], places[0].rpartition("/")[0])]
    remedies = [f"it is what {option} says" for option in named]
    remedies += _rows(places[0], tables) if places else []
    if code == "infeasible-budget":
        remedies.append(_feasible(document))
    elif code in _REMEDIES:
        remedies.append(_REMEDIES[code])
    return Failure(_CODES.get(code, REFUSED), "; ".join([detail, *remedies]))


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


def _rows(place: str, tables: Mapping[str, str]) -> list[str]:
    """`/snapshot/accounts/pnl/3` in the words of who made the table."""
    column, _, row = place.rpartition("/")
    name = tables.get(column.rpartition("/")[0])
    return [] if name is None or not row.isdecimal() else [f"that is row {int(row) + 1} of {name} below its header"]


def _feasible(document: Mapping[str, Any]) -> str:
    severity = document.get("largest_feasible_severity")
    least = "" if severity is None else f"the largest --severity that can be reached is {severity}, and "
    return f"{least}--partial takes the most there is"


def printable(text: str) -> str:
    """Text that moves no cursor and has one line: what a terminal would obey is shown as an escape."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
