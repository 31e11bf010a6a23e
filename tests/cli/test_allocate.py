"""`adl allocate`: every way in, every way out, and always the service's answer."""

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from tests.cli.commands import FIVE, adl, columns, example, left_over, refused, served

BOOK = """id,cash,pnl,notional,max_haircut
ann,2,8,40,
bob,1,4,10,0.5
cy,0.5,0.5,3,1
dee,0,-3,12,
eve,0,-12,36,
"""
AS_COLUMNS: dict[str, Any] = {
    "snapshot": {
        "accounts": {
            "id": ["ann", "bob", "cy", "dee", "eve"],
            "cash": ["2", "1", "0.5", "0", "0"],
            "pnl": ["8", "4", "0.5", "-3", "-12"],
            "notional": ["40", "10", "3", "12", "36"],
            "max_haircut": [1, "0.5", "1", 1, 1],
        }
    },
    "shortfall": {"severity": "0.5"},
    "policy": {"name": "capped-pro-rata"},
}
SEIZED = ["5.176471", "2.000000", "0.323529", "0.000000", "0.000000"]
"""By hand: bob pays his cap 2; the rest 5.5 is spread over 8.5, of which a fraction 11 / 17."""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.csv"
    path.write_text(BOOK)
    return path


@pytest.fixture
def as_parquet(tmp_path: Path) -> Path:
    path = tmp_path / "book.parquet"
    accounts = AS_COLUMNS["snapshot"]["accounts"]
    amounts = {name: list(map(Decimal, accounts[name])) for name in ("cash", "pnl")}
    caps = [None, 0.5, 1.0, None, None]
    notional = [float(cell) for cell in accounts["notional"]]
    parquet.write_table(
        pyarrow.table({"id": accounts["id"], **amounts, "notional": notional, "max_haircut": caps}), path
    )
    return path


@pytest.mark.parametrize("name", ["five-accounts", "columns", "queue"])
def test_a_request_gets_the_bytes_that_the_service_answers(name: str) -> None:
    done = adl("allocate", FIVE.with_name(f"{name}.json"))
    assert (done.code, done.err) == (0, "")
    assert done.out == served("/v1/allocations", example(name))


def test_a_posted_request_and_a_local_one_have_the_same_bytes(client: Any) -> None:
    raw = FIVE.read_bytes()
    answer = client.post("/v1/allocations", content=raw, headers={"content-type": "application/json"})
    assert answer.status_code == 200
    assert adl("allocate", FIVE).out == answer.content


def test_a_table_is_its_columns_with_empty_cells_left_out(book: Path) -> None:
    done = adl("allocate", book, "--severity", "0.5")
    assert (done.code, done.err) == (0, "")
    assert done.out == served("/v1/allocations", AS_COLUMNS)
    assert json.loads(done.out)["allocations"]["seized"] == SEIZED


def test_csv_and_parquet_on_disk_and_on_stdin_are_one_book(book: Path, as_parquet: Path) -> None:
    wanted = adl("allocate", book, "--severity", "0.5").out
    for path in (book, as_parquet):
        assert adl("allocate", path, "--severity", "0.5").out == wanted
        assert adl("allocate", "-", "--severity", "0.5", given=path.read_bytes()).out == wanted
    said = adl("allocate", "-", "--from", "csv", "--severity", "0.5", given=b"\xef\xbb\xbf" + BOOK.encode())
    assert said.out == wanted


def test_a_snapshot_alone_is_a_book() -> None:
    request = example("five-accounts")
    done = adl("allocate", "-", given=json.dumps(request["snapshot"]).encode(), env={"ADL_DATABASE_URL": "nonsense"})
    assert refused(done).startswith("the budget is above what the caps")
    done = adl("allocate", "-", "--severity", "0.5", given=json.dumps(request["snapshot"]).encode())
    assert json.loads(done.out) == json.loads(served("/v1/allocations", request))


