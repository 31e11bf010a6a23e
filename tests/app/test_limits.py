"""Limits: sizes, times and places, kept under load, and a service that goes on afterwards."""

import json
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.settings import Settings
from tests.app.requests import ALLOCATIONS, COMPARISONS, send
from tests.app.services import SLOW, SMALL, VENUE, to, works
from tests.processes import service

BODY_LIMIT = 4_000_000
BIG = json.dumps(VENUE).encode()


@contextmanager
def serving(**settings: object) -> Iterator[str]:
    """The address of a service of its own with these settings."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(f"ADL_{name.upper()}", str(value))
        with service() as address:
            yield address


@contextmanager
def within(**settings: Any) -> Iterator[TestClient]:
    """The service in this process with these settings."""
    with TestClient(create_app(Settings(**settings))) as client:
        yield client


def refused(answer: Any, status: int, code: str) -> Any:
    problem = answer.json()
    said = (answer.status_code, problem.get("status"), problem.get("code"))
    assert said == (status, status, code), answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    return problem


def connection(address: str) -> socket.socket:
    host, _, port = address.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def head(extra: str) -> bytes:
    return f"POST {ALLOCATIONS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{extra}\r\n\r\n".encode()


def received(stream: socket.socket) -> tuple[int, Any]:
    """Status and JSON of the answer on a connection that the service closes."""
    content = b""
    while block := stream.recv(65_536):
        content += block
    headers, _, body = content.partition(b"\r\n\r\n")
    return int(headers.split()[1]), json.loads(body)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serving(max_body_bytes=BODY_LIMIT) as address:
        yield address


# Sizes --------------------------------------------------------------------------------------------


def test_an_announced_body_over_the_limit_is_refused_before_it_is_sent(address: str) -> None:
    with connection(address) as stream:
        stream.sendall(head("Content-Length: 1000000000000") + b"{")
        status, problem = received(stream)
    assert (status, problem["code"]) == (413, "payload-too-large")
    assert str(BODY_LIMIT) in problem["detail"]
    with to(address) as client:
        assert works(client)


def test_a_client_that_waits_for_100_continue_is_not_asked_for_what_is_too_large(address: str) -> None:
    with connection(address) as stream:
        stream.sendall(head("Content-Length: 1000000000000\r\nExpect: 100-continue"))
        assert received(stream)[0] == 413


def test_a_chunked_body_is_refused_where_it_passes_the_limit(address: str) -> None:
    # Nothing after the byte too many: a service that closes with bytes unread may reset the connection.
    too_long = f"{BODY_LIMIT + 1:x}\r\n".encode() + b" " * (BODY_LIMIT + 1)
    with connection(address) as stream:
        stream.sendall(head("Transfer-Encoding: chunked") + too_long)
        status, problem = received(stream)
    assert (status, problem["code"]) == (413, "payload-too-large")
    with to(address) as client:
        assert works(client)


def test_a_body_of_exactly_the_limit_is_read() -> None:
    content = json.dumps(SMALL).encode()
    with within(max_body_bytes=len(content)) as client:
        assert send(client, ALLOCATIONS, content).status_code == 200
        refused(send(client, ALLOCATIONS, content + b" "), 413, "payload-too-large")
        assert works(client)


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": f"a{i}", "cash": 1, "pnl": 1} for i in range(count)]


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_too_many_accounts_are_refused(columns: bool) -> None:
    def request(count: int) -> dict[str, Any]:
        accounts: Any = rows(count)
        if columns:
            accounts = {name: [row[name] for row in accounts] for name in accounts[0]}
        return SMALL | {"snapshot": {"accounts": accounts}}

    with within(max_accounts=10) as client:
        assert send(client, ALLOCATIONS, request(10)).status_code == 200
        problem = refused(send(client, ALLOCATIONS, request(11)), 413, "payload-too-large")
        assert "10 accounts" in problem["detail"]


@pytest.mark.parametrize(
    "accounts", [[{}] * 11, {"id": [0] * 11, "cash": [[]] * 11, "pnl": [[]] * 11}], ids=["rows", "columns"]
)
def test_too_many_accounts_are_refused_before_each_is_looked_at(accounts: Any) -> None:
    """Else a body of a few bytes an account makes an error, a pointer and a sentence for each of them."""
    with within(max_accounts=10) as client:
        answer = send(client, ALLOCATIONS, SMALL | {"snapshot": {"accounts": accounts}})
        refused(answer, 413, "payload-too-large")


def test_too_many_policies_are_refused() -> None:
    with within(max_policies=3) as client:
        made = {"snapshot": SMALL["snapshot"], "policies": [{"name": "queue"}] * 3}
        assert send(client, COMPARISONS, made).status_code == 200
        made["policies"].append({"name": "queue"})
        refused(send(client, COMPARISONS, made), 413, "payload-too-large")


# Times --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [1e-9, 0.001, 0.02])
def test_a_time_limit_that_passes_is_said_and_the_next_request_works(client: Any, seconds: float) -> None:
    answer = send(client, ALLOCATIONS, VENUE | {"options": {"time_limit": seconds}})
    assert f"{seconds:g} seconds" in refused(answer, 504, "solver-timeout")["detail"]
    assert works(client)


def test_a_small_book_in_no_time_is_a_time_out_too(client: Any) -> None:
    for _ in range(20):
        refused(send(client, ALLOCATIONS, SMALL | {"options": {"time_limit": 1e-9}}), 504, "solver-timeout")
    assert works(client)


def test_a_comparison_is_cut_off_while_it_is_solved(client: Any) -> None:
    made = json.loads(SLOW)
    made["options"]["time_limit"] = 0.3
    started = time.perf_counter()
    refused(send(client, COMPARISONS, made), 504, "solver-timeout")
    assert time.perf_counter() - started < 2
    assert works(client)


def test_no_request_may_ask_for_more_than_the_services_time() -> None:
    with within(time_limit=0.05, solver_threads=1) as client:
        made = json.loads(SLOW)
        made["options"]["time_limit"] = 1e6
        problem = refused(send(client, COMPARISONS, made), 504, "solver-timeout")
        assert "0.05" in problem["detail"]


# Places -------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_too_many_requests_at_once_are_turned_away_and_later_ones_work() -> None:
    with serving(solver_threads=1, max_waiting=0) as address:
        together = threading.Barrier(5)

        def one() -> Any:
            with to(address) as client:
                together.wait()
                return send(client, COMPARISONS, SLOW)

        with ThreadPoolExecutor(5) as threads:
            found = [future.result() for future in [threads.submit(one) for _ in range(5)]]
        turned_away = [answer for answer in found if answer.status_code != 200]
        assert 1 <= len(turned_away) < 5
        for answer in turned_away:
            refused(answer, 503, "overloaded")
            assert int(answer.headers["retry-after"]) >= 1
        with to(address) as client:
            assert works(client)
            assert 'code="overloaded"' in client.get("/metrics").text


def test_the_service_stays_responsive_while_large_books_are_solved(address: str) -> None:
    def one(_: int) -> int:
        with to(address) as client:
            return send(client, ALLOCATIONS, BIG).status_code

    waits = []
    with to(address) as client, ThreadPoolExecutor(4) as threads:
        solving = [threads.submit(one, i) for i in range(8)]
        while not all(future.done() for future in solving):
            started = time.perf_counter()
            assert client.get("/healthz").status_code == 200
            waits.append(time.perf_counter() - started)
            time.sleep(0.02)
    assert [future.result() for future in solving] == [200] * 8
    assert len(waits) >= 5
    assert statistics.median(waits) < 0.25
    assert max(waits) < 2


# Clients that leave -------------------------------------------------------------------------------


def hang_up(address: str, content: bytes) -> None:
    with connection(address) as stream:
        stream.sendall(content)


def settled(client: Any) -> str:
    """The metrics, once nothing but the question for them is in flight."""
    for _ in range(200):
        metrics: str = client.get("/metrics").text
        if "adl_in_flight_requests 1.0" in metrics:
            return metrics
        time.sleep(0.02)
    raise AssertionError(metrics)


def test_a_client_that_hangs_up_does_no_harm(address: str) -> None:
    content = json.dumps(SMALL).encode()
    for sent in (
        head(f"Content-Length: {len(content)}")[:30],
        head(f"Content-Length: {len(content)}"),
        head(f"Content-Length: {len(content)}") + content[:-10],
        head("Transfer-Encoding: chunked") + b"10\r\n{",
        head(f"Content-Length: {len(content)}") + content,
        head(f"Content-Length: {len(BIG)}") + BIG,
        b"\x16\x03\x01\x00\xff",
    ):
        hang_up(address, sent)
    with to(address) as client:
        settled(client)
        assert works(client)


def test_a_client_that_hangs_up_is_not_counted_as_a_failure_of_the_service(address: str) -> None:
    hang_up(address, head("Content-Length: 1000") + b"{")
    with to(address) as client:
        metrics = settled(client)
    assert 'status="500"' not in metrics
    assert 'adl_rejected_requests_total{code="internal-error"} 0.0' in metrics
