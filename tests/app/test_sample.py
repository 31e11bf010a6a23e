import hashlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from app.sample import ACCOUNTS, POLICIES, comparison, main, venue

EXAMPLES = Path(__file__).parents[2] / "examples"
DIGEST = "41003913521301493c3cf8aa7afd24b180b4fd0d8ed760cf772755f52c8eafcd"

Row = dict[str, Any]


@pytest.fixture(scope="module")
def request_body() -> dict[str, Any]:
    return venue()


@pytest.fixture(scope="module")
def rows(request_body: dict[str, Any]) -> list[Row]:
    columns = request_body["snapshot"]["accounts"]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@pytest.fixture(scope="module")
def winners(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row["pnl"] > 0 and equity(row) > 0]


def exact(number: float) -> Decimal:
    return Decimal(str(number))


def equity(row: Row) -> Decimal:
    return exact(row["cash"]) + exact(row["pnl"])


def test_the_same_seed_gives_the_same_bytes_wherever_it_runs() -> None:
    canonical = json.dumps(venue(), sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(canonical).hexdigest() == DIGEST


def test_another_seed_gives_another_book_of_the_same_shape() -> None:
    one, other = (venue(seed)["snapshot"]["accounts"] for seed in (1, 2))
    assert one["pnl"] != other["pnl"]
    for accounts in (one, other):
        assert sum(pnl for pnl in accounts["pnl"] if pnl > 0) == pytest.approx(834e6, rel=0.02)


def test_every_account_has_an_id_of_its_own(request_body: dict[str, Any]) -> None:
    ids = request_body["snapshot"]["accounts"]["id"]
    assert len(ids) == len(set(ids)) == ACCOUNTS
    assert ids != sorted(ids)


def test_every_column_is_complete_and_has_at_most_six_decimals(request_body: dict[str, Any]) -> None:
    columns = request_body["snapshot"]["accounts"]
    assert {len(column) for column in columns.values()} == {ACCOUNTS}
    for name in columns.keys() - {"id", "group"}:
        assert all(exact(value).as_tuple().exponent >= -6 for value in columns[name]), name


def test_the_profit_is_heavy_tailed(rows: list[Row], winners: list[Row]) -> None:
    profits = sorted((exact(row["pnl"]) for row in winners), reverse=True)
    assert 0.02 < 1 - len(winners) / len(rows) < 0.05
    assert float(sum(profits)) == pytest.approx(834e6, rel=0.005)
    assert float(profits[0]) == pytest.approx(53e6, rel=0.02)
    assert median(profits) < 300
    assert sum(profits[:100]) > sum(profits) / 2


def test_leverage_is_mostly_below_one_and_has_a_long_tail(rows: list[Row]) -> None:
    leverages = sorted(exact(row["notional"]) / equity(row) for row in rows if equity(row) > 0)
    assert median(leverages) < 1
    assert leverages[int(0.999 * len(leverages))] > 1_000
    assert leverages[-1] > 1_000_000


def test_the_losers_derive_a_deficit_of_twenty_million_and_one_owes_half(rows: list[Row]) -> None:
    shortfalls = sorted((-equity(row) for row in rows if equity(row) < 0), reverse=True)
    assert len(shortfalls) == 120
    assert float(sum(shortfalls)) == pytest.approx(20e6, rel=0.03)
    assert float(shortfalls[0]) == pytest.approx(10.9e6, rel=0.01)


def test_some_winners_have_negative_cash_and_some_next_to_no_equity(winners: list[Row]) -> None:
    assert 0.01 < sum(row["cash"] < 0 for row in winners) / len(winners) < 0.06
    assert sum(exact(row["notional"]) > 1_000 * equity(row) for row in winners) > 20


def test_a_few_market_makers_are_capped_at_half(rows: list[Row]) -> None:
    assert {row["group"] for row in rows} == {"mm", "fund", "retail", None}
    assert {row["max_haircut"] for row in rows if row["group"] == "mm"} == {0.5}
    assert {row["max_haircut"] for row in rows if row["group"] != "mm"} == {1}
    assert 10 < sum(row["group"] == "mm" for row in rows) < 100


def test_winners_are_short_losers_are_long_and_their_notionals_agree(rows: list[Row]) -> None:
    for row in rows:
        pnl, notional = exact(row["pnl"]), exact(row["notional"])
        assert notional > 0
        assert exact(row["entry_notional"]) == notional + abs(pnl)
        assert row["price_ratio"] == pytest.approx(float(notional / (notional + abs(pnl))), abs=1e-6)
        bankruptcy = notional + equity(row) if pnl > 0 else max(notional - equity(row), Decimal(0))
        assert exact(row["bankruptcy_notional"]) == bankruptcy
        assert 0 <= row["maintenance_margin"] <= 0.05 * row["notional"] + 0.01
        assert row["contracts"] > 0
        assert row["fees"] >= 0


def test_a_smaller_venue_is_scaled_and_one_without_a_tail_is_refused() -> None:
    small = venue(accounts=1_000)
    assert len(small["snapshot"]["accounts"]["id"]) == 1_000
    assert small["shortfall"]["insurance_fund"] == pytest.approx(5e6 * 1_000 / ACCOUNTS)
    with pytest.raises(ValueError, match="100 or more"):
        venue(accounts=99)


def test_the_command_writes_either_request(capsys: pytest.CaptureFixture[str], request_body: dict[str, Any]) -> None:
    main([])
    written = capsys.readouterr().out
    assert len(written) < 4_000_000
    assert json.loads(written) == request_body
    main(["comparison"])
    assert json.loads(capsys.readouterr().out) == comparison(request_body)


def test_the_examples_hold_one_book() -> None:
    bodies = {path.stem: json.loads(path.read_text()) for path in EXAMPLES.glob("*.json")}
    assert bodies.keys() >= {"five-accounts", "comparison", "verification"}
    book = bodies["five-accounts"]
    assert [row["cash"] for row in book["snapshot"]["accounts"]] == [2, 1, 0.5, 0, 0]
    assert [row["pnl"] for row in book["snapshot"]["accounts"]] == [8, 4, 0.5, -3, -12]
    for name in ("comparison", "frontier", "verification"):
        assert bodies[name]["snapshot"] == book["snapshot"]
        assert bodies[name]["shortfall"] == book["shortfall"]
    assert all(policy in bodies["comparison"]["policies"] for policy in POLICIES if policy["name"] != "blend")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_goes_away_ends_it_quietly_as_a_shell_would_tell(unbuffered: str) -> None:
    command = f'{sys.executable} -m app.sample comparison | head -c 12; echo " ${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=EXAMPLES.parent,
        env=os.environ | {"PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b'{"snapshot": 141\n', b"")
