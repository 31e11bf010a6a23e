"""Programs that have processes: how they are started, what is forked, and what is left when they are gone."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.lanes import PRELOAD
from app.processes import ProcessDied, Processes
from tests.app.test_processes import alive, nap, opened, until
from tests.processes import ROOT, answers, free_port, running

BIN = Path(sys.executable).parent
PINNED = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
UNPINNED = {name: value for name, value in os.environ.items() if name not in PINNED}

WARM = """
import asyncio, json, os, subprocess, sys, time
from app.processes import Processes
pool = Processes(2, eval, json.loads(sys.argv[1]))
before = dict(os.environ)
started = time.monotonic()
pool.start()
returned = time.monotonic()
def ask(what):
    return pool.run(what, 60)
def seen(variables):
    return [variables.get("OPENBLAS_NUM_THREADS"), variables.get("OMP_NUM_THREADS")]
async def main():
    server = await ask("__import__('os').getppid()")
    def threads(pid):
        return len(os.listdir(f"/proc/{pid}/task"))
    print(json.dumps({
        "seconds to return": returned - started,
        "threads of the server": threads(server),
        "in a worker": seen(await ask("dict(__import__('os').environ)")),
        "loaded": sorted(await ask(f"set({sys.argv[1]}) & set(__import__('sys').modules)")),
        "here": seen(os.environ),
        "unchanged": before == dict(os.environ),
        "in a program started here": seen(json.loads(subprocess.check_output(
            [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]))),
    }), flush=True)
    if len(sys.argv) > 2:
        await asyncio.gather(ask("__import__('time').sleep(0.2)"), ask("__import__('time').sleep(0.2)"))
        busy = [asyncio.create_task(pool.run("sum(range(10**12))", 2)) for _ in range(int(sys.argv[2]))]
        await asyncio.sleep(0.3)
        print("ready", flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
TINY = """
import json, os, time
from app.processes import Processes, ProcessTimeout

def answer(seconds):
    time.sleep(seconds)
    return [os.getpid(), os.getppid()]

pool = Processes(2, answer, ["tiny"])

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        pool.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        pool.close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    try:
        body = await pool.run(float(scope["query_string"] or 0), 1)
    except ProcessTimeout:
        body = "late"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(body).encode()})
"""


def children(parent: int) -> set[int]:
    """By the kernel's table of processes."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, of = entry.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):  # gone meanwhile
            continue
        if int(of) == parent:
            found.add(int(entry.parent.name))
    return found


def family(parent: int) -> set[int]:
    """All that descend from a process."""
    direct = children(parent)
    return direct.union(*map(family, direct))


def held() -> tuple[int, int]:
    """Open files and threads of ours."""
    return len(list(Path("/proc/self/fd").iterdir())), threading.active_count()


def settles(holds: Callable[[], bool], seconds: float = 10) -> bool:
    """As `until`, without an event loop and what it holds open."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def end(pids: set[int], seconds: float) -> bool:
    """Whether all of them end in time."""
    return settles(lambda: not any(map(alive, pids)), seconds)


@contextmanager
def program(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", Any]]:
    """WARM, as a program of its own, and the first line it printed."""
    with subprocess.Popen(
        [sys.executable, "-c", WARM, *arguments], cwd=ROOT, env=UNPINNED, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.slow
def test_the_server_has_one_thread_and_its_libraries_and_variables_and_ours_are_as_they_were() -> None:
    with program(json.dumps(PRELOAD)) as (process, found):
        assert found.pop("seconds to return") < 0.5
        assert found == {
            "threads of the server": 1,
            "in a worker": ["1", "1"],
            "loaded": sorted(PRELOAD),
            "here": [None, None],
            "unchanged": True,
            "in a program started here": [None, None],
        }
        assert process.wait(10) == 0


@pytest.mark.parametrize("busy", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_a_program_killed_leaves_no_process(busy: int) -> None:
    """Idle ones go at once, and those at work a few seconds after their time limit, of 2 s here."""
    with program("[]", f"{busy}") as (process, _):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        left = family(process.pid)
        assert len(left) == 4  # two workers, their server, and multiprocessing's tracker
        process.kill()
        process.wait()
        assert end(left, 9 if busy else 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        [f"{BIN / 'uvicorn'}"],
        pytest.param([sys.executable, "-m", "uvicorn"], marks=pytest.mark.slow),
        pytest.param([f"{BIN / 'uvicorn'}", "--workers", "2"], marks=pytest.mark.slow),
    ],
    ids=["script", "module", "workers"],
)
def test_a_service_has_processes_however_it_is_started(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "tiny.py").write_text(TINY)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [*command, "tiny:app", "--app-dir", f"{tmp_path}", "--port", f"{port}"]
    ours = family(os.getpid())
    with running(command, ready=lambda: answers(address)):
        _, server = httpx2.get(address).json()
        assert httpx2.get(f"{address}?5").json() == "late"
        assert httpx2.get(address).json() != "late"
        theirs = family(os.getpid()) - ours
        assert server in theirs
    assert end(theirs, 5)


@pytest.mark.slow
def test_a_server_that_is_killed_is_started_again_and_its_workers_finish() -> None:
    async def scenario(processes: Processes) -> None:
        server = await processes.run((os.getppid,), 60)
        at_work = asyncio.create_task(processes.run((nap, 0.5), 60))
        await asyncio.sleep(0.1)
        os.kill(server, signal.SIGKILL)
        pid, *_ = await at_work
        assert await processes.run((os.getpid,), 60) == pid
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not alive(pid))
        assert await processes.run((os.getppid,), 60) not in {server, 1}

    with opened(1) as processes:
        asyncio.run(scenario(processes))


@pytest.mark.slow
def test_a_pool_closed_while_it_warms_leaves_nothing() -> None:
    with opened(1) as processes:
        server = asyncio.run(processes.run((os.getppid,), 60))
    time.sleep(1)  # it is closed by then; pools of other tests in this process may have children, too
    others = set(children(server))
    before = held()
    for _ in range(5):
        with opened(2) as processes:
            processes.start()
    assert settles(lambda: held()[1] == before[1])
    assert settles(lambda: set(children(server)) == others)
    assert held() == before


@pytest.mark.slow
def test_two_hundred_runs_under_random_kills_all_end_and_nothing_is_left() -> None:
    choose = random.Random(7)

    async def one(processes: Processes) -> bool:
        try:
            await processes.run((nap, choose.random() / 50), 60)
        except ProcessDied:
            return False
        return True

    async def hammer(processes: Processes, server: int) -> tuple[int, list[bool]]:
        runs = asyncio.gather(*(one(processes) for _ in range(200)))
        kills = 0
        while not runs.done():
            await asyncio.sleep(choose.random() / 20)
            if workers := sorted(children(server)):
                with suppress(ProcessLookupError):  # gone meanwhile
                    os.kill(choose.choice(workers), signal.SIGKILL)
                    kills += 1
        return kills, await runs

    with opened(1) as processes:  # so that the server and its tracker are there before we count
        server = asyncio.run(processes.run((os.getppid,), 60))
    assert settles(lambda: not children(server))
    before = held()
    started = time.monotonic()
    with opened(2) as processes:
        kills, found = asyncio.run(hammer(processes, server))
    assert time.monotonic() - started < 60
    assert len(found) == 200
    assert kills > 10
    assert 0 < found.count(False) <= kills
    assert settles(lambda: not children(server) and held() == before), (before, held())
