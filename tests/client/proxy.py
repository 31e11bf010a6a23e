"""A proxy on loopback that breaks what it is told to break, for real: on sockets."""

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

Fault = str | bytes | Callable[[], None]
"""What happens to one connection: bytes are sent instead of an answer, a function is called when the request is with
the service, which then is not waited for; the names are below.
"""

NOTHING_SENT = ("closed", "half-request")
"""The service does not get the request: the connection is closed at once, or after the headers."""
NOTHING_BACK = ("left", "unanswered", "half-headers", "half-body")
"""It does: nobody waits for the answer, or it comes, and is not passed on, or not whole."""
SLOW = ("silent", "dripping")
"""Nothing comes back, or a byte at a time."""


@dataclass(frozen=True)
class Seen:
    """One request, as it came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Proxy:
    """Passes requests on to `upstream`, one a connection; each of `faults` happens to one connection, in order."""

    def __init__(self, upstream: str, port: int = 0) -> None:
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", port))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.faults: deque[Fault] = deque()
        self.seen: list[Seen] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None) -> None:
        self._ended.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                fault = self.faults.popleft() if self.faults else None
                thread = threading.Thread(target=self._serve, args=(connection, fault))
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket, fault: Fault | None) -> None:
        connection.settimeout(60)
        with connection, suppress(OSError):
            if fault == "closed":
                return
            head, rest = _until(connection, b"\r\n\r\n")
            request = _seen(head)
            if fault == "half-request":
                return
            length = int(request.headers.get("content-length", "0"))
            while len(rest) < length:
                rest += connection.recv(65536)
            self.seen.append(Seen(request.method, request.target, request.headers, rest))
            if isinstance(fault, bytes):
                connection.sendall(fault)
            elif fault == "silent":
                self._ended.wait()
            else:
                self._pass_on(connection, head, rest, fault)

    def _pass_on(self, connection: socket.socket, head: bytes, body: bytes, fault: Fault | None) -> None:
        with socket.create_connection(self._upstream, timeout=60) as upstream:
            upstream.sendall(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + body)
            if callable(fault):
                fault()
            if callable(fault) or fault == "left":
                return
            answer = b""
            while piece := upstream.recv(65536):
                answer += piece
        if fault == "dripping":
            for place in range(len(answer)):
                if self._ended.wait(0.02):
                    return
                connection.sendall(answer[place : place + 1] if place else answer[: answer.index(b"\r\n\r\n") + 4])
        headers = answer.index(b"\r\n\r\n") + 4
        ends = {"unanswered": 0, "half-headers": headers // 2, "half-body": (headers + len(answer)) // 2}
        connection.sendall(answer[: ends[fault]] if fault in ends else answer)


def _until(connection: socket.socket, mark: bytes) -> tuple[bytes, bytes]:
    read = b""
    while mark not in read:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError
        read += piece
    end = read.index(mark) + len(mark)
    return read[:end], read[end:]


def _seen(head: bytes) -> Seen:
    first, *lines = head.decode().rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines)
    return Seen(method, target, {name.lower(): value for name, value in pairs}, b"")


def wait_for(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not come to that")
        time.sleep(0.01)
