"""What leaves the page: CSV, JSON, PNG, and a command that asks for the same."""

import csv
import io
import json
import shutil
import subprocess
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import downloaded, kept, opened, solved

pytestmark = pytest.mark.debian

WINNERS = "Winners by profit, before and after"
EVERY_POLICY = "Five accounts, every policy, shock and retention"
VIEWS = (
    "Overview", "Who pays", "Fairness", "Trilemma", "Frontier", "Diagnostics", "One account", "Verify", "Contracts",
)  # fmt: skip
COMMANDS = [
    ("Fairness", 0, "/v1/comparisons", "results"),
    ("Frontier", 0, "/v1/frontiers", "points"),
    ("One account", 1, "/explanations/ann", "formula"),
    ("Verify", 0, "/v1/verifications", "valid"),
    ("Contracts", 0, "/v1/closures", "closures"),
]


def test_the_csv_has_every_row_with_the_amounts_as_they_came(page: Page) -> None:
    kept(page)
    text = downloaded(page, f"{WINNERS}: download CSV").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["Account"] for row in rows] == ["ann", "bob", "cy"]
    assert rows[0]["leverage-pro-rata: taken (USD)"] == "5.783133"
    assert rows[0]["capped-pro-rata: haircut"] == "0.6"


def test_the_json_is_what_the_service_answered(page: Page) -> None:
    kept(page)
    answers = json.loads(downloaded(page, f"{WINNERS}: download JSON"))
    assert [answer["policy"]["name"] for answer in answers] == [
        "capped-pro-rata",
        "queue",
        "leverage-pro-rata",
        "contracts-pro-rata",
    ]
    assert answers[0]["allocations"][0]["seized"] == "4.800000"


def test_the_png_is_a_picture(page: Page) -> None:
    kept(page)
    page.get_by_role("img", name="Profit of the largest winners").locator("canvas").wait_for()
    picture = downloaded(page, f"{WINNERS}: download PNG")
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture[16:20], "big") > 1000


def test_every_view_has_a_command_and_its_downloads(page: Page) -> None:
    kept(page, example=EVERY_POLICY)
    for title in VIEWS:
        page.get_by_role("tab", name=title).click()
        panel = page.get_by_role("tabpanel", name=title)
        panel.locator("summary", has_text="curl").first.wait_for()
        kinds = {text for bar in panel.locator(".downloads").all() for text in bar.locator("button").all_inner_texts()}
        drawn = panel.locator(".chart").count() > 0
        assert {"CSV", "JSON", *(("PNG",) if drawn else ())} <= kinds, title
        assert drawn == (title != "Diagnostics")


def test_the_command_asks_for_what_the_view_shows(page: Page) -> None:
    kept(page, example=EVERY_POLICY)
    for title, place, path, answered in COMMANDS:
        page.get_by_role("tab", name=title).click()
        command = page.get_by_role("tabpanel", name=title).locator("details.curl").nth(place)
        command.locator("summary").click()
        expect(command.locator("pre")).to_contain_text(path)
        assert answered in run(command.locator("pre").inner_text())


def test_a_long_request_is_downloaded_and_named_in_the_command(page: Page) -> None:
    opened(page)
    page.get_by_role("tab", name="Data").click()
    rows = "\n".join(f"account-{row},1,{row + 1},10" for row in range(400))
    page.get_by_label("Or paste CSV or JSON").fill(f"id,cash,pnl,notional\n{rows}\neve,0,-500,1\n")
    page.get_by_role("button", name="Load what was pasted").click()
    solved(page, "401 accounts")
    page.get_by_role("tab", name="Fairness").click()
    command = page.locator("#fairness details.curl").first
    command.locator("summary").click()
    expect(command.locator("pre")).to_contain_text("-d @comparisons.json")
    sent = json.loads(downloaded(page, "Request (comparisons.json)"))
    assert len(sent["snapshot"]["accounts"]["id"]) == 401
    assert len(sent["policies"]) == 4


def run(command: str) -> dict[str, Any]:
    bash, curl = shutil.which("bash"), shutil.which("curl")
    assert bash
    assert curl
    done = subprocess.run([bash, "-c", command], capture_output=True, text=True, check=True, timeout=20)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
