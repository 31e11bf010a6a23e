"""A request to a server instead: the same answer, or the problem in its way."""

import hashlib
import http.client
import json
import re
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import typer

from app.cli.failures import FAILED, UNANSWERED, Failure

MOST_ATTEMPTS = 5
LONGEST_WAIT = 30.0
"""Seconds between two attempts, whatever the server says."""

_CONNECT_SECONDS, _ANSWER_SECONDS = 10.0, 600.0
_AGAIN = (429, 503)


@dataclass(frozen=True)
class Server:
    """Where to ask, and with which key."""

    url: str
    key: str | None = None

    def __post_init__(self) -> None:
        """Raises typer.BadParameter."""
        try:
            parts = urlsplit(self.url)
            sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            sound = False
        if not sound or not re.fullmatch(r"[!-~]+", self.url):
            raise typer.BadParameter("must be an address like http://127.0.0.1:8000", param_hint="--url")
        if self.key is not None and not re.fullmatch(r"[!-~]+", self.key):
            raise typer.BadParameter("must be the text that `adl keys create` told", param_hint="--key")


class Refused(Exception):
    """The server's problem document."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__(document)
        self.document = document


def ask(server: Server, path: str, body: bytes) -> bytes:
    """The answer's bytes. Raises Refused, and Failure where there is no answer of this service.

    A server that is busy is asked again when it says, with the same Idempotency-Key: it solves once.
    """
    headers = {"Content-Type": "application/json", "Idempotency-Key": key_of(path, body)}
    if server.key is not None:
        headers["Authorization"] = f"Bearer {server.key}"
    for attempt in range(1, MOST_ATTEMPTS + 1):
        status, wait, told = _post(urlsplit(server.url), path, body, headers)
        if status not in _AGAIN or wait is None or attempt == MOST_ATTEMPTS:
            break
        time.sleep(min(wait, LONGEST_WAIT))
    if status == http.client.OK:
        return told
    raise Refused(_problem(status, told))


def key_of(path: str, body: bytes) -> str:
    """The same request has the same key, whoever sends it again."""
    return hashlib.sha256(path.encode() + b"\n" + body).hexdigest()


def _post(address: SplitResult, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, float | None, bytes]:
    """Status, seconds to wait before the next attempt where the server says so, and the body."""
    host = str(address.hostname)
    connection = (
        http.client.HTTPSConnection(host, address.port, timeout=_CONNECT_SECONDS, context=ssl.create_default_context())
        if address.scheme == "https"
        else http.client.HTTPConnection(host, address.port, timeout=_CONNECT_SECONDS)
    )
    try:
        connection.connect()
        connection.sock.settimeout(_ANSWER_SECONDS)
        connection.request("POST", address.path.rstrip("/") + path, body, headers)
        response = connection.getresponse()
        wait = response.headers.get("Retry-After", "")
        return response.status, float(wait) if wait.isdecimal() else None, response.read()
    except (OSError, http.client.HTTPException) as exc:
        why = getattr(exc, "strerror", None) or type(exc).__name__
        raise Failure(
            UNANSWERED, f"no answer from {host}: {why}; is `adl serve` running there? Without --url none is needed"
        ) from exc
    finally:
        connection.close()


def _problem(status: int, told: bytes) -> dict[str, Any]:
    try:
        document = json.loads(told)
    except ValueError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("code"), str):
        return document
    raise Failure(FAILED, f"the server answered {status} and no problem document: --url must be this service's address")
