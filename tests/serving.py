"""`adl serve` as a process of its own: its address, what it wrote, and that nothing of it is left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.processes import ROOT, answers, free_port

ADL = (sys.executable, "-m", "app.cli")


@dataclass(frozen=True)
class Served:
    """A running service; `process` leads a group of its own."""

    port: int
    process: subprocess.Popen[str]
    out: Path
    err: Path

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[dict[str, Any]]:
        """The log; every line of it is a JSON object."""
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def end(self, number: signal.Signals = signal.SIGTERM, *, within: float = 20) -> int:
        """Tell the whole group to end, as a terminal does; the exit code once all of it is gone."""
        os.killpg(self.process.pid, number)
        code = self.process.wait(timeout=within)
        wait_for(lambda: group(self.process.pid) == [], seconds=5)
        return code


def group(leader: int) -> list[int]:
    """The processes of a group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, process_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(process_group) == leader and state != "Z":
                found.append(int(stat.parent.name))
    return found


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Of this process, with a store in `folder`, nothing that is slow to start or end, and these settings."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("ADL_", "OTEL_", "PROMETHEUS_"))}
    store = {"ADL_DATABASE_URL": f"sqlite:///{folder / 'adl.db'}"}
    return own | store | {"ADL_SOLVER_PROCESSES": "0", "ADL_DRAIN_SECONDS": "0"} | settings


@contextmanager
def serving(folder: Path, *options: str, command: Sequence[str] = (*ADL, "serve"), **settings: str) -> Iterator[Served]:
    """A service that answers; ended when the block does, and killed with all its processes where that fails."""
    port = free_port()
    out, err = folder / "out", folder / "err"
    with out.open("w") as stdout, err.open("w") as stderr:
        process = subprocess.Popen(
            [*command, "--port", f"{port}", *options],
            cwd=ROOT,
            env=environment(folder, **settings),
            stdout=stdout,
            stderr=stderr,
            text=True,
            start_new_session=True,
        )
    served = Served(port, process, out, err)
    try:
        wait_for(lambda: answers(f"{served.address}/healthz") or process.poll() is not None, seconds=60)
        assert process.poll() is None, out.read_text() + err.read_text()
        yield served
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(condition: Any, *, seconds: float = 15) -> None:
    """Until it holds; fails when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
