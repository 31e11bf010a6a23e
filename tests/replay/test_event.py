"""The tables of 2025-10-10 (Powered by HyperReplay - (c) ConejoCapital), read where they are; nothing is copied."""

import csv
import io
import re
from decimal import Decimal

import pytest

from app.replay import exact, page, table
from app.replay.event import PRODUCTION, Event, balance
from app.replay.haircuts_told import differs, need_over_cap
from tests.replay.tables import EVENT, real, told

pytestmark = real


@pytest.fixture(scope="module")
def event() -> Event:
    return told(EVENT)


def cents(amount: Decimal) -> Decimal:
    return round(amount, 2)


def test_the_totals_are_the_known_ones(event: Event) -> None:
    found = event.balance(PRODUCTION)
    assert cents(found.needed) == Decimal("15079669.61")
    assert cents(found.taken) == Decimal("60108335.33")
    assert cents(found.net) == Decimal("45028665.72")
    assert (found.waves_over, round(found.over / 10**6, 2)) == (10, Decimal("49.41"))
    assert (found.waves_short, round(found.short / 10**6, 2)) == (6, Decimal("4.38"))
    assert (found.waves, len(event.waves)) == (16, 16)


def test_the_stylised_queue_overshoots_by_the_known_amount(event: Event) -> None:
    assert cents(balance(event.shocks).over) == Decimal("653552663.51")
    assert len(event.shocks) == 1125


def test_the_figures_are_those_of_the_rows_added_up_another_way(event: Event) -> None:
    with (EVENT / "two_pass_equity_delta_by_wave.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = event.balance(PRODUCTION)
    differences = [Decimal(row["budget_prod_usd"]) - Decimal(row["budget_needed_usd"]) for row in rows]
    assert cents(found.over) == cents(sum(max(one, Decimal(0)) for one in differences))
    assert cents(found.short) == cents(-sum(min(one, Decimal(0)) for one in differences))
    with (EVENT / "per_shock_metrics_queue.csv").open(newline="") as file:
        stated = [Decimal(row["overshoot_queue_usd"]) for row in csv.DictReader(file)]
    assert cents(balance(event.shocks).over) == cents(sum(stated))


def test_pro_rata_is_needed_over_total_cap_but_in_five_waves(event: Event) -> None:
    assert [wave.label for wave in event.waves if differs(wave)] == ["9", "11", "21", "25", "28"]
    first = event.waves[0]
    assert round(need_over_cap(first) or 0, 6) == Decimal("0.008673")
    for wave in event.waves:
        level, published = need_over_cap(wave), wave.published["pr"].worst
        assert level is not None
        assert published is not None
        assert published <= level * (1 + Decimal("1e-9")), "a share of equity is never more than one of profit"


def test_the_gaps_of_the_coins_add_up_to_the_need_of_every_wave(event: Event) -> None:
    assert "The gaps of the coins add up to what is needed, to the cent, in 16 waves." in event.notes


@pytest.mark.parametrize("name", ["two_pass_equity_delta_by_wave.csv", "policy_per_wave_metrics.csv"])
def test_either_table_with_a_row_a_wave_has_the_totals_by_itself(name: str) -> None:
    found = told(EVENT / name).balance(PRODUCTION)
    assert (cents(found.needed), cents(found.net)) == (Decimal("15079669.61"), Decimal("45028665.72"))


def test_every_policy_takes_the_whole_need_of_the_accounts(event: Event) -> None:
    assert event.accounts is not None
    assert event.accounts.refused == {}
    assert len(event.accounts.ids) == 19_337
    for units in event.accounts.taken_units.values():
        assert cents(exact.of_units(int(units.sum()))) == Decimal("15079669.61")
        assert ((units >= 0) & (units <= event.accounts.endowment_units)).all()


def test_the_page_names_the_figures_and_the_five_waves(event: Event) -> None:
    text = page.render(event)
    for figure in ("15,079,669.61", "60,108,335.33", "45,028,665.72", "653,552,663.51"):
        assert f"<dd>{figure}</dd>" in text
    assert "The two differ in 5 waves: 9, 11, 21, 25 and 28." in text
    assert page.ATTRIBUTION in text


def test_the_table_of_waves_adds_up_to_the_totals(event: Event) -> None:
    rows = list(csv.DictReader(io.StringIO(table.render(event))))
    assert len(rows) == 16
    sums = {
        name: sum(Decimal(row[name]) for row in rows)
        for name in ("needed", "production_taken", "production_over", "production_short")
    }
    assert [f"{amount:.2f}" for amount in sums.values()] == ["15079669.61", "60108335.33", "49405578.12", "4376912.41"]
    assert [row["wave"] for row in rows if row["pr_worst_haircut_differs"] == "true"] == ["9", "11", "21", "25", "28"]


def test_the_extract_makes_waves_but_knows_no_need() -> None:
    event = told(EVENT / "high_leverage_outliers_fills.csv")
    assert len(event.waves) == 21
    assert sum(wave.closes.rows for wave in event.waves if wave.closes) == 480
    assert event.notes[-1] == "What is needed is not known in any wave."
    assert re.search(r"<h2[^>]*>Over and short</h2>\s*<p>Needed and taken are not both known", page.render(event))


def test_the_extract_is_not_taken_for_the_detailed_table_of_a_folder(event: Event) -> None:
    assert "high_leverage_outliers_fills.csv" not in {source.name for source in event.sources}
