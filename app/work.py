"""Work off the event loop: a few threads, a bounded queue, and a time limit."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from app.problems import RequestProblem

Result = TypeVar("Result")


class Workers:
    """Runs blocking functions in threads.

    A thread whose request ran out of time keeps its place until it is done, so that late work cannot pile up.
    """

    def __init__(self, threads: int, max_waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="solver")
        self._places = threads + max_waiting
        self._taken = 0

    async def run(self, seconds: float, function: Callable[[], Result], limit: float | None = None) -> Result:
        """Call `function` in a thread; 503 when too many wait, 504 after `seconds`, what is left of `limit`."""
        if self._taken >= self._places:
            raise RequestProblem("overloaded", "too many requests are waiting; try again", headers={"Retry-After": "1"})
        loop = asyncio.get_running_loop()
        self._taken += 1
        future: Future[Result] = self._pool.submit(function)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._leave))
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError as exc:
            if future.done():  # the function itself raised it
                raise
            detail = f"no answer within {limit or seconds:g} seconds; nothing was applied"
            raise RequestProblem("solver-timeout", detail) from exc

    def _leave(self) -> None:
        self._taken -= 1

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
