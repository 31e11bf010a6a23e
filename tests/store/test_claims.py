"""Claims of idempotency keys: one answers, the others get that answer."""

from collections.abc import Callable

import pytest

from app.store import Claimed, ClaimLost, Conflict, InFlight, Replayed, Store, StoreFailed
from tests.store.entries import Time, entry, lines

LEASE = 60
DAY = 86_400


def claimed(store: Store, key: str = "key", digest: str = "digest", caller: str = "") -> Claimed:
    outcome = store.claim(caller, key, digest, LEASE)
    assert isinstance(outcome, Claimed)
    return outcome


def test_a_new_key_is_claimed_and_then_in_flight_for_everybody(store: Store, opened: Callable[[], Store]) -> None:
    claimed(store)
    assert store.claim("", "key", "digest", LEASE) == InFlight()
    assert opened().claim("", "key", "digest", LEASE) == InFlight()


def test_a_finished_request_is_replayed(store: Store, opened: Callable[[], Store]) -> None:
    store.finish(claimed(store), entry())
    assert store.claim("", "key", "digest", LEASE) == Replayed(entry())
    assert opened().claim("", "key", "digest", LEASE) == Replayed(entry())
    assert store.get("", "allocation", entry().id) == entry()


def test_a_key_of_another_request_is_a_conflict_before_and_after_its_answer(store: Store, time: Time) -> None:
    claim = claimed(store)
    assert store.claim("", "key", "another", LEASE) == Conflict()
    time.move(LEASE)
    assert store.claim("", "key", "another", LEASE) == Conflict()
    store.finish(claim, entry())
    assert store.claim("", "key", "another", LEASE) == Conflict()


def test_callers_have_keys_of_their_own(store: Store) -> None:
    mine = claimed(store, caller="me")
    yours = claimed(store, caller="you", digest="another")
    store.finish(mine, entry(caller="me"))
    assert store.claim("you", "key", "another", LEASE) == InFlight()
    store.finish(yours, entry(caller="you"))
    assert store.claim("me", "key", "digest", LEASE) == Replayed(entry(caller="me"))


def test_two_keys_can_have_one_answer(store: Store) -> None:
    store.finish(claimed(store, "one"), entry())
    store.finish(claimed(store, "two"), entry(answer=b"not the first"))
    assert store.claim("", "two", "digest", LEASE) == Replayed(entry())
    assert len(lines(store)) == 1


def test_a_claim_is_taken_over_when_its_lease_has_run_out_and_not_before(store: Store, time: Time) -> None:
    claimed(store)
    time.move(LEASE - 0.000001)
    assert store.claim("", "key", "digest", LEASE) == InFlight()
    time.move(0.000001)
    claimed(store)
    assert store.claim("", "key", "digest", LEASE) == InFlight()


def test_a_renewed_claim_is_kept(store: Store, time: Time) -> None:
    claim = claimed(store)
    for _ in range(3):
        time.move(LEASE - 1)
        store.renew(claim)
    time.move(LEASE - 1)
    assert store.claim("", "key", "digest", LEASE) == InFlight()
    store.finish(claim, entry())


def test_a_claim_can_be_finished_late_if_nobody_took_it_over(store: Store, time: Time) -> None:
    claim = claimed(store)
    time.move(2 * LEASE)
    store.finish(claim, entry())
    assert store.claim("", "key", "digest", LEASE) == Replayed(entry())


def test_who_lost_a_claim_records_nothing_and_leaves_the_taker_alone(store: Store, time: Time) -> None:
    lost = claimed(store)
    time.move(LEASE)
    taken = claimed(store)
    with pytest.raises(ClaimLost):
        store.finish(lost, entry(1))
    with pytest.raises(ClaimLost):
        store.renew(lost)
    store.release(lost)
    assert lines(store) == ()
    store.finish(taken, entry(2))
    with pytest.raises(ClaimLost):
        store.finish(lost, entry(1))
    store.release(lost)
    assert store.claim("", "key", "digest", LEASE) == Replayed(entry(2))
    assert len(lines(store)) == 1


def test_a_claim_is_finished_once(store: Store) -> None:
    claim = claimed(store)
    store.finish(claim, entry(1))
    with pytest.raises(ClaimLost):
        store.finish(claim, entry(2))
    store.release(claim)
    assert store.claim("", "key", "digest", LEASE) == Replayed(entry(1))
    assert len(lines(store)) == 1


def test_a_released_key_can_be_claimed_for_any_request(store: Store) -> None:
    store.release(claimed(store))
    claimed(store, digest="another")


def test_claims_that_have_expired_count_as_absent(store: Store, time: Time) -> None:
    store.finish(claimed(store, "done"), entry())
    claimed(store, "pending")
    time.move(DAY - 0.000001)
    assert store.claim("", "done", "digest", LEASE) == Replayed(entry())
    assert store.claim("", "pending", "another", LEASE) == Conflict()
    time.move(0.000001)
    claimed(store, "done", "another")
    claimed(store, "pending", "another")
    assert store.get("", "allocation", entry().id) == entry()


def test_an_answer_of_another_caller_cannot_finish_a_claim(store: Store) -> None:
    with pytest.raises(StoreFailed):
        store.finish(claimed(store, caller="me"), entry(caller="you"))
    assert lines(store, "you") == ()
