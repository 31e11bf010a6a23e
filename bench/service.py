"""Whole requests over loopback, against an echo of the same bytes by the same server process; and its memory."""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from statistics import median
from typing import Any

from app.body import parse_json
from app.convert.answers import allocation_answer
from app.convert.diagnostics import diagnostics
from app.convert.encode import dump
from app.convert.requests import allocation_of
from app.sample import venue
from app.settings import Settings, load
from bench.books import columns
from bench.timing import Line, compare, peak_gigabytes
from solvers.solve import solve

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
    book, lean = _books()
    with served(8791) as (connection, _):
        for what, request in (("thirteen columns", book), ("four columns", lean)):
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


def _books() -> tuple[dict[str, Any], dict[str, Any]]:
    """The same request with all columns of the sample, and with those it needs."""
    book: dict[str, Any] = venue(accounts=20_000) | {"policy": {"name": "capped-pro-rata"}}
    accounts = book["snapshot"]["accounts"]
    return book, {**book, "snapshot": {**book["snapshot"], "accounts": {name: accounts[name] for name in LEAN}}}


def stages_of_a_request() -> Iterator[str]:
    """Where the time of those requests goes within the process: medians of each stage, one run after another."""
    settings = load()
    for what, request in zip(("thirteen", "four"), _books(), strict=True):
        body = json.dumps(request).encode()
        runs = [_stages(body, settings) for _ in range(25)]
        told = ", ".join(f"{stage} {median(run[stage] for run in runs) * 1e3:.1f}" for stage in runs[0])
        fact = f"A POST of 20,000 accounts in {what} columns, within the process, medians in ms: {told}."
        print(fact, flush=True)
        yield fact


def _stages(body: bytes, settings: Settings) -> dict[str, float]:
    """Seconds each stage took of one request."""
    marks = [time.perf_counter()]
    parsed = parse_json(body)
    marks.append(time.perf_counter())
    asked, chosen = allocation_of(parsed, settings)
    marks.append(time.perf_counter())
    solution = solve(asked.problem, chosen.policy, chosen.parameters)
    marks.append(time.perf_counter())
    diagnostics(solution.problem, solution.allocation.seized_units)
    marks.append(time.perf_counter())
    answer = allocation_answer(asked, chosen, solution)
    marks.append(time.perf_counter())
    dump(answer)
    marks.append(time.perf_counter())
    json_alone, read, solved, diagnosed, answered, dumped = (b - a for a, b in pairwise(marks))
    return {
        "JSON to Python": json_alone,
        "checks, units and digest": read,
        "solve, verify and certify": solved,
        "diagnostics": diagnosed,
        "accounts as JSON": answered - diagnosed,
        "the rest of the answer as JSON": dumped,
    }


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
        gigabytes = peak_gigabytes(pid)
    sizes = f"{len(body) / 1e6:.0f} MB in, {len(answer) / 1e6:.0f} MB out"
    fact = (
        f"One POST of a million accounts in four columns: {sizes}, {seconds:.1f} s, peak memory of the server "
        f"{gigabytes:.2f} GB (wanted 1.5)."
    )
    print(fact, flush=True)
    return fact
