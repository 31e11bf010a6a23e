"""What the routes share: read and parse a request, work off the event loop, answer with its timings."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, TypeVar

from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from app.body import read_body
from app.convert.requests import Asked
from app.metrics import Metrics
from app.settings import Settings
from app.work import Workers

Extra = TypeVar("Extra")


class Service:
    """Settings, threads and metrics of one application."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics = Metrics()
        self.workers = Workers(settings.solver_threads, settings.max_waiting)

    async def respond(
        self,
        request: Request,
        convert: Callable[[bytes, Settings], tuple[Asked, Extra]],
        answer: Callable[[Asked, Extra], dict[str, Any]],
    ) -> Response:
        """Convert, solve, convert; in a thread, and within the time limit from the last byte of the request."""
        started = perf_counter()
        raw = await read_body(request, self.settings.max_body_bytes)
        received = perf_counter()
        limit = self.settings.time_limit
        asked, extra = await self.workers.run(limit, lambda: convert(raw, self.settings), limit)
        parsed = perf_counter()
        self.metrics.accounts.observe(len(asked.problem.book))
        limit = asked.time_limit(self.settings)
        left = limit - (parsed - received)
        body = await self.workers.run(left, lambda: to_json(answer(asked, extra)), limit)
        steps = (("read", received - started), ("parse", parsed - received), ("solve", perf_counter() - parsed))
        timing = ", ".join(f"{name};dur={seconds * 1e3:.1f}" for name, seconds in steps)
        return Response(body, media_type="application/json", headers={"Server-Timing": timing})
