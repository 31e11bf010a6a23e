"""The view that judges: what was brought, what the page shows, allocations and closes."""

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import cells, choose, downloaded, kept, opened, painted, show
from tests.processes import ROOT

pytestmark = pytest.mark.debian

FILES = "An allocation"
EXAMPLES = ROOT / "examples"
CLOSES = "account,market,quantity,price\nann,BTC,4,105\ncat,ETH,5,52\ndan,SOL,-30,9.5\ncat,SOL,-10,9.5\n"
NEITHER = (
    "is neither an allocation, with id and seized, nor a table of closes, with account, market, quantity and price."
)
UNFIT = [
    ({"a.csv": b"id,taken\nann,1\n"}, f"a.csv {NEITHER}"),
    ({"a.json": b'{"budget": 1}'}, f"a.json {NEITHER}"),
    ({"a.json": b'{"allocations": null}'}, "a.json is an answer without accounts: ask for options.detail full."),
    ({"a.csv": b"id,seized\n", "b.csv": b"id,seized\n"}, "Bring one allocation, or one table of closes, at a time."),
    ({"a.csv": b"id,seized\nann,1,2\n"}, "a.csv: row 1 below the header has 3 cells; the header has 2."),
]


def verdict(page: Page, said: str) -> None:
    page.locator("#verify h3", has_text=re.compile(f"^{re.escape(said)}$")).wait_for()


def paste(page: Page, text: str) -> None:
    page.locator("#verify").get_by_label("Or paste it as CSV or JSON").fill(text)
    page.get_by_role("button", name="Judge what was pasted").click()


def test_the_queue_of_the_example_is_judged_beside_the_fairest(page: Page) -> None:
    kept(page, view="verify")
    verdict(page, "Valid: queue: pnl keeps every rule")
    assert cells(page, "Accounts, the largest difference first")[0] == [
        "ann", "8.00", "7.50", "93.75 %", "4.80", "60 %",
    ]  # fmt: skip
    fairness = {row[0]: row[1:] for row in cells(page, "Fairness, judged and fairest: capped-pro-rata")}
    assert fairness["Max haircut"] == ["0.9375", "0.6"]
    assert fairness["Fairness regret"] == ["2.53125", "0.00"]
    painted(page, re.compile("^What was taken from accounts"))


def test_an_allocation_that_was_brought_is_told_what_it_breaks(page: Page) -> None:
    kept(page, view="verify")
    choose(page, FILES, {"made.csv": b"id,seized,haircut\nann,9,1\ncy,-1,0\nzoe,1,1\n"})
    verdict(page, "Not valid: made.csv breaks 4 rules")
    broken = {(row[0], row[1]) for row in cells(page, "What is wrong")}
    assert broken == {("Over cap", "ann"), ("Negative", "cy"), ("Unknown account", "zoe"), ("Budget", "")}
    assert b"over-cap" in downloaded(page, "Not valid: made.csv breaks 4 rules: download CSV")
    answer = json.loads(downloaded(page, "Not valid: made.csv breaks 4 rules: download JSON"))
    assert answer["valid"] is False


def test_an_answer_in_json_is_judged_and_what_is_neither_is_refused(page: Page) -> None:
    kept(page)
    answer = json.loads(downloaded(page, "Winners by profit, before and after: download JSON"))[2]
    show(page, "Verify")
    choose(page, FILES, {"answer.json": json.dumps(answer).encode()})
    verdict(page, "Valid: answer.json keeps every rule")
    fairness = {row[0]: row[1] for row in cells(page, "Fairness, judged and fairest: capped-pro-rata")}
    assert fairness["Max haircut"] == "0.722892"
    for files, said in UNFIT:
        choose(page, FILES, files)
        expect(page.locator("#verify .fault")).to_contain_text(said)
    verdict(page, "Valid: answer.json keeps every rule")


def test_a_cell_that_is_no_number_is_named_by_file_row_and_column(page: Page, expected: list[str]) -> None:
    expected.append("422")
    kept(page, view="verify")
    choose(page, FILES, {"made.csv": b"id,seized\nann,4\nbob,some\n"})
    expect(page.locator("#verify [role=alert]")).to_contain_text(
        "that is row 2 of made.csv below its header, column seized"
    )


