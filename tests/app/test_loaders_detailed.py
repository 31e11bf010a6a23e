"""The detailed table to a request: accounts put together from the closes of their positions."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from tests.app.tables import CLOSES, Load, accounts, close, table
from tests.conftest import Post


def test_an_account_is_put_together_from_the_first_row_of_each_coin(load: Load, post: Post) -> None:
    rows = [
        close("b", "ETH", 3, 4, price="0.1", entry="0.30", cash="1.50", total=1, own="-0.1"),
        close("a", "BTC", 9, -1, cash=0, total=0, price=8),
        close("a", "BTC", 2, "-3.5", cash="-0.25", total="20.5", own="7.1"),
        close("a", "ETH", 5, "0.7", price="0.3", entry="0.1", total=-100, own="0.14"),
        close("a", "ETH", 5, "0.2", price="0.3", entry="0.1", total=-200, own="0.04"),
    ]
    request, said = load("detailed", table(CLOSES, *rows), "--deficit", "1")
    assert accounts(request) == {
        "id": ["b", "a"],
        "cash": ["1.50", "-0.25"],
        "pnl": ["1", "20.5"],
        "notional": ["0.4", "35.21"],
        "entry_notional": ["1.2", "42.07"],
        "price_ratio": ["0.33333333333333333", "0.83693843594009983"],
    }
    assert said == [
        "table.csv: 5 rows, 0 unusable, 2 accounts",
        "later closes of a coin, not needed: 2",
        "accounts closed in several coins: 1",
    ]
    assert post("/v1/allocations", request)[0] == 200
    summed, _ = load("detailed", table(CLOSES, *rows), "--pnl", "positions")
    assert accounts(summed) == accounts(request) | {"pnl": ["-0.1", "7.24"]}


def test_at_one_time_the_larger_position_of_a_coin_is_first_and_between_coins_the_table_decides(load: Load) -> None:
    rows = [close(size=-1, total=1), close(size=-3, total=3), close(coin="ETH", size=-9, total=9), close(size=-2)]
    request, _ = load("detailed", table(CLOSES, *rows))
    assert (accounts(request)["pnl"], accounts(request)["notional"]) == (["3"], ["120"])
    request, _ = load("detailed", table(CLOSES, rows[2], *rows[:2]))
    assert (accounts(request)["pnl"], accounts(request)["notional"]) == (["9"], ["120"])


def test_one_coin_gives_contracts_and_its_own_first_row(load: Load, post: Post) -> None:
    rows = [close(coin="ETH", time=0, total=1), close(size="-0.50", total=2), close("b", "ETH", cash="")]
    request, said = load("detailed", table(CLOSES, *rows), "--coin", "BTC", "--policy", "contracts-pro-rata")
    assert accounts(request) == {
        "id": ["a"],
        "cash": ["5"],
        "pnl": ["2"],
        "notional": ["5"],
        "entry_notional": ["6"],
        "price_ratio": ["0.83333333333333333"],
        "contracts": ["0.5"],
    }
    assert said[1:] == ["later closes of a coin, not needed: 0", "rows of other coins, not selected: 2"]
    assert post("/v1/allocations", request)[0] == 200
    assert load("detailed", table(CLOSES, *rows), "--coin", "btc") == (None, ["table.csv has no row of the coin btc"])


def test_a_position_that_cost_nothing_has_no_ratio(load: Load, post: Post) -> None:
    request, _ = load("detailed", table(CLOSES, close(entry=0), close("b")))
    assert accounts(request)["entry_notional"] == [None, "24"]
    assert accounts(request)["price_ratio"] == [None, "0.83333333333333333"]
    assert post("/v1/allocations", request)[0] == 200


def test_sums_lose_no_digit_and_extremes_stay_decimals_that_the_service_takes(load: Load, post: Post) -> None:
    fine = close(size="-0.12345678901234567", price="1.2345678901234567e-05", entry="1e+22")
    big = close("b", size="1e24", price="1e24", entry="1e-25")
    tiny = close("d", size="1e-999")
    both = [close("c", "X", size="1e20", price=1), close("c", "Y", size="1e-20", price=1, entry=1)]
    request, _ = load("detailed", table(CLOSES, fine, big, tiny, *both))
    columns = accounts(request)
    assert Fraction(columns["notional"][0]) == Fraction("0.12345678901234567") * Fraction("1.2345678901234567e-05")
    assert columns["entry_notional"][:2] == ["1234567890123456700000", "0.1"]
    assert columns["notional"][1:] == ["1" + "0" * 48, "0", "100000000000000000000.00000000000000000001"]
    assert max(len(text) for name in ("notional", "entry_notional", "price_ratio") for text in columns[name]) <= 64
    assert post("/v1/allocations", request)[0] == 200


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (close(user=""), "user is empty"),
        (close(coin=" "), "coin is empty"),
        (close(time="2025-10-10 21:17:06"), "time is not a decimal number: '2025-10-10 21:17:06'"),
        (close(size=0), "position_size is zero"),
        (close(size="inf"), "position_size is not finite: 'inf'"),
        (close(price=0), "adl_price is zero"),
        (close(price="1e-999"), "adl_price is too small: '1e-999'"),
        (close(price=-1), "adl_price is negative: '-1'"),
        (close(entry="1e-26"), "entry_price is too small: '1e-26'"),
        (close(entry=-1), "entry_price is negative: '-1'"),
        (close(cash=""), "account_value_realtime is empty"),
        (close(total="NaN"), "total_unrealized_pnl is not finite: 'NaN'"),
    ],
)
def test_a_close_that_cannot_be_used_is_left_out_and_named(load: Load, row: str, why: str) -> None:
    request, said = load("detailed", table(CLOSES, close("good"), row))
    assert accounts(request)["id"] == ["good"]
    assert said[0] == "table.csv: 2 rows, 1 unusable, 1 accounts"
    assert said[-1] == f"line 3: {why}"


def test_an_account_that_lacks_one_of_its_rows_is_named(load: Load, tmp_path: Path) -> None:
    report = tmp_path / "read.json"
    rows = [close(cash="?"), close(coin="ETH"), close("b"), close("c", total="")]
    request, said = load("detailed", table(CLOSES, *rows), "--report", str(report))
    assert accounts(request)["id"] == ["a", "b"]
    assert "accounts put together without one of their rows: 1" in said
    assert json.loads(report.read_text())["incomplete_accounts"] == ["a"]
