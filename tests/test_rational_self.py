"""The oracle itself: the model's worked examples typed in by hand, and small identities."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from tests import books, rational
from tests.problems import some
from tests.rational import allocate, fairness, fill, read_book, verdict, whole

MILLION = 10**6


def request(accounts: list[dict[str, Any]], policy: Any, *, precision: int = 6, **shortfall: Any) -> dict[str, Any]:
    named = [{"id": str(number), **account} for number, account in enumerate(accounts, start=1)]
    chosen = policy if isinstance(policy, dict) else {"name": policy}
    return {"snapshot": {"precision": precision, "accounts": named}, "shortfall": shortfall, "policy": chosen}


def five(policy: Any, **more: Any) -> dict[str, Any]:
    """MODEL 11's five accounts; the custom score gives the order 2, 1, 3."""
    rows = zip((2, 1, 0.5, 0, 0), (8, 4, 0.5, -3, -12), (2, 3, 1, 0, 0), strict=True)
    return request([{"cash": c, "pnl": p, "score": s} for c, p, s in rows], policy, **{"severity": 0.5, **more})


def dollars(amounts: dict[str, int]) -> list[float]:
    return [amounts[str(number)] / MILLION for number in range(1, len(amounts) + 1)]


def after(result: rational.Result) -> list[float]:
    return dollars({i: e - result.seized[i] for i, e in result.book.equity.items()})


def test_the_worked_example_has_its_figures() -> None:
    book = read_book(five("capped-pro-rata"))
    assert (book.deficit, book.budget, book.capacity) == (15 * MILLION, 7_500_000, 12_500_000)
    assert book.regime == ("coverable", None)
    assert book.largest_shortfall == 12 * MILLION


@pytest.mark.parametrize("policy", ["capped-pro-rata", "pro-rata"])
def test_pro_rata_takes_six_tenths_of_everybody(policy: str) -> None:
    result = allocate(five(policy))
    assert dollars(result.seized) == [4.8, 2.4, 0.3, 0, 0]
    assert after(result) == [5.2, 2.6, 0.7, -3, -12]
    assert fairness(result)["max_haircut"] == Fraction(6, 10)
    assert fairness(result)["ptsr"] == Fraction(32, 75)


def test_the_queue_two_one_three() -> None:
    result = allocate(five({"name": "queue", "score": "custom"}))
    assert dollars(result.seized) == [3.5, 4, 0, 0, 0]
    assert after(result) == [6.5, 1, 1, -3, -12]
    assert result.ranks == {"2": 1, "1": 2, "3": 3}
    assert result.quantiles == {"2": 4, "1": 3, "3": 1}


def test_the_queue_inequality_is_about_the_top_winner_and_not_about_ptsr() -> None:
    queue, even = fairness(allocate(five({"name": "queue"}))), fairness(allocate(five("pro-rata")))
    assert 8 * queue["top_winner_survival"] == Fraction(1, 2)
    assert 8 * even["top_winner_survival"] == Fraction(32, 10)
    assert 8 * (even["top_winner_survival"] - queue["top_winner_survival"]) == Fraction(27, 10)
    assert (queue["ptsr"], even["ptsr"]) == (Fraction(40, 75), Fraction(32, 75))
    assert even["versus"] == {"capped-pro-rata": "equal", "queue": "fairer"}
    assert queue["versus"] == {"capped-pro-rata": "less-fair", "queue": "equal"}


def test_wave_one_of_the_real_event() -> None:
    result = allocate(request([{"cash": 0, "pnl": "261289318.81"}], "capped-pro-rata", deficit="2266239.82"))
    assert round(float(fairness(result)["max_haircut"]), 6) == 0.008673


def test_unequal_caps_break_the_order() -> None:
    accounts = [{"cash": 0, "pnl": 10}, {"cash": 0, "pnl": 9, "max_haircut": 0.1}]
    result = allocate(request(accounts, "capped-pro-rata", deficit=5.9))
    assert dollars({i: w - result.seized[i] for i, w in result.book.endowment.items()}) == [5, 8.1]
    refused = allocate(request(accounts, "pro-rata", deficit=5.9))
    assert refused.infeasible
    assert refused.refusal is not None
    assert refused.refusal.accounts == ["2"]
    assert refused.refusal.largest_budget == 1_900_000


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"name": "leverage-pro-rata"}, [300_000, 600_000]),
        ({"name": "rap", "risk": "linear"}, [180_000, 720_000]),
        ({"name": "rap", "risk": "power", "exponent": 1}, [180_000, 720_000]),
        ({"name": "rap", "risk": "power", "exponent": 2}, [100_000, 800_000]),
        ({"name": "rap", "risk": "cvar", "threshold": 4}, [69_231, 830_769]),  # 5 to 60
        ({"name": "rap", "risk": "cvar", "threshold": 5}, [0, 900_000]),
        ({"name": "contracts-pro-rata"}, [675_000, 225_000]),
    ],
)
def test_weights_at_leverage_five_and_ten(policy: Any, expected: list[int]) -> None:
    accounts = [
        {"cash": 0, "pnl": 1, "notional": 5, "contracts": 3},
        {"cash": 0, "pnl": 1, "notional": 10, "contracts": 1},
    ]
    assert list(allocate(request(accounts, policy, deficit=0.9)).seized.values()) == expected


