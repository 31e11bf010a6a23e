"""Worst haircuts of waves, as the publisher states them and as they follow from the capacity."""

from decimal import Decimal

from app.replay import exact, html
from app.replay.event import PRODUCTION, PUBLISHED, Event, Wave
from app.replay.words import NOT_KNOWN, listed, taker, waves

TOLERANCE = Decimal("1e-9")
"""Relative: published ratios are doubles."""


def pro_rata(event: Event) -> str:
    """Needed over total_cap beside the published worst haircut of pro-rata."""
    rows, apart = [], []
    for wave in event.waves:
        level, published = need_over_cap(wave), wave.published.get("pr")
        if level is None:
            continue
        stated = None if published is None else published.worst
        if differs(wave):
            apart.append(wave.label)
        shown = NOT_KNOWN if stated is None else exact.percent(stated)
        capacity = exact.money(wave.capacity or exact.ZERO)
        needed = exact.money(wave.needed or exact.ZERO)
        rows.append((wave.label, needed, capacity, exact.percent(level), shown, "yes" if differs(wave) else ""))
    if not rows:
        return ""
    header = ("wave", "needed", "total_cap", "needed over total_cap", "published worst haircut of pro-rata", "differs")
    parts = [html.table("What pro-rata would have cost the winners of a wave", header, rows)]
    if any("pr" in wave.published for wave in event.waves):
        said = f"The two differ in {waves(len(apart))}: {listed(apart)}." if apart else "The two are the same."
        parts.append(
            html.paragraph(
                f"{said} Needed over total_cap is a share of the profit that could be taken; the published figure, as "
                "its publisher's code computes it, is a share of equity, the largest of any account. Where some "
                "winner's equity was profit only, the two are the same; where every winner had cash as well, the "
                "published one is smaller."
            )
        )
    return html.section("pro-rata", "What pro-rata would have cost", *parts)


def worst(event: Event) -> str:
    """Published worst haircuts, for the section on haircuts."""
    names = [name for name in event.takers if name == PRODUCTION or name.startswith(PUBLISHED)]
    known = [name for name in names if any((one := wave.by(name)) and one.worst is not None for wave in event.waves)]
    if not known:
        return ""
    rows = [[wave.label, *(_worst(wave, name) for name in known)] for wave in event.waves]
    header = ["wave", *map(taker, known)]
    return html.table(
        "Published worst haircut of any account in a wave, in the publisher's code a share of equity", header, rows
    )


def need_over_cap(wave: Wave) -> Decimal | None:
    return None if wave.needed is None or not wave.capacity else exact.ratio(wave.needed, wave.capacity)


def differs(wave: Wave) -> bool:
    """Whether the published worst haircut of pro-rata is not needed over total_cap."""
    level, published = need_over_cap(wave), wave.published.get("pr")
    if level is None or published is None or published.worst is None:
        return False
    return exact.less(level, published.worst).copy_abs() > TOLERANCE * max(level, published.worst)


def _worst(wave: Wave, name: str) -> str:
    found = wave.by(name)
    return NOT_KNOWN if found is None or found.worst is None else exact.percent(found.worst)
