"""The parts of the report that are about accounts: who would have kept how much, haircuts, the largest twenty."""

from collections.abc import Iterator
from decimal import Decimal

from app.replay import charts, exact, html
from app.replay.charts import Series
from app.replay.event import Accounts
from app.replay.spread import BINS, TOP, kept, ranked, share, spread, worst
from solvers.money import total

NO_ACCOUNTS = "The tables given have no accounts, so this is not known."
NO_POLICY = "No policy allocated anything, since nothing is known to be needed."


def who_kept(accounts: Accounts | None) -> str:
    """What groups of accounts would have kept of their profit, by size."""
    return html.section("kept", "Who would have kept how much", *_who_kept(accounts))


def haircuts(accounts: Accounts | None, published: str) -> str:
    """How many accounts lose which share of their profit; `published` is what else is known of haircuts."""
    return html.section("haircuts", "Haircut distributions", *_haircuts(accounts), published)


def largest(accounts: Accounts | None) -> str:
    """The largest winners one by one."""
    return html.section("largest", "The top twenty accounts", *_largest(accounts))


def _who_kept(accounts: Accounts | None) -> Iterator[str]:
    if accounts is None:
        yield html.paragraph(NO_ACCOUNTS)
        return
    yield html.paragraph(accounts.scope)
    yield html.points(f"{name} is not told: {why}" for name, why in accounts.refused.items())
    yield html.points(_short_of(accounts))
    if not accounts.taken_units:
        yield html.paragraph(NO_POLICY)
        return
    order = ranked(accounts)
    if not len(order):
        yield html.paragraph("No account has a profit to take from.")
        return
    found = {name: kept(accounts, taken, order) for name, taken in accounts.taken_units.items()}
    groups = next(iter(found.values()))
    shares = [
        Series(name, [100 - 100 * float(exact.ratio(group.kept, group.had) or 0) for group in told])
        for name, told in found.items()
    ]
    title = "Share of profit taken, in percent, by size of profit"
    told = "A bar a policy in each group of accounts, from the largest profits to the smallest; figures below."
    yield charts.bars("kept-chart", title, told, [group.name for group in groups], shares)
    rows = [
        [
            group.name,
            exact.money(group.had),
            *(f"{exact.money(one[at].kept)} ({_percent(one[at].kept / group.had)})" for one in found.values()),
        ]
        for at, group in enumerate(groups)
    ]
    yield html.table("Profit kept, by size of profit", ["accounts", "profit", *found], rows)
    header = ("policy", "taken", "worst haircut", "accounts that pay", "lose half or more", "lose all", "the top keeps")
    rows = []
    for name, taken in accounts.taken_units.items():
        had, lost = accounts.endowment_units[order], taken[order]
        counts = [int((lost > 0).sum()), int((lost >= had - lost).sum()), int((lost == had).sum())]
        top = exact.of_units(int(had[0] - lost[0]))
        amount = exact.money(exact.of_units(int(lost.sum())))
        percent = exact.percent(worst(accounts, taken, order))
        rows.append([name, amount, percent, *(f"{count:,}" for count in counts), exact.money(top)])
    yield html.table(f"Who pays, of {len(order):,} accounts with a profit", header, rows)


def _short_of(accounts: Accounts) -> Iterator[str]:
    """Policies that could not take all that was needed."""
    for name, taken in accounts.taken_units.items():
        amount, needed = exact.of_units(total(taken)), accounts.needed or exact.ZERO
        if exact.less(needed, amount) >= exact.CENT:
            yield (
                f"{name} takes {exact.money(amount)} of the {exact.money(needed)} that is needed: more than that, its "
                "rule and what accounts may lose do not allow."
            )


def _haircuts(accounts: Accounts | None) -> Iterator[str]:
    if accounts is None or not accounts.taken_units:
        yield html.paragraph(NO_ACCOUNTS if accounts is None else NO_POLICY)
        return
    order = ranked(accounts)
    if not len(order):
        return
    counts = {name: spread(accounts, taken, order) for name, taken in accounts.taken_units.items()}
    title = "Share of accounts, in percent, by how much of their profit they lose"
    told = "A bar a policy at each range of haircuts; figures below."
    shares = [Series(name, [100 * count / len(order) for count in found]) for name, found in counts.items()]
    yield charts.bars("haircut-chart", title, told, BINS, shares)
    rows = [[name, *(f"{found[at]:,}" for found in counts.values())] for at, name in enumerate(BINS)]
    yield html.table("Accounts by the share of their profit that they lose", ["haircut", *counts], rows)


def _largest(accounts: Accounts | None) -> Iterator[str]:
    if accounts is None:
        yield html.paragraph(NO_ACCOUNTS)
        return
    rows = []
    for place, row in enumerate(ranked(accounts)[:TOP].tolist(), 1):
        had = int(accounts.endowment_units[row])
        left = [
            f"{exact.money(exact.of_units(had - int(taken[row])))} ({_percent(share(had - int(taken[row]), had))})"
            for taken in accounts.taken_units.values()
        ]
        amounts = [exact.money(accounts.notional[row]), exact.money(exact.of_units(had))]
        rows.append([str(place), accounts.ids[row], *amounts, *left])
    header = ["place", "account", "notional", "profit", *(f"kept under {name}" for name in accounts.taken_units)]
    yield html.table("The accounts of the largest profits, and what each policy would have left them", header, rows, 2)


def _percent(fraction: Decimal) -> str:
    return f"{exact.plain(fraction * 100, 2)} %"
