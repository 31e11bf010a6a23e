"""Around every request: an id, a span, headers, a log line, a count, a duration, and no exception that leaves."""

import asyncio
import logging
import re
from time import perf_counter
from uuid import uuid4

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import logs, traces
from app.metrics import Metrics
from app.problems import RequestProblem, as_problem

CLIENT_CLOSED = 499
"""In metrics and log: the client hung up before its request was whole, so nobody was answered."""

SECURITY = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"x-frame-options": b"DENY",
    b"cross-origin-resource-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}
"""On every answer that does not say otherwise. Files under /static may be kept, and asked for by their ETag: after an
upgrade a browser must not mix old and new ones."""

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_QUIET = {"/healthz", "/readyz", "/metrics"}
_TRACE_HEADERS = {b"traceparent", b"tracestate"}
_log = logging.getLogger("adl")


class Observe:
    """X-Request-ID (the caller's, where it is a plain token, else a new one), time, metrics, and a 500 of our own.

    What it tells of a request beside method, route and status is left in the scope by others: `adl.caller`, the id of
    the caller's key, and `adl.code`, the code of the problem that was answered.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http":
            await self._observe(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        traces.install()
        try:
            await self._app(scope, receive, send)
        finally:
            await asyncio.to_thread(traces.close)

    async def _observe(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = perf_counter()
        request_id = _request_id(scope)
        logs.request_id.set(request_id)  # stays for what the server itself may log of this request
        method = scope["method"] if scope["method"] in _METHODS else "other"
        answer = _Answer(send, request_id, started, static=scope["path"].startswith("/static/"))
        self._metrics.in_flight.inc()
        with traces.request_span(method, _trace_headers(scope)) as span:
            try:
                await self._answer(scope, receive, answer)
            finally:
                self._metrics.in_flight.dec()
                route = getattr(scope.get("route"), "path", "unmatched")
                seconds = perf_counter() - started
                self._metrics.requests.labels(method, route, answer.status).observe(seconds)
                traces.describe(span, method, route, answer.status, request_id)
                _tell(scope, method, route, answer.status, seconds)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = CLIENT_CLOSED
        except asyncio.CancelledError:
            # The server's graceful time is over: it cancels, and then closes what is still open.
            if answer.status:
                raise
            stopping = RequestProblem("overloaded", "the service is stopping; try again", headers={"Retry-After": "1"})
            await self._refuse(stopping, scope, receive, answer)
        except Exception as exc:
            _log.exception("request failed")
            if answer.status:
                raise
            await self._refuse(as_problem(exc), scope, receive, answer)

    async def _refuse(self, problem: RequestProblem, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        scope["adl.code"] = problem.code
        self._metrics.rejected.labels(problem.code).inc()
        await problem.response()(scope, receive, answer.send)


class _Answer:
    """Sends an answer with our headers, and keeps its status; 0 until it began."""

    def __init__(self, send: Send, request_id: str, started: float, *, static: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._started = started
        self._secure = SECURITY | {b"cache-control": b"no-cache"} if static else SECURITY
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            given = {name.lower() for name, _ in message["headers"]}
            total = f"total;dur={(perf_counter() - self._started) * 1e3:.1f}"
            own = [(b"x-request-id", self._request_id.encode()), (b"server-timing", total.encode())]
            secure = [(name, value) for name, value in self._secure.items() if name not in given]
            message["headers"] = [*message["headers"], *own, *secure]
        await self._send(message)


def _tell(scope: Scope, method: str, route: str, status: int, seconds: float) -> None:
    """One line in the log; the route's pattern, since a path may hold what is nobody else's business."""
    fields = {"method": method, "route": route, "status": status, "seconds": round(seconds, 6)}
    fields |= {"caller": scope.get("adl.caller", "")}
    if code := scope.get("adl.code"):
        fields["code"] = code
    _log.log(logging.DEBUG if route in _QUIET else logging.INFO, "request", extra=fields)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _ID.fullmatch(value.decode("latin-1")):
            return str(value.decode("latin-1"))
    return uuid4().hex


def _trace_headers(scope: Scope) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _TRACE_HEADERS}
