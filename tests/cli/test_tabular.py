"""Tables in and out without a float between."""

from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from app import tabular
from app.loaders.report import LoadError

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), max_size=8)


def as_parquet(**columns: object) -> bytes:
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), sink)
    return bytes(sink.getvalue())


def test_cells_of_csv_are_what_is_written_without_spaces_around_them() -> None:
    found = tabular.read_csv(b'\xef\xbb\xbfid , cash\r\n"a, b",  0.10\r\n\r\nc,+1e-7')
    assert found.columns == {"id": ["a, b", "c"], "cash": ["0.10", "+1e-7"]}
    assert found.lines == [2, 4]


def test_numbers_of_parquet_are_their_shortest_decimals() -> None:
    found = tabular.read_parquet(
        as_parquet(
            double=[0.1, 1e-7, None],
            single=pyarrow.array([0.1, 16777216.0, None], pyarrow.float32()),
            exact=[Decimal("12345678901234567.123456789012345678"), Decimal("-0.000000000000000001"), None],
            whole=[2**63 - 1, -1, None],
            text=pyarrow.array(["x", " y ", None]).dictionary_encode(),
            many=[[0.1, 2.0], [], None],
        )
    )
    assert found.lines is None
    assert found.columns == {
        "double": ["0.1", "1e-7", ""],
        "single": ["0.1", "16777216", ""],
        "exact": ["12345678901234567.123456789012345678", "-1E-18", ""],
        "whole": ["9223372036854775807", "-1", ""],
        "text": ["x", "y", ""],
        "many": ["[0.1, 2]", "[]", ""],
    }


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1))
def test_csv_comes_back_as_it_was_written(rows: list[tuple[str, str]]) -> None:
    columns = {"id": [a for a, _ in rows], "group": [b for _, b in rows]}
    assert tabular.read_csv(tabular.write_csv(columns)).columns == columns


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**18), max_value=10**18)))
def test_amounts_come_back_from_both_as_they_were_written(amounts: list[Decimal]) -> None:
    texts = [f"{amount:f}" for amount in amounts]
    table = {"seized": texts, "id": texts}
    assert tabular.read_csv(tabular.write_csv(table)).columns == table
    assert tabular.read_parquet(tabular.write_parquet(table, ["seized"])).columns == table


def test_columns_have_the_types_of_their_values(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(
        tabular.write_parquet(
            {"amount": ["1.25", "-3.00"], "ratio": [0.5, None], "rank": [1, None], "capped": [True, False],
             "name": ["a", None], "nothing": [None, None]},
            ["amount"],
        )
    )  # fmt: skip
    types = [str(field.type) for field in parquet.read_schema(path)]
    assert types == ["decimal128(38, 2)", "double", "int64", "bool", "string", "string"]


@pytest.mark.parametrize("data", [b"", b"\n", b"a,a\n", b"\xff", b'a,b\n"', b"a\nb,c\n"])
def test_csv_that_is_not_sound_is_refused(data: bytes) -> None:
    with pytest.raises(LoadError):
        tabular.read_csv(data)


def test_parquet_that_is_not_sound_is_refused() -> None:
    with pytest.raises(LoadError, match="cannot be read as Parquet"):
        tabular.read_parquet(as_parquet(a=[1])[:-9])
