"""Waves from whichever tables there are: one wave a row of the published ones, one a burst of the detailed one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from app.loaders.report import LoadError
from app.replay import exact
from app.replay.closes import Burst, Close
from app.replay.event import PRODUCTION, Taking, Wave
from app.replay.published import Metrics, Times, Total
from app.replay.words import listed

Gaps = Mapping[tuple[str, Times], Decimal]


def merged(
    totals: Mapping[str, Total], metrics: Mapping[str, Metrics], gaps: Gaps, bursts: Sequence[Burst]
) -> tuple[list[Wave], dict[str, Burst], list[str]]:
    """The waves in the order of time where it is known, the books of those that have one, and what should be known."""
    notes: list[str] = []
    books: dict[str, Burst] = {}
    if totals and metrics:
        _same_event(totals, metrics)
    waves = [_wave(label, totals.get(label), metrics.get(label)) for label in totals or metrics]
    if waves:
        notes += _skipped(waves)
        notes += _gaps_add_up(waves, gaps) if gaps else []
    elif not bursts:
        waves = [Wave(label, *times, needed=needed) for (label, times), needed in gaps.items()]
    if bursts:
        needs = {} if waves else {times: needed for (_, times), needed in gaps.items()}
        waves, books, more = _with_bursts(waves, bursts, needs)
        notes += more
    if all(wave.start is not None for wave in waves):
        waves.sort(key=lambda wave: wave.start or exact.ZERO)
    unknown = [wave.label for wave in waves if wave.needed is None]
    if len(unknown) == len(waves):
        notes.append("What is needed is not known in any wave.")
    elif unknown:
        notes.append(f"What is needed is not known in {_waves(unknown)}; they are in no sum that compares with it.")
    return waves, books, notes


def _wave(label: str, row: Total | None, metrics: Metrics | None) -> Wave:
    """A wave of the published tables; the totals have the word where both know."""
    takings = dict(metrics.takings) if metrics else {}
    production = takings.pop(PRODUCTION, None)
    if row is not None and row.production is not None:
        production = Taking(row.production, production and production.worst)
    needed = row.needed if row else metrics and metrics.needed
    capacity = metrics.capacity if metrics else None
    if row is None:
        return Wave(label, None, None, needed, production, None, capacity, takings)
    return Wave(label, row.times.start, row.times.end, needed, production, row.deficit, capacity, takings)


def _same_event(totals: Mapping[str, Total], metrics: Mapping[str, Metrics]) -> None:
    """Tables of different events, or of different runs of the publisher's code, must not be mixed."""
    for label in [*totals, *metrics]:
        row, other = totals.get(label), metrics.get(label)
        if row is None or other is None:
            raise LoadError(f"the two tables with a row a wave are not of one event: only one of them has wave {label}")
        production = other.takings.get(PRODUCTION)
        for mine, theirs in ((row.needed, other.needed), (row.production, production and production.amount)):
            if mine is not None and theirs is not None and _apart(mine, theirs):
                raise LoadError(f"the two tables with a row a wave are not of one event: they differ in wave {label}")


def _gaps_add_up(waves: Iterable[Wave], gaps: Gaps) -> list[str]:
    found = {label: needed for (label, _), needed in gaps.items()}
    known = [wave for wave in waves if wave.needed is not None and wave.label in found]
    wrong = [wave.label for wave in known if wave.needed is not None and _apart(found[wave.label], wave.needed)]
    if not known:
        return ["The gaps of the coins are of none of these waves."]
    if wrong:
        return [f"The gaps of the coins do not add up to what is needed in {_waves(wrong)}."]
    return [f"The gaps of the coins add up to what is needed, to the cent, in {len(known)} waves."]


def _skipped(waves: Sequence[Wave]) -> list[str]:
    """Which numbers the published waves leave out."""
    if not all(wave.label.isdecimal() for wave in waves):
        return []
    numbers = {int(wave.label) for wave in waves}
    missing = sorted(set(range(1, min(max(numbers), 1000))) - numbers)
    if not missing:
        return []
    return [f"The published tables number waves up to {max(numbers)} and leave out {listed(map(str, missing))}."]


def _with_bursts(
    waves: list[Wave], bursts: Sequence[Burst], needs: Mapping[Times, Decimal]
) -> tuple[list[Wave], dict[str, Burst], list[str]]:
    """Closes join the published wave they fall into, and what is left of a burst is a wave of its own.

    A published wave has a book only where a burst has its first and its last close: among fewer, few would bear all.
    """
    by_times = {(wave.start, wave.end): at for at, wave in enumerate(waves)}
    inside: dict[int, list[Close]] = {}
    books: dict[str, Burst] = {}
    others: list[Wave] = []
    for number, burst in enumerate(bursts, 1):
        whole = by_times.get((burst.start, burst.end))
        if whole is not None:
            books[waves[whole].label] = burst
        rest: list[Close] = []
        for close in burst.closes:
            at = _holding(waves, close.time) if whole is None else whole
            (rest if at is None else inside.setdefault(at, [])).append(close)
        if rest:
            own = Burst(rest)
            label = str(number) if all(wave.label != str(number) for wave in waves) else f"{number} of the closes"
            books[label] = own
            needed = needs.get(Times(own.start, own.end))
            others.append(Wave(label, own.start, own.end, needed=needed, closes=own.counted()))
    joined = [
        replace(wave, closes=Burst(inside[at]).counted()) if at in inside else wave for at, wave in enumerate(waves)
    ]
    notes = [f"The closes make {len(bursts)} waves, by pauses of more than 5 seconds."]
    if waves:
        met = sum(wave.label in books for wave in waves)
        notes.append(f"Of the {len(waves)} published waves {met} have the same first and last close as one of these.")
    partly = [waves[at].label for at in sorted(inside) if waves[at].label not in books]
    if partly:
        notes.append(f"The closes are not all of {_waves(partly)}: they are counted, but nothing is allocated there.")
    return joined + others, books, notes


def _holding(waves: Sequence[Wave], time: Decimal) -> int | None:
    """The published wave that a time falls into."""
    for at, wave in enumerate(waves):
        if wave.start is not None and wave.end is not None and wave.start <= time <= wave.end:
            return at
    return None


def _apart(one: Decimal, other: Decimal) -> bool:
    """By a cent or more: published sums are doubles."""
    return exact.less(one, other).copy_abs() >= exact.CENT


def _waves(labels: Sequence[str]) -> str:
    return f"wave{'s' * (len(labels) > 1)} {listed(labels)}"
