"""Each view shows what the service says of the example books."""

import re

import httpx2
import pytest
from playwright.sync_api import Page, expect

from tests.page.conftest import cells, kept, opened, painted, show, solved

pytestmark = pytest.mark.debian

EVERY_POLICY = "Five accounts, every policy, shock and retention"
ASSUME = re.compile("^Assume Student's t")


def test_the_first_screen_says_what_it_is_and_has_policies_and_triangle_of_the_example(page: Page) -> None:
    page.goto("/")
    solved(page, "Five accounts: 4 of 4 policies solved for 5 accounts")
    expect(page.locator("header")).to_contain_text("takes the rest from accounts in profit")
    expect(page.locator(".tiles")).to_contain_text("7.50 USD")
    assert cells(page, "Policies side by side") == [
        ["capped-pro-rata", "60 %", "0.018271", "84 %"],
        ["queue: pnl", "93.75 %", "0.007071", "81.25 %"],
        ["leverage-pro-rata", "72.29 %", "0.013959", "82.83 %"],
        ["contracts-pro-rata", "84.91 %", "0.014063", "82.67 %"],
    ]
    triangle = page.get_by_role("img", name=re.compile("^Triangle of fairness"))
    painted(page, re.compile("^Triangle of fairness"))
    place = triangle.bounding_box()
    assert place is not None
    assert place["y"] + 0.85 * place["height"] < 900, "the corners are seen without scrolling"
    expect(page.locator("#overview")).to_contain_text("Assumed of the next shock: student-t, df 3, scale 0.05")


def test_the_overview_leads_to_the_other_views(page: Page) -> None:
    kept(page, view="overview")
    page.locator("#overview").get_by_role("link", name="Who pays").click()
    expect(page.get_by_role("tabpanel", name="Who pays").locator("table").first).to_be_visible()


def test_winners_are_shown_before_and_after(page: Page) -> None:
    kept(page)
    rows = cells(page, "Winners, the largest profit first")
    assert [row[:7] for row in rows] == [
        ["ann", "8.00", "4.80", "3.20", "60 %", "7.50", "0.50"],
        ["bob", "4.00", "2.40", "1.60", "60 %", "0.00", "4.00"],
        ["cy", "0.50", "0.30", "0.20", "60 %", "0.00", "0.50"],
    ]
    painted(page, re.compile("^Profit of the largest winners"))
    painted(page, re.compile("^Share of profit taken"))


def test_the_lorenz_curves_have_their_points_and_figures_beside_them(page: Page) -> None:
    kept(page, view="fairness")
    painted(page, re.compile("^Lorenz curves"))
    assert ["queue: pnl", "36 %", "0 %"] in cells(page, "Points of the curves")
    queue = cells(page, "Fairness of each policy")[1]
    assert queue == ["queue: pnl", "93.75 %", "31.25 %", "6.25 %", "0.36", "0.64", "1", "2.53125", "Less fair", "Equal"]


def test_an_account_that_is_not_there_is_said_not_to_be(page: Page, expected: list[str]) -> None:
    expected.append("404")
    kept(page, view="one-account")
    page.locator("#one-account").get_by_label("Account id").fill("nobody/at all")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#one-account [role=alert]")).to_contain_text("not-found")


def test_a_policy_can_be_left_out_of_the_picture_and_of_the_case(page: Page) -> None:
    opened(page)
    page.get_by_role("checkbox", name="queue: pnl").uncheck()
    expect(page.locator("#who-pays thead").first).not_to_contain_text("queue")
    page.get_by_role("button", name="Remove leverage-pro-rata").click()
    expect(page.locator("#status")).to_contain_text("3 of 3 policies")
    expect(page.locator("#who-pays thead").first).not_to_contain_text("leverage-pro-rata")


def test_severity_fund_and_cap_change_who_pays(page: Page) -> None:
    opened(page)
    page.get_by_label("Share that winners bear").fill("0.8")
    page.get_by_label("Insurance fund").fill("5")
    page.get_by_label("Insurance fund").blur()
    expect(page.locator(".tiles")).to_contain_text("8.00 USD")  # 0.8 of 15 - 5
    page.get_by_label("No haircut above (%)").fill("64")
    page.get_by_label("No haircut above (%)").blur()
    # 8 is 64 % of 12.5, so that the queue needs every cap.
    expect(page.locator("#who-pays tbody").first.locator("tr").first.locator("td").nth(4)).to_have_text("5.12")
    assert {row[7] for row in cells(page, "Winners, the largest profit first")} == {"64 %"}


def test_what_is_refused_is_told_with_its_figures(page: Page, expected: list[str]) -> None:
    expected += ["422", "409"]
    opened(page)
    page.get_by_label("Share that winners bear").fill("1")
    page.get_by_label("Share that winners bear").blur()
    refused = page.locator("#who-pays .refused")
    expect(refused).to_contain_text("infeasible-budget")
    expect(refused).to_contain_text("Shortage: 2.50")
    page.get_by_label("Insurance fund").fill("-1")
    page.get_by_label("Insurance fund").blur()
    expect(page.locator("#alert")).to_contain_text("/shortfall/insurance_fund")
    expect(page.locator("#alert")).to_contain_text("Request ")


