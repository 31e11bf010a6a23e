"""``adl frontier``."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import asking, options
from app.cli.options import Change, Wishes


def frontier(
    book: options.Book,
    measures: options.Measures = None,
    points: options.Points = None,
    allocation: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The venue's own, as `adl verify` takes it, held against it.")
    ] = None,
    severity: options.Severity = None,
    deficit: options.Deficit = None,
    fund: options.Fund = None,
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
    """Show what fairness, robustness and revenue cost each other on one book."""
    wishes = Wishes(severity, deficit, fund, None, shock, retention, partial, precision, set_)
    named: list[tuple[str, Change]] = [
        ("--measure", (("measures",), measures)),
        ("--points", (("points",), points)),
    ]
    said = [(name, change) for name, change in named if change[1] is not None]
    question = asking.Question(
        "frontier",
        {"book": book} if allocation is None else {"book": book, "made": allocation},
        from_,
        [*(change for _, change in said), *wishes.changes()],
        [*(name for name, _ in said), *wishes.given()],
        asking.server(url, key),
    )
    asking.answer(question, format_, output)
