"""What the routes share: admit, read and answer a request off the event loop."""

from collections.abc import Callable
from time import perf_counter
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import Response

from app.body import read_body
from app.convert.encode import dump
from app.convert.sound import Sound
from app.metrics import Metrics
from app.settings import Settings
from app.work import Clock, Workers

Asked = TypeVar("Asked", bound=Sound)
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
        answer: Callable[[Asked, Extra, Clock], dict[str, Any]],
    ) -> Response:
        """Convert, solve, convert: one job in a thread, within the service's time limit and the request's own."""

        def work(raw: bytes, clock: Clock) -> tuple[bytes, str]:
            started = perf_counter()
            asked, extra = convert(raw, self.settings)
            clock.limit(asked.time_limit(self.settings))
            self.metrics.accounts.observe(asked.accounts)
            parsed = perf_counter()
            body = dump(answer(asked, extra, clock))
            return body, f"parse;dur={(parsed - started) * 1e3:.1f}, solve;dur={(perf_counter() - parsed) * 1e3:.1f}"

        body, timing = await self.workers.run(
            self.settings.time_limit, lambda: read_body(request, self.settings.max_body_bytes), work
        )
        return Response(body, media_type="application/json", headers={"Server-Timing": timing})
