"""Published tables to requests. Nothing here is copied from a real table; the real ones are read where they are."""

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from app.loaders.__main__ import main
from tests.conftest import Post
from tests.processes import ROOT, service

EVENT = ROOT.parent / "shared/data/hyperliquid-2025-10-10"
real = pytest.mark.skipif(not EVENT.exists(), reason="the tables of 2025-10-10 are not on this machine")

USERS = "user,adl_notional,closed_pnl,account_value_realtime,num_adl_events"
CLOSES = (
    "user,coin,time,adl_price,position_size,entry_price,account_value_realtime,"
    "total_unrealized_pnl,position_unrealized_pnl,liquidated_user"
)

Load = Callable[..., tuple[Any, list[str]]]


@pytest.fixture
def load(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Load:
    """``load(kind, table, *options)``: the request, or None with exit code 1, and the lines on stderr."""

    def run(kind: str, table: str | bytes | Path, *options: str) -> tuple[Any, list[str]]:
        path = table if isinstance(table, Path) else tmp_path / "table.csv"
        if isinstance(table, str | bytes):
            path.write_bytes(table.encode() if isinstance(table, str) else table)
        code = main([kind, str(path), *options])
        out, err = capsys.readouterr()
        assert (code == 0) == bool(out)
        assert code in {0, 1}
        assert out.count("\n") == (code == 0)
        return json.loads(out) if out else None, err.replace(f"{path}", path.name).splitlines()

    return run


def table(header: str, *rows: str) -> str:
    return "".join(f"{line}\n" for line in (header, *rows))


def accounts(request: Any) -> Any:
    return request["snapshot"]["accounts"]


# by-user


def test_numbers_are_kept_as_they_are_written(load: Load, post: Post) -> None:
    rows = ["a,0.10,7,-0,1", "b,5e-06,2.50000000000000000001,1E+2,1", 'c, 1 ,"+3",-12.5,1']
    request, said = load("by-user", table(USERS, *rows), "--deficit", "0.10", "--policy", "queue")
    assert request == {
        "snapshot": {
            "accounts": {
                "id": ["a", "b", "c"],
                "cash": ["-0", "1E+2", "-12.5"],
                "pnl": ["7", "2.50000000000000000001", "+3"],
                "notional": ["0.10", "5e-06", "1"],
            }
        },
        "shortfall": {"deficit": "0.10"},
        "policy": {"name": "queue"},
    }
    assert said == ["table.csv: 3 rows, 0 unusable, 3 accounts"]
    assert post("/v1/allocations", request)[0] == 200


def test_the_shortfall_is_what_the_options_say(load: Load, post: Post) -> None:
    given = ["--deficit", "6", "--insurance-fund", "2.5", "--severity", "0.5"]
    request, _ = load("by-user", table(USERS, "a,1,7,0,1"), *given)
    assert request["shortfall"] == {"deficit": "6", "insurance_fund": "2.5", "severity": 0.5}
    assert request["policy"] == {"name": "capped-pro-rata"}
    status, answer = post("/v1/allocations", request)
    assert (status, answer["budget"]) == (200, "1.750000")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",1,2,3,1", "user is empty"),
        ("   ,1,2,3,1", "user is empty"),
        ("x" * 129 + ",1,2,3,1", "user has more than 128 characters"),
        ("good,1,2,3,1", "user was on line 2 already"),
        ("a,1,,3,1", "closed_pnl is empty"),
        ("a,1,nan,3,1", "closed_pnl is not finite: 'nan'"),
        ("a,1,2,-Infinity,1", "account_value_realtime is not finite: '-Infinity'"),
        ("a,1,1e999,3,1", "closed_pnl is too large: '1e999'"),
        ("a,seven,2,3,1", "adl_notional is not a decimal number: 'seven'"),
        ('a,"1,000",2,3,1', "adl_notional is not a decimal number: '1,000'"),
        ("a,0x10,2,3,1", "adl_notional is not a decimal number: '0x10'"),
        ("a,1_0,2,3,1", "adl_notional is not a decimal number: '1_0'"),
        ("a,-0.5,2,3,1", "adl_notional is negative: '-0.5'"),
        ("a,1,9223372036854.775808,3,1", "closed_pnl is too large: '9223372036854.775808'"),
        ("a,1e101,2,3,1", "adl_notional is too large: '1e101'"),
        ("a,1,2,3", "has 4 cells where the header has 5"),
        ("a,1,2,3,1,9", "has 6 cells where the header has 5"),
        ("", "is blank"),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_and_named(load: Load, post: Post, row: str, why: str) -> None:
    request, said = load("by-user", table(USERS, "good,1,2,3,1", row, "last,1,2,3,1"))
    assert accounts(request)["id"] == ["good", "last"]
    assert said == ["table.csv: 3 rows, 1 unusable, 2 accounts", f"line 3: {why}"]
    assert post("/v1/allocations", request)[0] == 200


