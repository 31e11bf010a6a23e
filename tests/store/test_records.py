"""Records: what was kept comes back, to its caller, page by page."""

import random
from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.store import BadCursor, Facts, Filter, Store
from tests.store.entries import NOON, entry, ids, lines


def test_a_record_comes_back_as_it_was_to_the_byte(store: Store) -> None:
    bytes_of_all_kinds = random.Random(1).randbytes(1_000_000) + bytes(range(256)) + b"{" * 1_000_000
    kept = entry(request=b"", answer=bytes_of_all_kinds)
    store.record(kept)
    assert store.get("", "allocation", kept.id) == kept


def test_what_is_not_known_of_an_answer_stays_unknown(store: Store) -> None:
    kept = entry(kind="comparison", policy=None, status=None, venue=None, as_of=None, budget=None)
    store.record(kept)
    assert store.get("", "comparison", kept.id) == kept


def test_moments_come_back_in_utc_to_the_microsecond(store: Store) -> None:
    there = timezone(timedelta(hours=-9, minutes=-30))
    ends = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
    moments = [NOON.astimezone(there), *ends]
    for number, moment in enumerate(moments):
        store.record(entry(number, as_of=moment))
    found = [line.as_of for line in reversed(lines(store))]
    assert found == moments
    assert all(moment is not None and moment.tzinfo is UTC for moment in found)


@pytest.mark.parametrize(
    "moment",
    [NOON.replace(tzinfo=None), datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-2)))],
    ids=["without an offset", "after the year 9999"],
)
def test_a_moment_that_is_none_in_utc_is_refused(moment: datetime) -> None:
    with pytest.raises(ValueError, match=r"offset|years"):
        entry(as_of=moment)


def test_the_first_answer_stays_and_only_the_time_of_the_last_is_noted(store: Store) -> None:
    first = entry(5)
    store.record(first)
    store.record(entry(5, answer=b"another", policy="rap", answered_at=NOON + timedelta(hours=1)))
    store.record(entry(5, answer=b"a late one", answered_at=NOON + timedelta(minutes=1)))
    assert store.get("", "allocation", first.id) == first
    (line,) = lines(store)
    assert line.answered_at == first.answered_at
    assert line.last_answered_at == NOON + timedelta(hours=1)


def test_callers_and_kinds_do_not_see_each_other(store: Store) -> None:
    mine, other = entry(caller="me"), entry(caller="you", answer=b"yours")
    closure = entry(caller="me", kind="closure", answer=b"closure")
    for one in (mine, other, closure):
        store.record(one)
    assert store.get("me", "allocation", mine.id) == mine
    assert store.get("you", "allocation", mine.id) == other
    assert store.get("me", "closure", mine.id) == closure
    assert store.get("", "allocation", mine.id) is None
    assert [line.caller for line in lines(store, "you")] == ["you"]
    assert lines(store, "") == ()


def test_a_line_says_what_the_record_is_and_how_much_is_stored(store: Store) -> None:
    kept = entry(answer=b"a" * 1_000_000)
    store.record(kept)
    (line,) = lines(store)
    assert [getattr(line, field.name) for field in fields(Facts)] == [
        getattr(kept, field.name) for field in fields(Facts)
    ]
    assert 0 < line.stored_bytes < 10_000


@pytest.mark.parametrize("limit", [1, 3, 7, 12, 13, 100])
def test_pages_hold_every_record_once_newest_first(store: Store, limit: int) -> None:
    for number in range(12):
        # Four at a time were answered at the same moment.
        store.record(entry(number, answered_at=NOON + timedelta(seconds=number // 4)))
    assert ids(lines(store, limit=limit)) == list(reversed(range(12)))


def test_pages_stay_as_they_were_while_records_are_added(store: Store) -> None:
    for number in range(10):
        store.record(entry(number))
    first = store.page("", "allocation", limit=4)
    for number in range(10, 15):
        store.record(entry(number))
    store.record(entry(2, answered_at=NOON + timedelta(days=1)))
    second = store.page("", "allocation", limit=4, after=first.after)
    third = store.page("", "allocation", limit=4, after=second.after)
    assert ids(first.lines + second.lines + third.lines) == list(reversed(range(10)))
    assert third.after is None


def test_a_page_can_be_of_one_policy_status_or_venue_and_of_a_time(store: Store) -> None:
    store.record(entry(1, policy="rap"))
    store.record(entry(2, status="partial"))
    store.record(entry(3, venue="deribit"))
    store.record(entry(4))
    assert ids(lines(store, policy="rap")) == [1]
    assert ids(lines(store, status="partial")) == [2]
    assert ids(lines(store, venue="deribit")) == [3]
    assert ids(lines(store, policy="queue", status="optimal", limit=1)) == [4, 3]
    assert ids(lines(store, since=NOON + timedelta(seconds=2), until=NOON + timedelta(seconds=4))) == [3, 2]


def test_a_venue_of_any_characters_is_found_again(store: Store) -> None:
    venue = "Bör\0se \U0001f4c8 '; DROP TABLE records"
    store.record(entry(venue=venue))
    assert len(lines(store, venue=venue)) == 1


@pytest.mark.parametrize("cursor", ["", "x", "é", "bnVsbA==", "WzEsMl0=", "WyIyMDI1LTEwLTEwIiwgIjAiXQ=="])
def test_what_is_not_a_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(BadCursor):
        store.page("", "allocation", limit=1, after=cursor)


def test_a_time_without_an_offset_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="offset"):
        store.page("", "allocation", where=Filter(since=datetime(2025, 1, 1)), limit=1)  # noqa: DTZ001


def test_a_text_that_postgresql_cannot_keep_is_nobodys(store: Store) -> None:
    store.record(entry(1))
    assert store.get("", "allocation", "\0") is None
    assert lines(store, policy="\0") == lines(store, status="\0") == lines(store, venue="\0") == ()
