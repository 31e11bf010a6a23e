"""Books that are brought: pasted, chosen and dropped, as JSON, CSV and Parquet; and those that cannot be read."""

import base64
import io
import json

import pyarrow
import pyarrow.parquet
import pytest
from playwright.sync_api import FilePayload, Page, expect

from tests.page.conftest import cells, opened

pytestmark = pytest.mark.debian

TABLE = 'id,cash,pnl,notional,note\n"ann, the first",2,8,40,x\nbob,1,9007199254740993.5,10,y\neve,0,-12,,z\n'


UNREADABLE = [
    ("a.json", b"{", "This is not JSON"),
    ("a.json", b'{"accounts": []}', 'The document has no "snapshot"'),
    ("a.csv", b"id,cash\nann,1\n", "The table has no column pnl"),
    ("a.csv", b"id,cash,pnl\nann,1\n", "Row 1 of the CSV has 2 cells; the header has 3."),
    ("a.csv", b'id,cash,pnl\n"ann,1,2\n', "is not closed"),
    ("a.csv", b"id,id,cash,pnl\n", "Two columns of the CSV have the same name."),
    ("a.csv", b"", "There is nothing to read."),
    ("a.parquet", b"not parquet", "The Parquet file cannot be read here"),
]


def bring(page: Page, text: str) -> None:
    page.get_by_role("tab", name="Data").click()
    page.get_by_label("Or paste JSON or CSV").fill(text)
    page.get_by_role("button", name="Load what was pasted").click()


def choose(page: Page, name: str, content: bytes) -> None:
    page.get_by_role("tab", name="Data").click()
    file: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.get_by_label("A JSON, CSV or Parquet file").set_input_files(file)


def test_a_pasted_csv_is_solved_with_every_digit_it_had(page: Page) -> None:
    opened(page)
    bring(page, TABLE.replace("9007199254740993.5", "9007199254.740993"))
    expect(page.locator("#status")).to_contain_text("pasted: 4 of 4 policies solved for 3 accounts")
    expect(page.locator("#data")).to_contain_text("Accounts as they came")
    page.get_by_role("tab", name="Who pays").click()
    rows = cells(page, "Winners, the largest profit first")
    assert [row[:2] for row in rows] == [["bob", "9,007,199,254.740993"], ["ann, the first", "8.00"]]


def test_columns_that_are_not_known_are_said_to_be_left_out(page: Page) -> None:
    opened(page)
    choose(page, "book.csv", b"id;cash;pnl;note\r\nann;2;8;x\r\neve;0;-3;y\r\n")
    expect(page.locator("#status")).to_contain_text("book.csv: 4 of 4 policies solved for 2 accounts")
    assert cells(page, "Accounts as they came") == [["ann", "2", "8"], ["eve", "0", "-3"]]


def test_numbers_of_pasted_json_stay_exact_where_a_double_would_not(page: Page) -> None:
    opened(page)
    accounts = '[{"id": "ann", "cash": 0, "pnl": 90071992547.409931}, {"id": "eve", "cash": 0, "pnl": -1}]'
    shock = '{"law": "scenarios", "moves": [[-0.30000000000000004], [0.1]]}'
    bring(
        page,
        f'{{"snapshot": {{"accounts": {accounts}}}, "policy": {{"name": "pro-rata"}}, '
        f'"shortfall": {{"needed": 0.5}}, "options": {{"shock": {shock}}}}}',
    )
    expect(page.locator("#status")).to_contain_text("pasted: 5 of 5 policies solved for 2 accounts")
    page.get_by_role("tab", name="Who pays").click()
    assert cells(page, "Winners, the largest profit first")[0][1] == "90,071,992,547.409931"
    expect(page.get_by_label("Next shock")).to_have_value("sent")
    page.get_by_role("tab", name="Diagnostics").click()
    assert cells(page, "Solvency of each policy")[-1][:2] == ["Overshoot", "0.50"]


def test_the_case_comes_with_the_document(page: Page) -> None:
    opened(page)
    document = {
        "snapshot": {"accounts": {"id": ["ann", "eve"], "cash": [2, 0], "pnl": [8, -3]}},
        "shortfall": {"severity": {"rule": "match"}, "insurance_fund": "1.5"},
        "policies": [{"name": "queue", "score": "size"}, {"name": "capped-pro-rata"}],
        "options": {"numeraire": "equity", "shock": {"law": "normal", "sigma": 0.2}},
    }
    bring(page, json.dumps(document))
    expect(page.locator("#status")).to_contain_text("pasted: 2 of 2 policies solved for 2 accounts")
    expect(page.get_by_label("Insurance fund")).to_have_value("1.5")
    expect(page.get_by_label("Severity")).to_have_value("match")
    expect(page.locator("#case").get_by_label("Taken from")).to_have_value("equity")
    expect(page.get_by_label("Standard deviation")).to_have_value("0.2")
    page.get_by_role("tab", name="Who pays").click()
    assert cells(page, "Winners, the largest profit first")[0][:3] == ["ann", "10.00", "1.50"]


def test_a_dropped_file_is_read(page: Page) -> None:
    opened(page)
    page.get_by_role("tab", name="Data").click()
    text = base64.b64encode(b"id,cash,pnl\nann,2,8\neve,0,-3\n").decode()
    page.locator(".drop").evaluate(
        """(target, text) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([atob(text)], "dropped.csv"));
            target.dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true, cancelable: true}));
        }""",
        text,
    )
    expect(page.locator("#status")).to_contain_text("dropped.csv: 4 of 4 policies solved for 2 accounts")


def test_a_parquet_file_is_read_in_the_page(page: Page) -> None:
    table = pyarrow.table(
        {
            "id": ["ann", "bob", "eve"],
            "cash": pyarrow.array([2, 1, 0], pyarrow.int64()),
            "pnl": [8.25, 4.0, -12.0],
            "group": ["mm", None, None],
        }
    )
    opened(page)
    choose(page, "book.parquet", parquet(table, "snappy"))
    expect(page.locator("#status")).to_contain_text("book.parquet: 4 of 4 policies solved for 3 accounts")
    assert cells(page, "Accounts as they came")[0] == ["ann", "2", "8.25", "mm"]


def test_what_cannot_be_read_is_said_and_changes_nothing(page: Page) -> None:
    opened(page)
    for name, content, said in UNREADABLE:
        choose(page, name, content)
        expect(page.locator("#data .fault")).to_contain_text(said)
        expect(page.locator("#status")).to_contain_text("Five accounts: 4 of 4")


def test_a_parquet_file_of_another_compression_is_sent_to_the_loaders(page: Page) -> None:
    opened(page)
    table = pyarrow.table({"id": ["ann"] * 50, "cash": [1] * 50, "pnl": [1] * 50})
    choose(page, "a.parquet", parquet(table, "zstd"))
    expect(page.locator("#data .fault")).to_contain_text("python -m app.loaders")


def test_markup_in_a_book_is_text(page: Page) -> None:
    opened(page)
    markup = "<img src=x onerror=alert(1)>"
    bring(page, f"id,cash,pnl\n{markup},2,8\neve,0,-3\n")
    expect(page.locator("#status")).to_contain_text("for 2 accounts")
    page.get_by_role("tab", name="Who pays").click()
    assert cells(page, "Winners, the largest profit first")[0][0] == markup
    expect(page.locator("img[src=x]")).to_have_count(0)


def parquet(table: pyarrow.Table, compression: str) -> bytes:
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression=compression)
    return buffer.getvalue()
