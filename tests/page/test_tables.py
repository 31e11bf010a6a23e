"""A book of contracts as four tables: together, one by one and pasted, and what is said of those that do not fit."""

import io
from typing import Any

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest
from playwright.sync_api import Page, expect

from app.convert.accounts import ACCOUNTS, SEIZED
from app.convert.closures import ACCOUNTS as CLOSED_ACCOUNTS
from app.convert.closures import CLOSURES, LIQUIDATIONS, MARKETS, POSITIONS
from app.convert.tables import Fields
from tests.page.conftest import FILES, cells, choose, kept, opened

pytestmark = pytest.mark.debian

# Those of docs/command-line.md.
TABLES = {
    "markets.csv": b"symbol,mark_price,lot_size\nBTC,100,1\n",
    "accounts.csv": b"id,cash,desk\nann,300,x\nbob,200,\neve,0,\n",
    "positions.csv": b"account,market,quantity,entry_price\nann,BTC,-4,120\nbob,BTC,-2,115\neve,BTC,3,108\n",
    "liquidations.csv": b"account,market,quantity,price\neve,BTC,3,106\n",
}
CLOSED = [["BTC", "long", "3", "3", "0"]]
KINDS: dict[str, Fields] = {
    "book": ACCOUNTS,
    "accounts": CLOSED_ACCOUNTS,
    "positions": POSITIONS,
    "markets": MARKETS,
    "liquidations": LIQUIDATIONS,
}
UNFIT = [
    ({"positions.csv": b"account,market,quantity\nann,BTC,1\n"}, "positions.csv has no column entry_price, which"),
    ({"a.csv": b"name,size\nann,1\n"}, "a.csv has no column id, cash, pnl of a book of accounts, and is no table"),
    ({"a.csv": b"symbol,mark_price\nB,1\n", "b.csv": b"symbol,mark_price\nB,1\n"}, "a.csv and b.csv are both markets."),
    ({"markets.csv": b"symbol,mark_price\n"}, "markets.csv has no row below its header."),
    ({"a.csv": b"id,cash\nann,1\n", "b.json": b"{}"}, "b.json is a whole request: bring it alone."),
]


def test_the_columns_that_the_page_knows_are_those_of_the_service(page: Page) -> None:
    kept(page, view="data", book="any")
    known: dict[str, Any] = page.evaluate("import('/static/page/tables.js').then(({KINDS}) => KINDS)")
    for name, fields in KINDS.items():
        assert known[name]["required"] == list(fields.required), name
        assert {*known[name]["required"], *known[name]["further"]} == set(fields.known), name
        defaults = {column: str(value) for column, value in fields.defaults.items()}
        assert known[name]["defaults"] == defaults, name
    for name, fields in {"allocation": SEIZED, "closures": CLOSURES}.items():
        assert known[name]["required"] == list(fields.required), name
    assert known.keys() == {*KINDS, "allocation", "closures"}


def test_four_files_are_a_book_of_contracts(page: Page) -> None:
    kept(page, view="data", book="any")
    choose(page, FILES, TABLES)
    expect(page.locator("#contracts")).to_contain_text("Book: accounts.csv and three more tables.")
    assert [row[:5] for row in cells(page, "Markets")] == CLOSED
    assert cells(page, "Closures of ann") == [["BTC", "2", "106", "12.00", "28.00"]]
    expect(page.locator("#status")).to_have_text(
        "accounts.csv and three more tables is under Contracts; the other views show Five accounts."
    )
    contracts = page.locator("#contracts")
    contracts.get_by_label("Insurance fund").fill("3")
    contracts.get_by_label("Share that winners bear").fill("0.5")
    contracts.get_by_label("Share that winners bear").blur()
    expect(contracts).to_contain_text("Closing everything costs 7.50 USD.")  # half of 18 - 3
    page.get_by_role("tab", name="Data").click()
    expect(page.locator("#data")).to_contain_text("Columns not known and left out: desk of accounts.csv.")


def test_tables_are_gathered_one_by_one_and_what_is_missing_is_said(page: Page) -> None:
    opened(page, view="data")
    names = list(TABLES)
    for name in names[:3]:
        choose(page, FILES, {name: TABLES[name]})
        expect(page.locator("#data")).to_contain_text(f"Read {name}.")
    told = page.locator("#data li").all_inner_texts()
    assert told == [
        "positions: positions.csv, 3 rows",
        "markets: markets.csv, one row",
        "liquidations: missing (market, quantity)",
        "accounts: accounts.csv, 3 rows",
    ]
    choose(page, FILES, {names[3]: TABLES[names[3]]})
    assert [row[:5] for row in cells(page, "Markets")] == CLOSED


def test_pasted_tables_are_told_apart_by_empty_lines_and_their_heads(page: Page) -> None:
    kept(page, view="data", book="any")
    page.get_by_label("Or paste CSV or JSON").fill("\n\n".join(text.decode() for text in TABLES.values()))
    page.get_by_role("button", name="Load what was pasted").click()
    expect(page.locator("#contracts")).to_contain_text("Book: pasted, table 2 and three more tables.")
    assert [row[:5] for row in cells(page, "Markets")] == CLOSED


def test_tables_may_be_parquet(page: Page) -> None:
    kept(page, view="data", book="any")
    choose(page, FILES, {name.replace("csv", "parquet"): parquet(text) for name, text in TABLES.items()})
    expect(page.locator("#contracts")).to_contain_text("Book: accounts.parquet and three more tables.")
    assert [row[:5] for row in cells(page, "Markets")] == CLOSED


def test_a_cell_that_is_no_number_is_named_and_its_table_brought_again_mended(page: Page, expected: list[str]) -> None:
    expected.append("422")
    opened(page, view="data")
    broken = TABLES["positions.csv"].replace(b",3,", b",three,")
    choose(page, FILES, TABLES | {"positions.csv": broken})
    expect(page.locator("#contracts .problem")).to_contain_text(
        "that is row 3 of positions.csv below its header, column quantity"
    )
    page.get_by_role("tab", name="Data").click()
    choose(page, FILES, {"positions.csv": TABLES["positions.csv"]})
    assert [row[:5] for row in cells(page, "Markets")] == CLOSED


def test_what_does_not_fit_is_said_and_changes_nothing(page: Page) -> None:
    opened(page, view="data")
    for files, said in UNFIT:
        choose(page, FILES, files)
        expect(page.locator("#data .fault")).to_contain_text(said)
    expect(page.locator("#data")).not_to_contain_text("Tables of the book of contracts")


def parquet(text: bytes) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.csv.read_csv(io.BytesIO(text)), buffer, compression="zstd")
    return buffer.getvalue()
