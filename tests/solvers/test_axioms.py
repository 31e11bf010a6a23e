"""Properties of every policy, held against the axioms that ``GET /v1/policies`` claims.

A claimed axiom is tested by Hypothesis; for an axiom that is not claimed a small book shows that it fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import books, rational
from tests.books import ALL, PRECISION, Account, Request, money, with_policy
from tests.problems import some

Post = Callable[[str, Any], tuple[int, Any]]
Amounts = dict[str, int]

ORDER, SCALE, SYBIL = "order-preserving", "scale-invariant", "sybil-proof"
AXIOMS = (ORDER, SCALE, SYBIL)
# Which policies claim what; a policy that joins the registry joins this table, and so these tests.
CLAIMED = {
    "pro-rata": {ORDER, SCALE, SYBIL},
    "capped-pro-rata": {ORDER, SCALE, SYBIL},
    "queue": {SCALE},
    "contracts-pro-rata": {SCALE},
    "leverage-pro-rata": {SCALE},
    "rap": {SCALE},
    "expected-deficit": {SCALE},
    "cvar": {SCALE},
    "revenue": {SCALE},
    "blend": {SCALE},
}
NOT_SCALE_INVARIANT = {"queue binance", "queue aevo"}  # their max(1, .): the condition of the queue's claim
MONEY = (
    "cash",
    "pnl",
    "min_equity",
    "notional",
    "entry_notional",
    "maintenance_margin",
    "bankruptcy_notional",
    "fees",
)

steady = settings(deadline=None, derandomize=True, max_examples=25, database=None)
few_or_all = pytest.mark.parametrize("examples", some((5, 25), 1))


def holding(axiom: str) -> list[str]:
    """The policies, with their parameters, for which an axiom is claimed."""
    named = [key for key, policy in ALL.items() if axiom in CLAIMED[policy["name"]]]
    return [key for key in named if not (axiom == SCALE and key in NOT_SCALE_INVARIANT)]


def one_of_each_first(keys: list[str]) -> list[Any]:
    """The first key of each policy always, its further parameters with the slow tests."""
    names = [ALL[key]["name"] for key in keys]
    order = sorted(range(len(keys)), key=lambda i: names[i] in names[:i])
    return some([keys[i] for i in order], len(set(names)))


def failing(axiom: str) -> list[str]:
    return [key for key in ALL if key not in holding(axiom)]


def seized(post: Post, request: Request) -> Amounts:
    status, answer = post("/v1/allocations", request)
    assert status == 200, (answer, request)
    precision = request["snapshot"]["precision"]
    return {row["id"]: int(Decimal(row["seized"]).scaleb(precision)) for row in answer["allocations"]}


def fitted(book: Request, key: str) -> Request:
    """The book under a policy; pro-rata, which refuses what passes a cap, is asked for less."""
    request = with_policy(book, ALL[key])
    if key == "pro-rata":
        read = rational.read_book(request)
        request["shortfall"]["deficit"] = money(min(read.budget, rational.most_pro_rata_can_raise(read)), PRECISION)
    return request


def with_accounts(request: Request, accounts: Iterable[Account]) -> Request:
    return {**request, "snapshot": {**request["snapshot"], "accounts": list(accounts)}}


def times(account: Account, factor: int, fields: Iterable[str] = MONEY) -> Account:
    return account | {name: f"{Decimal(account[name]) * factor:f}" for name in fields if name in account}


# What every policy owes ---------------------------------------------------------------------------


@few_or_all
@pytest.mark.parametrize("key", ALL)
def test_the_budget_is_met_caps_are_kept_and_row_order_does_not_matter(post: Post, key: str, examples: int) -> None:
    @settings(steady, max_examples=examples)
    @given(book=books.books(), shuffle=st.randoms(use_true_random=False))
    def holds(book: Request, shuffle: Any) -> None:
        request = fitted(book, key)
        amounts, read = seized(post, request), rational.read_book(request)
        assert sum(amounts.values()) == read.budget
        assert all(0 <= x <= read.cap[i] for i, x in amounts.items())
        rows = list(request["snapshot"]["accounts"])
        shuffle.shuffle(rows)
        assert seized(post, with_accounts(request, rows)) == amounts

    holds()


# The axioms that are claimed ----------------------------------------------------------------------


@few_or_all
@pytest.mark.parametrize("key", holding(ORDER))
def test_a_larger_winner_is_left_with_no_less(post: Post, key: str, examples: int) -> None:
    """For equal caps, up to the unit of rounding."""

    @settings(steady, max_examples=examples)
    @given(book=books.books(winners_only=True, haircuts=(1,), floors=False))
    def holds(book: Request) -> None:
        request = fitted(book, key)
        amounts, endowment = seized(post, request), rational.read_book(request).endowment
        left = {i: endowment[i] - x for i, x in amounts.items()}
        assert all(left[i] >= left[j] - 1 for i in left for j in left if endowment[i] > endowment[j])

    holds()


@few_or_all
@pytest.mark.parametrize("key", one_of_each_first(holding(SCALE)))
def test_all_money_times_a_factor_is_all_seizures_times_the_factor(post: Post, key: str, examples: int) -> None:
    """Caps scale exactly here and both answers are within a unit of the real solution: factor + 1 between."""

    @settings(steady, max_examples=examples)
    @given(book=books.books(haircuts=(1, 1, 1, 0)), factor=st.sampled_from([2, 3, 7, 10, 997]))
    def holds(book: Request, factor: int) -> None:
        request = fitted(book, key)
        scaled = with_accounts(request, [times(row, factor) for row in request["snapshot"]["accounts"]])
        scaled["shortfall"] = times(request["shortfall"], factor, ["deficit"])
        before, after = seized(post, request), seized(post, scaled)
        assert all(abs(after[i] - factor * x) <= factor + 1 for i, x in before.items())

    holds()


@st.composite
def proportional_splits(draw: st.DrawFn) -> tuple[Request, Request, str]:
    """A book, the same with an account split into pieces of one shape, and that account's id.

    Caps may bind, through negative cash and principal to keep: the pieces' caps add up exactly.
    """
    whole = draw(books.books(haircuts=(1, 1, 1, 0)))
    rows = whole["snapshot"]["accounts"]
    chosen = draw(st.integers(0, len(rows) - 1))
    parts = draw(st.lists(st.integers(1, 5), min_size=2, max_size=3))
    base = rows[chosen]
    pieces = [times(base, part) | {"id": f"{base['id']}.{n}"} for n, part in enumerate(parts)]
    together = with_accounts(whole, [*rows[:chosen], times(base, sum(parts)), *rows[chosen + 1 :]])
    return together, with_accounts(together, [*rows[:chosen], *pieces, *rows[chosen + 1 :]]), base["id"]


@st.composite
def uneven_splits(draw: st.DrawFn) -> tuple[Request, Request, str]:
    """A winner's cash, profit and position split anyhow into two winners, nobody capped below all of it."""
    whole = draw(books.books(winners_only=True, haircuts=(1,), floors=False))
    rows = whole["snapshot"]["accounts"]
    chosen = draw(st.integers(0, len(rows) - 1))
    base = rows[chosen]
    first, second = dict(base), dict(base)
    for name in ("cash", "pnl", "notional"):
        units = int(Decimal(base[name]).scaleb(PRECISION))
        least = 1 if name == "pnl" and units > 1 else 0
        part = draw(st.integers(least, units - least))
        first[name], second[name] = money(part, PRECISION), money(units - part, PRECISION)
    first["id"], second["id"] = f"{base['id']}.0", f"{base['id']}.1"
    return whole, with_accounts(whole, [*rows[:chosen], first, second, *rows[chosen + 1 :]]), base["id"]


