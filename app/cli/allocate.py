"""``adl allocate``."""

from app.cli import asking, options
from app.cli.options import Wishes


def allocate(
    book: options.Book,
    policy: options.Policy = None,
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
    """Allocate a shortfall: who is haircut by how much.

    Options override BOOK. Without --policy and without one in BOOK: capped-pro-rata.
    """
    wishes = Wishes(severity, deficit, fund, needed, shock, retention, partial, precision, set_)
    chosen = [] if policy is None else [(("policy",), options.named("name", policy, "--policy"))]
    question = asking.Question(
        "allocation",
        {"book": book},
        from_,
        [*chosen, *wishes.changes()],
        [*(["--policy"] if chosen else []), *wishes.given()],
        asking.server(url, key),
    )
    asking.answer(question, format_, output)
