"""What waves needed and what was taken in them, worked by hand."""

from decimal import Decimal
from pathlib import Path

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import pytest

from app.loaders.report import LoadError
from app.replay import exact, waves_told
from app.replay.event import PRODUCTION, Balance, balance
from app.replay.haircuts_told import differs, need_over_cap
from tests.replay.tables import CLOSES, GAPS, METRICS, SHOCKS, TOTALS, TWO_NEEDS, TWO_WAVES, WAVES, taken, told, write


def test_over_and_short_are_added_up_apart_and_a_wave_without_needed_is_in_neither(tmp_path: Path) -> None:
    event = told(write(tmp_path, TOTALS, *WAVES))
    assert event.balance(PRODUCTION) == Balance(
        waves=3,
        needed=Decimal("30.3"),
        taken=Decimal("28.05"),
        over=Decimal("2.25"),
        short=Decimal("4.5"),
        waves_over=1,
        waves_short=1,
    )
    assert event.balance(PRODUCTION).net == Decimal("-2.25")
    assert event.notes == [
        "The published tables number waves up to 5 and leave out 3.",
        "What is needed is not known in wave 4; they are in no sum that compares with it.",
    ]
    assert "taken by production</dt><dd>31.05<" in waves_told.happened(event)  # with wave 4


def test_sums_drop_no_digit() -> None:
    parts = [Decimal("9007199254740993.1"), Decimal("1e-20"), Decimal("-9007199254740993.1")]
    assert exact.total(parts) == Decimal("1e-20")
    assert exact.less(Decimal("123456789012345678901234567890"), Decimal("1e-9")) == Decimal(
        "123456789012345678901234567889.999999999"
    )


@pytest.mark.parametrize(
    ("amount", "shown"), [("0", "0.00"), ("-0.001", "0.00"), ("-1234.565", "-1,234.56"), ("1234.575", "1,234.58")]
)
def test_amounts_are_shown_to_the_cent_and_halves_go_to_the_even_one(amount: str, shown: str) -> None:
    assert exact.money(Decimal(amount)) == shown


def test_a_difference_of_less_than_a_cent_is_in_the_sum_but_counts_as_no_wave() -> None:
    noise = Decimal("0.000000001")
    found = balance([(10 + noise, Decimal(10)), (Decimal("9.99"), Decimal(10))])
    assert (found.over, found.waves_over) == (noise, 0)
    assert (found.short, found.waves_short) == (Decimal("0.01"), 1)


def test_both_tables_with_a_row_a_wave_make_one_event(tmp_path: Path) -> None:
    write(tmp_path, TOTALS, "1,1000,2000,50,10,12", "2,9000,9000,50,20,15")
    write(tmp_path, METRICS, "1,10.001,12,1,40,10,0.25,9,0.5", "2,20,15,0.5,80,20,0.2,,")
    event = told(tmp_path)
    first, second = event.waves
    assert event.takers == [PRODUCTION, "published-pr", "published-contract_pr"]
    assert (first.needed, first.production, first.capacity) == (10, (12, 1), 40)
    assert (first.published["contract_pr"], second.by("published-contract_pr")) == ((9, Decimal("0.5")), None)
    assert event.balance("published-contract_pr").short == 1
    assert [need_over_cap(wave) for wave in event.waves] == [Decimal("0.25"), Decimal("0.25")]
    assert [differs(wave) for wave in event.waves] == [False, True]


@pytest.mark.parametrize("row", ["1,10.02,12,1,40,10,0.25,9,0.5", "1,10,12.02,1,40,10,0.25,9,0.5"])
def test_tables_of_two_events_are_not_mixed(tmp_path: Path, row: str) -> None:
    write(tmp_path, TOTALS, "1,1000,2000,50,10,12")
    write(tmp_path, METRICS, row)
    with pytest.raises(LoadError, match="they differ in wave 1"):
        told(tmp_path)


def test_a_wave_that_only_one_table_has_is_refused(tmp_path: Path) -> None:
    write(tmp_path, TOTALS, "1,1000,2000,50,10,12")
    write(tmp_path, METRICS, "1,10,12,1,40,10,0.25,9,0.5", "2,20,15,0.5,80,20,0.2,,")
    with pytest.raises(LoadError, match="only one of them has wave 2"):
        told(tmp_path)


def test_gaps_are_held_against_what_is_needed(tmp_path: Path) -> None:
    write(tmp_path, TOTALS, "1,1000,2000,50,10,12", "2,9000,9000,50,20,15")
    write(tmp_path, GAPS, "1,1000,2000,BTC,6,1", "1,1000,2000,ETH,4,1", "2,9000,9000,BTC,19,1")
    assert told(tmp_path).notes == ["The gaps of the coins do not add up to what is needed in wave 2."]


