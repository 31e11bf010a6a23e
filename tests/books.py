"""Small nasty books in the wire's own form: a seeded list for exact comparison, and Hypothesis strategies.

Every account carries the fields every queue score needs, positive where a formula divides.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from tests import rational

Request = dict[str, Any]
Account = dict[str, Any]

SCORES = (
    "bitmex",
    "binance",
    "aevo",
    "hyperliquid-published",
    "hyperliquid-observed",
    "whitebit",
    "pnl-leverage",
    "size",
    "pnl",
    "custom",
)
QUEUES: dict[str, Request] = {f"queue {score}": {"name": "queue", "score": score} for score in SCORES}
POLICIES: dict[str, Request] = {
    "pro-rata": {"name": "pro-rata"},
    "capped-pro-rata": {"name": "capped-pro-rata"},
    "leverage-pro-rata": {"name": "leverage-pro-rata"},
    "contracts-pro-rata": {"name": "contracts-pro-rata"},
    "rap linear": {"name": "rap", "risk": "linear"},
    "rap power 1": {"name": "rap", "risk": "power", "exponent": 1},
    "rap power 3": {"name": "rap", "risk": "power", "exponent": 3},
    "rap cvar": {"name": "rap", "risk": "cvar", "threshold": 2},
    "rap cvar high": {"name": "rap", "risk": "cvar", "threshold": 7.3},
    **QUEUES,
}
AIMED: dict[str, Request] = {
    "expected-deficit": {"name": "expected-deficit"},
    "cvar": {"name": "cvar"},
    "revenue": {"name": "revenue"},
    "blend": {"name": "blend", "weights": {"fairness": 0.01, "robustness": 1}},
}
"""Policies that look at the next shock or at who leaves; the rational oracle does not know them."""
AIMS: Request = {"shock": {"law": "normal", "sigma": 0.2}, "retention": {"curve": "linear", "rate": 0.5}}
ALL = POLICIES | AIMED

LIMIT = 2**63
# By code point "Z" comes before "a", "10" before "9", and the full-width letter before the emoji (which
# is the other way round in UTF-16).
IDS = ("9", "10", "Z", "a", "aa", "é", "\uff21", "\U0001f40b", "b-1", "b_1", "0x01", "Ab")


def money(units: int, precision: int) -> str:
    """Whole units as the wire's decimal string."""
    return f"{Decimal(units).scaleb(-precision):f}" if precision else str(units)


def with_policy(book: Request, policy: Request, **options: Any) -> Request:
    """The same book under another policy and options; the book itself is left alone."""
    request = copy.deepcopy(book)
    request["policy"] = dict(policy)
    aims = AIMS if policy in AIMED.values() else {}
    request["options"] = {**request.get("options", {}), **aims, **options}
    return request


# The seeded books ---------------------------------------------------------------------------------


def _account(rng: random.Random, cash: Any, pnl: Any, notional: Any, **more: Any) -> Account:
    """An account with every field a score may ask for."""
    return {
        "cash": cash,
        "pnl": pnl,
        "notional": notional,
        "contracts": rng.choice([0, 1, 1, 3, 10, 0.1, 2.5, 1e6]),
        "maintenance_margin": rng.choice([0.5, "0.1", 3, 1e-3]),
        "entry_notional": rng.choice([1, "0.3", 3, 40, 0.7]),
        "bankruptcy_notional": rng.choice([0, 1, "9.5", notional, notional]),
        "price_ratio": rng.choice([0.5, 1, 1, 1.1, 3]),
        "score": rng.choice([0, 1, 1, -1, 0.1, 0.30000000000000004, 1e-9]),
        **more,
    }


def _small(rng: random.Random, _: int) -> list[Account]:
    """Whole small amounts: ties in profit and leverage everywhere."""
    return [
        _account(rng, rng.choice([0, 1, 2, 2]), rng.choice([1, 2, 2, 3, 5, -1, -4]), rng.choice([0, 4, 8, 12, 20]))
        for _ in range(rng.randint(2, 8))
    ]


