"""Several processes with one database, some of which are killed."""

import json
import signal

import pytest

from app.store import Claimed, InFlight, Replayed, Store
from tests.store.entries import NOON, Time, entry, ids, lines, program

pytestmark = pytest.mark.slow

RACE = """
import json, sys
from app.store import Claimed, Store
store = Store.open(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
taken = [key for key in range(50) if isinstance(store.claim("", str(key), "digest", 60), Claimed)]
print(json.dumps(taken))
store.close()
"""
STOPPED = """
import os, signal, sys
from sqlalchemy import Connection, event
from app.store import Store
from tests.store.entries import Time, entry
store = Store.open(sys.argv[1], clock=Time())
store.record(entry(1))
claim = store.claim("", "key", "digest", 60)
if sys.argv[2] == "within finish":
    event.listen(Connection, "after_cursor_execute", lambda *now: (
        now[2].startswith("UPDATE claims") and os.kill(os.getpid(), signal.SIGKILL)
    ))
    store.finish(claim, entry(2))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("keys", ["new", "abandoned"])
def test_of_two_processes_that_race_for_a_key_one_has_it(store: Store, url: str, time: Time, keys: str) -> None:
    if keys == "abandoned":  # long ago, by the time of the processes
        for key in range(50):
            store.claim("", str(key), "digest", 60)
        expiring = Store.open(url, claim_seconds=10 * 365 * 86_400, clock=time)
        time.move(86_400)
        for key in range(50):
            expiring.claim("", str(key), "digest", 60)
        expiring.close()
    racers = [program(RACE, url) for _ in range(2)]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    one, other = (json.loads(racer.communicate(timeout=60)[0]) for racer in racers)
    assert sorted(one + other) == list(range(50))


@pytest.mark.parametrize("where", ["after claim", "within finish"])
def test_a_process_killed_before_its_answer_is_kept_loses_nothing_and_its_key_is_taken_over(
    store: Store, url: str, time: Time, where: str
) -> None:
    killed = program(STOPPED, url, where)
    killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert ids(lines(store)) == [1]
    assert store.claim("", "key", "digest", 60) == InFlight()
    time.move(60)
    claim = store.claim("", "key", "digest", 60)
    assert isinstance(claim, Claimed)
    store.finish(claim, entry(2))
    assert store.claim("", "key", "digest", 60) == Replayed(entry(2))
    assert ids(lines(store, since=NOON)) == [2, 1]
