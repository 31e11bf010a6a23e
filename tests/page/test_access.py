"""For everybody: keyboard, screen readers, dark and light, small screens, and with a key where one is needed."""

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.page.conftest import cells, opened
from tests.processes import ROOT
from tests.serving import environment, serving

AXE = Path(__file__).parent / "axe"
TITLES = ("Data", "Who pays", "Fairness", "Trilemma", "Frontier", "Diagnostics", "One account", "Contracts")
AXE_RUN = "([part, options]) => axe.run(part, {resultTypes: ['violations'], ...options})"
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}


def test_the_checker_has_the_recorded_digests() -> None:
    recorded = dict(
        re.findall(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", (AXE / "VERSION.md").read_text(), re.MULTILINE)
    )
    files = {file.name: file for file in AXE.iterdir() if file.name != "VERSION.md"}
    assert {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()} == recorded
    assert "LICENSE" in recorded


@pytest.mark.debian
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_checker_finds_nothing_in_any_view(page: Page, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    opened(page)
    page.evaluate((AXE / "axe.min.js").read_text())
    for title in all_views(page):
        # What is around the views is the same in all of them: with the last of them is enough.
        part = "html" if title == TITLES[-1] else f"[aria-labelledby='tab-{title.lower().replace(' ', '-')}']"
        found = page.evaluate(AXE_RUN, [part, {} if scheme == "light" else COLOURS])["violations"]
        told = [(one["id"], one["impact"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
        assert told == [], title


@pytest.mark.debian
def test_no_view_is_wider_than_a_small_screen(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    opened(page)
    for title in all_views(page):
        assert page.evaluate("document.documentElement.scrollWidth") == 360, title


def all_views(page: Page) -> Iterator[str]:
    """Each in turn, with all there is to see."""
    page.get_by_role("tab", name="Trilemma").click()
    page.get_by_role("button", name=re.compile("^Assume")).click()
    for title in TITLES:
        page.get_by_role("tab", name=title).click()
        panel = page.get_by_role("tabpanel", name=title)
        expect(panel.locator("table").first).to_be_visible()
        expect(panel.locator(".waiting")).to_have_count(0)
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
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Data")).to_be_focused()
    page.reload()
    expect(page.get_by_role("tabpanel", name="Data")).to_be_visible()


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
    canvas = page.get_by_role("img", name="Profit of the largest winners").locator("canvas")
    canvas.wait_for()
    page.wait_for_timeout(300)
    light = canvas.evaluate("canvas => canvas.toDataURL()")
    page.emulate_media(color_scheme="dark")
    page.wait_for_timeout(300)
    assert canvas.evaluate("canvas => canvas.toDataURL()") != light
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(13, 17, 23)"


@pytest.mark.debian
def test_a_service_that_needs_keys_gets_the_one_that_is_given(browser: Browser, tmp_path: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "app.cli", "keys", "create", "--name", "page"],
        cwd=ROOT,
        env=os.environ | environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    key = made.stdout.strip()
    with serving(tmp_path, ADL_REQUIRE_KEYS="true") as served:
        context = browser.new_context(base_url=served.address)
        page = context.new_page()
        page.goto("/")
        expect(page.locator("#alert")).to_contain_text("unauthorized")
        page.get_by_role("link", name="Give a key under Data.").click()
        page.get_by_label("API key").fill(key)
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_contain_text("4 of 4 policies solved")
        page.get_by_role("tab", name="Fairness").click()
        command = page.locator("#fairness details.curl").first
        command.locator("summary").click()
        expect(command.locator("pre")).to_contain_text("Bearer $ADL_KEY")
        assert key not in page.content()
        assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
        context.close()