def test_options_decide_over_what_the_request_says() -> None:
    request = example("five-accounts")
    words = [
        "--policy", "queue:score=pnl", "--deficit", "10", "--fund", "1.5", "--severity", "match", "--needed", "7",
        "--shock", "student-t:df=3,scale=0.05", "--retention", '{"curve": "linear", "rate": 0.5}', "--partial",
        "--precision", "2", "--set", "options.numeraire=equity", "--set", "snapshot.accounts.1.cash=1.25",
        "--set", "snapshot.venue=here",
    ]  # fmt: skip
    request["policy"] = {"name": "queue", "score": "pnl"}
    request["shortfall"] = {
        "deficit": "10", "insurance_fund": "1.5", "severity": {"rule": "match"}, "needed": "7"
    }  # fmt: skip
    request["options"] = {
        "shock": {"law": "student-t", "df": 3, "scale": 0.05},
        "retention": {"curve": "linear", "rate": 0.5},
        "on_infeasible": "partial",
        "numeraire": "equity",
    }
    request["snapshot"] |= {"precision": 2, "venue": "here"}
    request["snapshot"]["accounts"][1]["cash"] = 1.25
    done = adl("allocate", FIVE, *words)
    assert (done.code, done.err) == (0, "")
    assert done.out == served("/v1/allocations", request)


def test_no_digit_of_an_amount_is_lost_on_the_way_in_and_out(tmp_path: Path) -> None:
    exact = "9007199254740993.000000000000000001"
    path = tmp_path / "book.csv"
    path.write_text(f"id,cash,pnl\nann,0,{exact}\neve,0,-9007199254740993\n")
    words = ("allocate", path, "--precision", "0", "--set", "snapshot.currency=TOKEN")
    seized = [row["seized"] for row in csv.DictReader(io.StringIO(adl(*words, "--format", "csv").out.decode()))]
    assert seized == ["9007199254740993", "0"]  # a double would have made it ...992
    assert adl(*words, "--output", tmp_path / "out.parquet").code == 0
    told = parquet.read_table(tmp_path / "out.parquet")
    assert told.column("seized").to_pylist() == [Decimal(9007199254740993), Decimal(0)]
    small = adl("allocate", path, "--precision", "18", "--deficit", "0.000000000000000001", "--partial", "--set",
                "snapshot.accounts.pnl.0=0.300000000000000004", "--set", "snapshot.accounts.pnl.1=0")  # fmt: skip
    assert json.loads(small.out)["allocations"]["seized"] == ["0.000000000000000001", "0.000000000000000000"]
    assert json.loads(small.out)["allocations"]["endowment"][0] == "0.300000000000000004"


def test_the_formats_tell_the_same_accounts(tmp_path: Path) -> None:
    paths = {ending: tmp_path / f"out.{ending}" for ending in ("json", "csv", "parquet", "txt")}
    for path in paths.values():
        done = adl("allocate", FIVE, "--policy", "queue:score=pnl", "--output", path)
        assert (done.code, done.out, done.err) == (0, b"", "")
    rows = json.loads(paths["json"].read_bytes())["allocations"]
    as_csv = list(csv.DictReader(io.StringIO(paths["csv"].read_text())))
    assert [list(row) for row in as_csv] == [list(row) for row in rows]
    for told, row in zip(as_csv, rows, strict=True):
        assert told == {
            name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
            for name, value in row.items()
        }
    table = parquet.read_table(paths["parquet"])
    assert table.schema.field("seized").type == pyarrow.decimal128(38, 6)
    assert str(table.schema.field("rank").type) == "int64"
    assert table.to_pylist() == [
        {name: Decimal(value) if name in ("endowment", "seized", "pnl_after", "equity_after") else value
         for name, value in row.items()}
        for row in rows
    ]  # fmt: skip
    assert paths["txt"].read_bytes() == adl("allocate", FIVE, "--policy", "queue:score=pnl", "--format", "table").out
    assert left_over(tmp_path) == sorted(path.name for path in paths.values())


def test_the_table_for_readers_has_figures_top_accounts_and_totals() -> None:
    lines = adl("allocate", FIVE, "--format", "table").out.decode().splitlines()
    assert lines[:5] == [
        "policy       capped-pro-rata",
        "status       optimal",
        "budget       7.500000",
        "deficit      15.000000, of which the fund pays 0.000000",
        "uncovered    0.000000",
    ]
    assert "ann       8.000000      0.6  4.800000    3.200000      5.200000  no" in lines
    assert lines[-1] == "5 accounts, seized 7.500000 in all"