def _dust_and_whale(rng: random.Random, _: int) -> list[Account]:
    """1e-9 and a micro beside 1e12, in one book."""
    sizes: list[Any] = [1e-9, 1e-6, "0.000001", "0.0000019", 3e-6, 0.01, 1, 1000.5, 1e12]
    return [
        _account(rng, rng.choice(sizes), rng.choice(sizes), rng.choice([0, 1e-9, 1, 1e12, 5e12]))
        for _ in range(rng.randint(2, 7))
    ] + [_account(rng, 0, 1e12, 5e12)]


def _tenths(rng: random.Random, _: int) -> list[Account]:
    """Copies at 1, 3 and 7 times: equal ratios that floats see as different."""
    cash, pnl, notional, entry = rng.choice([(1, 2, 7, 3), (3, 1, 11, 7), (7, 9, 1, 13)])
    accounts = []
    for k in rng.choices([1, 3, 7, 9, 49], k=rng.randint(2, 8)):
        account = _account(rng, money(k * cash, 1), money(k * pnl, 1), money(k * notional, 1))
        account |= {
            "entry_notional": money(k * entry, 1),
            "bankruptcy_notional": money(k * (notional + 2), 1),
        }
        accounts.append(account | {"maintenance_margin": money(k, 2), "price_ratio": 1.1, "contracts": k})
    return accounts


