"""Books that are brought: pasted, chosen and dropped, as JSON, CSV and Parquet; and those that cannot be read."""

import base64
import io
import json

import pyarrow
import pyarrow.parquet
import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import FILES, cells, choose, kept, opened, solved

pytestmark = pytest.mark.debian

TABLE = 'id,cash,pnl,notional,note\n"ann, the first",2,8,40,x\nbob,1,9007199254740993.5,10,y\neve,0,-12,,z\n'


UNREADABLE = [
    ("a.json", b"{", "a.json: this is not JSON"),
    ("a.json", b'{"accounts": []}', 'a.json: the document has no "snapshot"'),
    ("a.csv", b"id,pnl\nann,1\n", "a.csv has no column cash of a book of accounts"),
    ("a.csv", b"id,cash,pnl\nann,1\n", "a.csv: row 1 below the header has 2 cells; the header has 3."),
    ("a.csv", b'id,cash,pnl\n"ann,1,2\n', "a.csv: a quote in row 1 below the header is not closed"),
    ("a.csv", b"id,id,cash,pnl\n", 'a.csv: two columns are called "id".'),
    ("a.csv", b"id,cash,pnl\n", "a.csv has no row below its header."),
    ("a.csv", b"", "a.csv: there is nothing to read."),
    ("a.parquet", b"not parquet", "a.parquet cannot be read here as Parquet"),
]


def bring(page: Page, text: str) -> None:
    page.get_by_role("tab", name="Data").click()
    page.get_by_label("Or paste CSV or JSON").fill(text)
    page.get_by_role("button", name="Load what was pasted").click()


def test_a_pasted_csv_is_solved_with_every_digit_it_had(page: Page) -> None:
    kept(page, view="data", book="any")
    bring(page, TABLE.replace("9007199254740993.5", "9007199254.740993"))
    solved(page, "pasted: 4 of 4 policies solved for 3 accounts")
    expect(page.locator("#data")).to_contain_text("Accounts as they came")
    page.get_by_role("tab", name="Who pays").click()
    rows = cells(page, "Winners, the largest profit first")
    assert [row[:2] for row in rows] == [["bob", "9,007,199,254.740993"], ["ann, the first", "8.00"]]


def test_columns_that_are_not_known_are_said_to_be_left_out(page: Page) -> None:
    kept(page, view="data", book="any")
    choose(page, FILES, {"book.csv": b"id;cash;pnl;note\r\nann;2;8;x\r\neve;0;-3;y\r\n"})
    solved(page, "book.csv: 4 of 4 policies solved for 2 accounts")
    assert cells(page, "Accounts as they came") == [["ann", "2", "8"], ["eve", "0", "-3"]]
    expect(page.locator("#data")).to_contain_text(
        "Read 2 accounts from book.csv. Columns not known and left out: note."
    )


def test_a_cell_that_is_no_number_is_named_by_file_row_and_column(page: Page, expected: list[str]) -> None:
    expected.append("422")
    kept(page, view="data", book="any")
    choose(page, FILES, {"book.csv": b"id,cash,pnl\nann,2,8\nbob,1,lots\n"})
    expect(page.locator("#alert")).to_contain_text("that is row 2 of book.csv below its header, column pnl")


def test_numbers_of_pasted_json_stay_exact_where_a_double_would_not(page: Page) -> None:
    kept(page, view="data", book="any")
    accounts = '[{"id": "ann", "cash": 0, "pnl": 90071992547.409931}, {"id": "eve", "cash": 0, "pnl": -1}]'
    shock = '{"law": "scenarios", "moves": [[-0.30000000000000004], [0.1]]}'
    bring(
        page,
        f'{{"snapshot": {{"accounts": {accounts}}}, "policy": {{"name": "pro-rata"}}, '
        f'"shortfall": {{"needed": 0.5}}, "options": {{"shock": {shock}}}}}',
    )
    solved(page, "pasted: 5 of 5 policies solved for 2 accounts")
    page.get_by_role("tab", name="Who pays").click()
    assert cells(page, "Winners, the largest profit first")[0][1] == "90,071,992,547.409931"
    expect(page.get_by_label("Next shock")).to_have_value("sent")
    page.get_by_role("tab", name="Diagnostics").click()
    assert cells(page, "Solvency of each policy")[-1][:2] == ["Overshoot", "0.50"]


