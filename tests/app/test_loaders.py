"""The table by user to a request, what of any table is refused, and the page that says so."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.loaders.__main__ import main
from tests.app.tables import CLOSES, USERS, Load, accounts, close, table
from tests.conftest import Post
from tests.processes import ROOT, service

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
    read = {"rows": 26, "accounts": 1, "counts": {}, "notes": [], "unusable": 25, "incomplete_accounts": []}
    assert document == read


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


# The page


def blocks(page: str) -> Iterator[tuple[str, str]]:
    yield from re.findall(r"```(csv|bash|json|text)\n(.*?)```", page, re.DOTALL)


@pytest.mark.slow
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
                    command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
                )
            else:
                assert done is not None
                if kind == "json":
                    assert json.loads(done.stdout) == json.loads(text)
                else:
                    assert done.stderr == text
    assert [kind for kind, _ in found].count("bash") == 10
    assert json.loads((tmp_path / "answer.json").read_text())["budget"] == "150.000000"
    assert json.loads((tmp_path / "read.json").read_text())["accounts"] == 2
    assert json.loads((tmp_path / "closed.json").read_text())["budget"] == "7.000000"
    assert json.loads((tmp_path / "judged.json").read_text())["valid"]
