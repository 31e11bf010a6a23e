"""``adl close``."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import asking, options
from app.cli.options import Wishes

Table = Annotated[Path | None, typer.Option(metavar="FILE", help="Instead of BOOK, all four: a CSV or Parquet table.")]


def close(
    book: Annotated[
        Path | None, typer.Argument(metavar="[BOOK]", allow_dash=True, help="A request in JSON; - is stdin.")
    ] = None,
    accounts: Table = None,
    positions: Table = None,
    markets: Table = None,
    liquidations: Table = None,
    policy: options.ClosingPolicy = None,
    severity: options.ClosingSeverity = None,
    fund: options.Fund = None,
    needed: options.Needed = None,
    shock: options.Shock = None,
    retention: options.Retention = None,
    partial: options.Partial = False,
    precision: options.Precision = None,
    set_: options.Set = None,
    format_: options.Shape = None,
    output: options.Output = None,
    url: options.Url = None,
    key: options.Key = None,
) -> None:
    """Close contracts against winners: which of whose, at which price.

    Options override BOOK. Without --policy and without one in BOOK: lexicographic.
    """
    tables = {"accounts": accounts, "positions": positions, "markets": markets, "liquidations": liquidations}
    files = {name: path for name, path in tables.items() if path is not None}
    if len(files) != (4 if book is None else 0):
        raise typer.BadParameter(f"give BOOK, or all of {', '.join(f'--{name}' for name in tables)}")
    wishes = Wishes(severity, None, fund, needed, shock, retention, partial, precision, set_)
    chosen = [] if policy is None else [(("policy",), options.named("name", policy, "--policy"))]
    question = asking.Question(
        "closure",
        files if book is None else {"book": book},
        None if book is None else "json",
        [*chosen, *wishes.changes()],
        [*(["--policy"] if chosen else []), *wishes.given()],
        asking.server(url, key),
    )
    asking.answer(question, format_, output)