def test_lines_are_counted_as_an_editor_counts_them(load: Load) -> None:
    header = USERS.replace("num_adl_events", '"num\nevents"')
    _, said = load("by-user", table(header, 'a,1,2,3,"two\nlines"', "b,,2,3,1", "c,,2,3,1"))
    assert said[1:] == ["line 5: adl_notional is empty", "line 6: adl_notional is empty"]


def test_twenty_rows_are_named_on_stderr_and_all_in_the_report(load: Load, tmp_path: Path) -> None:
    report = tmp_path / "read.json"
    bad = [f"u{i},1,,3,1" for i in range(25)]
    _, said = load("by-user", table(USERS, "good,1,2,3,1", *bad), "--report", str(report))
    assert said[0] == "table.csv: 26 rows, 25 unusable, 1 accounts"
    assert len(said) == 22
    assert said[-1] == "and 5 more unusable rows, which --report PATH names"
    document = json.loads(report.read_text())
    assert document.pop("path") == str(tmp_path / "table.csv")
    rows = document.pop("unusable_rows")
    assert rows == [{"line": 3 + i, "user": f"u{i}", "column": "closed_pnl", "reason": "is empty"} for i in range(25)]
    assert document == {"rows": 26, "accounts": 1, "counts": {}, "unusable": 25, "incomplete_accounts": []}


# detailed


def close(user: str = "a", coin: str = "BTC", time: object = 1, size: object = -2, **cells: object) -> str:
    row = {"price": 10, "entry": 12, "cash": 5, "total": 7, "own": 4} | cells
    return ",".join(map(str, (user, coin, time, row["price"], size, *list(row.values())[1:], "z")))


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


# files


@pytest.mark.parametrize("missing", ["user", "adl_notional", "closed_pnl", "account_value_realtime"])
def test_a_missing_column_is_refused_by_name(load: Load, missing: str) -> None:
    header = USERS.replace(missing, "other")
    assert load("by-user", table(header, "a,1,2,3,1")) == (None, [f"table.csv lacks the column {missing}"])


@pytest.mark.parametrize("missing", CLOSES.split(",")[:8])
def test_a_missing_column_of_the_detailed_table_is_refused_by_name(load: Load, missing: str) -> None:
    header = ",".join("other" if name == missing else name for name in CLOSES.split(","))
    assert load("detailed", table(header, close())) == (None, [f"table.csv lacks the column {missing}"])


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "table.csv has no header"),
        (b"user,adl_notional\n", "table.csv lacks the columns account_value_realtime, closed_pnl"),
        (f"{USERS},user\na,1,2,3,1,b\n".encode(), "table.csv has the column user more than once"),
        (f"{USERS}\na,1,2,3,1\n".encode("utf-16"), "table.csv is not sound CSV in UTF-8 after line 0: "),
        (f'{USERS}\na,1,2,3,1\n"b,1,2,3,1\n'.encode(), "table.csv is not sound CSV in UTF-8 after line 3: "),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_in_one_line(load: Load, content: bytes, why: str) -> None:
    request, said = load("by-user", content)
    assert request is None
    assert len(said) == 1
    assert said[0].startswith(why)


def test_a_byte_order_mark_and_spaces_in_the_header_do_no_harm(load: Load) -> None:
    request, _ = load("by-user", "\ufeff" + table(USERS.replace(",", ", "), "a,1,2,3,1"))
    assert accounts(request)["id"] == ["a"]


