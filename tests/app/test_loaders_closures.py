"""A wave of the detailed table to markets, positions and liquidations, and to the closes that are to be verified."""

import csv
import io
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet
import pytest

from app.loaders.__main__ import main
from tests.app.tables import FILLS, Load, fill, table

GAPS = "wave,t_start_ms,t_end_ms,coin,gap_usd_x_qty,qty_contracts,gap_per_contract_usd"
NO_GAPS = "no gaps given: closing is free"


def rows(columns: dict[str, list[str]]) -> list[tuple[str, ...]]:
    return list(zip(*columns.values(), strict=True))


def with_gaps(tmp_path: Path, *lines: str) -> str:
    path = tmp_path / "gaps.csv"
    path.write_text(table(GAPS, *lines))
    return str(path)


# A wave by hand: b is closed in two coins, a twice in one, c is long where the others are short.

WAVE = [
    fill("b", "ETH", 3000, "0.75", "-0.75", price="4.5", entry="5", cash="1.25"),
    fill("a", "BTC", 2000, 1, "-1.5", price="90"),
    fill("a", "BTC", 1000, "2.5", "-4.0", price="100", entry="120.5", cash="-3"),
    fill("b", "BTC", 1000, "0.50", "-0.50", price="100", entry="101", cash="1.25"),
    fill("c", "ETH", 3000, 2, 2, price="4.5", entry="3", cash=0),
]


def test_a_wave_becomes_markets_accounts_positions_and_liquidations(load: Load, post: Any, tmp_path: Path) -> None:
    gaps = with_gaps(tmp_path, "1,1000,3000,BTC,0,0,0.25", "1,1000,3000,ETH,0,0,0.10", "2,1001,3000,BTC,0,0,7")
    request, said = load("closures", table(FILLS, *WAVE), "--gaps", gaps, "--insurance-fund", "0.5")
    # BTC: (2.5 x 100 + 0.5 x 100 + 1 x 90) / 4 = 97.5. The bankrupt were long 4 BTC and 0.75 ETH, and short 2 ETH.
    assert request == {
        "snapshot": {
            "markets": {"symbol": ["BTC", "ETH"], "mark_price": ["97.5", "4.5"], "lot_size": ["0.1", "0.01"]},
            "accounts": {"id": ["a", "b", "c"], "cash": ["-3", "1.25", "0"]},
            "positions": {
                "account": ["a", "b", "c", "b"],
                "market": ["BTC", "BTC", "ETH", "ETH"],
                "quantity": ["-4", "-0.5", "2", "-0.75"],
                "entry_price": ["120.5", "101", "3", "5"],
            },
        },
        "liquidations": {
            "market": ["BTC", "ETH", "ETH"],
            "quantity": ["4", "0.75", "-2"],
            "price": ["97.75", "4.6", "4.4"],
        },
        "shortfall": {"insurance_fund": "0.5"},
        "policy": {"name": "lexicographic"},
    }
    assert said == [
        "table.csv: 5 rows, 0 unusable, 3 accounts",
        "wave 1 of 1: 1000 to 3000, closes 5, coins 2, accounts 3",
        "coins whose adl_price changed within the wave, marked at its mean: 1, by 11.11% at most (BTC, 90 to 100)",
    ]
    # Need: 4 x 0.25 + 0.75 x 0.1 + 2 x 0.1 = 1.275, of which the fund pays 0.5.
    status, answer = post("/v1/closures", request)
    assert (status, answer["status"], answer["budget"]) == (200, "optimal", "0.775000")
    assert [market["closed"] for market in answer["markets"]] == ["4", "2", "0.75"]


def test_the_venues_own_closes_are_one_a_row_in_the_order_of_time(load: Load, post: Any) -> None:
    request, said = load("closures", table(FILLS, *WAVE), "--verify", "--severity", "0.5")
    assert rows(request["closures"]) == [
        ("a", "BTC", "2.5", "100"),
        ("b", "BTC", "0.5", "100"),
        ("a", "BTC", "1", "90"),
        ("c", "ETH", "-2", "4.5"),
        ("b", "ETH", "0.75", "4.5"),
    ]
    assert said[2] == (
        "coins whose adl_price changed within the wave, marked at its mean: 1, by 11.11% at most (BTC, 90 to 100); "
        "unprofitable, over-cap, gains and haircuts of their closes are of that mean, not of the venue"
    )
    assert "policy" not in request
    assert request["shortfall"] == {"severity": 0.5}
    closing, _ = load("closures", table(FILLS, *WAVE))
    assert {name: request[name] for name in ("snapshot", "liquidations")} == {
        name: closing[name] for name in ("snapshot", "liquidations")
    }
    # At the mean of their prices, the closes of a coin that all bought cost nothing on balance.
    marks = dict(zip(*(request["snapshot"]["markets"][name] for name in ("symbol", "mark_price")), strict=True))
    paid = sum(Fraction(q) * (Fraction(p) - Fraction(marks[coin])) for _, coin, q, p in rows(request["closures"]))
    assert paid == 0
    status, answer = post("/v1/verifications", request)
    assert status == 200
    assert answer["closures"]["paid"] == "0.000000"


