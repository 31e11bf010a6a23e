"""The parts of the report that go wave by wave: what happened, what was taken, and what was over and short."""

from collections.abc import Callable

from app.replay import charts, exact, html
from app.replay.charts import Series
from app.replay.event import PRODUCTION, PUBLISHED, Event, Wave, balance, over, short
from app.replay.published import BENCHMARKS
from app.replay.words import NOT_KNOWN, moment, taker, waves


def happened(event: Event) -> str:
    """The totals."""
    facts = [("waves", str(len(event.waves)))]
    known = [wave.needed for wave in event.waves if wave.needed is not None]
    if known:
        facts.append(("needed", exact.money(exact.total(known))))
    if event.takers[:1] == [PRODUCTION]:
        found = event.balance(PRODUCTION)
        facts += [
            (
                "taken by production",
                exact.money(exact.total(one.production.amount for one in event.waves if one.production)),
            ),
            (f"taken beyond the need, in {waves(found.waves_over)}", exact.money(found.over)),
            (f"short of the need, in {waves(found.waves_short)}", exact.money(found.short)),
            ("over less short", exact.money(found.net)),
        ]
    closes = [wave.closes for wave in event.waves if wave.closes]
    if closes:
        facts += [
            ("forced closes", f"{sum(one.rows for one in closes):,}"),
            ("closed, at the price of the closes", exact.money(exact.total(one.notional for one in closes))),
            ("profit realised by closes", exact.money(exact.total(one.profit for one in closes))),
            ("loss realised by closes", exact.money(exact.total(one.loss for one in closes))),
        ]
    if event.accounts is not None:
        facts.append(("accounts", f"{len(event.accounts.ids):,}"))
    if event.shocks:
        queue = balance(event.shocks)
        facts += [
            (f"stylised queue, {queue.waves:,} shocks: taken beyond the deficit", exact.money(queue.over)),
            ("stylised queue: deficit left over", exact.money(queue.short)),
        ]
    return html.section("happened", "What happened", html.figures(facts), html.points(event.notes))


def table(event: Event) -> str:
    """Every wave, with what each taker takes."""
    columns: list[tuple[str, Callable[[Wave], str]]] = [
        ("wave", lambda wave: wave.label),
        *_times(event),
    ]
    if any(wave.closes for wave in event.waves):
        columns += [
            ("closes", lambda wave: f"{wave.closes.rows:,}" if wave.closes else ""),
            ("accounts", lambda wave: f"{wave.closes.accounts:,}" if wave.closes else ""),
            ("coins", lambda wave: f"{wave.closes.coins:,}" if wave.closes else ""),
            ("profit realised", lambda wave: exact.money(wave.closes.profit) if wave.closes else ""),
            ("loss realised", lambda wave: exact.money(wave.closes.loss) if wave.closes else ""),
        ]
    columns.append(("needed", lambda wave: NOT_KNOWN if wave.needed is None else exact.money(wave.needed)))
    columns += [(taker(name), _taken(name)) for name in event.takers]
    if any(wave.deficit is not None for wave in event.waves):
        columns.append(("deficit", lambda wave: NOT_KNOWN if wave.deficit is None else exact.money(wave.deficit)))
    rows = [[tell(wave) for _, tell in columns] for wave in event.waves]
    names = [name for name, _ in columns]
    parts = [html.table("Taken from winners, wave by wave", names, rows), benchmarks(event)]
    return html.section("waves", "Wave by wave", *parts)


def over_and_short(event: Event) -> str:
    """Apart, and only then the difference."""
    takers = [name for name in event.takers if event.balance(name).waves]
    if not takers:
        said = "Needed and taken are not both known in any wave, so nothing can be said to be over or short."
        return html.section("over", "Over and short", html.paragraph(said))
    rows = []
    for name in takers:
        found = event.balance(name)
        amounts = [exact.money(one) for one in (found.taken, found.over, found.short, found.net)]
        counts = [f"{found.waves_over} of {found.waves}", f"{found.waves_short} of {found.waves}"]
        rows.append([taker(name), amounts[0], amounts[1], counts[0], amounts[2], counts[1], amounts[3]])
    header = ("who takes", "taken", "over", "waves over", "short", "waves short", "over less short")
    parts = [
        html.paragraph(
            "Over is what a wave took beyond its need, short what it lacked. A wave that lacked is not helped by one "
            "that took too much, so the two are added up apart. Less than a cent counts as no wave."
        ),
        html.table("Over and short, added up over waves", header, rows),
    ]
    both = [
        (wave, wave.production.amount, wave.needed)
        for wave in event.waves
        if wave.production and wave.needed is not None
    ]
    if both and PRODUCTION in takers:
        labels = [wave.label for wave, _, _ in both]
        told = "Bars up are what production took beyond the need of a wave, bars down what it lacked; figures below."
        series = [
            Series("over", [float(over(taken, needed)) for _, taken, needed in both]),
            Series("short", [-float(short(taken, needed)) for _, taken, needed in both]),
        ]
        parts.append(charts.bars("over-chart", "Production: over and short by wave", told, labels, series))
        apart = [
            (wave.label, exact.money(over(taken, needed)), exact.money(short(taken, needed)))
            for wave, taken, needed in both
        ]
        parts.append(html.table("Production: over and short by wave", ("wave", "over", "short"), apart))
    return html.section("over", "Over and short", *parts)


def benchmarks(event: Event) -> str:
    """What the short names of published policies stand for."""
    names = dict.fromkeys(name for wave in event.waves for name in wave.published)
    return html.points(f"{taker(PUBLISHED + name)}: {BENCHMARKS[name]}" for name in names)


def _times(event: Event) -> list[tuple[str, Callable[[Wave], str]]]:
    """When waves began and how long they lasted, where that is known; without the date where all have the same."""
    dates = {moment(wave.start)[:10] for wave in event.waves if wave.start is not None}
    if not dates:
        return []
    skip = len("2025-10-10 ") if len(dates) == 1 else 0
    return [
        ("first close, UTC", lambda wave: "" if wave.start is None else moment(wave.start)[skip:]),
        ("seconds", _seconds),
    ]


def _seconds(wave: Wave) -> str:
    """From the first close to the last."""
    if wave.start is None or wave.end is None:
        return ""
    return exact.plain(exact.less(wave.end, wave.start).scaleb(-3), 3)


def _taken(name: str) -> Callable[[Wave], str]:
    def tell(wave: Wave) -> str:
        found = wave.by(name)
        return NOT_KNOWN if found is None else exact.money(found.amount)

    return tell
