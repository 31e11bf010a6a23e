"""How often each caller may ask: a token bucket for everyone who asked lately."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.problems import RequestProblem

_WHOLE = 1 - 1e-9
"""A token: who has waited as long as told is not to miss it by a rounding error."""


@dataclass(frozen=True)
class _Bucket:
    tokens: float
    at: float


class Rate:
    """At most `per_second` requests a second of each caller, and as many at once; of slower rates one at once.

    Without locks: to be used on the event loop only. Kept are the callers admitted while their bucket, had it been
    empty, would fill.
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._most = max(per_second, 1.0)
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def admit(self, caller: str) -> None:
        """Take a token; RequestProblem `rate-limited` where there is none, with the whole seconds until there is."""
        now = self._clock()
        self._forget(now)
        bucket = self._buckets.get(caller)
        tokens = self._most
        if bucket is not None:
            tokens = min(bucket.tokens + (now - bucket.at) * self._per_second, self._most)
        if tokens < _WHOLE:
            seconds = max(math.ceil((1 - tokens) / self._per_second), 1)
            detail = f"a caller may ask {self._per_second:g} times a second: try again in {seconds} s"
            raise RequestProblem("rate-limited", detail, headers={"Retry-After": f"{seconds}"})
        self._buckets.pop(caller, None)
        self._buckets[caller] = _Bucket(tokens - 1, now)  # at the end: the dict is in the order of `at`

    def _forget(self, now: float) -> None:
        """Remove the buckets that are full again, whatever was left in them."""
        full = now - self._most / self._per_second
        while self._buckets:
            caller = next(iter(self._buckets))
            if self._buckets[caller].at > full:
                return
            del self._buckets[caller]
