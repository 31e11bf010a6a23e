"""Who would have kept how much, worked by hand."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from app.replay import exact, people_told, policies, story
from app.replay.event import Accounts
from app.replay.spread import BINS, kept, ranked, spread, worst
from tests.replay.tables import CLOSES, GAPS, TOTALS, TWO_NEEDS, TWO_WAVES, USERS, taken, told, write


def accounts(**endowments: int) -> Accounts:
    units = np.array([*endowments.values()], np.int64)
    return Accounts([*endowments], [exact.ZERO] * len(units), units, {}, None, {}, "")


def test_each_wave_is_allocated_among_its_own_accounts(tmp_path: Path) -> None:
    write(tmp_path, CLOSES, *TWO_WAVES)
    write(tmp_path, GAPS, *TWO_NEEDS)
    event = told(tmp_path)
    assert event.accounts is not None
    assert event.accounts.ids == ["a", "b", "c", "d"]
    assert event.accounts.endowment_units.tolist() == [7_000_000, 4_000_000, 500_000, 0]
    assert event.accounts.needed == Decimal("7.5")
    half = Decimal("0.5")
    assert taken(event, "capped-pro-rata") == {"a": Decimal("3.5"), "b": 2, "c": half, "d": 0}
    assert taken(event, "queue") == {"a": Decimal("5.5"), "b": 0, "c": half, "d": 0}
    first, second = event.waves
    assert first.computed["capped-pro-rata"] == (Decimal("5.5"), half)
    assert second.computed["queue"] == (half, 1)
    for name in policies.DEFAULT:
        found = event.balance(name)
        assert (found.taken, found.over, found.short, found.waves_short) == (6, 0, Decimal("1.5"), 1)


@pytest.mark.parametrize("name", policies.CHOICES)
def test_a_wave_in_which_nobody_won_is_short_of_all_it_needs(tmp_path: Path, name: str) -> None:
    write(tmp_path, CLOSES, "a,BTC,1000,10,-4,9,z", "b,BTC,1000,10,5,-5,z")  # b has no equity
    write(tmp_path, GAPS, "1,1000,1000,BTC,3,1")
    event = told(tmp_path, [name])
    assert event.accounts is not None
    assert event.accounts.refused == {}
    assert event.waves[0].computed[name] == (0, 0)
    assert event.balance(name).short == 3


@pytest.mark.parametrize("name", policies.CHOICES)
def test_one_account_bears_all_under_every_policy(tmp_path: Path, name: str) -> None:
    write(tmp_path, CLOSES, "a,BTC,1000,10,4,9,z")
    write(tmp_path, GAPS, "1,1000,1000,BTC,3,1")
    event = told(tmp_path, [name])
    assert taken(event, name) == {"a": 3}
    assert event.waves[0].computed[name] == (3, Decimal("0.75"))


def test_accounts_of_the_table_of_accounts_bear_the_whole_need_at_once(tmp_path: Path) -> None:
    write(tmp_path, TOTALS, "1,1000,2000,50,2,3", "2,9000,9000,50,4,3")
    write(tmp_path, USERS, "b,10,6,1", "a,10,6,1", "c,10,-2,50")
    event = told(tmp_path, ["capped-pro-rata", "queue"])
    assert taken(event, "capped-pro-rata") == {"a": 3, "b": 3, "c": 0}
    assert taken(event, "queue") == {"a": 6, "b": 0, "c": 0}, "ties go by id"
    assert event.waves[0].computed == {}, "the table does not say who was in which wave"


def test_without_a_need_nothing_is_allocated(tmp_path: Path) -> None:
    event = told(write(tmp_path, CLOSES, *TWO_WAVES))
    assert event.accounts is not None
    assert (event.accounts.taken_units, event.accounts.needed) == ({}, None)
    assert event.accounts.endowment_units.tolist() == [7_000_000, 4_000_000, 500_000, 0]


def test_rows_that_cannot_be_used_are_named_and_in_no_figure(tmp_path: Path) -> None:
    event = told(write(tmp_path, CLOSES, *TWO_WAVES, "e,BTC,1000,-1,99,1,z", "f,BTC,1000,1,,1,z"))
    assert event.waves[0].closes is not None
    assert event.waves[0].closes.profit == 12
    assert event.sources[0].left_out == ["line 7: adl_notional is negative: '-1'", "line 8: closed_pnl is empty"]


def test_the_largest_come_first_and_equals_go_by_id() -> None:
    assert ranked(accounts(c=5, b=7, a=7, d=0)).tolist() == [2, 1, 0]


def test_haircuts_fall_into_ranges_by_exact_comparison() -> None:
    book = accounts(a=1000, b=1000, c=1000, d=1000, e=1000, f=3, g=10**15, h=10**15)
    lost = np.array([0, 1, 2, 10, 1000, 1, 10**12, 10**12 + 1], np.int64)
    counts = dict(zip(BINS, spread(book, lost, ranked(book)), strict=True))
    expected = {"nothing": 1, "up to 0.1 %": 2, "up to 1 %": 3, "up to 50 %": 1, "all of it": 1}
    assert {name: count for name, count in counts.items() if count} == expected
    assert worst(book, lost, ranked(book)) == 1


def test_groups_by_size_add_up_to_everybody() -> None:
    book = accounts(**{f"x{number:04}": 2_000_000 for number in range(1001)})
    groups = kept(book, np.full(1001, 500_000), ranked(book))
    assert [(group.name, group.had, group.kept) for group in groups] == [
        ("largest (20)", 40, 30),
        ("next (80)", 160, 120),
        ("next (900)", 1800, 1350),
        ("all others (1)", 2, Decimal("1.5")),
    ]


def test_the_sample_needs_its_deficit_less_the_fund_and_policies_take_that() -> None:
    event = story.of_sample(policies.CHOICES, lambda *_: None)
    (wave,) = event.waves
    assert wave.needed is not None
    assert wave.deficit is not None
    assert wave.deficit - wave.needed == 5_000_000
    taken = {name: taking.amount for name, taking in wave.computed.items()}
    assert taken.pop("pro-rata") < wave.needed, "its one fraction stops at the tightest cap of an account"
    assert taken == dict.fromkeys(set(policies.CHOICES) - {"pro-rata"}, wave.needed)
    assert "pro-rata takes " in people_told.who_kept(event.accounts)
    assert wave.production is None