# Waves


def burst(start: int, *, coin: str = "BTC", user: str = "a") -> list[str]:
    return [fill(user, coin, start, 1), fill(user, coin, start + 5000, 1, -1)]


def test_a_new_wave_begins_after_more_than_five_seconds(load: Load) -> None:
    text = table(FILLS, *burst(20_001, coin="ETH"), *burst(0), fill("b", "SOL", 10_000))
    request, said = load("closures", text)
    assert request is None
    assert said == [
        "table.csv: 5 rows, 0 unusable, 2 accounts",
        "wave 1: 0 to 10000, closes 3, coins 2, accounts 2",
        "wave 2: 20001 to 25001, closes 2, coins 1, accounts 1",
        "table.csv has 2 waves: choose one with --wave N",
    ]
    request, said = load("closures", text, "--wave", "2")
    assert request["snapshot"]["markets"]["symbol"] == ["ETH"]
    assert said[1] == "wave 2 of 2: 20001 to 25001, closes 2, coins 1, accounts 1"
    request, said = load("closures", text, "--wave", "3")
    assert request is None
    assert said[-1] == "table.csv has no wave 3: the last is wave 2"


def test_a_position_is_the_one_before_the_wave_and_at_one_time_the_larger_is_earlier(load: Load) -> None:
    text = table(FILLS, fill(time=9000, size=1, position=-1), fill(time=9000, size=3, position=-4), fill(time=1))
    request, _ = load("closures", text, "--wave", "2", "--verify")
    assert request["snapshot"]["positions"]["quantity"] == ["-4"]
    assert request["closures"]["quantity"] == ["3", "1"]


# Gaps


def test_gaps_are_those_of_the_published_wave_that_holds_all_of_this_one(load: Load, tmp_path: Path) -> None:
    lines = ["1,500,999,BTC,0,0,1", "2,1000,2999,BTC,0,0,2", "3,900,9000,ETH,0,0,0.000", "4,0,1999,BTC,0,0,3"]
    gaps = with_gaps(tmp_path, *lines)
    request, said = load("closures", table(FILLS, *WAVE), "--gaps", gaps)
    assert request["liquidations"]["price"] == ["97.5", "4.5", "4.5"]
    assert said[-1] == f"coins without a gap in {gaps}, whose closing is free: 2 of 2"
    request, said = load("closures", table(FILLS, fill(time=1000), fill("b", time=1500)), "--gaps", gaps)
    assert request is None
    assert said == [f"{gaps}, line 5: BTC was on line 3 already"]
    assert load("closures", table(FILLS, fill(time=2500)), "--gaps", gaps)[0]["liquidations"]["price"] == ["12"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("1,1,1,BTC,0,0,nan", "gap_per_contract_usd is not finite: 'nan'"),
        ("1,1,1,BTC,0,0,-0.1", "gap_per_contract_usd is negative: '-0.1'"),
        ("1,1,1,BTC,0,0,", "gap_per_contract_usd is empty"),
        ("1,soon,1,BTC,0,0,1", "t_start_ms is not a decimal number: 'soon'"),
        ("1,1,1,,0,0,1", "coin is empty"),
        ("1,1,1,BTC,1", "has 5 cells where the header has 7"),
    ],
)
def test_a_gap_that_cannot_be_used_is_refused(load: Load, tmp_path: Path, line: str, why: str) -> None:
    gaps = with_gaps(tmp_path, line)
    assert load("closures", table(FILLS, fill()), "--gaps", gaps) == (None, [f"{gaps}, line 2: {why}"])


def test_a_gap_that_leaves_a_bankrupt_short_no_price_is_refused(load: Load, tmp_path: Path) -> None:
    gaps = with_gaps(tmp_path, "1,1,1,BTC,0,0,10")
    assert load("closures", table(FILLS, fill()), "--gaps", gaps)[0]["liquidations"]["price"] == ["20"]
    said = "the gap of BTC leaves no bankruptcy price above zero: 0"
    assert load("closures", table(FILLS, fill(position=2)), "--gaps", gaps) == (None, [said])