def test_zero_weights_pay_the_rest_capped_pro_rata_and_each_stage_rounds_its_own() -> None:
    accounts: list[dict[str, Any]] = [{"cash": 0, "pnl": 2, "notional": 8}]
    accounts += [{"cash": 1, "pnl": pnl} for pnl in (3, 3, 1)]
    result = allocate(request(accounts, "leverage-pro-rata", precision=0, deficit=6))
    assert list(result.seized.values()) == [2, 2, 2, 0]  # 4 over 3, 3, 1: 1.71, 1.71, 0.57
    tied = allocate(request(accounts, "leverage-pro-rata", precision=0, deficit=5))
    assert list(tied.seized.values()) == [2, 1, 1, 1]  # 3 over 3, 3, 1: 1.29, 1.29, 0.43


def test_the_regimes_by_name() -> None:
    accounts = [{"cash": -4, "pnl": 10, "max_haircut": 0.5}, {"cash": 5, "pnl": 1}, {"cash": -5, "pnl": 0}]

    def regime(**shortfall: Any) -> tuple[str, str | None]:
        return read_book(request(accounts, "capped-pro-rata", **shortfall)).regime

    assert regime(deficit=5, insurance_fund=6) == ("insured", None)
    assert regime(deficit=6) == ("coverable", None)
    assert regime(deficit=6, insurance_fund="0.0000019") == ("coverable", None)
    assert regime(deficit="6.000001") == ("principal-needed", "caps")
    assert regime(deficit=11) == ("principal-needed", "caps")
    assert regime(deficit="11.0000001") == ("principal-needed", "principal")
    assert regime(deficit=12.000001) == ("insolvent", None)


def test_units_go_the_careful_way() -> None:
    accounts = [{"cash": -1e-9, "pnl": 1e-9, "min_equity": 1e-9}, {"cash": "0.0000019", "pnl": 1e12}]
    book = read_book(request(accounts, "capped-pro-rata", deficit=1e-9, insurance_fund=9e-7, severity=0.1))
    assert book.cash == {"1": -1, "2": 1}
    assert book.pnl == {"1": 0, "2": 10**18}
    assert (book.deficit, book.insurance_used, book.budget) == (1, 0, 1)
    tenth = read_book(request([{"cash": 0, "pnl": 30, "max_haircut": 0.1}], "pro-rata", precision=0, deficit=3))
    assert tenth.cap == {"1": 3}  # 0.1 is a tenth, not its double
    assert read_book(request(accounts, "pro-rata", deficit=30, severity=0.1)).budget == 3 * MILLION


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        ("bitmex", ["c", "a", "b", "d"]),  # infinite; 2 * 2; 4 * 0.5; 0.5 * 1
        ("binance", ["b", "c", "a", "d"]),  # 4 / 4, 1 / 2, 1 / 4, 1 / 12
        ("aevo", ["b", "c", "a", "d"]),
        ("hyperliquid-published", ["c", "b", "d", "a"]),
        ("hyperliquid-observed", ["c", "b", "a", "d"]),  # 5, 3, 1, 1/3
        ("whitebit", ["b", "a", "c", "d"]),
        ("pnl-leverage", ["c", "b", "a", "d"]),
        ("size", ["c", "a", "d", "b"]),
        ("pnl", ["a", "b", "d", "c"]),
        ("custom", ["a", "c", "b", "d"]),
    ],
)
def test_queue_scores_by_hand(score: str, expected: list[str]) -> None:
    # a: P 2, L 2, E 8, N/E 0.5; b: P 4, L 0.5, E 4, N/E 0.75; c: P 1, L infinite, E 2, N/E 5;
    # d: P 0.5, L 1, E 6, N/E 2/3
    columns = {
        "id": ["a", "b", "c", "d"],
        "cash": [4, 0, 1, 4],
        "pnl": [4, 4, 1, 2],
        "notional": [4, 3, 10, 4],
        "entry_notional": [2, 1, 1, 4],
        "bankruptcy_notional": [2, 9, 10, 8],
        "maintenance_margin": [2, 1, 1, 1],  # a: 1 * 1/4, b: 4 * 1/4, c: 1 * 1/2, d: 1/2 * 1/6
        "price_ratio": [1, 1, 1, 1.1],  # 0.5, 0.75, 5, 0.7333
        "score": [1, -1, 1, -1.5],
    }
    accounts = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    book = read_book(request(accounts, "queue"))
    assert rational.queue_order(book, score) == expected


