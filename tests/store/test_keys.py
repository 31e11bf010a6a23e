"""API keys: kept without their secrets, revoked once, and never given twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import text

from app.store import SCOPES, Key, Store, StoreFailed, StoreUnavailable
from app.store.database import engine_of, writing
from app.store.keys import hashed
from tests.store.entries import NOON, Time, entry

SECRET = "5ec2e7" * 11


def key(number: int = 0, **other: Any) -> Key:
    """Made so many seconds after noon."""
    given: dict[str, Any] = {
        "id": f"{number:012x}",
        "name": "risk engine",
        "hash": hashed(SECRET),
        "scopes": ("solve", "read"),
        "created_at": NOON + timedelta(seconds=number),
    }
    return Key(**given | other)


def test_keys_are_kept_as_they_were_given_for_everybody(store: Store, opened: Callable[[], Store]) -> None:
    given = [key(0, name="Ünïcode \0 \U0001f511"), key(1, scopes=SCOPES), key(2, scopes=("admin",))]
    for one in given:
        store.add_key(one)
    kept = [replace(given[0], name="Ünïcode \ufffd \U0001f511"), *given[1:]]
    for reader in (store, opened()):
        assert [reader.key(one.id) for one in kept] == kept
        assert reader.keys() == tuple(kept)


def test_keys_are_listed_by_the_time_they_were_made_and_then_by_id(store: Store) -> None:
    for number in (3, 1, 2):
        store.add_key(key(number))
    store.add_key(key(0, created_at=key(2).created_at))
    listed = store.keys()
    assert [int(one.id, 16) for one in listed] == [1, 0, 2, 3]


def test_a_key_that_is_not_there_is_none(store: Store) -> None:
    store.add_key(key(1))
    assert store.key(key(2).id) is None
    assert store.key("") is None


def test_moments_come_back_in_utc(store: Store) -> None:
    there = NOON.astimezone(timezone(timedelta(hours=9)))
    store.add_key(key(created_at=there))
    found = store.key(key().id)
    assert found is not None
    assert (found.created_at, found.created_at.tzinfo) == (NOON, UTC)


def test_a_key_is_revoked_once_and_stays_in_the_list(store: Store, opened: Callable[[], Store], time: Time) -> None:
    for number in (1, 2):
        store.add_key(key(number))
    time.move(60)
    assert store.revoke_key(key(1).id)
    revoked = key(1, revoked_at=NOON + timedelta(seconds=60))
    time.move(60)
    assert not store.revoke_key(key(1).id)
    assert not opened().revoke_key(key(1).id)
    assert not store.revoke_key(key(3).id)
    assert opened().keys() == (revoked, key(2))


def test_of_all_that_revoke_a_key_at_once_one_does(store: Store) -> None:
    store.add_key(key())
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda _: store.revoke_key(key().id), range(16))) == 1


def test_an_id_is_not_given_twice_even_when_its_key_is_revoked(store: Store) -> None:
    store.add_key(key())
    for _ in range(2):
        with pytest.raises(StoreFailed) as caught:
            store.add_key(key(name="another"))
        assert hashed(SECRET) not in f"{caught.value} {caught.value.__cause__}"
        store.revoke_key(key().id)
    (kept,) = store.keys()
    assert kept.name == "risk engine"


def test_the_records_of_a_revoked_key_stay(store: Store) -> None:
    store.add_key(key())
    store.record(entry(caller=key().id))
    store.revoke_key(key().id)
    assert store.get(key().id, "allocation", entry().id) == entry(caller=key().id)


def test_keys_that_cannot_be_asked_for_are_unavailable(store: Store, url: str) -> None:
    store.add_key(key())
    engine = engine_of(url)
    with writing(engine).begin() as connection:
        connection.execute(text("ALTER TABLE keys RENAME TO elsewhere"))
    attempts: tuple[Callable[[], object], ...] = (
        store.keys, lambda: store.key("x"), lambda: store.add_key(key(1)), lambda: store.revoke_key("x"),
    )  # fmt: skip
    for attempt in attempts:
        with pytest.raises(StoreUnavailable):
            attempt()
    with writing(engine).begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO keys"))
    engine.dispose()
    assert store.key(key().id) == key()


def test_a_key_that_is_printed_shows_neither_secret_nor_hash() -> None:
    assert hashed(SECRET) not in repr(key())
    assert len(hashed(SECRET)) == 64
