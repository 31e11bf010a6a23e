"""`adl compare`, `close`, `verify`, `frontier` and `bench`."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

import app
from solvers.registry import POLICIES
from tests.cli.commands import FIVE, adl, columns, example, refused, served

pytestmark = pytest.mark.slow

KINDS = {
    "compare": ("/v1/comparisons", "comparison"),
    "close": ("/v1/closures", "closures"),
    "verify": ("/v1/verifications", "verification"),
    "frontier": ("/v1/frontiers", "frontier"),
}
SLOW = pytest.mark.slow


def rows(done: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.decode())))


@pytest.mark.parametrize("command", [pytest.param("compare", marks=SLOW), "close", "verify", "frontier"])
def test_a_request_gets_the_bytes_that_the_service_answers_in_every_command(command: str) -> None:
    path, name = KINDS[command]
    done = adl(command, FIVE.with_name(f"{name}.json"))
    assert (done.code, done.err) == (0, "")
    assert done.out == served(path, example(name))


@pytest.mark.parametrize("command", ["close", "verify", pytest.param("frontier", marks=SLOW)])
def test_every_command_tells_its_rows_in_every_format(command: str, tmp_path: Path) -> None:
    book = FIVE.with_name(f"{KINDS[command][1]}.json")
    as_csv = rows(adl(command, book, "--format", "csv").out)
    done = adl(command, book, "--format", "parquet")
    assert done.code == 0
    table = parquet.read_table(pyarrow.BufferReader(done.out))
    assert (table.num_rows, len(as_csv) > 0) == (len(as_csv), command != "verify")
    assert all(table.column_names == list(row) for row in as_csv)
    text = adl(command, book, "--format", "table").out.decode()
    assert {"close": "lexicographic", "verify": "valid      yes", "frontier": "complete"}[command] in text


def test_comparing_without_policies_takes_all_closed_forms() -> None:
    request = example("five-accounts")
    del request["policy"]
    closed = [name for name, policy in POLICIES.items() if not policy.heavy(policy.parameters())]
    assert "cvar" not in closed
    done = adl("compare", FIVE)
    assert done.out == served("/v1/comparisons", request | {"policies": [{"name": name} for name in closed]})


def test_policies_stand_side_by_side_and_a_refused_one_with_its_reason() -> None:
    words = ("compare", FIVE, "--policy", "queue:score=bitmex", "--policy", "capped-pro-rata", "--policy", "revenue")
    found = rows(adl(*words, "--format", "csv").out)
    assert [(row["policy"], row["status"], row["max_haircut"]) for row in found] == [
        ("queue:score=bitmex", "feasible", "0.9375"),
        ("capped-pro-rata", "optimal", "0.6"),
        ("revenue", "invalid-request", ""),
    ]
    text = adl(*words, "--format", "table").out.decode().splitlines()
    assert text[0].split()[:3] == ["policy", "status", "budget"]
    assert text[2].startswith("capped-pro-rata     optimal          7.500000   0.000000")
    assert text[-1] == "revenue: /options/retention: is needed by revenue: say how haircuts drive accounts away"
    decimals = parquet.read_table(pyarrow.BufferReader(adl(*words, "--format", "parquet").out)).column("budget")
    assert str(decimals.type) == "decimal128(38, 6)"


def test_policies_of_one_name_are_told_apart_by_the_parameters_that_were_given() -> None:
    labels = ["queue", "queue:score=pnl", "queue:score=size", "expected-deficit:exposure_model=cash"]
    words = ("compare", FIVE, *(word for label in labels for word in ("--policy", label)))
    assert [row["policy"] for row in rows(adl(*words, "--format", "csv").out)] == labels
    text = adl(*words, "--format", "table").out.decode().splitlines()
    assert [line.split()[0] for line in text[1:5]] == labels
    assert text[-1].startswith(f"{labels[-1]}: /options/shock: is needed by expected-deficit")
    request = example("five-accounts") | {"policies": [{"name": "queue", "score": score} for score in ("pnl", "size")]}
    del request["policy"]
    done = adl("compare", "-", "--format", "csv", given=json.dumps(request).encode())
    assert [row["policy"] for row in rows(done.out)] == labels[1:3]


def test_a_closing_is_read_from_four_tables(tmp_path: Path) -> None:
    request = example("closures")
    tables = {name: request["snapshot"][name] for name in ("markets", "accounts", "positions")}
    tables["liquidations"] = request["liquidations"]
    words: list[Any] = []
    texts: dict[str, dict[str, list[Any]]] = {}
    for name, table in tables.items():
        found = table if isinstance(table, dict) else _filled(table)
        texts[name] = {field: [None if v is None else str(v) for v in values] for field, values in found.items()}
        path = tmp_path / f"{name}.{'parquet' if name == 'positions' else 'csv'}"
        if name == "positions":
            parquet.write_table(pyarrow.table(texts[name]), path)
        else:
            with path.open("w", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(texts[name])
                writer.writerows(zip(*texts[name].values(), strict=True))
        words += [f"--{name}", path]
    done = adl("close", *words, "--fund", "11.25")
    liquidations, caps = texts.pop("liquidations"), texts["accounts"]["max_haircut"]
    texts["accounts"]["max_haircut"] = [cap or 1 for cap in caps]
    wanted = {
        "snapshot": texts,
        "liquidations": liquidations,
        "shortfall": {"insurance_fund": "11.25"},
        "policy": {"name": "lexicographic"},
    }
    assert done.out == served("/v1/closures", wanted), done.err
    told = json.loads(done.out)["closures"]
    assert told["cost"] == ["10.000000", "10.000000", "5.000000", "20.000000"]


def _filled(table: list[dict[str, Any]]) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(name for row in table for name in row))
    return {name: [row.get(name) for row in table] for name in names}


def test_what_allocate_wrote_is_valid_in_every_format(tmp_path: Path) -> None:
    for ending in ("json", "csv", "parquet"):
        path = tmp_path / f"made.{ending}"
        assert adl("allocate", FIVE, "--output", path).code == 0
        done = adl("verify", FIVE, path)
        assert done.code == 0, done.err
        assert json.loads(done.out)["valid"] is True
        assert adl("verify", FIVE, "-", given=path.read_bytes()).out == done.out


@SLOW
def test_what_close_wrote_is_valid_in_every_format(tmp_path: Path) -> None:
    book = FIVE.with_name("closures.json")
    for ending in ("json", "csv", "parquet"):
        path = tmp_path / f"made.{ending}"
        assert adl("close", book, "--output", path).code == 0
        assert json.loads(adl("verify", book, path).out)["valid"] is True


def test_an_allocation_that_is_not_valid_is_told_and_ends_with_1(tmp_path: Path) -> None:
    made = tmp_path / "made.csv"
    made.write_text("id,seized\nann,9\nzoe,1\n")
    done = adl("verify", FIVE, made)
    assert done.code == 1
    answer = json.loads(done.out)
    assert answer["valid"] is False
    assert done.err.startswith("adl: not valid: unknown-account, account zoe: ")
    assert done.err.endswith(f", and {len(answer['violations']) - 1} more\n")
    table = adl("verify", FIVE, made, "--format", "csv")
    assert (table.code, [row["rule"] for row in rows(table.out)]) == (1, [v["rule"] for v in answer["violations"]])
    assert "unknown-account" in adl("verify", FIVE, made, "--format", "table").out.decode()
    closes = adl("verify", FIVE.with_name("closures-verification.json"), "--format", "csv")
    assert closes.code == 1
    assert [(row["market"], row["rule"]) for row in rows(closes.out)][1] == ("BTC", "over-closed")


def test_the_table_of_a_judgement_tells_how_fair_it_is_and_what_was_not_looked_at(tmp_path: Path) -> None:
    note = "only id and seized are looked at"
    answer, bare = tmp_path / "answer.json", tmp_path / "made.csv"
    assert adl("allocate", FIVE, "--policy", "queue", "--output", answer).code == 0
    bare.write_text("id,seized\nann,4.8\nbob,2.4\ncy,0.3\n")
    whole = adl("verify", FIVE, answer, "--format", "table").out.decode().splitlines()
    assert whole[4] == "versus     less fair than capped-pro-rata, as fair as queue, fairness regret 2.531250"
    assert whole[5:] == ["", note]
    plain = adl("verify", FIVE, bare, "--format", "table").out.decode().splitlines()
    assert plain[4:] == ["versus     as fair as capped-pro-rata, fairer than queue, fairness regret 0.000000"]
    columns_ = json.loads(answer.read_bytes())["allocations"]
    short = json.dumps({"id": "of the answer", "allocations": [{"id": "ann", "seized": "7.5"}]}).encode()
    for given in (json.dumps(columns_).encode(), short):
        assert note in adl("verify", FIVE, "-", "--format", "table", given=given).out.decode().splitlines()
    book = FIVE.with_name("closures.json")
    closes = adl("close", book, "--format", "csv").out
    told = adl("verify", book, "-", "--format", "table", given=closes).out.decode()
    assert told.splitlines()[-1] == "only account, market, quantity and price are looked at"


def test_json_allocations_come_as_rows_or_columns() -> None:
    request = example("verification")
    as_rows = request.pop("allocation")
    assert isinstance(as_rows, list)
    for made in (as_rows, columns(as_rows)):
        wanted = served("/v1/verifications", request | {"allocation": made})
        path = FIVE.with_name("verification.json")
        assert adl("verify", path, "-", given=json.dumps(made).encode()).out == wanted
        assert adl("verify", "-", given=json.dumps(request | {"allocation": made}).encode()).out == wanted


def test_a_frontier_is_asked_for_by_its_options(tmp_path: Path) -> None:
    request = example("five-accounts")
    del request["policy"]
    made = tmp_path / "made.csv"
    made.write_text("id,seized\nann,3.5\nbob,3.5\ncy,0.5\n")
    wanted = request | {
        "measures": ["max_haircut", "gini"],
        "points": 5,
        "allocation": {"id": ["ann", "bob", "cy"], "seized": ["3.5", "3.5", "0.5"]},
    }
    words = ("frontier", FIVE, "--measure", "max_haircut", "--measure", "gini", "--points", "5", "--allocation", made)
    done = adl(*words)
    assert done.out == served("/v1/frontiers", wanted), done.err
    found = rows(adl(*words, "--format", "csv").out)
    assert {row["kind"] for row in found} == {"point", "policy", "allocation"}
    assert found[-1] | {"distance": "", "dominated": ""} == {
        "kind": "allocation", "policy": "", "max_haircut": "1.0", "gini": found[-1]["gini"], "dominated": "",
        "distance": "", "weight_fairness": "", "weight_robustness": "", "weight_revenue": "",
    }  # fmt: skip
    assert "/measures: is required" in refused(adl("frontier", FIVE))


def test_benchmarks_that_are_not_there_are_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "__file__", str(tmp_path / "app" / "__init__.py"))
    assert "run `adl bench` in a checkout" in refused(adl("bench"))


def test_benchmarks_that_are_there_are_run_and_end_with_their_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "__file__", str(tmp_path / "app" / "__init__.py"))
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "__main__.py").write_text("import sys; open('ran', 'w').close(); sys.exit(7)")
    assert adl("bench").code == 7
    assert (tmp_path / "ran").exists()
