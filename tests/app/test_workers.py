"""The threads that requests are worked on in: a time limit for each, and a place until its work is done."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from app.problems import RequestProblem
from app.work import Workers


async def outcome(workers: Workers, seconds: float, function: Callable[[], Any]) -> Any:
    """What a function in a worker returns, or the code of the problem it ends in, or the error."""
    try:
        with workers.place() as place:
            return await workers.run(place, seconds, lambda _: function())
    except RequestProblem as problem:
        return problem.code
    except TimeoutError as error:
        return error


def test_time_that_passes_while_waiting_for_a_thread_is_a_time_out() -> None:
    async def scenario() -> list[Any]:
        workers, gate = Workers(1, 4), threading.Event()
        first = asyncio.create_task(outcome(workers, 5, gate.wait))
        await asyncio.sleep(0)
        waiting = [await outcome(workers, seconds, lambda: "late") for seconds in (0.05, 0, -1)]
        gate.set()
        found = [await first, *waiting, await outcome(workers, 5, lambda: "next")]
        workers.close()
        return found

    late = "solver-timeout"
    assert asyncio.run(scenario()) == [True, late, late, late, "next"]


def test_a_function_that_raises_a_time_out_itself_is_not_taken_for_the_limit() -> None:
    def fail() -> None:
        raise TimeoutError("of its own")

    async def scenario() -> None:
        workers = Workers(1, 1)
        try:
            with workers.place() as place:
                await workers.run(place, 5, lambda _: fail())
        finally:
            workers.close()

    with pytest.raises(TimeoutError, match="of its own"):
        asyncio.run(scenario())


def test_an_answer_that_comes_as_the_time_passes_is_an_answer_or_a_time_out_and_nothing_else() -> None:
    async def scenario() -> set[Any]:
        workers = Workers(1, 1)
        found = {await outcome(workers, 0.002, lambda: time.sleep(0.0019)) for _ in range(300)}
        workers.close()
        return found

    assert asyncio.run(scenario()) <= {None, "solver-timeout", "overloaded"}


@pytest.mark.slow
def test_work_that_fails_in_time_or_late_leaves_nothing_in_the_log() -> None:
    complaints: list[Any] = []

    def fail(seconds: float) -> None:
        time.sleep(seconds)
        raise RequestProblem("invalid-request", "as it should")

    async def scenario() -> list[Any]:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        workers = Workers(1, 4)
        found = [await outcome(workers, 0.05, lambda seconds=seconds: fail(seconds)) for seconds in (0, 0.2)]
        await asyncio.sleep(0.4)
        gc.collect()
        await asyncio.sleep(0)
        workers.close()
        return found

    assert asyncio.run(scenario()) == ["invalid-request", "solver-timeout"]
    gc.collect()
    assert complaints == []


def test_a_place_is_taken_until_late_work_is_done() -> None:
    async def scenario() -> list[Any]:
        workers, gate = Workers(1, 1), threading.Event()
        late = await outcome(workers, 0.05, gate.wait)
        while_it_runs = await outcome(workers, 5, lambda: "in")
        gate.set()
        for _ in range(100):
            await asyncio.sleep(0.01)
            afterwards = await outcome(workers, 5, lambda: "in")
            if afterwards == "in":
                break
        workers.close()
        return [late, while_it_runs, afterwards]

    assert asyncio.run(scenario()) == ["solver-timeout", "overloaded", "in"]
