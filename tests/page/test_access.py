"""For everybody: keyboard, screen readers, dark and light, small screens, and with a key where one is needed."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from app.access import issue
from app.store import Store
from tests.page.conftest import Services, cells, opened, painted, solved

AXE = Path(__file__).parent / "axe"
TITLES = (
    "Overview", "Data", "Who pays", "Fairness", "Trilemma", "Frontier", "Diagnostics", "One account", "Verify",
    "Contracts",
)  # fmt: skip
# Rows of a table are alike: of each the first three. Views that are not shown have been looked at before.
AXE_RUN = """([part, options]) => axe.run(
    {include: [part], exclude: ["tbody tr:nth-child(n+4)", "[role=tabpanel][hidden]"]},
    {resultTypes: ["violations"], ...options},
)"""
LARGEST = re.compile("^Profit of the largest winners")
PICTURE = "canvas => canvas.toDataURL()"
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


def test_the_checker_has_the_recorded_digests() -> None:
    recorded = dict(
        re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", (AXE / "VERSION.md").read_text(), re.MULTILINE)
    )
    files = {file.name: file for file in AXE.iterdir() if file.name != "VERSION.md"}
    assert {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()} == recorded
    assert "LICENSE" in recorded


@pytest.mark.debian
def test_the_checker_finds_nothing_in_any_view_light_or_dark(page: Page) -> None:
    opened(page)
    page.evaluate((AXE / "axe.min.js").read_text())
    for title in all_views(page):
        # What is around the views is the same in all of them: with the last of them is enough.
        part = "html" if title == TITLES[-1] else f"[aria-labelledby='tab-{title.lower().replace(' ', '-')}']"
        assert found(page, part, {}) == [], title
        page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        assert found(page, part, COLOURS) == [], f"{title}, dark"
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
    # It would have: a heading that is hard to read is found.
    page.locator("#contracts h2").evaluate("head => head.style.setProperty('color', '#ddd')")
    assert [id_ for id_, *_ in found(page, "#contracts", COLOURS)] == ["color-contrast"]


def found(page: Page, part: str, options: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    violations = page.evaluate(AXE_RUN, [part, options])["violations"]
    return [(one["id"], one["impact"], [node["html"][:120] for node in one["nodes"][:3]]) for one in violations]


@pytest.mark.debian
def test_no_view_is_wider_than_a_small_screen(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    opened(page)
    for title in all_views(page):
        assert page.evaluate("document.documentElement.scrollWidth") == 360, title


def all_views(page: Page) -> Iterator[str]:
    """Each in turn, with all there is to see."""
    for title in TITLES:
        page.get_by_role("tab", name=title).click()
        panel = page.get_by_role("tabpanel", name=title)
        panel.locator("table").first.wait_for()
        panel.locator(".waiting").first.wait_for(state="detached")
        yield title


@pytest.mark.debian
def test_tabs_are_walked_by_arrows_and_kept_in_the_address(page: Page) -> None:
    opened(page)
    page.get_by_role("tab", name="Who pays").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Fairness")).to_be_focused()
    expect(page.get_by_role("tabpanel", name="Fairness")).to_be_visible()
    assert page.url.endswith("#/fairness")
    page.keyboard.press("End")
    expect(page.get_by_role("tab", name="Contracts")).to_be_focused()
    page.reload()
    expect(page.get_by_role("tabpanel", name="Contracts").locator("table").first).to_be_visible()
    page.get_by_role("tab", name="Contracts").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Overview")).to_be_focused()


@pytest.mark.debian
def test_everything_can_be_reached_and_done_by_keyboard(page: Page) -> None:
    opened(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the results")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#panels') !== null")
    head = page.locator("#who-pays th button", has_text="Profit before (USD)").first
    head.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert [row[0] for row in cells(page, "Winners, the largest profit first")] == ["cy", "bob", "ann"]
    expect(head.locator("xpath=..")).to_have_attribute("aria-sort", "ascending")


@pytest.mark.debian
def test_charts_follow_the_scheme(page: Page) -> None:
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    opened(page)
    painted(page, LARGEST)
    canvas = page.get_by_role("img", name=LARGEST).locator("canvas")
    light = canvas.evaluate(PICTURE)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"([canvas, light]) => ({PICTURE})(canvas) !== light", arg=[canvas.element_handle(), light])
    painted(page, LARGEST)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"


@pytest.mark.debian
def test_a_service_that_needs_keys_gets_the_one_that_is_given(browser: Browser, services: Services) -> None:
    with closing(Store.open(f"sqlite:///{services.folder / 'adl.db'}")) as store:
        known, key = issue("page", ["solve", "read"], datetime.now(UTC))
        store.add_key(known)
    context = browser.new_context(base_url=services.locked.result().address)
    page = context.new_page()
    page.goto("/")
    expect(page.locator("#alert")).to_contain_text("unauthorized")
    page.get_by_role("link", name="Give a key under Data.").click()
    page.get_by_label("API key").fill(key)
    page.keyboard.press("Enter")
    solved(page, "Five accounts: 4 of 4")
    page.get_by_role("tab", name="Fairness").click()
    command = page.locator("#fairness details.curl").first
    command.locator("summary").click()
    expect(command.locator("pre")).to_contain_text("Bearer $ADL_KEY")
    assert key not in page.content()
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    context.close()