def test_gaps_alone_tell_what_was_needed(tmp_path: Path) -> None:
    event = told(write(tmp_path, GAPS, *TWO_NEEDS))
    assert [(wave.label, wave.needed) for wave in event.waves] == [("1", Decimal("5.5")), ("2", 2)]
    assert event.takers == []


def test_a_shock_that_takes_too_much_does_not_help_one_that_takes_too_little(tmp_path: Path) -> None:
    write(tmp_path, TOTALS, *WAVES)
    write(tmp_path, SHOCKS, "BTC,1,10,30", "BTC,2,5,2", "ETH,1,0,0")
    found = balance(told(tmp_path).shocks)
    assert (found.waves, found.over, found.short) == (3, 20, 3)


def test_a_pause_of_five_seconds_is_within_a_wave_and_a_longer_one_is_not(tmp_path: Path) -> None:
    first, second = told(write(tmp_path, CLOSES, *reversed(TWO_WAVES))).waves
    assert (first.start, first.end, second.start, second.end) == (1000, 6000, 11001, 11001)
    assert first.closes == (3, 2, 2, 170, 12, 1)
    assert second.closes == (2, 2, 1, 10, Decimal("0.5"), 3)
    assert (first.needed, first.computed) == (None, {})


def test_closes_join_the_published_wave_they_fall_into_and_the_others_stand_by_themselves(tmp_path: Path) -> None:
    write(tmp_path, CLOSES, *TWO_WAVES, "e,BTC,13000,1,7,1,z", "f,BTC,30000,1,9,1,z")
    write(tmp_path, TOTALS, "1,1000,6000,50,5.5,6", "2,11001,12000,50,2,3")
    event = told(tmp_path)
    assert [(wave.label, wave.needed, wave.closes and wave.closes.profit) for wave in event.waves] == [
        ("1", Decimal("5.5"), 12),
        ("2", 2, Decimal("0.5")),
        ("2 of the closes", None, 7),
        ("3", None, 9),
    ]
    assert event.notes == [
        "The closes make 3 waves, by pauses of more than 5 seconds.",
        "Of the 2 published waves 1 have the same first and last close as one of these.",
        "The closes are not all of wave 2: they are counted, but nothing is allocated there.",
        "What is needed is not known in waves 2 of the closes and 3; they are in no sum that compares with it.",
    ]
    assert [wave.label for wave in event.waves if wave.computed] == ["1"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("1,1000,2000,50,-10,12", "line 2: budget_needed_usd is negative: '-10'"),
        ("1,1000,2000,50,10,nan", "line 2: budget_prod_usd is not finite: 'nan'"),
        (",1000,2000,50,10,12", "line 2: wave is empty"),
        ("1,1000,,50,10,12", "line 2: t_end_ms is empty"),
        ("1,2000,1000,50,10,12", "line 2: t_end_ms is before t_start_ms"),
        ("1,1000,2000,50,10", "line 2: has 5 cells where the header has 6"),
        ("1,1000,2000,50,10,12\n1,1000,2000,50,10,12", "line 3: 1 was in a row before"),
    ],
)
def test_a_published_row_that_cannot_be_used_is_refused_with_its_line(tmp_path: Path, row: str, why: str) -> None:
    path = write(tmp_path, TOTALS, row)
    with pytest.raises(LoadError) as raised:
        told(path)
    assert str(raised.value) == f"{path}, {why}"


def test_a_table_without_rows_has_no_wave(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="no wave"):
        told(write(tmp_path, TOTALS))
    with pytest.raises(LoadError, match="no usable row"):
        told(write(tmp_path, CLOSES, "a,BTC,soon,1,1,1,z"))


def test_parquet_tells_the_same_as_csv(tmp_path: Path) -> None:
    for folder in ("csv", "parquet"):
        (tmp_path / folder).mkdir()
    for header, rows in ((CLOSES, TWO_WAVES), (GAPS, TWO_NEEDS)):
        path = write(tmp_path / "csv", header, *rows)
        pyarrow.parquet.write_table(pyarrow.csv.read_csv(path), tmp_path / "parquet" / f"{path.stem}.parquet")
    one, other = told(tmp_path / "csv"), told(tmp_path / "parquet")
    assert list(one.waves) == list(other.waves)
    assert taken(one, "queue") == taken(other, "queue")
