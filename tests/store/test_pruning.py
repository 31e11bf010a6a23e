"""Pruning: the oldest go first, with their claims."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.store import Claimed, ClaimLost, Replayed, Store
from tests.store.entries import NOON, Time, entry, ids, lines


def fill(store: Store, count: int) -> int:
    """Records a second apart of one size each; the size."""
    for number in range(count):
        store.record(entry(number, request=b"{}", answer=b"{}"))
    (size,) = {line.stored_bytes for line in lines(store)}
    return size


def test_records_last_answered_too_long_ago_are_removed(store: Store, time: Time) -> None:
    fill(store, 10)
    store.record(entry(3, answered_at=NOON.replace(hour=13)))
    time.move(3600)
    assert store.prune(max_age_seconds=3600 - 5, max_bytes=None) == 4
    assert ids(lines(store)) == [9, 8, 7, 6, 5, 3]
    assert store.prune(max_age_seconds=3600 - 5, max_bytes=None) == 0


def test_the_oldest_are_removed_until_what_is_left_fits(store: Store) -> None:
    size = fill(store, 10)
    assert store.prune(max_age_seconds=None, max_bytes=10 * size) == 0
    assert store.prune(max_age_seconds=None, max_bytes=6 * size + 1) == 4
    assert ids(lines(store)) == [9, 8, 7, 6, 5, 4]
    assert store.prune(max_age_seconds=None, max_bytes=0) == 6
    assert lines(store) == ()


def test_age_and_size_both_hold(store: Store, time: Time) -> None:
    size = fill(store, 10)
    time.move(10)
    assert store.prune(max_age_seconds=8, max_bytes=5 * size) == 5
    assert store.prune(max_age_seconds=3, max_bytes=5 * size) == 2


def test_without_limits_nothing_is_removed(store: Store) -> None:
    fill(store, 3)
    assert store.prune(max_age_seconds=None, max_bytes=None) == 0
    assert len(lines(store)) == 3


@pytest.mark.parametrize("limits", [(1000, None), (None, 0)], ids=["age", "size"])
def test_more_than_a_batch_is_removed(
    store: Store, time: Time, monkeypatch: pytest.MonkeyPatch, limits: tuple[int | None, int | None]
) -> None:
    monkeypatch.setattr("app.store.records.BATCH", 4)
    fill(store, 12)
    time.move(2000)
    assert store.prune(*limits) == 12
    assert lines(store) == ()


def test_two_that_prune_at_once_do_not_remove_too_much(
    opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.store.records.BATCH", 3)
    stores = [opened(), opened()]
    size = fill(stores[0], 40)
    with ThreadPoolExecutor(2) as threads:
        removed = list(threads.map(lambda store: store.prune(None, 11 * size), stores))
    assert sum(removed) == 29
    assert ids(lines(stores[0])) == list(range(39, 28, -1))


def test_claims_go_with_their_record_and_others_stay(store: Store) -> None:
    for number in (1, 2):
        claim = store.claim("", f"key {number}", "digest", 60)
        assert isinstance(claim, Claimed)
        store.finish(claim, entry(number, request=b"{}", answer=b"{}"))
    size = lines(store)[0].stored_bytes
    assert store.prune(max_age_seconds=None, max_bytes=size) == 1
    assert isinstance(store.claim("", "key 1", "digest", 60), Claimed)
    assert isinstance(store.claim("", "key 2", "digest", 60), Replayed)


def test_expired_claims_are_removed_and_others_stay(store: Store, time: Time, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.store.records.BATCH", 2)
    claims = [store.claim("", f"old {number}", "digest", 60) for number in range(5)]
    time.move(10)
    kept = store.claim("", "new", "digest", 60)
    assert isinstance(kept, Claimed)
    time.move(86_400 - 10)
    assert store.prune(max_age_seconds=None, max_bytes=None) == 0
    store.finish(kept, entry())
    for claim in claims:
        assert isinstance(claim, Claimed)
        with pytest.raises(ClaimLost):
            store.finish(claim, entry(1))