def _huge(rng: random.Random, precision: int) -> list[Account]:
    """Totals near 2^62 units: beyond a float's 53 bits."""
    count = rng.randint(1, 6)
    most = 2**62 // count
    sizes = [most, most - 1, most - rng.randrange(1000), most // 3, 2**53 + 1, 7]
    return [
        _account(
            rng,
            money(rng.choice([0, 1, most // 5]), precision),
            money(rng.choice(sizes), precision),
            notional,
        )
        for notional in rng.choices([0, "1", money(most, precision), money(3 * most + 1, precision)], k=count)
    ]


def _log_uniform(rng: random.Random, precision: int) -> list[Account]:
    """Amounts over many orders of magnitude, cash of both signs."""

    def amount(top: float) -> float:
        return float(f"{10 ** rng.uniform(-precision, top):.6g}")

    return [
        _account(rng, rng.choice([-1, 1]) * amount(3), rng.choice([-1, 1, 1, 1]) * amount(4), amount(5))
        for _ in range(rng.randint(1, 8))
    ]


def _negative_cash(rng: random.Random, _: int) -> list[Account]:
    """Profit propped on borrowed cash: the cap is the equity."""
    return [
        _account(
            rng,
            rng.choice(["-1.5", -2, -0.3, "-0.0000001", 0]),
            rng.choice([2, 2.5, "3.1", 10]),
            rng.choice([0, 9, 30]),
        )
        for _ in range(rng.randint(1, 7))
    ]


def _losers(rng: random.Random, _: int) -> list[Account]:
    """Nobody to take from."""
    return [
        _account(rng, rng.choice([0, 1, -1]), rng.choice([-1, -2.5, "-0.1", 0]), rng.choice([0, 3]))
        for _ in range(rng.randint(1, 4))
    ]


def _unlevered(rng: random.Random, _: int) -> list[Account]:
    """Zero weights: most hold no position, so a levered policy must go on past them."""
    return [
        _account(
            rng,
            rng.choice([0, 1, 5]),
            rng.choice([1, "2.2", 7, 7]),
            rng.choice([0, 0, 0, 6]),
            contracts=rng.choice([0, 0, 2]),
        )
        for _ in range(rng.randint(2, 8))
    ]


def _one(rng: random.Random, _: int) -> list[Account]:
    return [_account(rng, rng.choice([0, -0.5, 3]), rng.choice([1, "0.000001", 12.345678]), rng.choice([0, 10]))]


FAMILIES: tuple[Callable[[random.Random, int], list[Account]], ...] = (
    _small,
    _dust_and_whale,
    _tenths,
    _huge,
    _log_uniform,
    _negative_cash,
    _unlevered,
    _small,
    _one,
    _tenths,
    _losers,
    _log_uniform,
)
PRECISIONS: dict[Callable[[random.Random, int], list[Account]], tuple[int, ...]] = {
    _dust_and_whale: (0, 2, 6),
    _huge: (0, 2, 6, 8, 12),
    _log_uniform: (0, 2, 6, 8, 9, 10, 12),
}
HAIRCUTS = (0, 0.1, 0.3, 0.333333333333, 0.5, 0.7, 0.999999999999, 1)


def _limits(rng: random.Random, accounts: list[Account], precision: int) -> None:
    """Caps: none, tight decimals, zeros, or principal that must stay."""
    kind = rng.choice(["none", "none", "tight", "tight", "zeros", "floor", "both"])
    for account in accounts:
        if kind in {"tight", "both"}:
            account["max_haircut"] = rng.choice(HAIRCUTS)
        if kind == "zeros":
            account["max_haircut"] = rng.choice([0, 0, 1])
        if kind in {"floor", "both"}:
            account["min_equity"] = rng.choice([0, 0.5, "1.0000001", 2, 100])


def _budgets(book: rational.Book) -> dict[str, int]:
    """The budgets where something changes, in units."""
    levered = sum(book.cap[i] for i in book.winners if rational.exact(book.rows[i]["notional"]) > 0)
    positive_equity = sum(max(e, 0) for e in book.equity.values())
    pro_rata = rational.most_pro_rata_can_raise(book)
    return {
        "nothing": 0,
        "one unit": 1,
        "reachable less one": book.reachable - 1,
        "reachable": book.reachable,
        "reachable and one": book.reachable + 1,
        "capacity": book.capacity,
        "capacity and one": book.capacity + 1,
        "all positive equity": positive_equity,
        "more than there is": positive_equity + 1,
        "pro-rata's most": pro_rata,
        "pro-rata's most and one": pro_rata + 1,
        "the levered": levered,
        "the levered and one": levered + 1,
        "a third": book.reachable // 3,
        "half": book.reachable // 2,
        "nine tenths": book.reachable * 9 // 10,
    }


def _shortfall(rng: random.Random, book: rational.Book) -> Request:
    """A shortfall whose budget is near one of the budgets where something changes."""
    precision, names = book.precision, list(_budgets(book))
    target = max(0, _budgets(book)[rng.choice(names + names[-3:] * 2)])
    severity = rng.choice([1] * 6 + [0.1, 0.333333333333, 0.5, 0.9999999] * 2 + [0])
    residual = int(target / rational.exact(severity)) if severity else target
    if 4 * residual >= LIMIT:
        severity, residual = 1, target
    fund = rng.choice([0, 0, 0, 1, residual // 3, residual // 3, residual])
    used = fund if rng.random() < 0.9 else 0  # rarely the fund comes out of the deficit, not on top
    shortfall: Request = {
        "deficit": money(residual + used, precision),
        "insurance_fund": money(fund, precision),
        "severity": severity,
    }
    if rng.random() < 0.2:
        shortfall["insurance_fund"] += ("." if precision == 0 else "") + "7"  # below a unit: floored away
    if rng.random() < 0.15:
        shortfall["deficit"] = None
    return shortfall


def _book(rng: random.Random, index: int) -> Request:
    family = FAMILIES[index % len(FAMILIES)]
    precision = rng.choice(PRECISIONS.get(family, (0, 2, 6, 6, 8)))
    accounts = family(rng, precision)
    for name, account in zip(rng.sample(IDS, len(accounts)), accounts, strict=True):
        account["id"] = name
    if family is not _huge:
        _limits(rng, accounts, precision)
    elif rng.random() < 0.5:
        for account in accounts:
            account["max_haircut"] = rng.choice(HAIRCUTS)
    request: Request = {
        "snapshot": {"currency": "USD", "precision": precision, "accounts": accounts},
        "shortfall": {},
        "policy": {"name": "capped-pro-rata"},
        "options": {"numeraire": rng.choice(["pnl", "pnl", "equity"])},
    }
    request["shortfall"] = _shortfall(rng, rational.read_book(request))
    return request


def fits(request: Request) -> bool:
    """Whether every amount and sum stays below 2^63 units, as MODEL 8 asks."""
    book = rational.read_book(request)
    columns = (book.cash, book.pnl, book.equity, book.endowment)
    sums = [sum(abs(value) for value in column.values()) for column in columns]
    return max(*sums, book.deficit, book.residual + book.insurance_used) < LIMIT


def _books(seed: int) -> Iterator[Request]:
    rng, index = random.Random(seed), 0
    while True:
        request = _book(rng, index)
        index += 1
        something_to_do = rational.read_book(request).budget > 0
        if fits(request) and (something_to_do or rng.random() < 0.3):
            yield request


def nasty_books(count: int, seed: int = 20251010) -> list[Request]:
    """``count`` requests, the same for the same seed."""
    return [request for request, _ in zip(_books(seed), range(count), strict=False)]


# Hypothesis ---------------------------------------------------------------------------------------

PRECISION = 6


def amounts(least: int = 0, most: int = 10**9) -> st.SearchStrategy[int]:
    """Whole units of a millionth, with a liking for small numbers and for ties."""
    return st.one_of(
        st.integers(max(least, -3), max(least, 0) + 12),
        st.sampled_from([v for v in (10**6, 2 * 10**6, 3 * 10**6) if least <= v <= most] or [least]),
        st.integers(least, most),
    )


@st.composite
def accounts(
    draw: st.DrawFn,
    name: str,
    *,
    cash_least: int = -(10**8),
    pnl_least: int = -(10**8),
    haircuts: tuple[float, ...] = HAIRCUTS,
    floors: bool = True,
) -> Account:
    """An account with every optional field, money as decimal strings."""
    account = {
        "id": name,
        "cash": money(draw(amounts(cash_least)), PRECISION),
        "pnl": money(draw(amounts(pnl_least)), PRECISION),
        "max_haircut": draw(st.sampled_from(haircuts)),
        "min_equity": money(draw(st.just(0) | amounts(0, 10**7)) if floors else 0, PRECISION),
        "contracts": draw(st.integers(0, 20)),
        "price_ratio": draw(st.sampled_from([0.5, 1, 1.1, 3])),
        "score": draw(st.sampled_from([-1, 0, 0.1, 0.3, 2, 1e9])),
    }
    for money_field, least in (
        ("notional", 0),
        ("entry_notional", 1),
        ("maintenance_margin", 1),
        ("bankruptcy_notional", 0),
    ):
        account[money_field] = money(draw(amounts(least, 10**10)), PRECISION)
    return account


@st.composite
def books(
    draw: st.DrawFn,
    *,
    numeraires: tuple[str, ...] = ("pnl", "equity"),
    winners_only: bool = False,
    most_accounts: int = 7,
    share: tuple[int, int] = (1, 1000),
    **limits: Any,
) -> Request:
    """A request whose budget is a drawn share (thousandths) of what can be reached: caps never refuse it."""
    if winners_only:
        limits |= {"cash_least": 0, "pnl_least": 1}
    names = draw(st.lists(st.sampled_from(IDS), min_size=2, max_size=most_accounts, unique=True))
    request: Request = {
        "snapshot": {
            "currency": "USD",
            "precision": PRECISION,
            "accounts": [draw(accounts(name, **limits)) for name in names],
        },
        "shortfall": {"deficit": 0, "insurance_fund": 0, "severity": 1},
        "policy": {"name": "capped-pro-rata"},
        "options": {"numeraire": draw(st.sampled_from(numeraires))},
    }
    reachable = rational.read_book(request).reachable
    budget = reachable * draw(st.integers(*share)) // 1000 + draw(st.integers(-1, 1))
    request["shortfall"]["deficit"] = money(min(max(budget, 0), reachable), PRECISION)
    return request