@few_or_all
@pytest.mark.parametrize("key", holding(SYBIL))
def test_splitting_an_account_changes_nothing(post: Post, key: str, examples: int) -> None:
    """The pieces together pay what the account paid, everybody else the same, up to a unit an account."""

    @settings(steady, max_examples=examples)
    @given(split=st.one_of(proportional_splits(), uneven_splits()))
    def holds(split: tuple[Request, Request, str]) -> None:
        together, apart, name = split
        one = fitted(together, key)
        many = with_policy(apart, ALL[key])
        many["shortfall"] = one["shortfall"]
        before, after = seized(post, one), seized(post, many)
        pieces = [x for i, x in after.items() if i not in before]
        assert abs(sum(pieces) - before[name]) <= len(pieces)
        assert all(abs(after[i] - x) <= 1 for i, x in before.items() if i != name)

    holds()


# Those that are not: a book each where they fail --------------------------------------------------


def book_of(*accounts: Account, deficit: float) -> Request:
    return {
        "snapshot": {"currency": "USD", "precision": PRECISION, "accounts": list(accounts)},
        "shortfall": {"deficit": deficit, "severity": 1},
    }


def row(name: str, cash: float, pnl: float, **more: float) -> Account:
    return {
        "id": name,
        "cash": cash,
        "pnl": pnl,
        "bankruptcy_notional": 0,
        "price_ratio": 1,
        "score": pnl,
        **more,
    }