def test_the_table_tells_who_is_under_water_so_that_a_sign_typed_by_mistake_is_seen() -> None:
    def line(*accounts: tuple[str, str, str]) -> str:
        text = "id,cash,pnl\n" + "".join(f"{','.join(cells)}\n" for cells in accounts)
        told = adl("allocate", "-", "--deficit", "0.5", "--format", "table", given=text.encode()).out.decode()
        return next(line for line in told.splitlines() if line.startswith("under water"))

    ann, dee, eve = ("ann", "2", "8"), ("dee", "0", "-3"), ("eve", "-10000000000", "-2.000001")
    assert line(ann, dee, eve) == "under water  2 accounts, the largest eve, -10000000002.000001"
    assert line(ann, dee) == "under water  1 account, the largest dee, -3.000000"
    assert line(ann) == "under water  no account"


def test_the_table_shows_the_largest_ten_of_many_and_obeys_no_name() -> None:
    rows = [{"id": f"a{i:02}", "cash": 0, "pnl": i} for i in range(1, 13)]
    rows += [{"id": "red \x1b[31m\n世界", "cash": 0, "pnl": 100}, {"id": "eve", "cash": 0, "pnl": -89}]
    done = adl("allocate", "-", "--format", "table", given=json.dumps({"accounts": rows}).encode())
    text = done.out.decode()
    assert "\x1b" not in text
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("account "))
    assert [line.split()[0] for line in lines[start + 1 : start + 11]] == [
        "red", *(f"a{i:02}" for i in range(12, 3, -1)),
    ]  # fmt: skip
    assert lines[start + 1].startswith(r"red \x1b[31m\n世界  100.000000      0.5  50.000000")
    assert lines[-1] == "14 accounts, seized 89.000000 in all, of which the 10 largest are shown: --format csv has all"


def test_notes_and_a_partial_status_are_shown() -> None:
    text = adl("allocate", FIVE, "--severity", "1", "--partial", "--format", "table").out.decode()
    assert "status       partial" in text
    assert "uncovered    2.500000" in text
    assert "Severity 0.8" in adl("allocate", FIVE, "--severity", "match", "--format", "table").out.decode()


def test_a_summary_has_no_accounts_for_a_table() -> None:
    words = ("allocate", FIVE, "--set", "options.detail=summary")
    assert json.loads(adl(*words).out)["allocations"] is None
    assert adl(*words, "--format", "table").code == 0
    assert "options.detail" in refused(adl(*words, "--format", "csv"))


def test_exposures_are_lists_in_both_kinds_of_tables(tmp_path: Path) -> None:
    rows = [
        {"id": "ann", "cash": "2", "pnl": "8", "notional": "40", "exposure": ["-30", "10"]},
        {"id": "eve", "cash": "0", "pnl": "-7.5", "notional": "36", "exposure": ["36", "0"]},
    ]
    shock = {"law": "scenarios", "moves": [[-0.1, 0.02], [0.3, 0.3]]}
    wanted = {
        "snapshot": {"accounts": columns(rows)},
        "options": {"shock": shock},
        "policy": {"name": "expected-deficit"},
    }
    text = "id,cash,pnl,notional,exposure\n" + "".join(
        f'{r["id"]},{r["cash"]},{r["pnl"]},{r["notional"]},"[{", ".join(r["exposure"])}]"\n' for r in rows
    )
    (tmp_path / "book.csv").write_text(text)
    listed = columns(rows) | {"exposure": [[-30.0, 10.0], [36.0, 0.0]]}
    parquet.write_table(pyarrow.table(listed), tmp_path / "book.parquet")
    for name in ("book.csv", "book.parquet"):
        done = adl("allocate", tmp_path / name, "--policy", "expected-deficit", "--shock", json.dumps(shock))
        assert done.out == served("/v1/allocations", wanted), done.err
