"""Twenty thousand accounts stay fluid."""

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import cells, downloaded, opened

pytestmark = pytest.mark.debian

WATCH = """
window.tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({duration}) => duration)))
    .observe({type: "longtask"});
"""
LONGEST = 500
"""Milliseconds. Measured at about 100; the bound leaves room for a machine that does other work."""


def test_the_sample_venue_is_shown_sorted_searched_and_downloaded_without_holding_up_the_page(page: Page) -> None:
    opened(page)
    page.evaluate(WATCH)
    page.get_by_label("Example").select_option(label="A venue of 19,337 accounts (invented)")
    expect(page.locator("#status")).to_contain_text("solved for 19,337 accounts", timeout=30_000)
    pager = page.locator("#who-pays .pager").first
    expect(pager).to_contain_text("1 to 20 of 18,757", timeout=30_000)
    pager.get_by_role("button", name="Next").click()
    expect(pager).to_contain_text("21 to 40 of 18,757")
    first = cells(page, "Winners, the largest profit first")[0][0]
    page.get_by_label("Find an account").fill(first)
    expect(pager).to_contain_text("1 to 1 of 1")
    text = downloaded(page, "Winners by profit, before and after: download CSV")
    assert text.count(b"\r\n") == 18_758
    for title in ("Overview", "Data", "Fairness", "Trilemma", "Diagnostics", "Frontier", "Verify"):
        page.get_by_role("tab", name=title).click()
        if title not in {"Frontier", "Verify"}:
            page.get_by_role("tabpanel", name=title).locator("table").first.wait_for()
    page.get_by_role("button", name="Judge this answer").click()
    expect(page.get_by_role("heading", name="Valid: capped-pro-rata keeps every rule")).to_be_visible(timeout=30_000)
    longest = max(page.evaluate("tasks"), default=0)
    assert longest < LONGEST
