"""Processes that can be killed: what they answer, and in which order. Each is a real one."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app.lanes import PRELOAD
from app.problems import RequestProblem
from app.processes import Processes, ProcessTimeout


def call(order: tuple[Any, ...]) -> Any:
    """The target of every pool here: a function and what it is called with."""
    function, *arguments = order
    return function(*arguments)


def nap(seconds: float) -> tuple[int, float, float]:
    """The process, and when it slept, by the clock that all processes share."""
    began = time.monotonic()
    time.sleep(seconds)
    return os.getpid(), began, time.monotonic()


def spin(begun: Path) -> None:
    begun.touch()
    while True:
        pass


def hold_the_lock(begun: Path) -> None:
    """The interpreter's lock, in C: no thread of the process runs beside it."""
    begun.touch()
    sum(range(10**12))


def refuse() -> None:
    raise RequestProblem(
        "infeasible-budget",
        "too much",
        errors=[("/snapshot", "is small", None), ("/shortfall", "is large", "a")],
        total=7,
        members={"budget": "7.5", "shortage": None},
        headers={"Retry-After": "1"},
    )


class TwoWords(Exception):
    """Is pickled, and cannot be read again."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one + other)


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__(lambda: None)


def fail(kind: type[BaseException], *arguments: Any) -> None:
    raise kind(*arguments)


@contextmanager
def opened(count: int) -> Iterator[Processes]:
    """With the service's libraries, for all pools of a process share one server, its own in other tests among them."""
    processes = Processes(count, call, (*PRELOAD, __name__))
    try:
        yield processes
    finally:
        processes.close()


def alive(pid: int) -> bool:
    """Whether there is such a process; one that only waits for its parent to notice has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until(holds: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:  # noqa: ASYNC110  (of another process: no event tells)
        await asyncio.sleep(0.005)
    return holds()


async def at_work(processes: Processes, function: Callable[[Path], None], begun: Path) -> "asyncio.Task[Any]":
    """A task that has a process at work, for a minute if nobody ends it."""
    task = asyncio.create_task(processes.run((function, begun), 60))
    assert await until(begun.exists)
    return task


def test_a_result_comes_back_and_the_process_is_kept_for_the_next() -> None:
    async def scenario(processes: Processes) -> None:
        assert await processes.run((divmod, 17, 5), 60) == (3, 2)
        pid = await processes.run((os.getpid,), 60)
        assert pid != os.getpid()
        assert await processes.run((os.getpid,), 60) == pid

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_who_came_first_is_served_first() -> None:
    async def scenario(processes: Processes) -> None:
        served: list[int] = []

        async def one(number: int) -> None:
            await processes.run((nap, 0.01), 60)
            served.append(number)

        await asyncio.gather(*map(one, range(12)))
        assert served == list(range(12))

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_two_run_at_once_and_a_third_waits() -> None:
    async def scenario(processes: Processes) -> None:
        for _ in range(2):  # the first time warms them
            naps = await asyncio.gather(*(processes.run((nap, 0.2), 60) for _ in range(3)))
        (one, began, ended), (other, also_began, also_ended), (third, at_last, _) = sorted(naps, key=lambda nap: nap[1])
        assert one != other
        assert also_began < ended
        assert at_last >= min(ended, also_ended)
        assert third in {one, other}
        assert began <= also_began

    with opened(2) as processes:
        asyncio.run(scenario(processes))


def test_waiting_counts_and_who_gives_up_while_waiting_harms_nobody() -> None:
    async def scenario(processes: Processes) -> None:
        pid = await processes.run((os.getpid,), 60)
        first = asyncio.create_task(processes.run((nap, 0.4), 60))
        await asyncio.sleep(0)
        cancelled = asyncio.create_task(processes.run((os.getpid,), 60))
        last = asyncio.create_task(processes.run((os.getpid,), 60))
        for seconds in (0.1, 0, -1):
            with pytest.raises(ProcessTimeout):
                await processes.run((os.getpid,), seconds)
        cancelled.cancel()
        assert (await first)[0] == pid
        assert await last == pid

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_a_time_out_of_the_function_is_not_taken_for_the_limit() -> None:
    with opened(1) as processes, pytest.raises(TimeoutError) as caught:
        asyncio.run(processes.run((fail, TimeoutError), 60))
    assert "in fail" in caught.value.__notes__[0]


def test_a_problem_survives_the_trip_with_all_its_members(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RequestProblem) as here:
        refuse()
    with opened(1) as processes, pytest.raises(RequestProblem) as there:
        asyncio.run(processes.run((refuse,), 60))
    (note,) = there.value.__dict__.pop("__notes__")
    assert "in refuse" in note
    assert vars(there.value) == vars(here.value)
    assert there.value.total == 7
    assert there.value.document() == here.value.document()
    assert str(there.value) == str(here.value)
    assert caplog.records == []


@pytest.mark.parametrize("order", [(fail, Unpicklable), (fail, TwoWords, "sec", "ret")])
def test_an_error_that_cannot_be_pickled_is_named_and_its_traceback_logged(
    caplog: pytest.LogCaptureFixture, order: tuple[Any, ...]
) -> None:
    async def scenario(processes: Processes) -> None:
        pid = await processes.run((os.getpid,), 60)
        with pytest.raises(RuntimeError) as caught:
            await processes.run(order, 60)
        assert str(caught.value) == f"{order[1].__name__} in a worker process"
        assert await processes.run((os.getpid,), 60) == pid

    with opened(1) as processes:
        asyncio.run(scenario(processes))
    (record,) = caplog.records
    assert record.name == "adl"
    assert "in fail" in record.getMessage()


@pytest.mark.parametrize(
    "order", [(eval, "lambda: None"), (abs, lambda: None), (repr, TwoWords("a", "b")), (TwoWords, "a", "b")]
)
def test_what_cannot_be_pickled_or_read_on_either_way_is_an_error_and_not_a_death(order: tuple[Any, ...]) -> None:
    async def scenario(processes: Processes) -> None:
        with pytest.raises(Exception, match=r"pickle|TwoWords\.__init__"):
            await processes.run(order, 60)
        assert await processes.run((abs, -1), 60) == 1

    with opened(1) as processes:
        asyncio.run(scenario(processes))


def test_fifty_megabytes_go_in_and_out() -> None:
    body = os.urandom(1000) * 50_000

    async def scenario(processes: Processes) -> None:
        for answer in await asyncio.gather(*(processes.run((bytes, body), 60) for _ in range(2))):
            assert answer == body

    with opened(2) as processes:
        asyncio.run(scenario(processes))


def test_a_pool_serves_one_loop_after_another_and_several_at_once() -> None:
    async def several(processes: Processes) -> list[int]:
        return await asyncio.gather(*(processes.run((abs, -number), 60) for number in range(20)))

    with opened(2) as processes, ThreadPoolExecutor(4) as threads:
        for number in range(3):
            assert asyncio.run(processes.run((abs, -number), 60)) == number
        at_once = [threads.submit(lambda: asyncio.run(several(processes))) for _ in range(4)]
        assert [one.result() for one in at_once] == [list(range(20))] * 4


def test_pools_that_are_not_used_start_nothing() -> None:
    before = threading.active_count()
    for _ in range(1000):
        Processes(2, call, PRELOAD).close()
    assert threading.active_count() == before