# Rows


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (fill(user=""), "user is empty"),
        (fill(coin=" "), "coin is empty"),
        (fill(time="21:16:56"), "time is not a decimal number: '21:16:56'"),
        (fill(size=0), "adl_size is zero"),
        (fill(size=-1), "adl_size is negative: '-1'"),
        (fill(size="1e-61"), "adl_size is too small: '1e-61'"),
        (fill(position="0.0"), "position_size is zero"),
        (fill(position="-inf"), "position_size is not finite: '-inf'"),
        (fill(size="2.1"), "adl_size is more than position_size: 2.1 of -2"),
        (fill(price=0), "adl_price is zero"),
        (fill(entry=0), "entry_price is zero"),
        (fill(entry=-1), "entry_price is negative: '-1'"),
        (fill(cash=""), "account_value_realtime is empty"),
        (fill() + ",9", "has 10 cells where the header has 9"),
    ],
)
def test_a_close_that_cannot_be_used_is_left_out_and_named(load: Load, row: str, why: str) -> None:
    request, said = load("closures", table(FILLS, fill("good"), row))
    assert request["snapshot"]["accounts"]["id"] == ["good"]
    assert said[0] == "table.csv: 2 rows, 1 unusable, 1 accounts"
    assert said[-1] == f"line 3: {why}"


def test_closes_that_do_not_fit_the_position_before_the_wave_are_left_out_and_named(load: Load, tmp_path: Path) -> None:
    report = tmp_path / "read.json"
    lines = [
        fill(time=1, size=3, position=-5),
        fill(time=2, size=4, position=-4),  # 3 + 4 of 5: it bought more contracts in between
        fill(time=3, size=2, position=-4),
        fill(time=4, size=1, position=1),  # and then it turned
        fill("b", time=4, size=1, position=1),
    ]
    request, said = load("closures", table(FILLS, *lines), "--verify", "--report", str(report))
    assert request["snapshot"]["positions"]["quantity"] == ["-5", "1"]
    assert rows(request["closures"]) == [("a", "BTC", "3", "10"), ("a", "BTC", "2", "10"), ("b", "BTC", "-1", "10")]
    assert rows(request["liquidations"]) == [("BTC", "5", "10"), ("BTC", "-1", "10")]
    reasons = [
        "adl_size is more than is left of the position on line 2, its first of the wave",
        "position_size is not on the side of the position on line 2, its first of the wave",
    ]
    assert said == [
        "table.csv: 5 rows, 2 unusable, 2 accounts",
        "wave 1 of 1: 1 to 4, closes 5, coins 1, accounts 2",
        NO_GAPS,
        "accounts put together without one of their rows: 1",
        f"line 3: {reasons[0]}",
        f"line 5: {reasons[1]}",
    ]
    document = json.loads(report.read_text())
    assert document["notes"] == said[1:3]
    assert document["incomplete_accounts"] == ["a"]
    assert [row["line"] for row in document["unusable_rows"]] == [3, 5]


# Lots


def test_the_lot_is_the_finest_decimal_of_the_whole_table_and_at_most_one(load: Load) -> None:
    lines = [
        fill(size="15000.0", position="-15000.0"),
        fill("a", "ETH", size="0.50", position="-1.250"),
        fill("b", "ETH", 90_000, size="5e-04", position="-0.1"),
    ]
    request, _ = load("closures", table(FILLS, *lines), "--wave", "1")
    assert request["snapshot"]["markets"]["lot_size"] == ["1", "0.0001"]
    assert request["snapshot"]["positions"]["quantity"] == ["-15000", "-1.25"]


def test_the_noise_of_doubles_does_not_make_lots(load: Load) -> None:
    long = "0.12345678901234567890123456784"
    lines = [
        fill(size="0.30000000000000004", position="-0.30000000000000004"),
        fill("b", size="0.1"),
        fill("b", "ETH", size=long, position=f"-{long}"),
    ]
    request, said = load("closures", table(FILLS, *lines))
    assert request["snapshot"]["markets"]["lot_size"] == ["0.1", "0.000000000000001"]
    assert request["snapshot"]["positions"]["quantity"] == ["-2", "-0.3", "-0.123456789012346"]
    assert "rows with sizes of more than 15 digits, rounded to 15: 2" in said


