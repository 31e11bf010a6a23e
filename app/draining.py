"""How a process ends: it says that it will, and goes on answering for a while, so that a balancer looks elsewhere."""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from types import FrameType
from typing import Any


@contextmanager
def draining(begin: Callable[[], object], seconds: float) -> Iterator[None]:
    """SIGTERM calls `begin` at once, and the server's own handler so many seconds later; a second one at once.

    Where there is no such handler, as within another program, signals are left alone. To be entered on the loop.
    """
    server: Any = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(server):
        yield
        return
    loop = asyncio.get_running_loop()
    begun = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal begun
        begin()
        if begun or seconds == 0:
            server(number, frame)
            return
        begun = True
        loop.call_soon_threadsafe(loop.call_later, seconds, server, number, None)

    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, server)


def end_with_parent() -> None:
    """A worker whose supervisor was killed ends as if it had been told to: it would keep the address from the next."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    sentinel = parent.sentinel

    def end() -> None:
        wait([sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, name="parent watch", daemon=True).start()
