"""The Idempotency-Key of a request, and what makes two requests the same."""

import hashlib
import re

from starlette.requests import Request

from app.problems import RequestProblem
from app.store import Kind

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def key_of(request: Request) -> str | None:
    """The key, or None without one. Raises RequestProblem."""
    keys = request.headers.getlist("idempotency-key")
    if not keys:
        return None
    if len(keys) > 1 or not _KEY.fullmatch(keys[0]):
        raise RequestProblem("invalid-request", "Idempotency-Key must be one text of 1 to 255 visible ASCII characters")
    return keys[0]


def digest_of(kind: Kind, body: bytes) -> str:
    """Of the operation and the body's bytes: the same key with another digest is a conflict."""
    return hashlib.sha256(kind.encode() + b"\n" + body).hexdigest()
