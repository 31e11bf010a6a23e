"""What a command cannot do ends with one line that says where and what to change, and with an exit code for scripts."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from app import tabular
from app.cli.failures import Failure, of_problem, printable
from app.cli.output import Destination
from app.problems import CODES
from tests.cli.commands import FIVE, adl, left_over, refused

BAD_ROWS = b"id,cash,pnl\nann,2,8\nbob,1,4\ncy,0,lots\n"

INPUTS: list[tuple[str, list[Any], bytes, str]] = [
    (
        "a cell that is no number",
        ["--severity", "0.5"],
        BAD_ROWS,
        "stdin line 4, column pnl (account cy): not a decimal number",
    ),
    (
        "an empty cell that is needed",
        [],
        b"id,cash,pnl\nann,,8\n",
        "stdin line 2, column cash (account ann): is required, and the cell is empty",
    ),
    (
        "a column nobody knows",
        [],
        b"id,cash,pnl,max_hircut\nann,1,8,1\n",
        "stdin column max_hircut: is not a known field (did you mean max_haircut?)",
    ),
    ("a column nothing is near", [], b"id,cash,pnl,zzz\nann,1,8,1\n", "stdin column zzz: is not a known field"),
    (
        "another separator",
        [],
        b"id;cash;pnl\nann;1;8\n",
        "stdin has one column only: cells are separated by commas, not by ;",
    ),
    ("a column twice", [], b"id,cash,cash,pnl\nann,1,1,1\n", "stdin has the column cash more than once"),
    (
        "a row of another length",
        [],
        b"id,cash,pnl\nann,1,1\n\nbob,1\n",
        "stdin line 4 has 2 cells where ",
    ),
    ("no rows", [], b"id,cash,pnl\n", "stdin has no row below its header"),
    ("nothing", [], b"", "stdin has no header"),
    ("unsound CSV", [], b'id,cash,pnl\n"ann"x,1,1\n', "stdin is not sound CSV after line 2"),
    ("no text", [], b"id,cash,pnl\n\xff,1,1\n", "stdin is not text in UTF-8"),
    ("no Parquet", [], b"PAR1 and no more", "stdin cannot be read as Parquet"),
    ("unsound JSON", [], b'{"snapshot": ', "stdin: not valid JSON: EOF"),
    ("a key twice", [], b'{"accounts": 1, "accounts": 2}', 'stdin: the key "accounts" appears twice in one object'),
    ("a list", [], b"[1, 2]", "stdin: must be a JSON object"),
    (
        "another object",
        [],
        b'{"book": 1}',
        "stdin: neither a request, with `snapshot`, nor",
    ),
]

OPTIONS: list[tuple[list[Any], str]] = [
    (["--severity", "2"], "/shortfall/severity: must lie between 0 and 1; it is what --severity says"),
    (["--severity", "half"], "/shortfall/severity: not a decimal number; it is what --severity says"),
    (["--fund", "-1"], "/shortfall/insurance_fund: must not be negative; it is what --fund says"),
    (["--policy", "robin-hood"], "/policy/name: must be the name of a policy: pro-rata, "),
    (["--policy", "queue:score=height"], "/policy/score: "),
    (["--policy", "expected-deficit"], "/options/shock: is needed by expected-deficit"),
    (["--shock", "normal"], "/options/shock/sigma: is required; it is what --shock says"),
    (["--shock", "earthquake"], "/options/shock/law: must be one of "),
    (
        ["--precision", "19"],
        "/snapshot/precision: input should be less than or equal to 18; it is what ",
    ),
    (["--set", "options.colour=red"], "/options/colour: is not a known field"),
    (["--set", "snapshot.venue.name=x"], "--set snapshot.venue.name: there is no snapshot.venue.name to set"),
    (["--set", "snapshot.accounts.9.cash=1"], "--set snapshot.accounts.9.cash: there is no snapshot.accounts.9 to set"),
    (
        ["--severity", "1"],
        "the budget is above what the caps of all winners allow to take; lower the severity, raise the caps, or accept "
        "a shortage with on_infeasible = partial; the largest --severity that can be reached is 0.833333333333, and "
        "--partial takes the most there is",
    ),
]

USAGE: list[list[Any]] = [
    ["allocate"],
    ["allocate", FIVE, "--format", "xlsx"],
    ["allocate", FIVE, "--output", "answer.xlsx"],
    ["allocate", FIVE, "--precision", "many"],
    ["allocate", FIVE, "--policy", "queue:pnl"],
    ["allocate", FIVE, "--shock", "{"],
    ["allocate", FIVE, "--set", "options.numeraire"],
    ["allocate", FIVE, "--url", "ftp://127.0.0.1"],
    ["allocate", FIVE, "--url", "127.0.0.1:8000"],
    ["allocate", FIVE, "--url", "http://127.0.0.1:70000"],
    ["allocate", FIVE, "--url", "http://127.0.0.1", "--key", "adl\n_x"],
    ["verify", "-", "-"],
    ["close"],
    ["close", FIVE, "--accounts", FIVE],
    ["close", "--accounts", FIVE, "--markets", FIVE],
    ["alocate"],
]


@pytest.mark.parametrize(("words", "given", "line"), [case[1:] for case in INPUTS], ids=[case[0] for case in INPUTS])
def test_input_that_cannot_be_used_is_refused_by_name_and_place(words: list[Any], given: bytes, line: str) -> None:
    assert refused(adl("allocate", "-", *words, given=given)).startswith(line)


MANY: list[tuple[str, bytes, list[str]]] = [
    (
        "cells, counted by lines of the file",
        b'id,cash,pnl\nann,2,x\n\n"b\nob",,4\ncy,0,lots\n',
        [
            r"stdin line 4, column cash (account b\nob): is required, and the cell is empty, and 2 more",
            "stdin line 2, column pnl (account ann): not a decimal number",
            "stdin line 6, column pnl (account cy): not a decimal number",
        ],
    ),
    (
        "columns",
        b"id,cash,pnl,Max-Haircut,zzz\nann,1,8,1,1\n",
        [
            "stdin column Max-Haircut: is not a known field (did you mean max_haircut?), and 1 more",
            "stdin column zzz: is not a known field",
        ],
    ),
    (
        "columns that are missing",
        b"id,Cash,equity\nann,1,1\n",
        [
            "stdin lacks the columns cash, pnl",
            "stdin column Cash: is not a known field (did you mean cash?)",
            "stdin column equity: is not a known field",
        ],
    ),
    (
        "JSON that is said to be CSV",
        b'{"a": 1}',
        ["stdin lacks the columns id, cash, pnl", 'stdin column {"a": 1}: is not a known field'],
    ),
    (
        "rows of another length",
        b'id,cash,pnl\nann,2\n\n"b\nob",2,3,4\nx\n',
        [
            "stdin line 2 has 2 cells where the header has 3, and 2 more",
            "stdin line 4 has 4 cells where the header has 3",
            "stdin line 6 has 1 cell where the header has 3",
        ],
    ),
]


@pytest.mark.parametrize(("given", "lines"), [case[1:] for case in MANY], ids=[case[0] for case in MANY])
def test_every_fault_of_a_table_has_its_line(given: bytes, lines: list[str]) -> None:
    done = adl("allocate", "-", "--from", "csv", given=given)
    assert (done.code, done.out) == (1, b"")
    assert done.err.splitlines() == [f"adl: {lines[0]}", *(f"  {line}" for line in lines[1:])]


@pytest.mark.parametrize("row", ["a,1,x", "a,1"], ids=["cells", "rows"])
def test_of_many_faults_twenty_are_told_and_all_are_counted(row: str) -> None:
    done = adl("allocate", "-", given=("id,cash,pnl\n" + f"{row}\n" * 30).encode())
    told = done.err.splitlines()
    assert (done.code, len(told)) == (1, 20)
    assert told[0].endswith(", and 29 more")
    assert [int(line.replace(",", "").split()[2]) for line in told[1:]] == list(range(3, 22))


def test_rows_of_parquet_are_counted_by_themselves() -> None:
    table = tabular.write_parquet({"id": ["ann", "bob"], "cash": ["1", "1"], "pnl": ["1", None]})
    line = refused(adl("allocate", "-", given=table))
    assert line == "stdin row 2, column pnl (account bob): is required, and the cell is empty"


@pytest.mark.parametrize(
    ("words", "line"), OPTIONS, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_options_that_cannot_be_used_are_refused_by_name(words: list[Any], line: str) -> None:
    assert refused(adl("allocate", FIVE, *words)).startswith(line)


@pytest.mark.parametrize("words", USAGE, ids=lambda words: " ".join(map(str, words[:1] + words[2:])).replace("\n", " "))
def test_wrong_usage_ends_with_2_before_anything_is_read(words: list[Any]) -> None:
    done = adl(*words)
    assert (done.code, done.out) == (2, b"")
    assert "Usage: " in done.err


def test_files_that_are_not_there_and_folders_are_named(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert refused(adl("allocate", nowhere)) == f"{nowhere} cannot be read: No such file or directory"
    assert refused(adl("allocate", tmp_path)) == f"{tmp_path} cannot be read: Is a directory"
    assert "--output must be in one that is there" in refused(adl("allocate", FIVE, "--output", nowhere / "a.json"))
    assert "--output must name a file" in refused(adl("allocate", FIVE, "--format", "csv", "--output", tmp_path))
    another = adl("verify", FIVE, FIVE.with_name("closures.json"))
    assert (another.code, another.out) == (1, b"")
    assert another.err.startswith("adl: /allocation/id: is required, and 5 more\n  /allocation/seized: is required\n")


def test_a_command_that_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text("before")
    refused(adl("allocate", FIVE, "--severity", "1", "--output", path))
    assert (path.read_text(), left_over(tmp_path)) == ("before", ["answer.json"])


def test_writing_that_breaks_off_leaves_nothing_half_written(tmp_path: Path) -> None:
    path = tmp_path / "answer.json"
    path.write_text("before")
    with pytest.raises(TypeError):  # of the write itself, when the file beside it is there already
        Destination("json", path, shown=False).write("no bytes")  # type: ignore[arg-type]
    assert (path.read_text(), left_over(tmp_path)) == ("before", ["answer.json"])


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    line = refused(adl("allocate", FIVE, "--format", "json", "--output", tmp_path / ("x" * 300)))
    assert line.endswith("cannot be written: File name too long")


def test_time_that_runs_out_ends_with_3() -> None:
    line = refused(adl("allocate", FIVE, "--set", "options.time_limit=1e-9"), 3)
    assert line.startswith("no answer within 1e-09 seconds; nothing was applied; allow more time with ADL_TIME_LIMIT")
    assert refused(adl("allocate", FIVE, env={"ADL_TIME_LIMIT": "1e-9"}), 3).startswith(
        "no answer within 1e-09 seconds"
    )


def test_settings_that_are_wrong_and_limits_that_are_passed_are_named() -> None:
    assert refused(adl("allocate", FIVE, env={"ADL_TIME_LIMIT": "soon"})).startswith("ADL_TIME_LIMIT: ")
    line = refused(adl("allocate", FIVE, env={"ADL_MAX_ACCOUNTS": "4"}))
    assert line.startswith("/snapshot/accounts may have at most 4 accounts; ")
    assert "ADL_MAX_" in line


def test_every_code_of_the_service_has_an_exit_code() -> None:
    codes = {code: of_problem({"code": code, "detail": "x"}, (), {}).exit_code for code in CODES}
    assert {code for code, number in codes.items() if number == 3} == {
        "solver-timeout", "overloaded", "store-unavailable", "rate-limited", "request-timeout"
    }  # fmt: skip
    assert {code for code, number in codes.items() if number == 4} == {"solver-failed", "internal-error"}
    assert set(codes.values()) == {1, 3, 4}


def test_names_that_would_move_a_cursor_are_shown_as_escapes() -> None:
    rows = [{"id": "\x1b[2J\nann", "cash": 0, "pnl": "x"}]
    line = refused(adl("allocate", "-", given=json.dumps({"accounts": rows}).encode()))
    assert r"(account \x1b[2J\nann)" in line
    assert printable("Zoë 世界") == "Zoë 世界"


def test_failures_come_over_from_another_process_as_they_are() -> None:
    found = pickle.loads(pickle.dumps(Failure(3, "late", ["and later"])))
    assert (found.exit_code, found.lines()) == (3, ["adl: late", "  and later"])
