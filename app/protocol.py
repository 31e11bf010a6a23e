"""HTTP/1.1 of uvicorn, with limits on what a client may keep waiting."""

import asyncio
import socket
from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 10.0
"""From a connection's start, or the first byte of a later request, to the end of that request's headers."""

HEADER_BYTES = 65_536
"""Longest request line and headers; what arrived with their last byte is not counted."""

STALLED_SECONDS = 30.0
"""A connection is dropped when what was sent is neither acknowledged nor, by a full window, taken for so long."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn waits for ever for headers to end, takes any number of them, and keeps an answer nobody reads."""

    header_seconds = HEADER_SECONDS
    header_bytes = HEADER_BYTES
    stalled_seconds = STALLED_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headers_due: TimerHandle | None = None
        self._header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(self.stalled_seconds * 1e3))
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        # uvicorn has just stopped its own timer of an idle connection, whatever the bytes were.
        if self._headers_due is None and self.cycle.response_complete:
            self._await_headers()
        if self._headers_due is not None:
            self._header_bytes += len(data)
            if self._header_bytes > self.header_bytes and not self.transport.is_closing():
                self.send_400_response("The request's headers are too long.")

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._headers_due = self.loop.call_later(self.header_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None
