"""One call from its first sending to its answer, without doing any input or output itself.

`exchange` says when to send and how long to wait, is told what came of it, and returns the answer or raises.
"""

import json
import secrets
import ssl
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from functools import cache
from time import monotonic
from typing import Any, TypeVar, cast

import httpx2

from app.client.answer import Answer
from app.client.calls import Call
from app.client.errors import (
    CODES,
    AdlError,
    ConnectionFailed,
    RequestRefused,
    TimedOut,
    UnexpectedAnswer,
)

T = TypeVar("T")

CONNECT_SECONDS = 5.0
"""For a connection alone: a host that swallows packets does not cost the whole time."""
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0
"""Seconds before the second attempt, doubled from there on; where the service says how long, that counts."""

_IN_A_MOMENT = {409, 429}
"""Worth another attempt where they say when."""
_GATEWAY = {502, 503, 504}
"""Of a proxy before the service, which has no problem document: whether the service was asked is not known."""
_BROKEN = (httpx2.NetworkError, httpx2.RemoteProtocolError, httpx2.ProxyError, httpx2.TimeoutException)
_OUR_TIME = (httpx2.ReadTimeout, httpx2.WriteTimeout, httpx2.PoolTimeout)

_random = secrets.SystemRandom()


@dataclass(frozen=True)
class Send:
    """After a pause send the call, and give up after so many seconds."""

    pause: float
    seconds: float


@dataclass(frozen=True)
class Received:
    """A whole answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Broken:
    """No whole answer, and why."""

    why: httpx2.RequestError


Outcome = Received | Broken


def exchange(
    call: Call[T], seconds: float, clock: Callable[[], float] = monotonic
) -> Generator[Send, Outcome, Answer[T]]:
    """The answer within so many seconds in all. Raises AdlError.

    Everything is sent again as it was, with its idempotency key, so that it is solved once: after a broken connection,
    503, and 409 and 429 that say when. It ends early when the next attempt would begin too late.
    """
    deadline = clock() + seconds
    attempts, pause = 0, 0.0
    while True:
        attempts += 1
        outcome = yield Send(pause, max(deadline - clock() - pause, 0.0))
        try:
            return _answer(call, outcome, attempts, seconds)
        except _Again as again:
            pause = _pause(again.wait, attempts)
            if not call.patient or clock() + pause >= deadline:
                raise again.failure from again.__cause__


class _Again(Exception):
    """Worth another attempt, after so many seconds where that was said; else a failure."""

    def __init__(self, failure: AdlError, wait: float | None) -> None:
        super().__init__(failure, wait)
        self.failure = failure
        self.wait = wait


def _pause(said: float | None, attempts: int) -> float:
    """Not the same for all that were turned away at once, and never less than the service said."""
    if said is not None:
        return max(said, FIRST_PAUSE) * _random.uniform(1, 1.25)
    return min(FIRST_PAUSE * 2.0 ** min(attempts - 1, 16), LONGEST_PAUSE) * _random.uniform(0.5, 1)


def _answer(call: Call[T], outcome: Outcome, attempts: int, seconds: float) -> Answer[T]:
    key = call.idempotency_key
    if isinstance(outcome, Broken):
        why = outcome.why
        if isinstance(why, _OUR_TIME):
            raise TimedOut(f"no answer within {seconds:g} seconds", key) from why
        failure = ConnectionFailed(f"no answer: {str(why) or type(why).__name__}", key)
        if not isinstance(why, _BROKEN) or _distrusted(why):
            raise failure from why
        raise _Again(failure, None) from why
    document = _document(outcome)
    if outcome.status in call.statuses and document is not None:
        return Answer(
            cast("T", document),
            outcome.headers.get("x-request-id"),
            key,
            attempts,
            outcome.headers.get("idempotent-replayed") == "true",
        )
    raise _refusal(call, outcome, document)


def _refusal(call: Call[T], received: Received, document: Any) -> AdlError | _Again:
    """The error of an answer that is none."""
    key, status = call.idempotency_key, received.status
    said = received.headers.get("retry-after")
    wait = float(said) if said is not None and said.isdecimal() else None
    failure: AdlError
    if _is_problem(document):
        failure = CODES.get(document["code"], RequestRefused)(document, key, wait)
        again = status == httpx2.codes.SERVICE_UNAVAILABLE or (status in _IN_A_MOMENT and said is not None)
    else:
        detail = f"an answer of status {status} that is not this service's: is the address right?"
        failure = UnexpectedAnswer(detail, key)
        again = status in _GATEWAY or (status in _IN_A_MOMENT and said is not None)
    return _Again(failure, wait) if again else failure


def _document(received: Received) -> Any:
    """The JSON object that came, or None."""
    try:
        document = json.loads(received.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _is_problem(document: Any) -> bool:
    wanted = {"code": str, "detail": str, "status": int}
    return document is not None and all(isinstance(document.get(name), kind) for name, kind in wanted.items())


def _distrusted(why: BaseException) -> bool:
    """The other side's certificate is not trusted: asking again does not change that."""
    cause: BaseException | None = why
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def limits(seconds: float) -> httpx2.Timeout:
    return httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))


@cache
def trust() -> ssl.SSLContext:
    """Certificates as httpx trusts them, read once a process: that takes longer than many a call."""
    return httpx2.create_ssl_context()
