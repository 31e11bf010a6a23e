"""Many requests at once: small ones a second, large ones by their slowest, and the memory of a long run."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count, cycle
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from app.convert.encode import dump
from app.openapi import answer_to
from app.sample import venue
from bench.timing import Line, line_of

PORT = 8797
CONNECTIONS = 16
SMALL_SECONDS = 4.0
ROUNDS = 5
LARGE_REQUESTS = 120
SOAK_REQUESTS = 24_000

_VENUE = venue()
_LARGE = json.dumps(_VENUE | {"snapshot": _VENUE["snapshot"] | {"venue": "venue 000000"}}).encode()


@contextmanager
def served(factory: str, workers: int) -> Iterator[int]:
    """A server with a store and metrics of its own; its process."""
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "ADL_DATABASE_URL": f"sqlite:///{folder}/adl.db",
            "ADL_RATE_PER_SECOND": "100000",
            "ADL_DRAIN_SECONDS": "0",
        }
        if workers > 1:
            environment["PROMETHEUS_MULTIPROC_DIR"] = folder
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            factory,
            "--port",
            f"{PORT}",
            "--workers",
            f"{workers}",
        ]
        process = subprocess.Popen(
            [*command, "--log-level", "warning", "--no-access-log"], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            time.sleep(12)  # worker processes are warm by then, and take nothing from what is measured
            yield process.pid
        finally:
            process.terminate()
            process.wait(30)


def head(path: str, body: bytes, extra: str = "") -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{extra}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


async def ask(requests: Iterator[bytes], connections: int, until: float, most: int) -> tuple[list[float], set[int]]:
    """The seconds of each request, and the statuses, from as many connections, until the clock says so."""
    seconds: list[float] = []
    statuses: set[int] = set()

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
        while time.monotonic() < until and len(seconds) < most:
            started = time.perf_counter()
            writer.write(next(requests))
            await writer.drain()
            told = await reader.readuntil(b"\r\n\r\n")
            length = int(told.lower().partition(b"content-length: ")[2].partition(b"\r")[0])
            await reader.readexactly(length)
            seconds.append(time.perf_counter() - started)
            statuses.add(int(told[9:12]))
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))
    return seconds, statuses


def small(number: int) -> bytes:
    """A hundred accounts, others for each number."""
    rng = np.random.default_rng(number)
    pnl = rng.normal(5, 20, 100).round(2).tolist()
    columns: dict[str, Any] = {"id": [f"a{i}" for i in range(100)], "cash": [10] * 100, "pnl": pnl}
    shortfall = {"severity": 0.5}
    return json.dumps(
        {"snapshot": {"accounts": columns}, "shortfall": shortfall, "policy": {"name": "capped-pro-rata"}}
    ).encode()


def large(number: int) -> bytes:
    """The sample venue with all its columns, under another name for each number."""
    return _LARGE.replace(b'"venue 000000"', b'"venue %06d"' % number)


def answer_bytes(body: bytes) -> int:
    """The size of the service's answer to such a body."""
    return len(dump(answer_to("/v1/allocations", body)))


def against_a_bare_app() -> Iterator[Line]:
    """Small snapshots a second, with and without the store, and 20 thousand accounts by p50 and p99."""
    little = [small(number) for number in range(2_000)]
    sizes = {"small": answer_bytes(little[0]), "large": answer_bytes(large(0))}
    for workers in (1, 2):
        found: dict[str, dict[str, list[float]]] = {}
        for factory in ("app.main:create_app", "bench.bare:without_store", "bench.bare:create"):
            bare = factory == "bench.bare:create"
            paths = {name: f"/{size}" if bare else "/v1/allocations" for name, size in sizes.items()}
            with served(factory, workers):
                found[factory] = _measured([head(paths["small"], body) for body in little], paths["large"])
        theirs = found.pop("bench.bare:create")
        for factory, ours in found.items():
            store = "with the store" if factory.startswith("app") else "without the store"
            for what, size, name in (
                ("small", 100, "a small POST, mean"),
                ("p50", 20_000, "POST, p50"),
                ("p99", 20_000, "POST, p99"),
            ):
                yield line_of(
                    f"{name}, {store}, {workers} workers",
                    size,
                    "allocation",
                    "bare app",
                    list(zip(ours[what], theirs[what], strict=True)),
                    at_most=None,
                    note=_rates(ours["small"], theirs["small"]) if what == "small" else "the same bytes in and out",
                )


def _rates(ours: Sequence[float], theirs: Sequence[float]) -> str:
    return f"{1 / median(ours):,.0f} a second against {1 / median(theirs):,.0f}, {CONNECTIONS} connections"


def _measured(little: Sequence[bytes], path: str) -> dict[str, list[float]]:
    """Seconds of a small request, all connections together, and p50 and p99 of large ones, two at once."""
    found: dict[str, list[float]] = {"small": [], "p50": [], "p99": []}
    endless = cycle(little)
    asyncio.run(_checked(endless, CONNECTIONS, 2.0))
    for _ in range(ROUNDS):
        took = asyncio.run(_checked(endless, CONNECTIONS, SMALL_SECONDS))
        found["small"].append(SMALL_SECONDS / len(took))
    took = asyncio.run(_checked((head(path, large(i)) for i in count()), 2, 600, LARGE_REQUESTS))
    found["p50"].append(float(np.quantile(took, 0.5)))
    found["p99"].append(float(np.quantile(took, 0.99)))
    return found


async def _checked(requests: Iterator[bytes], connections: int, seconds: float, most: int = 10**9) -> list[float]:
    took, statuses = await ask(requests, connections, time.monotonic() + seconds, most)
    if statuses != {200}:
        raise RuntimeError(f"answers had the statuses {statuses}")
    return took


def soak() -> str:
    """Memory of the service and its worker processes over a long run of all kinds of requests."""
    heavy = json.loads(small(0)) | {"policy": {"name": "cvar"}, "options": {"shock": {"law": "two-point", "size": 0.2}}}
    kinds = [
        head("/v1/allocations", small(1)),
        head("/v1/allocations", b'{"snapshot": {"accounts": []}}'),
        head("/v1/comparisons", json.dumps(_two_policies()).encode()),
        head("/v1/allocations", json.dumps(heavy).encode()),
    ]

    def requests() -> Iterator[bytes]:
        for number in count():
            yield (
                kinds[number // 50 % len(kinds)] if number % 50 == 0 else head("/v1/allocations", small(number % 5_000))
            )

    memory: list[float] = []
    with served("app.main:create_app", 1) as pid:
        endless = requests()
        for _ in range(6):
            asyncio.run(ask(endless, CONNECTIONS, time.monotonic() + 3_600, SOAK_REQUESTS // 6))
            memory.append(_megabytes(pid))
    told = ", ".join(f"{megabytes:.0f}" for megabytes in memory)
    fact = f"A soak of {SOAK_REQUESTS:,} requests of all kinds: memory of all processes after each sixth, MB: {told}."
    print(fact, flush=True)
    return fact


def _two_policies() -> dict[str, Any]:
    request: dict[str, Any] = json.loads(small(2))
    del request["policy"]
    return request | {"policies": [{"name": "queue"}, {"name": "pro-rata"}], "options": {"detail": "summary"}}


def _megabytes(pid: int) -> float:
    """Proportional memory of a process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and (stat := _text(entry / "stat")):
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    family = {pid}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    lines = [line for one in family for line in _text(Path(f"/proc/{one}/smaps_rollup")).splitlines()]
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1e3


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
