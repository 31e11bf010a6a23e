"""Tables in Parquet: the same books as in CSV, and refused like them."""

import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from tests.app.tables import CLOSES, USERS, Load, accounts, close, table
from tests.conftest import Post


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
