"""The report in a real browser: silent, accessible, and no wider than its window, light, dark and narrow."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, sync_playwright

from app.replay import page
from app.replay.event import Event
from tests.processes import ROOT
from tests.replay.test_page import everything, sample

pytestmark = pytest.mark.debian

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
AXE = ROOT / "tests/page/axe/axe.min.js"
RULES = "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield started
        started.close()


@pytest.mark.parametrize(
    ("make", "scheme", "width"),
    [(everything, "light", 1280), (everything, "dark", 1280), (everything, "light", 390), (sample, "dark", 390)],
)
def test_the_report_is_readable(
    browser: Browser, tmp_path: Path, make: Callable[[Path], Event], scheme: Literal["light", "dark"], width: int
) -> None:
    file = tmp_path / "report.html"
    file.write_text(page.render(make(tmp_path)))
    # axe is put into the page, which its policy would not let it; the report itself has no script.
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    shown = context.new_page()
    said: list[str] = []
    shown.on("console", lambda message: said.append(message.text))
    shown.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    shown.goto(file.as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    shown.evaluate(AXE.read_text(encoding="utf-8"))
    found = shown.evaluate(RULES)
    assert [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]] == []
    assert len(found["passes"]) > 10
    assert said == []
    context.close()