def test_a_table_without_a_usable_row_is_an_error_and_the_report_still_says_why(load: Load, tmp_path: Path) -> None:
    report = tmp_path / "read.json"
    request, said = load("by-user", table(USERS, "a,1,,3,1"), "--report", str(report))
    assert request is None
    assert said[1:] == ["line 2: closed_pnl is empty", "table.csv has no usable row"]
    assert json.loads(report.read_text())["unusable"] == 1
    assert load("by-user", table(USERS))[1][-1] == "table.csv has no usable row"


def test_what_cannot_be_opened_is_one_line(load: Load, tmp_path: Path) -> None:
    assert load("by-user", tmp_path / "absent.csv") == (None, ["absent.csv: No such file or directory"])
    assert load("by-user", tmp_path / "absent.parquet") == (None, ["absent.parquet: No such file or directory"])
    (tmp_path / "folder.csv").mkdir()
    assert load("by-user", tmp_path / "folder.csv") == (None, ["folder.csv: Is a directory"])
    report = tmp_path / "absent" / "read.json"
    assert load("by-user", table(USERS, "a,1,2,3,1"), "--report", str(report)) == (
        None,
        [f"{report}: No such file or directory"],
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "the following arguments are required: table"),
        (["by-user"], "the following arguments are required: PATH"),
        (["by-user", "t.xlsx"], "t.xlsx must end in .csv or .parquet"),
        (["by-user", "t.csv", "--deficit", "lots"], "argument --deficit: not a decimal number"),
        (["by-user", "t.csv", "--deficit", "-1"], "argument --deficit: must not be negative"),
        (["by-user", "t.csv", "--severity", "1.5"], "argument --severity: must lie between 0 and 1"),
        (["by-user", "t.csv", "--policy", "best"], "argument --policy: invalid choice: 'best'"),
        (["by-user", "t.csv", "--coin", "BTC"], "unrecognized arguments: --coin BTC"),
        (["detailed", "t.csv", "--report", "./t.csv"], "--report would overwrite the table"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    out, err = capsys.readouterr()
    assert (exit_.value.code, out) == (2, "")
    assert why in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(table(USERS, "a,1,2,3,1"))
    command = [sys.executable, "-m", "app.loaders", "by-user", str(tmp_path / "t.csv")]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "standard output: No space left on device"


# Parquet


def as_parquet(path: Path, **columns: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path)
    return path


def test_parquet_numbers_are_the_shortest_decimals_of_their_doubles(load: Load, tmp_path: Path, post: Post) -> None:
    path = as_parquet(
        tmp_path / "t.parquet",
        num_adl_events=[[1], [2], [3]],
        account_value_realtime=[0.1, 5.00000000069889e-06, -12.5],
        user=["a", "b", "c"],
        closed_pnl=pyarrow.array([Decimal("1.10"), Decimal("2.20"), Decimal("3.30")]),
        adl_notional=pyarrow.array([0.1, 7, 0.3], pyarrow.float32()),
    )
    request, said = load("by-user", path, "--deficit", "1")
    assert accounts(request) == {
        "id": ["a", "b", "c"],
        "cash": ["0.1", "0.00000500000000069889", "-12.5"],
        "pnl": ["1.10", "2.20", "3.30"],
        "notional": ["0.1", "7", "0.3"],
    }
    assert said == ["t.parquet: 3 rows, 0 unusable, 3 accounts"]
    assert post("/v1/allocations", request)[0] == 200


def test_rows_of_parquet_are_named_by_row(load: Load, tmp_path: Path) -> None:
    path, report = tmp_path / "t.parquet", tmp_path / "read.json"
    as_parquet(
        path,
        user=["a", None, "c", "a"],
        closed_pnl=[1.0, 1.0, float("nan"), 1.0],
        account_value_realtime=[1, 2, 3, None],
        adl_notional=[1, 1, 1, 1],
    )
    request, said = load("by-user", path, "--report", str(report))
    assert accounts(request)["id"] == ["a"]
    assert said[1:] == [
        "row 2: user is empty",
        "row 3: closed_pnl is not finite: 'nan'",
        "row 4: account_value_realtime is empty",
    ]
    assert [row["row"] for row in json.loads(report.read_text())["unusable_rows"]] == [2, 3, 4]


def test_a_detailed_table_in_parquet_is_the_same_book(load: Load, tmp_path: Path) -> None:
    text = table(CLOSES, close(), close(coin="ETH", price="0.25"), close("b", time=4, size="1.5"))
    from_text, _ = load("detailed", text)
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(tmp_path / "table.csv"), tmp_path / "t.parquet")
    assert load("detailed", tmp_path / "t.parquet")[0] == from_text