def test_the_case_comes_with_the_document(page: Page) -> None:
    kept(page, view="data", book="any")
    document = {
        "snapshot": {"accounts": {"id": ["ann", "eve"], "cash": [2, 0], "pnl": [8, -3]}},
        "shortfall": {"severity": {"rule": "match"}, "insurance_fund": "1.5"},
        "policies": [{"name": "queue", "score": "size"}, {"name": "capped-pro-rata"}],
        "options": {"numeraire": "equity", "shock": {"law": "normal", "sigma": 0.2}},
    }
    bring(page, json.dumps(document))
    solved(page, "pasted: 2 of 2 policies solved for 2 accounts")
    expect(page.get_by_label("Insurance fund")).to_have_value("1.5")
    expect(page.get_by_label("Severity")).to_have_value("match")
    expect(page.locator("#case").get_by_label("Taken from")).to_have_value("equity")
    expect(page.get_by_label("Standard deviation")).to_have_value("0.2")
    page.get_by_role("tab", name="Who pays").click()
    assert cells(page, "Winners, the largest profit first")[0][:3] == ["ann", "10.00", "1.50"]


def test_a_dropped_file_is_read(page: Page) -> None:
    kept(page, view="data", book="any")
    text = base64.b64encode(b"id,cash,pnl\nann,2,8\neve,0,-3\n").decode()
    page.locator(".drop").evaluate(
        """(target, text) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([atob(text)], "dropped.csv"));
            target.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
        }""",
        text,
    )
    solved(page, "dropped.csv: 4 of 4 policies solved for 2 accounts")


def test_a_parquet_file_is_read_in_the_page(page: Page) -> None:
    table = pyarrow.table(
        {
            "id": ["ann", "bob", "eve"],
            "cash": pyarrow.array([2, 1, 0], pyarrow.int64()),
            "pnl": [8.25, 4.0, -12.0],
            "group": ["mm", None, None],
        }
    )
    kept(page, view="data", book="any")
    choose(page, FILES, {"book.parquet": parquet(table, "snappy")})
    solved(page, "book.parquet: 4 of 4 policies solved for 3 accounts")
    assert cells(page, "Accounts as they came")[0] == ["ann", "2", "8.25", "mm"]


def test_what_cannot_be_read_is_said_and_changes_nothing(page: Page) -> None:
    opened(page, view="data")
    for name, content, said in UNREADABLE:
        choose(page, FILES, {name: content})
        expect(page.locator("#data .fault")).to_contain_text(said)
        expect(page.locator("#status")).to_contain_text("Five accounts: 4 of 4")


def test_parquet_is_read_however_it_is_compressed_but_for_brotli(page: Page) -> None:
    kept(page, view="data", book="any")
    table = pyarrow.table({"id": [f"account {row}" for row in range(50)], "cash": [1] * 50, "pnl": [*range(1, 50), -9]})
    for compression in ("none", "gzip", "zstd", "lz4"):
        choose(page, FILES, {f"{compression}.parquet": parquet(table, compression)})
        solved(page, f"{compression}.parquet: 4 of 4 policies solved for 50 accounts")
        assert cells(page, "Accounts as they came")[19] == ["account 19", "1", "20"]
    choose(page, FILES, {"brotli.parquet": parquet(table, "brotli")})
    expect(page.locator("#data .fault")).to_contain_text(
        "Save it again with snappy, gzip, zstd, lz4 or without compression"
    )


def test_markup_in_a_book_is_text(page: Page) -> None:
    kept(page, view="data", book="any")
    markup = "<img src=x onerror=alert(1)>"
    bring(page, f"id,cash,pnl\n{markup},2,8\neve,0,-3\n")
    solved(page, "pasted: 4 of 4 policies solved for 2 accounts")
    page.get_by_role("tab", name="Who pays").click()
    assert cells(page, "Winners, the largest profit first")[0][0] == markup
    expect(page.locator("img[src=x]")).to_have_count(0)


def parquet(table: pyarrow.Table, compression: str) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression=compression)
    return buffer.getvalue()
