"""``adl compare``."""

from app.cli import asking, options
from app.cli.options import Wishes


def compare(
    book: options.Book,
    policies: options.Policies = None,
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
    """Compare policies on one book, side by side.

    A policy that does not fit the book is told with its reason beside the others.
    """
    wishes = Wishes(severity, deficit, fund, needed, shock, retention, partial, precision, set_)
    asked = [options.named("name", policy, "--policy") for policy in policies or ()]
    question = asking.Question(
        "comparison",
        {"book": book},
        from_,
        [*([(("policies",), asked)] if asked else []), *wishes.changes()],
        wishes.given(),
        asking.server(url, key),
    )
    asking.answer(question, format_, output)
