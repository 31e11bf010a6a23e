"""How times, names and lists are told to readers."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from app.replay.event import PRODUCTION, PUBLISHED

NOT_KNOWN = "not known"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(milliseconds: Decimal) -> str:
    """2025-10-10 21:16:04.831, in UTC; as it is where no calendar has it."""
    try:
        return f"{_EPOCH + timedelta(milliseconds=int(milliseconds)):%Y-%m-%d %H:%M:%S.%f}"[:-3]
    except OverflowError:
        return f"{milliseconds:f}"


def taker(name: str) -> str:
    """A taker for readers: which of them are the publisher's figures is always said."""
    if name == PRODUCTION:
        return "production"
    if name.startswith(PUBLISHED):
        return f"published {name.removeprefix(PUBLISHED)}"
    return name


def waves(count: int) -> str:
    return f"{count} wave{'s' * (count != 1)}"


def listed(words: Iterable[str]) -> str:
    """1, 2 and 3."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last
