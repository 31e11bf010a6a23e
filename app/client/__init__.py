"""A client of the service, in the same words for threads and for async.

>>> with Client("http://127.0.0.1:8000") as client:
...     answer = client.allocate(accounts=rows, policy={"name": "capped-pro-rata"})
...     answer.data["budget"]
'7.500000'

It imports nothing of the service itself. docs/python.md has the rest.
"""

try:
    import httpx2 as _httpx2  # noqa: F401
except ModuleNotFoundError as exc:
    raise ImportError("app.client needs httpx2: pip install 'adl-service[client]'") from exc

from app.client.answer import Answer
from app.client.asynchronous import AsyncClient
from app.client.errors import (
    AdlError,
    Conflict,
    ConnectionFailed,
    InfeasibleBudget,
    InvalidRequest,
    NotFound,
    NotInTime,
    Overloaded,
    RequestRefused,
    ServiceFailed,
    TimedOut,
    Unauthorized,
    Unavailable,
    UnexpectedAnswer,
)
from app.client.frames import decimals, frame
from app.client.sync import Client

__all__ = [
    "AdlError",
    "Answer",
    "AsyncClient",
    "Client",
    "Conflict",
    "ConnectionFailed",
    "InfeasibleBudget",
    "InvalidRequest",
    "NotFound",
    "NotInTime",
    "Overloaded",
    "RequestRefused",
    "ServiceFailed",
    "TimedOut",
    "Unauthorized",
    "Unavailable",
    "UnexpectedAnswer",
    "decimals",
    "frame",
]
