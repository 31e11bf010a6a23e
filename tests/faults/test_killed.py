"""The service is killed in the middle of its work, and started again."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from tests.app.requests import ALLOCATIONS, Body, request
from tests.faults.server import Server, ask, ask_until_answered, client, serving

MANY = 200


def asked(number: int) -> Body:
    """A request of its own for each number, of some 300 accounts."""
    rows = [{"id": f"a{i}", "cash": i % 7, "pnl": (i * (number + 1)) % 211 - 50} for i in range(1, 301)]
    return request(rows)


def everything(one: Any) -> dict[str, Body]:
    """All records by id, as pages tell them."""
    found: dict[str, Body] = {}
    after = None
    while True:
        page = one.get(ALLOCATIONS, params={"limit": 100} | ({"after": after} if after else {})).json()
        for line in page["records"]:
            assert line["id"] not in found
            found[line["id"]] = line
        after = page["after"]
        if after is None:
            return found


@pytest.mark.slow
@pytest.mark.parametrize("answered_before", [1, 2, 4, 8, 16, 32, 48, 64, 80, 100])
def test_what_was_answered_is_on_record_and_what_was_not_can_be_asked_again(
    tmp_path: Path, answered_before: int
) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path}/adl.db", "max_waiting": MANY}
    with serving(tmp_path / "log", **settings) as server:
        with client(server) as one, ThreadPoolExecutor(MANY) as threads:
            pending = [threads.submit(ask, one, ALLOCATIONS, asked(n), f"key-{n}") for n in range(MANY)]
            for _ in islice(as_completed(pending), answered_before):
                pass
            server.kill()
            answers = dict(enumerate(future.result() for future in pending))
        answered = {n: answer for n, answer in answers.items() if answer is not None}
        assert {answer.status_code for answer in answered.values()} <= {200}
        assert len(answered) < MANY, "the kill came too late to show anything"
        _check_file(tmp_path / "adl.db")
        server.start()
        with client(server) as one:
            before = everything(one)
            for answer in answered.values():
                assert one.get(answer.headers["content-location"]).content == answer.content
            with ThreadPoolExecutor(32) as threads:
                again = list(
                    threads.map(lambda n: ask_until_answered(one, ALLOCATIONS, asked(n), f"key-{n}"), range(MANY))
                )
            assert {answer.status_code for answer in again} == {200}
            for n, answer in answered.items():
                assert again[n].content == answer.content
                assert again[n].headers["idempotent-replayed"] == "true"
            after = everything(one)
            ids = {answer.json()["id"] for answer in again}
            assert len(ids) == MANY
            assert set(after) == ids
            assert set(before) <= set(after)
            for answer in again:
                assert one.get(answer.headers["content-location"]).content == answer.content
    print(f"{len(answered)} answered, {len(before)} on record after the kill, {len(after)} in the end")


def _check_file(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        (half,) = connection.execute(
            "SELECT count(*) FROM claims LEFT JOIN records USING (caller, kind, id)"
            " WHERE claims.state = 'done' AND records.id IS NULL"
        ).fetchone()
    assert half == 0


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_of_a_killed_service_is_left_running(tmp_path: Path, workers: int) -> None:
    server = Server(tmp_path / "log", workers, database_url=f"sqlite:///{tmp_path}/adl.db")
    server.start()
    try:
        with client(server) as one:
            heavy = request(policy={"name": "cvar"}) | {"options": {"shock": {"law": "two-point", "size": 0.2}}}
            assert ask(one, ALLOCATIONS, heavy, "a").status_code == 200
        family = server.family()
        assert family, "no worker process was started"
    finally:
        server.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(Path(f"/proc/{pid}").exists() for pid in family):
        time.sleep(0.05)
    assert [name for pid, name in family.items() if Path(f"/proc/{pid}").exists()] == []
