"""What happened, as far as the tables tell: waves, accounts, shocks, and where each was read."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from app.replay import exact
from solvers.money import Int64


class Taking(NamedTuple):
    """What a rule takes from winners: an amount, and its worst haircut as a fraction, None where that is not known."""

    amount: Decimal
    worst: Decimal | None = None


class Closes(NamedTuple):
    """Forced closes of a wave, counted and added up; profits and losses that they realised are kept apart."""

    rows: int
    accounts: int
    coins: int
    notional: Decimal
    profit: Decimal
    loss: Decimal


@dataclass(frozen=True)
class Wave:
    """One wave. None: the tables do not tell.

    start, end    milliseconds since 1970, in UTC
    needed        the gap the bankrupt left, to be taken from winners
    production    what the venue took from winners
    capacity      total_cap of the published benchmark policies
    published     what those take, by their name in the table
    computed      what policies of this service take
    """

    label: str
    start: Decimal | None
    end: Decimal | None
    needed: Decimal | None = None
    production: Taking | None = None
    deficit: Decimal | None = None
    capacity: Decimal | None = None
    published: dict[str, Taking] = field(default_factory=dict)
    computed: dict[str, Taking] = field(default_factory=dict)
    closes: Closes | None = None

    def by(self, taker: str) -> Taking | None:
        """Of `production`, of a published policy by its name with the prefix `published-`, or of a computed one."""
        if taker == PRODUCTION:
            return self.production
        return self.computed.get(taker) or self.published.get(taker.removeprefix(PUBLISHED))


PRODUCTION, PUBLISHED = "production", "published-"


@dataclass(frozen=True)
class Balance:
    """Taken against needed, over the waves in which both are known. `over` and `short` are both positive.

    Waves within a cent of what they need count in neither `waves_over` nor `waves_short`: published sums are doubles.
    """

    waves: int
    needed: Decimal
    taken: Decimal
    over: Decimal
    short: Decimal
    waves_over: int
    waves_short: int

    @property
    def net(self) -> Decimal:
        return exact.less(self.over, self.short)


def over(taken: Decimal, needed: Decimal) -> Decimal:
    return max(exact.less(taken, needed), exact.ZERO)


def short(taken: Decimal, needed: Decimal) -> Decimal:
    return max(exact.less(needed, taken), exact.ZERO)


def balance(pairs: Iterable[tuple[Decimal, Decimal]]) -> Balance:
    """Of pairs of taken and needed."""
    both = list(pairs)
    overs, shorts = [over(*pair) for pair in both], [short(*pair) for pair in both]
    return Balance(
        len(both),
        exact.total(needed for _, needed in both),
        exact.total(taken for taken, _ in both),
        exact.total(overs),
        exact.total(shorts),
        sum(amount >= exact.CENT for amount in overs),
        sum(amount >= exact.CENT for amount in shorts),
    )


@dataclass(frozen=True)
class Accounts:
    """Who won, and what each policy would have taken from them, in whole units of 10^-6.

    endowment_units    what a policy may take of an account: its profit, where it has equity
    taken_units        by policy; empty where nothing is known to be needed
    needed             what those policies were to take, None without any
    refused            why a policy is not among them, by policy
    scope              one sentence: which profits these are, and what was allocated
    """

    ids: Sequence[str]
    notional: Sequence[Decimal]
    endowment_units: Int64
    taken_units: dict[str, Int64]
    needed: Decimal | None
    refused: dict[str, str]
    scope: str


class Source(NamedTuple):
    """A table that was read: its name, what it is, its rows, rows left out, and its SHA-256."""

    name: str
    kind: str
    rows: int
    left_out: Sequence[str]
    digest: str


@dataclass(frozen=True)
class Event:
    """All that a report tells. `shocks` holds taken and needed of the stylised queue, a pair a shock."""

    title: str
    waves: Sequence[Wave]
    accounts: Accounts | None
    shocks: Sequence[tuple[Decimal, Decimal]]
    sources: Sequence[Source]
    notes: Sequence[str]
    invented: bool
    command: str

    @property
    def takers(self) -> list[str]:
        """Whoever takes in some wave: production first, then published policies, then computed ones."""
        found = [PRODUCTION] if any(wave.production for wave in self.waves) else []
        found += dict.fromkeys(PUBLISHED + name for wave in self.waves for name in wave.published)
        return found + list(dict.fromkeys(name for wave in self.waves for name in wave.computed))

    def balance(self, taker: str) -> Balance:
        pairs = [
            (taking.amount, wave.needed)
            for wave in self.waves
            if (taking := wave.by(taker)) is not None and wave.needed is not None
        ]
        return balance(pairs)


Progress = Callable[[str, float], None]
"""Told what is begun next, and which fraction of all is done."""
