"""The page in a real browser, against a service in a process of its own."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.serving import serving

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="package")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("page")) as served:
        yield served.address


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=15_000)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def expected() -> list[str]:
    """Parts of console messages that a test provokes on purpose."""
    return []


@pytest.fixture(scope="package")
def context(browser: Browser, address: str) -> Iterator[BrowserContext]:
    """One for all pages, which then share what was loaded; the page itself stores nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=address, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, address: str, expected: list[str]) -> Iterator[Page]:
    """A page of its own; the test fails where it complained on the console, broke its policy or left the service."""
    page = context.new_page()
    complaints: list[str] = []
    requested: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requested.append(request.url))
    yield page
    page.close()
    assert [text for text in complaints if not any(part in text for part in expected)] == []
    local = re.compile(rf"(http://127\.0\.0\.1:\d+/|blob:{re.escape(address)}/|data:)")
    assert requested
    assert [url for url in requested if not local.match(url)] == []


def opened(page: Page, example: str | None = None) -> None:
    """The page with an answer on it, of one of its examples."""
    page.goto("/")
    expect(page.locator("#status")).to_contain_text("policies solved")
    if example is not None:
        page.get_by_label("Example").select_option(label=example)
        expect(page.locator("#status")).to_contain_text(example)
        expect(page.locator("#status")).to_contain_text("policies solved")


def cells(page: Page, caption: str) -> list[list[str]]:
    """What is shown of the table with this caption, row by row."""
    table = page.locator("table", has=page.locator("caption", has_text=re.compile(f"^{re.escape(caption)}$")))
    expect(table).to_be_visible()
    return [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]


def downloaded(page: Page, label: str) -> bytes:
    """The file behind the button of this name."""
    with page.expect_download() as begun:
        page.get_by_role("button", name=label, exact=True).click()
    return Path(begun.value.path()).read_bytes()


def painted(page: Page, label: str | re.Pattern[str]) -> None:
    """The chart with this label has something on it: more than one colour."""
    chart = page.get_by_role("img", name=label)
    canvas = chart.locator("canvas")
    expect(canvas).to_be_visible()
    colours = """canvas => {
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return new Set(new Uint32Array(data.buffer)).size;
    }"""
    for _ in range(40):
        if canvas.evaluate(colours) > 8:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"nothing is drawn of {label}")
