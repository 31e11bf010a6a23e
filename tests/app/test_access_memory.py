"""What is remembered of keys: for how long, how much, and while the database is away."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.types import Scope

from app.access import Access, issue
from app.problems import RequestProblem
from app.store import KeyScope, StoreUnavailable
from tests.app.desks import NOW, UNKNOWN, Desk, bearing, refusal


def test_a_key_is_asked_for_once_in_ten_seconds(desk: Desk) -> None:
    key, token = desk.issue()
    assert desk.access.cached(bearing(token), "solve") is None
    assert desk.asked == []
    for moment in (1000, 1005, 1009.999):
        desk.time.now = moment
        assert desk.access.caller(bearing(token), "solve") == key.id
        assert desk.access.cached(bearing(token), "solve") == key.id
    assert desk.asked == [key.id]
    desk.time.now = 1010
    assert desk.access.cached(bearing(token), "solve") is None
    assert desk.access.caller(bearing(token), "solve") == key.id
    assert desk.asked == [key.id] * 2


def test_a_revocation_is_felt_within_ten_seconds(desk: Desk) -> None:
    key, token = desk.issue()
    desk.access.caller(bearing(token), "solve")
    desk.store.revoke_key(key.id)
    desk.time.now += 10
    assert desk.access.cached(bearing(token), "solve") is None
    assert refusal(desk.access, bearing(token)).code == "unauthorized"
    with pytest.raises(RequestProblem):
        desk.access.cached(bearing(token), "solve")


def test_an_id_that_is_no_key_s_is_remembered_too(desk: Desk) -> None:
    key, token = issue("late", ["solve"], NOW)
    for _ in range(3):
        refusal(desk.access, bearing(token))
    assert desk.asked == [key.id]
    desk.store.add_key(key)
    with pytest.raises(RequestProblem):
        desk.access.cached(bearing(token), "solve")
    desk.time.now += 10
    assert desk.access.caller(bearing(token), "solve") == key.id
    assert desk.access.cached(bearing(token), "solve") == key.id


def test_made_up_ids_take_little_room_and_none_from_keys(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.access.CACHED_KEYS", 3)
    keys = [desk.issue() for _ in range(4)]
    for key, token in keys:
        assert desk.access.caller(bearing(token), "solve") == key.id
    made_up = [f"adl_{number:012x}_{'1' * 64}" for number in range(20)]
    for token in made_up:
        refusal(desk.access, bearing(token))
    assert [desk.access.cached(bearing(token), "solve") for _, token in keys] == [
        None,
        *(key.id for key, _ in keys[1:]),
    ]
    assert [desk.access.cached(bearing(token), "solve") for token in made_up[:-3]] == [None] * 17
    for token in made_up[-3:]:
        with pytest.raises(RequestProblem):
            desk.access.cached(bearing(token), "solve")


@pytest.mark.parametrize("count", ["keys", "made-up ids"])
def test_what_was_asked_for_longest_ago_is_forgotten_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, count: str
) -> None:
    monkeypatch.setattr("app.access.CACHED_KEYS", 3)
    make = desk.issue if count == "keys" else lambda: issue("nobody's", ["solve"], NOW)
    tokens = [make()[1] for _ in range(4)]

    def ask(method: Callable[[Scope, KeyScope], str | None], token: str) -> bool:
        """Whether there was an answer."""
        try:
            return method(bearing(token), "solve") is not None
        except RequestProblem:
            return True

    for token in tokens[:3]:
        assert ask(desk.access.caller, token)
    desk.time.now += 10
    for token in (*tokens[1:3], tokens[0], tokens[3]):
        assert ask(desk.access.caller, token)
    assert [ask(desk.access.cached, token) for token in tokens] == [True, False, True, True]


def test_a_database_that_is_gone_for_ten_minutes_stops_no_caller_it_knew(desk: Desk) -> None:
    key, token = desk.issue()
    desk.access.caller(bearing(token), "solve")
    with desk.without_database():
        moments = [1000 + 7.5 * step for step in range(80)]
        for moment in moments:
            desk.time.now = moment
            assert desk.access.caller(bearing(token), "solve") == key.id
            assert desk.access.cached(bearing(token), "solve") == key.id
        assert desk.time.now == 1592.5
        assert len(desk.asked) <= 60  # not with every request
        desk.time.now = 1595
        assert desk.access.caller(bearing(token), "solve") == key.id
        desk.time.now = 1600
        assert desk.access.cached(bearing(token), "solve") is None
        with pytest.raises(StoreUnavailable):
            desk.access.caller(bearing(token), "solve")
    assert desk.access.caller(bearing(token), "solve") == key.id


def test_a_key_that_was_not_known_before_is_not_refused_by_a_database_that_is_gone(desk: Desk) -> None:
    _, token = desk.issue()
    refusal(desk.access, bearing(UNKNOWN))
    desk.time.now += 10
    with desk.without_database():
        for unsure in (token, UNKNOWN):
            with pytest.raises(StoreUnavailable):
                desk.access.caller(bearing(unsure), "solve")


def test_a_revoked_key_stays_refused_while_the_database_is_gone(desk: Desk) -> None:
    key, token = desk.issue()
    desk.store.revoke_key(key.id)
    refusal(desk.access, bearing(token))
    desk.time.now += 60
    with desk.without_database():
        assert refusal(desk.access, bearing(token)).code == "unauthorized"


def test_a_revocation_made_while_the_database_was_away_is_felt_ten_seconds_after(desk: Desk) -> None:
    key, token = desk.issue()
    desk.access.caller(bearing(token), "solve")
    desk.store.revoke_key(key.id)
    with desk.without_database():
        desk.time.now += 300
        assert desk.access.caller(bearing(token), "solve") == key.id
    desk.time.now += 10
    assert refusal(desk.access, bearing(token)).code == "unauthorized"


def test_a_wrong_secret_is_found_by_the_same_steps_whether_its_id_is_a_key_s_or_not(desk: Desk) -> None:
    key, _ = desk.issue()
    revoked, _ = desk.issue()
    desk.store.revoke_key(revoked.id)
    known = {one.id: desk.store.key(one.id) for one in (key, revoked)}

    def steps(id_: str) -> list[str]:
        """Every function that is called, of Python or C, by its name."""
        access = Access(known.get, True, desk.time)
        scope = bearing(f"adl_{id_}_{'1' * 64}")
        called: list[str] = []

        def note(frame: Any, event: str, arg: Any) -> None:
            if event in {"call", "c_call"}:
                called.append(frame.f_code.co_qualname if event == "call" else arg.__qualname__)

        sys.setprofile(note)
        try:
            access.caller(scope, "solve")
        except RequestProblem:
            pass
        finally:
            sys.setprofile(None)
        return called

    unknown = steps("0" * 12)
    assert unknown.count("compare_digest") == 1
    assert unknown.count("hashed") == 1
    assert steps(key.id) == steps(revoked.id) == unknown


def test_many_threads_may_ask_at_once(desk: Desk) -> None:
    keys = [desk.issue() for _ in range(8)]

    def ask(number: int) -> bool:
        key, token = keys[number % 8]
        return desk.access.caller(bearing(token), "solve") == key.id

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(400)))
