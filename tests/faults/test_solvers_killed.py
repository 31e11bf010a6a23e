"""A worker process is killed from outside in the middle of a solve."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.app.requests import ALLOCATIONS, request
from tests.app.test_best_in_time import long_search
from tests.faults.server import Server, ask, client, serving


def busy(server: Server, seconds: float = 20) -> int:
    """The process of the server's family that is at work, once one is."""
    deadline = time.monotonic() + seconds
    used: dict[int, int] = {}
    while time.monotonic() < deadline:
        for pid in server.family():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except FileNotFoundError:
                continue
            ticks = int(fields[11])
            if ticks - used.setdefault(pid, ticks) >= 50:
                return pid
        time.sleep(0.1)
    raise AssertionError("no worker was busy")


@pytest.mark.slow
def test_a_request_whose_solver_is_killed_says_so_at_once_and_can_be_asked_again(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "log", database_url=f"sqlite:///{tmp_path}/adl.db") as server,
        client(server) as one,
        ThreadPoolExecutor(1) as threads,
    ):
        ready(one)
        pending = threads.submit(ask, one, ALLOCATIONS, long_search(time_limit=25), "a")
        os.kill(busy(server), signal.SIGKILL)
        started = time.monotonic()
        answer = pending.result()
        assert time.monotonic() - started < 2
        assert (answer.status_code, answer.json()["code"]) == (500, "solver-failed")
        assert len(one.get(ALLOCATIONS).json()["records"]) == 1  # the one of `ready`
        again = ask(one, ALLOCATIONS, long_search(time_limit=3, on_timeout="best"), "a")  # the key is free again
        assert (again.status_code, again.json()["reproducible"]) == (200, False)
        assert 'adl_solver_processes_killed_total{reason="died"} 1.0' in one.get("/metrics").text


@pytest.mark.slow
def test_a_heavy_solve_is_killed_at_its_limit_and_light_ones_stay_fast_meanwhile(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "log", database_url=f"sqlite:///{tmp_path}/adl.db") as server,
        client(server) as one,
        ThreadPoolExecutor(4) as threads,
    ):
        ready(one)
        pending = [threads.submit(ask, one, ALLOCATIONS, long_search(time_limit=4), f"heavy-{i}") for i in range(4)]
        light = []
        while not all(future.done() for future in pending):
            started = time.monotonic()
            assert one.post(ALLOCATIONS, json=request()).status_code == 200
            light.append(time.monotonic() - started)
        assert {future.result().json()["code"] for future in pending} == {"solver-timeout"}
        assert len(light) > 20
        print(f"{len(light)} light requests beside 4 heavy ones, median {sorted(light)[len(light) // 2] * 1e3:.0f} ms")
        assert ask(one, ALLOCATIONS, request(), "light").status_code == 200


def ready(one: Any) -> None:
    """Worker processes are warm: one of them has solved something."""
    shock = {"shock": {"law": "two-point", "size": 0.2}}
    made = request(policy={"name": "cvar"}, **shock)
    made["snapshot"]["accounts"] = [row | {"notional": 10} for row in made["snapshot"]["accounts"]]
    answer = ask(
        one, ALLOCATIONS, made | {"options": shock | {"on_infeasible": "partial", "detail": "summary"}}, "warm"
    )
    assert answer.status_code == 200, answer.text
