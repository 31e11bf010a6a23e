"""Reading a JSON body: bounded, by media type, and without letting a duplicate key pass."""

import asyncio
import json
import re
from typing import Any

from pydantic_core import from_json
from starlette.requests import Request

from app.problems import RequestProblem, invalid

_KEY = re.compile(rb'"\s*:')


LEAST_BYTES_PER_SECOND = 100_000


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """The raw body; refused before it is read whole when it is too large, not JSON, or does not come in time.

    It has so many seconds, and one more for each LEAST_BYTES_PER_SECOND that came.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RequestProblem("unsupported-media-type", "send the body as application/json")
    if any(encoding.lower() != "identity" for encoding in request.headers.getlist("content-encoding")):
        raise RequestProblem("unsupported-media-type", "send the body without a content encoding")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        raise _too_large(limit)
    chunks, size = [], 0
    started = asyncio.get_running_loop().time()
    try:
        async with asyncio.timeout(seconds) as scope:
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                chunks.append(chunk)
                scope.reschedule(started + seconds + size / LEAST_BYTES_PER_SECOND)
    except TimeoutError as exc:
        detail = f"the body did not come within {seconds:g} seconds; nothing was applied"
        raise RequestProblem("request-timeout", detail, headers={"Connection": "close"}) from exc
    return b"".join(chunks)


def _too_large(limit: int) -> RequestProblem:
    detail = f"the body may have at most {limit} bytes"
    return RequestProblem("payload-too-large", detail, headers={"Connection": "close"})


def parse_json(raw: bytes) -> dict[str, Any]:
    """One JSON object. NaN and infinities pass here, to be refused by name with their field and account."""
    try:
        parsed = from_json(raw, allow_inf_nan=True, cache_strings="keys")
    except ValueError as exc:
        # The parser's message says what is wrong and where, by line and column, without the text itself.
        raise invalid([("", f"not valid JSON: {exc}", None)]) from exc
    if not isinstance(parsed, dict):
        raise invalid([("", "must be a JSON object", None)])
    # Every key is followed by a colon: as many colons as keys and texts have, or as many `":` as keys, proves that no
    # key came twice.
    keys, colons = _count_keys(parsed)
    if (b"\\" in raw or raw.count(b":") != keys + colons) and sum(1 for _ in _KEY.finditer(raw)) != keys:
        _refuse_duplicate_keys(raw)
    return parsed


def _count_keys(value: dict[str, Any]) -> tuple[int, int]:
    """The keys of all objects and the colons in their texts, or fewer: lists without objects are passed over."""
    count, colons, pending = 0, 0, [value]
    while pending:
        item = pending.pop()
        count += len(item)
        for child in item.values():
            if type(child) is str:
                colons += child.count(":")
            elif type(child) is dict:
                pending.append(child)
            elif type(child) is list and child and type(child[0]) is dict:
                pending.extend(element for element in child if type(element) is dict)
    return count, colons


def _refuse_duplicate_keys(raw: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> None:
        keys: set[str] = set()
        for key, _ in pairs:
            if key in keys:
                named = f"the key {json.dumps(key)}" if len(key) <= 64 else "a key"
                raise invalid([("", f"{named} appears twice in one object", None)])
            keys.add(key)

    try:
        json.loads(raw, object_pairs_hook=unique)
    except (ValueError, RecursionError) as exc:
        raise invalid([("", "not valid JSON", None)]) from exc