def test_contracts_that_no_grid_can_hold_are_refused(load: Load) -> None:
    lines = [fill(size="1e-9", position="-1"), fill("b", size="1e12", position="-1e12")]
    said = "table.csv: 1000000000000.000000001 contracts of BTC are 2^53 or more lots of 1E-9"
    assert load("closures", table(FILLS, *lines)) == (None, [said])


def test_prices_are_exact_to_the_last_digit(load: Load, tmp_path: Path) -> None:
    gaps = with_gaps(tmp_path, "1,1,1,BTC,0,0,6.900000000000024e-05")
    request, _ = load("closures", table(FILLS, fill(price="123456.789")), "--gaps", gaps)
    price = Fraction(request["liquidations"]["price"][0])
    assert price == Fraction("123456.789") + Fraction("6.900000000000024e-05")
    thirds = [fill(price=1, size=1), fill("b", price=2, size=2)]
    request, _ = load("closures", table(FILLS, *thirds))
    assert request["snapshot"]["markets"]["mark_price"] == ["1.6666666666666667"]


# Files and usage


def test_parquet_gives_the_same_request(load: Load, tmp_path: Path) -> None:
    gaps = with_gaps(tmp_path, "1,1000,3000,BTC,0,0,0.25")
    from_text, _ = load("closures", table(FILLS, *WAVE), "--gaps", gaps)
    for name in ("table", "gaps"):
        columns = pyarrow.csv.read_csv(tmp_path / f"{name}.csv")
        pyarrow.parquet.write_table(columns, tmp_path / f"{name}.parquet")
    again, _ = load("closures", tmp_path / "table.parquet", "--gaps", str(tmp_path / "gaps.parquet"))
    # Numbers written otherwise: 101 is 101.0 in a column of doubles.
    assert _numbers(again) == _numbers(from_text)


def _numbers(request: Any) -> Any:
    def number(cell: str) -> Fraction | str:
        return Fraction(cell) if cell.lstrip("-")[:1].isdigit() else cell

    tables = [*request["snapshot"].values(), request["liquidations"]]
    return [{name: [*map(number, column)] for name, column in one.items()} for one in tables]


def test_the_order_of_rows_changes_nothing_where_times_and_positions_differ(load: Load) -> None:
    text = io.StringIO(table(FILLS, *WAVE))
    header, *lines = csv.reader(text)
    turned = table(",".join(header), *(",".join(line) for line in reversed(lines)))
    ours, theirs = (load("closures", one)[0] for one in (table(FILLS, *WAVE), turned))
    assert ours["liquidations"] == theirs["liquidations"]
    assert ours["snapshot"]["markets"] == theirs["snapshot"]["markets"]
    for name in ("accounts", "positions"):
        assert sorted(rows(ours["snapshot"][name])) == sorted(rows(theirs["snapshot"][name]))


@pytest.mark.parametrize("missing", FILLS.split(",")[:8])
def test_a_missing_column_is_refused_by_name(load: Load, missing: str) -> None:
    header = ",".join("other" if name == missing else name for name in FILLS.split(","))
    assert load("closures", table(header, fill())) == (None, [f"table.csv lacks the column {missing}"])


def test_a_table_without_a_usable_row_is_an_error(load: Load) -> None:
    assert load("closures", table(FILLS))[1] == [
        "table.csv: 0 rows, 0 unusable, 0 accounts",
        "table.csv has no usable row",
    ]


def test_gaps_that_cannot_be_opened_are_one_line(load: Load, tmp_path: Path) -> None:
    absent = str(tmp_path / "absent.csv")
    assert load("closures", table(FILLS, fill()), "--gaps", absent) == (None, [f"{absent}: No such file or directory"])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["t.txt"], "t.txt must end in .csv or .parquet"),
        (["t.csv", "--gaps", "g.txt"], "g.txt must end in .csv or .parquet"),
        (["t.csv", "--gaps", "g.csv", "--report", "./g.csv"], "--report would overwrite the table"),
        (["t.csv", "--wave", "0"], "argument --wave: must be 1, 2, 3 and so on"),
        (["t.csv", "--wave", "last"], "argument --wave: must be 1, 2, 3 and so on"),
        (["t.csv", "--policy", "capped-pro-rata"], "argument --policy: invalid choice: 'capped-pro-rata'"),
        (["t.csv", "--verify", "--policy", "queue"], "argument --policy: not allowed with argument --verify"),
        (["t.csv", "--deficit", "1"], "unrecognized arguments: --deficit 1"),
    ],
)
def test_wrong_usage_is_exit_code_2(options: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["closures", *options])
    out, err = capsys.readouterr()
    assert (exit_.value.code, out) == (2, "")
    assert why in err
