"""How processes end: at their time limit, with their caller, by themselves, from outside, and with their pool."""

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.processes import ProcessDied, Processes, ProcessTimeout
from tests.app.test_processes import alive, at_work, fail, hold_the_lock, nap, opened, spin, until

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("busy", [spin, hold_the_lock])
def test_the_loop_runs_on_while_a_process_works_and_the_limit_kills_it(
    tmp_path: Path, busy: Callable[[Path], None]
) -> None:
    async def scenario(processes: Processes) -> None:
        pid = await processes.run((os.getpid,), 60)
        ticks: list[float] = []

        async def tick() -> None:
            while True:
                ticks.append(time.monotonic())
                await asyncio.sleep(0.01)

        ticking = asyncio.create_task(tick())
        started = time.monotonic()
        with pytest.raises(ProcessTimeout, match=r"0\.5 seconds"):
            await processes.run((busy, tmp_path / "begun"), 0.5)
        assert 0.5 <= time.monotonic() - started < 0.7
        assert await until(lambda: not alive(pid), 0.2)
        ticking.cancel()
        assert (tmp_path / "begun").exists()
        assert len(ticks) > 20
        assert await processes.run((os.getpid,), 60) != pid

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_a_cancelled_run_leaves_no_process_at_work(tmp_path: Path) -> None:
    async def scenario(processes: Processes) -> None:
        pid = await processes.run((os.getpid,), 60)
        task = await at_work(processes, spin, tmp_path / "begun")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await until(lambda: not alive(pid), 0.2)
        assert await processes.run((os.getpid,), 60) != pid

    with opened(1) as processes:
        asyncio.run(scenario(processes))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_process_killed_at_work_fails_its_own_run_at_once_and_no_other(
    tmp_path: Path, number: signal.Signals
) -> None:
    async def scenario(processes: Processes) -> None:
        await asyncio.gather(*(processes.run((nap, 0.1), 60) for _ in range(2)))
        other = asyncio.create_task(processes.run((nap, 0.5), 60))
        await asyncio.sleep(0)
        victim = await processes.run((os.getpid,), 60)
        task = await at_work(processes, spin, tmp_path / "begun")
        started = time.monotonic()
        os.kill(victim, number)
        with pytest.raises(ProcessDied):
            await task
        assert time.monotonic() - started < 0.5
        assert await processes.run((os.getpid,), 60) != victim
        assert (await other)[0] != victim

    with opened(2) as processes:
        asyncio.run(scenario(processes))


@pytest.mark.slow
@pytest.mark.parametrize(
    "order", [(ctypes.string_at, 0), (os._exit, 0), (fail, SystemExit), (fail, KeyboardInterrupt), (os.abort,)]
)
def test_a_function_that_ends_its_process_fails_its_own_run_alone(order: tuple[Any, ...]) -> None:
    async def scenario(processes: Processes) -> None:
        with pytest.raises(ProcessDied):
            await processes.run(order, 60)
        assert await processes.run((abs, -1), 60) == 1

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_a_process_that_died_while_idle_is_replaced_in_silence() -> None:
    async def scenario(processes: Processes) -> None:
        pid = await processes.run((os.getpid,), 60)
        os.kill(pid, signal.SIGKILL)
        assert await until(lambda: not Path(f"/proc/{pid}").exists())  # the server has noticed, and holds nothing of it
        assert await processes.run((os.getpid,), 60) != pid

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_an_interrupt_from_the_keyboard_is_for_the_service_alone() -> None:
    async def scenario(processes: Processes) -> None:
        pid, server = await processes.run((os.getpid,), 60), await processes.run((os.getppid,), 60)
        task = asyncio.create_task(processes.run((nap, 0.3), 60))
        await asyncio.sleep(0.1)
        for process in (pid, server):
            os.kill(process, signal.SIGINT)
        assert (await task)[0] == pid
        assert await processes.run((os.getppid,), 60) == server

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_closing_kills_what_runs_and_drops_what_waits_and_the_pool_opens_again(tmp_path: Path) -> None:
    async def scenario(processes: Processes) -> None:
        pid = await processes.run((os.getpid,), 60)
        running = await at_work(processes, spin, tmp_path / "begun")
        waiting = asyncio.create_task(processes.run((os.getpid,), 60))
        await asyncio.sleep(0)
        started = time.monotonic()
        processes.close()
        for task in (running, waiting):
            with pytest.raises(ProcessDied, match="closed"):
                await task
        assert time.monotonic() - started < 0.2
        assert await until(lambda: not alive(pid), 0.2)
        processes.start()
        idle = await processes.run((os.getpid,), 60)
        processes.close()
        processes.close()
        assert await until(lambda: not alive(idle))
        assert await processes.run((os.getpid,), 60) not in {pid, idle}

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_a_loop_that_ends_before_its_run_leaves_no_process_at_work(tmp_path: Path) -> None:
    async def leave(processes: Processes) -> int:
        pid: int = await processes.run((os.getpid,), 60)
        await at_work(processes, spin, tmp_path / "begun")
        return pid

    with opened(1) as processes:
        pid = asyncio.run(leave(processes))
        assert asyncio.run(processes.run((os.getpid,), 60)) != pid
        assert not alive(pid)
