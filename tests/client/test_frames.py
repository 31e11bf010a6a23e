"""Data frames as requests, and answers as data frames."""

import subprocess
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from app.client import frame
from app.client.bodies import body_of
from app.client.frames import columns_of
from tests.client.clients import book, example
from tests.processes import ROOT


def accounts() -> Any:
    return pd.DataFrame(book()["snapshot"]["accounts"])


def test_a_data_frame_is_a_book(one: Any) -> None:
    asked = book()
    policy, shortfall = asked["policy"], asked["shortfall"]
    answer = one.allocate(accounts=accounts(), policy=policy, shortfall=shortfall)
    table = answer.frame()
    assert list(table["id"]) == ["ann", "bob", "cy", "dee", "eve"]
    assert list(table["seized"]) == [Decimal(n) for n in ("4.8", "2.4", "0.3", "0", "0")]
    assert table["seized"].sum() == Decimal("7.5")
    assert table["haircut"].dtype == float
    assert table["capped"].dtype == bool
    judged = one.verify(accounts=accounts(), shortfall=shortfall, allocation=table).data
    assert (judged["valid"], judged["violations"]) == (True, [])


def test_rows_and_columns_give_the_same_data_frame(one: Any) -> None:
    asked = book()
    rows = one.allocate(asked).frame()
    asked["snapshot"]["accounts"] = accounts()
    columns = one.allocate(asked)
    assert isinstance(columns.data["allocations"], dict)
    pd.testing.assert_frame_equal(columns.frame(), rows)


def test_a_closing_has_a_data_frame_of_each_part(one: Any) -> None:
    answer = one.close(example("closures"))
    assert list(answer.frame()["id"]) == [row["id"] for row in answer.data["accounts"]]
    closed = answer.frame("closures")
    assert list(closed["cost"]) == [Decimal(row["cost"]) for row in answer.data["closures"]]
    assert list(answer.frame("markets")["market"]) == [row["market"] for row in answer.data["markets"]]


def test_a_table_without_rows_keeps_its_columns(one: Any) -> None:
    asked = example("closures")
    asked["liquidations"] = asked["liquidations"][:1]  # a long that nobody is short against
    asked["snapshot"]["positions"] = [row for row in asked["snapshot"]["positions"] if row["quantity"] > 0]
    asked["options"] = {"on_infeasible": "partial"}
    answer = one.close(asked)
    assert answer.data["closures"] == []
    assert list(answer.frame("closures")) == ["account", "market", "quantity", "price", "cost", "realised_pnl"]
    assert len(answer.frame("closures")) == 0


def test_an_answer_without_such_a_part_says_so(one: Any) -> None:
    answer = one.allocate({**book(), "options": {"detail": "summary"}})
    with pytest.raises(ValueError, match=r"^this answer has no allocations to show$"):
        answer.frame()
    with pytest.raises(ValueError, match="no diagnostics"):
        answer.frame("diagnostics")
    judged = one.verify_closures(example("closures-verification"))
    with pytest.raises(ValueError, match="only rows or columns"):
        judged.frame("closures")
    compared = one.compare(example("comparison"))
    with pytest.raises(ValueError, match="no allocations"):
        compared.frame()
    first = compared.data["results"][0]
    assert list(frame(first["allocations"])["id"]) == [row["id"] for row in first["allocations"]]


def test_missing_cells_are_null_and_numbers_are_as_they_are() -> None:
    table = pd.DataFrame(
        {
            "id": ["a", "b"],
            "cash": [1, 2],
            "pnl": [0.1, float("nan")],
            "group": ["mm", None],
            "contracts": pd.array([1, None], dtype="Int64"),
            "fees": [Decimal("1.10"), Decimal("2")],
            "exposure": [[1.0, 2.0], None],
        },
        index=[7, 7],
    )
    assert body_of({"accounts": table}, {}) == (
        b'{"accounts":{"cash":[1,2],"contracts":[1,null],"exposure":[[1.0,2.0],null],"fees":["1.10","2"],'
        b'"group":["mm",null],"id":["a","b"],"pnl":[0.1,null]}}'
    )
    assert columns_of([{"id": "a"}]) is None


def test_arrays_are_columns() -> None:
    columns = {"cash": np.array([1.5, 2.0]), "contracts": pd.Series([3, 4]), "one": np.int64(7)}
    assert body_of(columns, {}) == b'{"cash":[1.5,2.0],"contracts":[3,4],"one":7}'
    with pytest.raises(TypeError, match=r"^set cannot be sent as JSON$"):
        body_of({"accounts": {1}}, {})


def test_the_order_of_keys_is_nothing_to_a_request() -> None:
    parts = {"policy": {"name": "rap", "risk": "linear"}, "accounts": [{"id": "a", "cash": 1}], "venue": "v"}
    other = {"venue": "v", "accounts": [{"cash": 1, "id": "a"}], "policy": {"risk": "linear", "name": "rap"}}
    assert body_of(None, parts) == body_of(None, other)


def test_two_columns_of_one_name_are_refused() -> None:
    table = pd.DataFrame([[1, 2]], columns=["cash", "cash"])
    with pytest.raises(ValueError, match="two columns of one name"):
        body_of(None, {"accounts": table})


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("frame([])", "a data frame needs pandas or polars: pip install pandas"),
        ("frame([], 'polars')", "a data frame needs polars: pip install polars"),
    ],
)
def test_without_a_library_it_is_said_what_to_install(call: str, told: str) -> None:
    code = f"""
import importlib.abc, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ("pandas", "polars"):
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Absent())
from app.client import frame
try:
    {call}
except ImportError as exc:
    print(exc)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == told + "\n"


def test_polars_is_the_same(one: Any) -> None:
    asked = book()
    asked["snapshot"]["accounts"] = pl.DataFrame(asked["snapshot"]["accounts"])
    table = one.allocate(asked).frame(library="polars")
    assert table["seized"].sum() == Decimal("7.5")
    assert table["id"].to_list() == ["ann", "bob", "cy", "dee", "eve"]
    asked["allocation"] = table
    del asked["policy"]
    assert one.verify(asked).data["valid"] is True
