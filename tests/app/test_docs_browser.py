"""The page /docs in a real browser: complete, silent, and with no request that leaves the service."""

from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Page, expect, sync_playwright

from tests.processes import service

pytestmark = pytest.mark.debian

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with service() as address:
        yield address


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser.new_page()
        browser.close()


def test_docs_show_every_operation_and_stay_on_the_service(page: Page, address: str) -> None:
    complaints: list[str] = []
    requested: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requested.append(request.url))

    answer = page.goto(f"{address}/docs")
    assert answer is not None
    assert "default-src 'none'" in answer.headers["content-security-policy"]

    paths = httpx2.get(f"{address}/openapi.json").json()["paths"]
    operations = {(method, path) for path, item in paths.items() for method in METHODS & item.keys()}
    blocks = page.locator(".opblock")
    expect(blocks).to_have_count(len(operations))
    shown = {
        (
            block.locator(".opblock-summary-method").inner_text().lower(),
            block.locator(".opblock-summary-path").get_attribute("data-path"),
        )
        for block in blocks.all()
    }
    assert shown == operations

    blocks.first.locator(".opblock-summary-control").click()
    expect(blocks.first.locator(".responses-wrapper")).to_be_visible()

    assert complaints == []
    remote = [url for url in requested if not url.startswith("data:")]
    assert f"{address}/openapi.json" in remote
    assert [url for url in remote if not url.startswith(f"{address}/")] == []
