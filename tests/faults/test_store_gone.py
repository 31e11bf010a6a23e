"""The store's disk is full, and its database is gone and comes back."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.app.requests import ALLOCATIONS, request
from tests.faults.server import Server, ask, ask_until_answered, client, serving
from tests.faults.test_killed import asked, everything
from tests.store.postgres import Server as Database

pytestmark = pytest.mark.debian


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    as_root = [] if os.geteuid() == 0 else ["sudo"]
    owner = f"size=2m,uid={os.geteuid()}"
    subprocess.run([*as_root, "mount", "-t", "tmpfs", "-o", owner, "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*as_root, "umount", folder], check=True)


@pytest.fixture
def database() -> Iterator[Database]:
    server = Database()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def is_ready(one: Any) -> bool:
    return bool(one.get("/readyz").status_code == 200)


def until(condition: Any, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_full_disk_refuses_what_it_cannot_record_and_loses_nothing(tmp_path: Path, disk: Path) -> None:
    with serving(tmp_path / "log", database_url=f"sqlite:///{disk}/adl.db") as server, client(server) as one:
        kept = {}
        filler = disk / "filler"
        filler.write_bytes(b"x" * max(shutil.disk_usage(disk).free - 400_000, 0))
        for n in range(500):
            answer = ask(one, ALLOCATIONS, asked(n), f"key-{n}")
            if answer.status_code != 200:
                break
            kept[n] = answer
        assert (answer.status_code, answer.json()["code"]) == (503, "store-unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert kept, "the disk was full from the beginning"
        until(lambda: one.get(kept[0].headers["content-location"]).status_code == 200)
        filler.unlink()
        again = ask_until_answered(one, ALLOCATIONS, asked(n), f"key-{n}")
        assert again.status_code == 200
        assert set(everything(one)) == {answer.json()["id"] for answer in [*kept.values(), again]}
        for answer in kept.values():
            assert one.get(answer.headers["content-location"]).content == answer.content
        until(lambda: is_ready(one))


def test_a_database_that_goes_stops_answers_and_not_the_service_and_comes_back(
    tmp_path: Path, database: Database
) -> None:
    url = database.emptied()
    with serving(tmp_path / "log", database_url=url) as server, client(server) as one:
        before = ask(one, ALLOCATIONS, asked(1), "before")
        assert before.status_code == 200
        database.stop("immediate")
        gone = ask(one, ALLOCATIONS, asked(2), "gone")
        assert (gone.status_code, gone.json()["code"]) == (503, "store-unavailable")
        read = one.get(before.headers["content-location"])
        assert (read.status_code, read.json()["code"]) == (503, "store-unavailable")
        assert one.get("/healthz").status_code == 200
        assert not is_ready(one)
        assert "adl_store_up 0.0" in one.get("/metrics").text
        database.start()
        again = ask_until_answered(one, ALLOCATIONS, asked(2), "gone")
        assert again.status_code == 200
        assert one.get(before.headers["content-location"]).content == before.content
        assert ask(one, ALLOCATIONS, asked(1), "before").headers["idempotent-replayed"] == "true"
        until(lambda: is_ready(one))
        assert set(everything(one)) == {before.json()["id"], again.json()["id"]}


def test_a_service_told_to_answers_without_its_database_and_says_so(tmp_path: Path, database: Database) -> None:
    url = database.emptied()
    database.stop()
    with serving(tmp_path / "log", database_url=url, on_store_failure="answer") as server, client(server) as one:
        for headers in ({}, {"idempotency-key": "a"}):
            answer = one.post(ALLOCATIONS, json=request(), headers=headers)
            assert answer.status_code == 200
            assert answer.json()["recorded"] is False
            assert "content-location" not in answer.headers
        database.start()
        until(lambda: is_ready(one))
        answer = one.post(ALLOCATIONS, json=request(), headers={"idempotency-key": "a"})
        assert answer.status_code == 200
        assert "recorded" not in answer.json()
        assert one.get(answer.headers["content-location"]).content == answer.content


def test_two_services_on_one_database_solve_a_request_with_a_key_once(tmp_path: Path, database: Database) -> None:
    """A hundred keys, each sent to both at once."""
    url = database.emptied()
    with (
        serving(tmp_path / "log1", database_url=url) as first,
        serving(tmp_path / "log2", database_url=url) as second,
        client(first) as one,
        client(second) as two,
        ThreadPoolExecutor(2) as threads,
    ):
        replayed = {one: 0, two: 0}
        for n in range(100):
            pair = [threads.submit(ask, to, ALLOCATIONS, asked(n), f"key-{n}") for to in (one, two)]
            answers = [future.result() for future in pair]
            assert [answer.status_code for answer in answers] == [200, 200]
            assert answers[0].content == answers[1].content
            told = ["idempotent-replayed" in answer.headers for answer in answers]
            assert sorted(told) == [False, True]
            replayed[one if told[0] else two] += 1
        assert sum(solves(to) for to in (one, two)) == 100
        assert len(everything(one)) == len(everything(two)) == 100
        print(f"{replayed[two]} solved by the first, {replayed[one]} by the second")


def solves(one: Any) -> float:
    lines = [line for line in one.get("/metrics").text.splitlines() if line.startswith("adl_answers_total{")]
    return sum(float(line.split()[-1]) for line in lines)


def test_a_service_starts_without_its_database_and_waits_for_it(tmp_path: Path, database: Database) -> None:
    url = database.emptied()
    database.stop()
    server = Server(tmp_path / "log", database_url=url)
    server.start()
    try:
        with client(server) as one:
            assert not is_ready(one)
            assert ask(one, ALLOCATIONS, asked(1), "a").status_code == 503
            database.start()
            assert ask_until_answered(one, ALLOCATIONS, asked(1), "a").status_code == 200
            until(lambda: is_ready(one))
    finally:
        server.kill()