@pytest.mark.parametrize("key", failing(ORDER))
def test_the_order_of_winners_can_be_turned_round(post: Post, key: str) -> None:
    """The larger winner is also the riskier one, and ends far below the smaller."""
    big = row("big", 0, 10, notional=100, contracts=10, entry_notional=1, maintenance_margin=5, fees=0.1)
    small = row("small", 9, 9, notional=9, fees=9, contracts=1, entry_notional=9, maintenance_margin=1)
    amounts = seized(post, with_policy(book_of(big, small, deficit=9.5), ALL[key]))
    left_big, left_small = 10**7 - amounts["big"], 9 * 10**6 - amounts["small"]
    assert left_big < left_small - 10**6


@pytest.mark.parametrize("key", failing(SYBIL))
def test_a_split_can_pay(post: Post, key: str) -> None:
    """Nearly all the risk goes into a sliver of the profit. Both pieces keep the account's beta of 1."""
    one = row("a", 10, 10, notional=200, contracts=10, entry_notional=10, maintenance_margin=5, price_ratio=2)
    sliver = row("a.0", 0, 1, notional=190, contracts=9.9, entry_notional=0.1, maintenance_margin=4.5, price_ratio=2)
    bulk = row("a.1", 10, 9, notional=10, contracts=0.1, entry_notional=9.9, maintenance_margin=0.5, price_ratio=2)
    other = row("b", 10, 9.5, notional=100, contracts=10, entry_notional=10, maintenance_margin=1)
    # By fees the account is the cheapest to lose, and all its fees go with the bulk.
    one["fees"], sliver["fees"], bulk["fees"], other["fees"] = 9, 0, 9, 9.3
    paid = seized(post, with_policy(book_of(one, other, deficit=8), ALL[key]))["a"]
    after = seized(post, with_policy(book_of(sliver, bulk, other, deficit=8), ALL[key]))
    assert after["a.0"] + after["a.1"] < paid - 10**6


@pytest.mark.parametrize("key", failing(SCALE))
def test_the_one_inside_a_score_breaks_the_scale(post: Post, key: str) -> None:
    """max(1, cash): a is behind b in dollars and before it in cents."""
    a, b = row("a", 0.5, 1, maintenance_margin=1), row("b", 2, 3, maintenance_margin=3)
    small = seized(post, with_policy(book_of(a, b, deficit=1), ALL[key]))
    scaled = [times(account, 100, ("cash", "pnl", "maintenance_margin")) for account in (a, b)]
    large = seized(post, with_policy(book_of(*scaled, deficit=100), ALL[key]))
    assert small == {"a": 0, "b": 10**6}
    assert large == {"a": 10**8, "b": 0}


# The claims themselves ----------------------------------------------------------------------------


def served_claims(get: Callable[[str], tuple[int, Any]]) -> dict[str, dict[str, Any]]:
    status, answer = get("/v1/policies")
    assert status == 200
    listed = answer["policies"] if isinstance(answer, dict) else answer
    return {policy["name"]: {axiom["name"]: axiom for axiom in policy["axioms"]} for policy in listed}


def test_the_service_claims_exactly_what_is_tested_here(get: Callable[[str], tuple[int, Any]]) -> None:
    claims = served_claims(get)
    assert {name: set(axioms) for name, axioms in claims.items()} == {name: set(AXIOMS) for name in claims}
    held = {name: {a for a, claim in axioms.items() if claim["holds"]} for name, axioms in claims.items()}
    assert held == CLAIMED
    assert set(claims) == {policy["name"] for policy in ALL.values()}


def test_the_queue_says_which_scores_do_not_scale(get: Callable[[str], tuple[int, Any]]) -> None:
    condition = served_claims(get)["queue"][SCALE]["condition"]
    assert all(key.removeprefix("queue ") in condition for key in NOT_SCALE_INVARIANT)
