"""Whole requests over loopback, against an echo of the same bytes by the same server process; and its memory."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.sample import venue
from bench.books import columns
from bench.timing import Line, compare

HEADERS = {"Content-Type": "application/json"}
LEAN = ("id", "cash", "pnl", "notional")


@contextmanager
def served(port: int, **settings: str) -> Iterator[tuple[http.client.HTTPConnection, int]]:
    """A server process of its own, and a connection to it."""
    command = [sys.executable, "-m", "uvicorn", "--factory", "bench.echo:create", "--port", str(port)]
    process = subprocess.Popen([*command, "--log-level", "warning", "--no-access-log"], env={**os.environ, **settings})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        for _ in range(100):
            try:
                connection.request("GET", "/healthz")
                connection.getresponse().read()
                break
            except ConnectionRefusedError:
                connection.close()
                time.sleep(0.1)
        yield connection, process.pid
    finally:
        process.terminate()
        process.wait(30)


def post(connection: http.client.HTTPConnection, path: str, body: bytes) -> bytes:
    connection.request("POST", path, body, HEADERS)
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise RuntimeError(answer[:300].decode())
    return answer


def requests_against_an_echo() -> Iterator[Line]:
    """20 thousand accounts as columns, the full answer as columns: all columns of the sample, and the four needed."""
    book: dict[str, Any] = venue(accounts=20_000) | {"policy": {"name": "capped-pro-rata"}}
    accounts = book["snapshot"]["accounts"]
    lean = {**book, "snapshot": {**book["snapshot"], "accounts": {name: accounts[name] for name in LEAN}}}
    with served(8791) as (connection, _):
        for what, request in (("all columns", book), ("four columns", lean)):
            body = json.dumps(request).encode()
            answer = post(connection, "/v1/allocations", body)
            larger = max(body, answer, key=len)
            yield compare(
                f"POST, {what}",
                20_000,
                ("allocation", lambda body=body: post(connection, "/v1/allocations", body)),
                ("echo", lambda larger=larger: post(connection, "/echo", larger)),
                repetitions=25,
                at_most=8,
                note=f"{len(body) / 1e6:.1f} MB in, {len(answer) / 1e6:.1f} MB out; the echo: the larger both ways",
            )


def memory_of_a_million() -> str:
    """Peak resident memory of the server process after one request of a million accounts, and its time."""
    n = 1_000_000
    book = columns(n)
    accounts = {
        "id": [f"a{i:07}" for i in range(n)],
        "cash": book.r.round(2).tolist(),
        "pnl": book.w.round(2).tolist(),
        "notional": (book.w * book.r).round(2).tolist(),
    }
    request = {"snapshot": {"accounts": accounts}, "shortfall": {"deficit": round(float(book.w.sum()) * 0.02, 2)}}
    body = json.dumps(request | {"policy": {"name": "capped-pro-rata"}}).encode()
    with served(8792, ADL_MAX_BODY_BYTES=str(2**28)) as (connection, pid):
        started = time.perf_counter()
        answer = post(connection, "/v1/allocations", body)
        seconds = time.perf_counter() - started
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    gigabytes = int(peak[1]) / 1e6 if peak else float("nan")
    sizes = f"{len(body) / 1e6:.0f} MB in, {len(answer) / 1e6:.0f} MB out"
    fact = (
        f"One POST of a million accounts in four columns: {sizes}, {seconds:.1f} s, peak memory of the server "
        f"{gigabytes:.2f} GB (wanted 1.5)."
    )
    print(fact, flush=True)
    return fact