def test_the_trilemma_says_what_it_lacks_and_is_drawn_when_it_has_it(page: Page) -> None:
    opened(page, view="trilemma")
    page.get_by_label("Next shock").select_option("")
    expect(page.locator("#trilemma")).to_contain_text("choose a shock, for the loss to expect")
    expect(page.locator("#trilemma canvas")).to_have_count(0)
    show(page, "Overview")
    expect(page.locator("#overview")).to_contain_text("choose a next shock")
    show(page, "Trilemma")
    page.get_by_role("button", name=ASSUME).click()
    painted(page, re.compile("^Triangle of fairness"))
    scores = {row[0]: [float(score) for score in row[5:]] for row in cells(page, "Figures and scores")}
    assert scores["capped-pro-rata"][0] == 1
    assert scores["queue: pnl"][:2] == [0, 1]
    page.get_by_label("Fairness by").select_option("gini")
    assert cells(page, "Figures and scores")[1][1] == "0.36"
    page.get_by_label("What a haircut does").select_option("cash")
    assert cells(page, "Figures and scores")[0][2] == "0.143032"


def test_a_point_of_the_frontier_can_be_taken_into_the_comparison(page: Page) -> None:
    opened(page, view="frontier")
    page.get_by_label("Next shock").select_option("")
    page.get_by_label("Customers who stay").select_option("")
    expect(page.locator("#frontier")).to_contain_text("These measures need a shock and a retention")
    page.get_by_role("button", name=ASSUME).click()
    painted(page, re.compile("^Frontier: Max haircut across"))
    second = cells(page, "Points of the frontier, and policies held against it")[1]
    assert second[0].startswith("blend: fairness")
    page.get_by_role("button", name=f"Take {second[0]}", exact=True).click()
    expect(page.get_by_role("heading", name="Who pays", level=2)).to_be_visible()
    expect(page.locator("#status")).to_contain_text("5 of 5 policies")
    for shown in ("queue: pnl", "leverage-pro-rata"):
        page.get_by_role("checkbox", name=shown).uncheck()
    page.get_by_role("checkbox", name=second[0]).check()
    expect(page.locator("#who-pays thead").first).to_contain_text(second[0])
    worst = cells(page, "Share of profit taken")
    assert second[1] in {row[3] for row in worst}


def test_diagnostics_have_every_figure_with_its_meaning(page: Page, address: str) -> None:
    opened(page, EVERY_POLICY)
    show(page, "Diagnostics")
    expect(page.locator("#diagnostics details").first).to_contain_text("D: the total shortfall")
    solvency = cells(page, "Solvency of each policy")
    assert solvency[0][:3] == ["Deficit", "15.00", "15.00"]
    schemas = httpx2.get(f"{address}/openapi.json").json()["components"]["schemas"]
    for part in ("Solvency", "Revenue", "Screening"):
        assert len(cells(page, f"{part} of each policy")) == len(schemas[part]["properties"])
    robustness = [row[0] for row in cells(page, "Robustness of each policy")]
    assert "Models: cash, expected deficit after" in robustness
    assert "Leverage masses: above 10, after" in robustness


def test_one_account_is_told_its_formula_and_what_other_rules_would_take(page: Page) -> None:
    opened(page, view="one-account")
    page.get_by_label("Customers who stay").select_option("")
    expect(page.locator("#one-account")).to_contain_text("Needs what the venue did not send")
    expect(page.locator("#one-account .formula")).to_contain_text("min(cap, multiplier * endowment)")
    assert ["multiplier", "0.6"] in cells(page, "Numbers of the formula")
    others = {row[0]: row[1:] for row in cells(page, "The same book under other policies, of this account alone")}
    assert others["queue"] == ["7.50", "93.75 %", "-2.70", ""]
    assert others["revenue"] == ["none", "none", "", "Needs what the venue did not send"]
    painted(page, "What each policy takes from this account")
    page.locator("#one-account").get_by_label("Account id").fill("bob")
    page.locator("#one-account form").get_by_label("Policy").select_option(label="queue: pnl")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#one-account")).to_contain_text("Why bob lost this much")
    expect(page.locator("#one-account .facts")).to_contain_text("2 of 3")


def test_contracts_show_markets_and_the_closures_of_an_account(page: Page) -> None:
    opened(page, view="contracts")
    painted(page, re.compile("^Contracts needed and closed"))
    assert cells(page, "Markets")[2][:5] == ["SOL", "short", "40", "40", "0"]
    assert cells(page, "Closures of ann") == [
        ["BTC", "2", "105", "10.00", "20.00"],
        ["ETH", "5", "52", "10.00", "15.00"],
    ]
    page.locator("#contracts").get_by_label("Account id").fill("cat")
    page.get_by_role("button", name="Show closures").click()
    assert cells(page, "Closures of cat") == [["SOL", "-40", "9.5", "20.00", "20.00"]]
    page.locator("#contracts .row").get_by_label("Policy").first.select_option(label="queue: pnl")
    expect(page.locator("#contracts")).to_contain_text("Status: feasible")


def test_a_book_of_contracts_leaves_the_other_views_and_says_so(page: Page) -> None:
    opened(page)
    page.get_by_label("Example").select_option(label="Contracts: three markets")
    show(page, "Who pays")
    expect(page.locator("#status")).to_have_text(
        "Contracts: three markets is under Contracts; the other views show Five accounts."
    )
    expect(page.locator(".tiles")).to_contain_text("7.50 USD")


def test_closing_for_risk_is_loaded_into_contracts(page: Page) -> None:
    opened(page)
    page.get_by_label("Example").select_option(label="Contracts: closing for risk")
    expect(page.get_by_role("tab", name="Contracts")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#contracts")).to_contain_text("leverage-draining")
    assert cells(page, "Markets")[0][:4] == ["BTC", "long", "12", "12"]
