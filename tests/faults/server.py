"""A service in a process of its own that is killed and started again on its address, and what is asked of it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

from tests.app.requests import JSON, Body
from tests.processes import ROOT, answers, free_port


class Server:
    """`adl serve` on a port of its own, with these ADL_ settings."""

    def __init__(self, log: Path, workers: int = 1, **settings: object) -> None:
        self.port = free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._workers = workers
        self._environment = (
            os.environ
            | {"ADL_SOLVER_PROCESSES": "2"}
            | {f"ADL_{name.upper()}": f"{value}" for name, value in settings.items()}
        )
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "app.cli", "serve", "--port", f"{self.port}", "--workers", f"{self._workers}"]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + 60
        while not answers(f"{self.address}/healthz"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self._log.read_text())
            time.sleep(0.05)

    def kill(self) -> None:
        """As the kernel or an operator does: no chance to end anything."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def family(self) -> dict[int, str]:
        """The processes that descend from the server's, with their command lines."""
        assert self.process is not None
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except (FileNotFoundError, ProcessLookupError):
                    continue
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return {pid: Path(f"/proc/{pid}/cmdline").read_text() for pid in sorted(found - {self.process.pid})}


@contextmanager
def serving(log: Path, **settings: object) -> Iterator[Server]:
    server = Server(log, **settings)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def client(server: Server, seconds: float = 60) -> Any:
    limits = httpx2.Limits(max_connections=256, max_keepalive_connections=256)
    return httpx2.Client(base_url=server.address, timeout=seconds, limits=limits)


def ask(one: Any, path: str, body: Body, key: str) -> Any:
    """The answer, or None where there was none: the connection broke."""
    try:
        return one.post(path, content=json.dumps(body).encode(), headers=JSON | {"idempotency-key": key})
    except httpx2.TransportError:
        return None


def ask_until_answered(one: Any, path: str, body: Body, key: str, seconds: float = 60) -> Any:
    """As a client does that means it: again after a broken connection, 503 and a conflict that is still under way."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ask(one, path, body, key)
        if answer is not None and not (answer.status_code == 503 or "retry-after" in answer.headers):
            return answer
        time.sleep(0.05 if answer is None else 0.2)
    raise AssertionError(f"{key} was not answered: {answer and answer.text}")
