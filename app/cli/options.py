"""The options that commands share, and how their words become members of a request."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from app.cli.failures import REFUSED, Failure
from app.cli.output import Format

Change = tuple[tuple[str, ...], Any]
"""Where in a request, and what."""

POLICIES = (
    "pro-rata",
    "capped-pro-rata",
    "queue",
    "contracts-pro-rata",
    "leverage-pro-rata",
    "rap",
    "expected-deficit",
    "cvar",
    "revenue",
    "blend",
)
CLOSING_POLICIES = (
    "lexicographic",
    "min-max",
    "revenue",
    "leverage-draining",
    "expected-deficit",
    "cvar",
    "contracts-pro-rata",
    "queue",
)
"""Named here once more, since completing a word must not wait for the registries; a test holds them against these."""

MEASURES = ("max_haircut", "gini", "expected_deficit", "cvar", "revenue_kept")

From = Literal["json", "csv", "parquet"]


def _complete_policy(incomplete: str) -> list[str]:
    return [name for name in POLICIES if name.startswith(incomplete)]


def _complete_closing(incomplete: str) -> list[str]:
    return [name for name in CLOSING_POLICIES if name.startswith(incomplete)]


def _complete_measure(incomplete: str) -> list[str]:
    return [name for name in MEASURES if name.startswith(incomplete)]


_POLICY = "NAME, or NAME:PARAMETER=VALUE,..., or as JSON."

Book = Annotated[
    Path,
    typer.Argument(
        metavar="BOOK",
        allow_dash=True,
        help="A request or a snapshot in JSON, or a table of accounts in CSV or Parquet; - is stdin.",
    ),
]
Kind = Annotated[
    From | None, typer.Option("--from", help="What BOOK is; without: its ending says, or its first bytes.")
]
Policy = Annotated[str | None, typer.Option(metavar="POLICY", autocompletion=_complete_policy, help=_POLICY)]
Policies = Annotated[
    list[str] | None,
    typer.Option(
        "--policy", metavar="POLICY", autocompletion=_complete_policy, help=f"Once for each. {_POLICY} Without: all "
        "that are closed forms.",
    ),
]  # fmt: skip
ClosingPolicy = Annotated[str | None, typer.Option(metavar="POLICY", autocompletion=_complete_closing, help=_POLICY)]
Severity = Annotated[
    str | None, typer.Option(metavar="SHARE", help="Borne by the winners, 0 to 1, or match or extreme-value.")
]
ClosingSeverity = Annotated[str | None, typer.Option(metavar="SHARE", help="Borne by who is closed, 0 to 1.")]
Deficit = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Without: the sum of negative equities.")]
Fund = Annotated[str | None, typer.Option(metavar="AMOUNT", help="What the insurance fund pays first.")]
Needed = Annotated[str | None, typer.Option(metavar="AMOUNT", help="What was needed in fact, for the overshoot.")]
Shock = Annotated[str | None, typer.Option(metavar="LAW", help="The next shock, as normal:sigma=0.1, or as JSON.")]
Retention = Annotated[
    str | None, typer.Option(metavar="CURVE", help="How haircuts drive accounts away, as linear:rate=0.5, or as JSON.")
]
Partial = Annotated[bool, typer.Option("--partial", help="Where the budget is out of reach, take the most there is.")]
Precision = Annotated[int | None, typer.Option(help="Decimals of the currency; without: 6.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PATH=VALUE", help="Any member of the request, as options.numeraire=equity."),
]
Measures = Annotated[
    list[str] | None,
    typer.Option(
        "--measure", metavar="MEASURE", autocompletion=_complete_measure, help=f"Two or three of {', '.join(MEASURES)}."
    ),
]
Points = Annotated[int | None, typer.Option(help="Most points to show; without: 25.")]
Shape = Annotated[
    Format | None,
    typer.Option("--format", help="Without: as --output ends; a table on a terminal, JSON in a pipe."),
]
Output = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Written whole or not at all: .json, .csv, .parquet, .txt.")
]
Url = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Ask this server; without: solve here.")]
Key = Annotated[
    str | None, typer.Option(metavar="KEY", envvar="ADL_KEY", show_envvar=True, help="Of the server, adl_...")
]


@dataclass(frozen=True)
class Wishes:
    """What options say of a request; None: nothing."""

    severity: str | None = None
    deficit: str | None = None
    fund: str | None = None
    needed: str | None = None
    shock: str | None = None
    retention: str | None = None
    partial: bool = False
    precision: int | None = None
    set_: Sequence[str] | None = None

    def given(self) -> list[str]:
        """The options by name."""
        named = ("severity", "deficit", "fund", "needed", "shock", "retention", "precision")
        return [f"--{name}" for name in named if getattr(self, name) is not None]

    def changes(self) -> list[Change]:
        """Those of --set last, so that they decide. Raises typer.BadParameter."""
        severity = {"rule": self.severity} if self.severity in ("match", "extreme-value") else self.severity
        wanted: list[Change] = [
            (("shortfall", "severity"), severity),
            (("shortfall", "deficit"), self.deficit),
            (("shortfall", "insurance_fund"), self.fund),
            (("shortfall", "needed"), self.needed),
            (("options", "shock"), self.shock and named("law", self.shock, "--shock")),
            (("options", "retention"), self.retention and named("curve", self.retention, "--retention")),
            (("options", "on_infeasible"), "partial" if self.partial else None),
            (("snapshot", "precision"), self.precision),
        ]
        said = [change for change in wanted if change[1] is not None]
        return said + [_set(text) for text in self.set_ or ()]


def named(member: str, text: str, option: str) -> dict[str, Any]:
    """`NAME`, `NAME:PARAMETER=VALUE,...` or JSON as an object, the name in `member`. Raises typer.BadParameter."""
    if text.lstrip().startswith("{"):
        found = value_of(text)
        if not isinstance(found, dict):
            raise typer.BadParameter("is not valid JSON", param_hint=option)
        return found
    name, _, rest = text.partition(":")
    found = {member: name}
    for pair in filter(None, rest.split(",")):
        parameter, equals, value = pair.partition("=")
        if not equals or not parameter:
            raise typer.BadParameter("must be NAME, NAME:PARAMETER=VALUE,... or JSON", param_hint=option)
        found[parameter] = value_of(value)
    return found


def _set(text: str) -> Change:
    path, equals, value = text.partition("=")
    parts = tuple(path.split("."))
    if not equals or not all(parts):
        raise typer.BadParameter("must be PATH=VALUE, as options.numeraire=equity", param_hint="--set")
    return parts, value_of(value)


def value_of(text: str) -> Any:
    """JSON where it is some, else the text itself. A number that no double holds stays the text that it is."""
    try:
        return json.loads(text, parse_float=_number, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def _number(text: str) -> float | str:
    value = float(text)
    return value if isfinite(value) and Decimal(repr(value)) == Decimal(text) else text


def apply(body: dict[str, Any], changes: Sequence[Change]) -> None:
    """Change a request in place. Raises Failure where a path leads through what has no members."""
    for path, value in changes:
        at: Any = body
        for place, part in enumerate(path):
            last = place == len(path) - 1
            if isinstance(at, list) and part.isdecimal() and int(part) < len(at):
                key: Any = int(part)
            elif isinstance(at, dict):
                key = part
                if not last and at.get(part) is None:
                    at[part] = {}
            else:
                raise Failure(REFUSED, f"--set {'.'.join(path)}: there is no {'.'.join(path[: place + 1])} to set")
            if last:
                at[key] = value
            else:
                at = at[key]