def test_bitmex_at_its_edges() -> None:
    common = {"cash": 10, "entry_notional": 1}
    edges = {
        "infinite": {"pnl": 1, "notional": 5, "bankruptcy_notional": 5},
        "gain": {"pnl": 1, "notional": 5, "bankruptcy_notional": 4},
        "idle gain": {"pnl": 1, "notional": 0, "bankruptcy_notional": 4},
        "infinite loss": {"pnl": -1, "notional": 5, "bankruptcy_notional": 5},
        "loss": {"pnl": -1, "notional": 5, "bankruptcy_notional": 4},
        "last": {"pnl": -1, "notional": 0, "bankruptcy_notional": 4},
    }
    body = request([{**common, **edge, "id": name} for name, edge in edges.items()], "queue")
    body["options"] = {"numeraire": "equity"}
    order = rational.queue_order(read_book(body), "bitmex")
    assert order == ["infinite", "gain", "idle gain", "infinite loss", "loss", "last"]


def test_the_one_in_binance_is_one_currency_unit() -> None:
    accounts = [
        {"id": "a", "cash": 0.5, "pnl": 1, "maintenance_margin": 1},  # 1/1 * 1/1.5
        {"id": "b", "cash": 2, "pnl": 3, "maintenance_margin": 3},  # 3/2 * 3/5
    ]
    book = read_book(request(accounts, "queue"))
    assert [rational.score_of(book, i, "binance")[1] for i in "ab"] == [Fraction(2, 3), Fraction(9, 10)]


def test_largest_remainder_breaks_ties_by_code_point() -> None:
    third = Fraction(1, 3)
    assert whole({"a": third, "Z": third, "é": third}, 1) == {"a": 0, "Z": 1, "é": 0}
    assert whole({"a": Fraction(5, 2), "b": Fraction(9, 4), "c": Fraction(1, 4)}, 5) == {
        "a": 3,
        "b": 2,
        "c": 0,
    }


def test_water_filling_is_bounded_and_exact() -> None:
    x = fill({"a": 2, "b": 10, "c": 10, "d": 0}, dict.fromkeys("abcd", Fraction(1)), 9)
    assert x == {"a": 2, "b": Fraction(7, 2), "c": Fraction(7, 2), "d": 0}


def test_verdicts_of_the_convex_order() -> None:
    w = dict.fromkeys("abc", 100)
    even, tilted = {"a": 30, "b": 30, "c": 30}, {"a": 60, "b": 20, "c": 10}
    assert verdict(w, even, tilted) == "fairer"
    assert verdict(w, tilted, even) == "less-fair"
    assert verdict(w, even, {"a": 31, "b": 30, "c": 29}) == "equal"  # one unit of tolerance
    assert verdict(w, {"a": 45, "b": 45, "c": 0}, {"a": 50, "b": 20, "c": 20}) == "incomparable"


def test_weighted_gini_jain_and_inversions_by_hand() -> None:
    accounts = [{"cash": 0, "pnl": 6, "score": 2}, {"cash": 0, "pnl": 4, "score": 1}]
    result = allocate(request(accounts, {"name": "queue", "score": "custom"}, precision=0, deficit=6))
    figures = fairness(result)  # h = (1, 0), hbar = 0.6
    assert figures["gini"] == Fraction(2 * 24, 2 * 100) / Fraction(6, 10)
    assert figures["jain"] == Fraction(36, 60)
    assert figures["mean_haircut"] == Fraction(1, 2)
    assert figures["rank_inversions"] == 1


def test_nasty_books_are_seeded_and_nasty() -> None:
    drawn = books.nasty_books(240)
    assert drawn == books.nasty_books(240)
    read = [read_book(book) for book in drawn]
    assert {book.regime for book in read} == {
        ("insured", None),
        ("coverable", None),
        ("principal-needed", "caps"),
        ("principal-needed", "principal"),
        ("insolvent", None),
    }
    assert {len(book.rows) for book in read} == set(range(1, 9))
    assert any(not book.winners for book in read)
    assert any(book.capacity > 2**61 for book in read)
    for gap in (-1, 0, 1):
        assert sum(book.budget - book.reachable == gap for book in read) > 5
    assert sum(book.budget > 0 for book in read) > 180


@pytest.mark.parametrize("name", books.POLICIES)
@pytest.mark.parametrize("count", some((20, 60), 1))
def test_the_oracle_balances_and_keeps_caps_on_nasty_books(name: str, count: int) -> None:
    for book in books.nasty_books(count):
        result = allocate(books.with_policy(book, books.POLICIES[name], on_infeasible="partial"))
        assert all(0 <= x <= result.book.cap[i] for i, x in result.seized.items())
        expected = result.refusal.largest_budget if result.refusal else result.book.budget
        assert result.total == expected
