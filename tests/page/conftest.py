"""The page in a real browser, against a service in a process of its own."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, FilePayload, Page, Request, expect, sync_playwright

from tests.serving import Served, serving

WIDE = {"width": 1280, "height": 900}
OPENED = count()
"""In the address, which would otherwise differ by its view alone and not be loaded again."""
KEPT = "document.documentElement.dataset.kept"
FILES = "CSV, Parquet or JSON files"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass(frozen=True)
class Services:
    """One for everybody, and one that asks for a key, with the folder of its store."""

    open: Future[Served]
    locked: Future[Served]
    folder: Path


@pytest.fixture(scope="package")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """They start while the browser does."""
    folder = tmp_path_factory.mktemp("locked")
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        started = threads.submit(stack.enter_context, serving(tmp_path_factory.mktemp("page")))
        locked = threads.submit(stack.enter_context, serving(folder, ADL_REQUIRE_KEYS="true"))
        yield Services(started, locked, folder)


@pytest.fixture(scope="package")
def browser(services: Services) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        expect.set_options(timeout=15_000)
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def address(services: Services) -> str:
    return services.open.result().address


@pytest.fixture
def expected() -> list[str]:
    """Parts of console messages that a test provokes on purpose."""
    return []


@pytest.fixture(scope="package")
def window(browser: Browser, address: str) -> Iterator[Page]:
    """One for all tests: the page keeps nothing, so that it starts anew whenever it is opened."""
    context = browser.new_context(viewport=WIDE, base_url=address, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(window: Page, address: str, expected: list[str]) -> Iterator[Page]:
    """The window; the test fails where the page complained on the console, broke its policy or left the service."""
    complaints: list[str] = []
    requested: list[str] = []

    def said(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    def threw(error: Error) -> None:
        complaints.append(str(error))

    def asked(request: Request) -> None:
        requested.append(request.url)

    window.set_viewport_size(WIDE)
    window.emulate_media(color_scheme="light", reduced_motion="reduce")
    window.on("console", said)
    window.on("pageerror", threw)
    window.on("request", asked)
    yield window
    window.remove_listener("console", said)
    window.remove_listener("pageerror", threw)
    window.remove_listener("request", asked)
    was_kept = window.evaluate(KEPT) is not None
    if not was_kept:
        window.evaluate("stop()")  # what is still under way is nobody's
    assert [text for text in complaints if not any(part in text for part in expected)] == []
    local = re.compile(rf"(http://127\.0\.0\.1:\d+/|blob:{re.escape(address)}/|data:)")
    assert requested or was_kept
    assert [url for url in requested if not local.match(url)] == []


def opened(page: Page, example: str | None = None, view: str = "who-pays") -> None:
    """The page with an answer on it, of one of its examples."""
    page.goto(f"/?{next(OPENED)}#/{view}", wait_until="commit")
    solved(page, "Five accounts")
    page.locator(f"#{view} .card").first.wait_for()
    if example is not None:
        page.get_by_label("Example").select_option(label=example)
        solved(page, example)


def kept(page: Page, view: str = "who-pays", example: str | None = None, book: str = "the first") -> None:
    """The same, loaded again only where the test before did not keep this `book` or example: for tests that change
    nothing that others of them look at. "any" is for those that bring a book of their own."""
    wanted = example or book
    if page.evaluate(KEPT) == wanted:
        page.locator(f"#tab-{view}").click()
        page.locator(f"#{view} .card").first.wait_for()
        return
    opened(page, example, view)
    page.evaluate("wanted => document.documentElement.dataset.kept = wanted", wanted)


def solved(page: Page, said: str) -> None:
    """Wait until the status line says that, and that policies were solved."""
    there = """said => {
        const text = document.querySelector("#status")?.textContent ?? "";
        return text.includes(said) && text.includes("policies solved");
    }"""
    page.wait_for_function(there, arg=said)


def show(page: Page, title: str) -> None:
    page.get_by_role("tab", name=title).click()
    page.get_by_role("heading", name=title, level=2, exact=True).wait_for()


def choose(page: Page, label: str, files: dict[str, bytes]) -> None:
    """Choose these files in the field whose label begins so."""
    payloads: list[FilePayload] = [
        {"name": name, "mimeType": "application/octet-stream", "buffer": content} for name, content in files.items()
    ]
    page.get_by_label(re.compile(f"^{label}")).set_input_files(payloads)


def cells(page: Page, caption: str) -> list[list[str]]:
    """What is shown of the table with this caption, row by row."""
    table = page.locator("table", has=page.locator("caption", has_text=re.compile(f"^{re.escape(caption)}$")))
    table.wait_for()
    texts = "rows => rows.map(row => [...row.querySelectorAll('th, td')].map(cell => cell.innerText))"
    rows: list[list[str]] = table.locator("tbody tr").evaluate_all(texts)
    return rows


def downloaded(page: Page, label: str) -> bytes:
    """The file behind the button of this name."""
    with page.expect_download() as begun:
        page.get_by_role("button", name=label, exact=True).click()
    return Path(begun.value.path()).read_bytes()


def painted(page: Page, label: str | re.Pattern[str]) -> None:
    """The chart with this label has something on it: more than one colour."""
    chart = page.get_by_role("img", name=label)
    canvas = chart.locator("canvas")
    canvas.wait_for()
    colours = """canvas => {
        const {width, height} = canvas;
        const copy = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true});
        copy.drawImage(canvas, 0, 0);
        const {data} = copy.getImageData(0, 0, width, height);
        return new Set(new Uint32Array(data.buffer)).size > 8;
    }"""
    page.wait_for_function(colours, arg=canvas.element_handle(), polling=20)
