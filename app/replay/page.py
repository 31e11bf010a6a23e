"""The report: one HTML file that needs nothing else, the same bytes for the same tables."""

from collections.abc import Iterator

from app import __version__
from app.replay import curves_told, haircuts_told, html, people_told, waves_told
from app.replay.event import PRODUCTION, Event

ATTRIBUTION = "Powered by HyperReplay - (c) ConejoCapital"
_LICENCE = (
    "HyperReplay's tables are under the HyperReplay Custom License 1.0: free for non-commercial use with this "
    "attribution, which must stay visible; commercial use needs a licence from the author. Its tables with a row a "
    "wave, a coin or a shock are computed from them by pluriholonomic/autodeleveraging-analysis (MIT), for "
    "arXiv 2512.01112. They are not part of this software."
)
_INVENTED = "The sample book is invented and seeded; no row is of a real event. It is under this software's licence."


def render(event: Event) -> str:
    """The page as text."""
    lead = (
        "An invented venue, to see how policies differ. Amounts are in its currency, USD."
        if event.invented
        else "What was needed from winners, what was taken, and what policies would have taken. Amounts are in USD."
    )
    return html.page(event.title, lead, _sections(event))


def _sections(event: Event) -> Iterator[str]:
    yield waves_told.happened(event)
    yield waves_told.table(event)
    yield waves_told.over_and_short(event)
    yield curves_told.cumulative(event)
    yield haircuts_told.pro_rata(event)
    yield people_told.who_kept(event.accounts)
    yield people_told.haircuts(event.accounts, haircuts_told.worst(event))
    yield people_told.largest(event.accounts)
    yield html.section("limits", "What the data can and cannot show", html.points(_limits(event)))
    words = [_INVENTED] if event.invented else [ATTRIBUTION, _LICENCE]
    yield html.section("attribution", "Attribution and licence", *map(html.paragraph, words))
    yield html.section("made", "How this report was made", *_made(event))


def _limits(event: Event) -> Iterator[str]:
    if event.invented:
        yield "It shows how policies share one need. It shows no venue: book, losses and fund are made up."
        yield "Nobody took anything in it, so there is no production to be over or short."
    has_production = PRODUCTION in event.takers
    if has_production:
        yield (
            "What production took is the publisher's estimate: its replay ran each wave with and without the forced "
            "closes, and added up by how much winners stood better without them at the last prices of the wave. "
            "Winners who stood better with them count as zero, so it is not what they paid on balance."
        )
    if any(wave.needed is not None for wave in event.waves) and not event.invented:
        yield (
            "What is needed is the gap between mark price and price of the closes, times contracts, added up over the "
            "closes. It is what had to be paid for closing at those prices, not the losses of the bankrupt."
        )
    if any(wave.deficit is not None for wave in event.waves) and not event.invented:
        yield "Deficits of waves overlap: one loser can stand in several waves. Their sum is no sum of losses."
    if any(wave.capacity for wave in event.waves) and not event.invented:
        yield (
            "total_cap is the capacity that the publisher's benchmark policies used. Winners' profit at the start of "
            "a wave, in another of the tables, is another figure: it is not used here."
        )
    if any(wave.published for wave in event.waves):
        yield (
            "Published policies are the publisher's figures, not computed here. In contracts they need not reach the "
            "need, and rounding up to whole contracts passes it."
        )
    if any(wave.closes for wave in event.waves):
        yield (
            "Waves are found in the closes: a new one begins where more than 5 seconds pass without a close. The "
            "closes do not hold the mark price, so what a wave needed is known only from a table of it."
        )
    if event.shocks:
        yield (
            "The stylised queue closes out the highest realised profits of each coin and shock against a proxy of the "
            "deficit. It is no account of what the venue did; production is."
        )
    if event.accounts is not None and not event.invented:
        yield (
            "Accounts are those of the closes given, not all that could have been closed: where a table is an extract, "
            "few bear what many would have borne. What production took from one account "
            "is not in the tables. Cash is what an account had at the end of the event, profits of the closes "
            "included, so equity, and with it leverage, is an approximation: policies that look at leverage are "
            "indicative."
        )
    if event.accounts is None:
        yield "Without accounts it cannot be said who would have kept how much."
    yield (
        "Policies are told after the fact: nobody would have traded otherwise, and no later wave would have been "
        "smaller or larger, under another policy."
    )


def _made(event: Event) -> Iterator[str]:
    yield html.paragraph(f"adl-service {__version__}, by: {event.command}")
    rows = [
        [one.name, one.kind, one.digest or "none: it is made", f"{one.rows:,}", f"{len(one.left_out):,}"]
        for one in event.sources
    ]
    header = ("table", "what it is", "SHA-256", "rows", "left out")
    yield html.table("What was read", header, rows, texts=3)
    for one in event.sources:
        if one.left_out:
            more = len(one.left_out) - _SHOWN
            yield html.paragraph(f"Rows of {one.name} that could not be used, and are in no figure:")
            yield html.points([*one.left_out[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])
    yield html.paragraph(
        "Amounts are exact decimals, added up without rounding and rounded to the cent where they are shown; what "
        "policies take is in whole units of 0.000001. The report has no clock in it: the same tables give the same "
        "bytes."
    )


_SHOWN = 20