def test_closes_that_were_brought_are_judged_with_their_cost(page: Page) -> None:
    kept(page, view="verify")
    paste(page, CLOSES)
    verdict(page, "Not valid: pasted breaks 2 rules")
    wrong = [row[:4] for row in cells(page, "What is wrong")]
    assert wrong == [
        ["Unprofitable", "broken", "dan", ""],
        ["Over closed", "broken", "", "BTC"],
        ["Risk rose", "warning", "cat", ""],
    ]
    assert cells(page, "Markets, needed and closed")[0] == ["BTC", "long", "3", "4", "1", "3"]
    expect(page.locator("#verify .facts").first).to_contain_text("50.00 USD, 5.00 USD too much")
    painted(page, re.compile("^Contracts needed and closed by market, judged"))


def test_the_verdict_follows_the_case(page: Page) -> None:
    opened(page, view="verify")
    paste(page, "id,seized\nann,4.8\nbob,2.4\ncy,0.3\n")
    verdict(page, "Valid: pasted keeps every rule")
    page.get_by_label("Share that winners bear").fill("0.4")
    page.get_by_label("Share that winners bear").blur()
    verdict(page, "Not valid: pasted breaks one rule")
    assert cells(page, "What is wrong") == [
        ["Budget", "7.500000 was seized in all where the budget is 6.000000: 1.500000 too much"]
    ]


def test_an_allocation_is_judged_also_where_nothing_is_there_to_hold_it_against(
    page: Page, expected: list[str]
) -> None:
    expected.append("409")
    opened(page, view="verify")
    paste(page, "id,seized\nann,8\nbob,4\ncy,0.5\n")
    page.get_by_label("Share that winners bear").fill("1")
    page.get_by_label("Share that winners bear").blur()
    verdict(page, "Not valid: pasted breaks one rule")
    expect(page.locator("#verify")).to_contain_text("infeasible-budget")
    assert cells(page, "Solvency, judged and fairest: capped-pro-rata")[0] == ["Deficit", "15.00"]


def test_what_a_view_shows_is_judged_from_there(page: Page) -> None:
    opened(page)
    page.get_by_role("button", name="Judge leverage-pro-rata").click()
    verdict(page, "Valid: leverage-pro-rata keeps every rule")
    show(page, "Contracts")
    page.locator("#contracts .row").get_by_label("Policy").first.select_option(label="queue: pnl")
    page.get_by_role("button", name="Judge these closes").click()
    verdict(page, "Not valid: queue: pnl breaks 3 rules")  # it takes whole positions
    assert {row[0] for row in cells(page, "What is wrong")} == {"Over closed", "Risk rose"}
    markets = [(row[0], row[2], row[3]) for row in cells(page, "Markets, needed and closed")]
    assert markets == [("BTC", "3", "4"), ("ETH", "5", "8"), ("SOL", "40", "60")]
    chosen = page.locator("#verify select").evaluate("list => list.selectedOptions[0].text")
    assert chosen == "Contracts: three markets: queue: pnl"
    page.locator("#verify select").select_option(label="Five accounts: contracts-pro-rata")
    page.get_by_role("button", name="Judge this answer").click()
    verdict(page, "Valid: contracts-pro-rata keeps every rule")


def test_examples_to_judge_open_the_view_with_their_book(page: Page) -> None:
    opened(page, "Five accounts, an allocation to judge")
    expect(page.get_by_role("tab", name="Verify")).to_have_attribute("aria-selected", "true")
    verdict(page, "Valid: Five accounts, an allocation to judge keeps every rule")
    assert [row[:3] for row in cells(page, "Accounts, the largest difference first")][:2] == [
        ["bob", "4.00", "4"],
        ["ann", "8.00", "3.5"],
    ]
    page.get_by_label("Example").select_option(label="Contracts: closes to judge")
    verdict(page, "Not valid: Contracts: closes to judge breaks 3 rules")
    assert "Order broken" in {row[0] for row in cells(page, "What is wrong")}


def test_a_whole_request_brings_its_own_book(page: Page) -> None:
    opened(page, view="verify")
    choose(page, FILES, {"asked.json": (EXAMPLES / "verification.json").read_bytes()})
    verdict(page, "Valid: asked.json keeps every rule")
    expect(page.locator("#status")).to_contain_text("asked.json: 4 of 4 policies solved")
