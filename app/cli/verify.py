"""``adl verify``."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import asking, options
from app.cli.options import Wishes


def verify(
    book: options.Book,
    allocation: Annotated[
        Path | None,
        typer.Argument(
            metavar="[ALLOCATION]",
            allow_dash=True,
            help="A table of id and seized, or of closes, in CSV or Parquet; JSON rows, columns or an answer; - is "
            "stdin. Without: what BOOK says.",
        ),
    ] = None,
    severity: options.Severity = None,
    deficit: options.Deficit = None,
    fund: options.Fund = None,
    needed: options.Needed = None,
    shock: options.Shock = None,
    retention: options.Retention = None,
    partial: options.Partial = False,
    precision: options.Precision = None,
    set_: options.Set = None,
    from_: options.Kind = None,
    format_: options.Shape = None,
    output: options.Output = None,
    url: options.Url = None,
    key: options.Key = None,
) -> None:
    """Judge an allocation or closes that anybody made. Exit code 1 where it is not valid."""
    if str(book) == str(allocation) == "-":
        raise typer.BadParameter("only one of BOOK and ALLOCATION can be stdin")
    wishes = Wishes(severity, deficit, fund, needed, shock, retention, partial, precision, set_)
    question = asking.Question(
        "verification",
        {"book": book} if allocation is None else {"book": book, "made": allocation},
        from_,
        wishes.changes(),
        wishes.given(),
        asking.server(url, key),
    )
    asking.answer(question, format_, output)
