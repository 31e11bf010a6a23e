"""Running sums over the waves."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from app.replay import charts, exact, html
from app.replay.charts import Series
from app.replay.event import PRODUCTION, Event
from app.replay.words import taker

PROFIT = "profit realised"


def cumulative(event: Event) -> str:
    """Running sums: with production, and without it, where the others would be one line."""
    curves: list[tuple[str, list[Decimal]]] = []
    if any(wave.needed is not None for wave in event.waves):
        curves.append(("needed", _running(wave.needed for wave in event.waves)))
    for name in event.takers:
        takings = [wave.by(name) for wave in event.waves]
        curves.append((taker(name), _running(taking and taking.amount for taking in takings)))
    if any(wave.closes for wave in event.waves):
        curves.append((PROFIT, _running(wave.closes and wave.closes.profit for wave in event.waves)))
    if not curves:
        return html.section("cumulative", "Cumulative curves", html.paragraph("No amount is known in any wave."))
    labels = [wave.label for wave in event.waves]
    told = "Sums from the first wave to each wave, in currency; a wave of which nothing is known adds nothing."
    parts = [html.paragraph(told)]
    if len(labels) > 1:
        profits = [curve for curve in curves if curve[0] == PROFIT]
        policies = [curve for curve in curves if curve[0] not in (PRODUCTION, PROFIT)]
        taken = [curve for curve in curves if curve[0] in ("needed", PRODUCTION)]
        for key, title, chosen in (
            ("taken", "Needed and taken by production", taken),
            ("policies", "Needed and taken by policies", policies if policies != taken else []),
            ("profits", "Profit that the closes realised", profits),
        ):
            if chosen:
                parts.append(charts.lines(key, f"{title}, running sums", told, labels, _together(chosen)))
    rows = [[label, *(exact.money(sums[at]) for _, sums in curves)] for at, label in enumerate(labels)]
    parts.append(html.table("Running sums after each wave", ["wave", *(name for name, _ in curves)], rows))
    return html.section("cumulative", "Cumulative curves", *parts)


def _running(amounts: Iterable[Decimal | None]) -> list[Decimal]:
    sums: list[Decimal] = []
    for amount in amounts:
        sums.append(exact.total(((sums[-1] if sums else exact.ZERO), amount or exact.ZERO)))
    return sums


def _together(curves: Sequence[tuple[str, list[Decimal]]]) -> list[Series]:
    """Curves that lie on each other, to a thousandth of the chart, are one line with all their names."""
    top = max((max(sums) for _, sums in curves), default=exact.ZERO)
    found: list[tuple[list[str], list[Decimal]]] = []
    for name, sums in curves:
        for names, others in found:
            if all(abs(one - other) * 1000 <= top for one, other in zip(sums, others, strict=True)):
                names.append(name)
                break
        else:
            found.append(([name], sums))
    return [Series("; ".join(names), [float(amount) for amount in sums]) for names, sums in found]