def test_parquet_is_refused_like_csv(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_text(table(USERS, "a,1,2,3,1"))
    request, said = load("by-user", path)
    assert request is None
    assert len(said) == 1
    assert said[0].startswith("t.parquet cannot be read as Parquet: ")
    as_parquet(path, user=["a"], closed_pnl=[1], adl_notional=[1])
    assert load("by-user", path) == (None, ["t.parquet lacks the column account_value_realtime"])
    as_parquet(path, user=["a"], closed_pnl=[[1]], adl_notional=[1], account_value_realtime=[1])
    request, said = load("by-user", path)
    assert request is None
    assert len(said) == 1
    assert said[0].startswith("t.parquet cannot be read as Parquet: ")


def test_without_pyarrow_parquet_says_which_extra_to_install(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    said = "reading Parquet needs pyarrow, which the extra `tables` installs: pip install '.[tables]'"
    assert load("by-user", tmp_path / "t.parquet") == (None, [said])
    assert load("by-user", table(USERS, "a,1,2,3,1"))[0] is not None


# The page


def blocks(page: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"```(csv|bash|json|text)\n(.*?)```", page, re.DOTALL)


def test_every_command_of_the_page_says_what_the_page_says(tmp_path: Path) -> None:
    page = (ROOT / "docs/loading.md").read_text(encoding="utf-8")
    names = iter(re.findall(r"(\w+\.csv):\n\n```csv", page))
    found = list(blocks(page))
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    done = None
    with service() as address:
        for kind, text in found:
            if kind == "csv":
                (tmp_path / next(names)).write_text(text)
            elif kind == "bash":
                command = ["bash", "-c", text.replace("http://127.0.0.1:8000", address)]
                done = subprocess.run(
                    command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
                )
            else:
                assert done is not None
                if kind == "json":
                    assert json.loads(done.stdout) == json.loads(text)
                else:
                    assert done.stderr == text
    assert [kind for kind, _ in found].count("bash") == 5
    assert json.loads((tmp_path / "answer.json").read_text())["budget"] == "150.000000"
    assert json.loads((tmp_path / "read.json").read_text())["accounts"] == 2


# The event of 2025-10-10 (Powered by HyperReplay - (c) ConejoCapital)


@real
def test_the_table_by_user_loads_whole_and_has_the_known_capacity(load: Load, post: Post, tmp_path: Path) -> None:
    path = EVENT / "adl_by_user_REALTIME.csv"
    request, said = load("by-user", path, "--deficit", "15079669.61")
    assert said == [f"{path.name}: 19337 rows, 0 unusable, 19337 accounts"]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert accounts(request) == {
        "id": [row["user"] for row in rows],
        "cash": [row["account_value_realtime"] for row in rows],
        "pnl": [row["closed_pnl"] for row in rows],
        "notional": [row["adl_notional"] for row in rows],
    }
    status, answer = post("/v1/allocations", request)
    assert status == 200
    solvency = answer["diagnostics"]["solvency"]
    assert solvency["budget"] == "15079669.610000"
    assert round(Decimal(solvency["capacity"]), 2) == Decimal("834298911.35")

    pyarrow.parquet.write_table(pyarrow.csv.read_csv(path), tmp_path / "t.parquet")
    stored, _ = load("by-user", tmp_path / "t.parquet", "--deficit", "15079669.61")
    for name in ("cash", "pnl", "notional"):
        assert list(map(Decimal, accounts(stored)[name])) == list(map(Decimal, accounts(request)[name]))
    assert post("/v1/allocations", stored)[1]["allocations"] == answer["allocations"]


@pytest.fixture
def fills() -> dict[int, dict[str, str]]:
    """The 480 full fills by line."""
    with (EVENT / "high_leverage_outliers_fills.csv").open(newline="") as file:
        return dict(enumerate(csv.DictReader(file), 2))


@real
def test_the_480_fills_load_whole(load: Load, post: Post, fills: dict[int, dict[str, str]]) -> None:
    path = EVENT / "high_leverage_outliers_fills.csv"
    request, said = load("detailed", path, "--deficit", "100000", "--policy", "leverage-pro-rata")
    assert said == [
        f"{path.name}: 480 rows, 0 unusable, 294 accounts",
        "later closes of a coin, not needed: 103",
        "accounts closed in several coins: 50",
    ]
    columns = accounts(request)
    oldest: dict[tuple[str, str], dict[str, str]] = {}
    for row in sorted(fills.values(), key=lambda row: (int(row["time"]), -abs(Fraction(row["position_size"])))):
        oldest.setdefault((row["user"], row["coin"]), row)
    for i, user in enumerate(columns["id"]):
        firsts = [row for (holder, _), row in oldest.items() if holder == user]
        notional = sum(abs(Fraction(row["position_size"])) * Fraction(row["adl_price"]) for row in firsts)
        entry = sum(abs(Fraction(row["position_size"])) * Fraction(row["entry_price"]) for row in firsts)
        assert Fraction(columns["notional"][i]) == notional
        assert Fraction(columns["entry_notional"][i]) == entry
        assert float(columns["price_ratio"][i]) == pytest.approx(float(notional / entry), rel=1e-15)
        assert columns["pnl"][i] in {row["total_unrealized_pnl"] for row in firsts}
        assert {columns["cash"][i]} == {row["account_value_realtime"] for row in firsts}
    for policy in ("leverage-pro-rata", "capped-pro-rata", "queue hyperliquid-published", "queue hyperliquid-observed"):
        name, _, score = policy.partition(" ")
        asked = {"name": name} | ({"score": score} if score else {})
        status, answer = post("/v1/allocations", request | {"policy": asked})
        assert (status, answer["budget"]) == (200, "100000.000000")


# By hand: the account of a line, the lines of its first closes by coin, the line of its first close of all; notional
# and entry notional in cents, and the profit of its positions at the prices of the closes.
BY_HAND = [
    (2, [2], 2, "165.88", "177.99", "12.11"),  # one close
    (367, [329], 329, "21479.80", "15921.00", "5558.80"),  # a long, closed three times at one time
    (215, [91, 101, 102, 85, 152, 215], 91, "22746.54", "34201.06", "11454.51"),  # six coins; ONDO twice, later at 149
    (154, [136, 182, 116], 136, "7756.56", "11899.51", "4142.95"),  # three coins, XRP twice at one time
]


@real
@pytest.mark.parametrize(("line", "firsts", "opening", "notional", "entry", "profit"), BY_HAND)
def test_accounts_of_the_fills_come_out_as_by_hand(
    load: Load,
    fills: dict[int, dict[str, str]],
    line: int,
    firsts: list[int],
    opening: int,
    notional: str,
    entry: str,
    profit: str,
) -> None:
    path = EVENT / "high_leverage_outliers_fills.csv"
    user = fills[line]["user"]
    assert {fills[first]["user"] for first in firsts} == {user}
    request, _ = load("detailed", path)
    columns = accounts(request)
    i = columns["id"].index(user)
    assert columns["cash"][i] == fills[opening]["account_value_realtime"]
    assert columns["pnl"][i] == fills[opening]["total_unrealized_pnl"]
    assert round(Decimal(columns["notional"][i]), 2) == Decimal(notional)
    assert round(Decimal(columns["entry_notional"][i]), 2) == Decimal(entry)
    positions, _ = load("detailed", path, "--pnl", "positions")
    assert round(Decimal(accounts(positions)["pnl"][i]), 2) == Decimal(profit)


@real
def test_the_account_wide_columns_hold_what_the_page_says(fills: dict[int, dict[str, str]]) -> None:
    cash: dict[str, set[str]] = {}
    last_prices: dict[str, list[float]] = {}
    for row in fills.values():
        cash.setdefault(row["user"], set()).add(row["account_value_realtime"])
        implied = float(row["entry_price"]) + float(row["total_unrealized_pnl"]) / float(row["position_size"])
        last_prices.setdefault(row["coin"], []).append(float(f"{implied:.8g}"))
    assert {len(values) for values in cash.values()} == {1}
    # Whoever has nothing left in other coins shows the same price, whenever it was closed.
    common = sum(max(map(prices.count, prices)) for prices in last_prices.values())
    assert common >= 460
