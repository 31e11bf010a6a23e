"""What the server bounds for each connection: headers that do not end, and answers that nobody reads."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.app.services import to, works
from tests.serving import Served, serving

HEADER_SECONDS = 1.0
STALLED_SECONDS = 1.0
SHORT = f"""
import sys
from uvicorn import Server
from app.cli.serve import configure
from app.protocol import BoundedProtocol
from app.settings import load

class Short(BoundedProtocol):
    header_seconds = {HEADER_SECONDS}
    stalled_seconds = {STALLED_SECONDS}

config = configure(load(), 1)
config.http, config.port, config.timeout_keep_alive = Short, int(sys.argv[2]), 30
Server(config).run()
"""
"""The service with shorter times; uvicorn's own of an idle connection is out of the way."""

GET = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n"


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("short"), command=(sys.executable, "-c", SHORT)) as served:
        yield served


def connected(served: Served) -> socket.socket:
    return socket.create_connection(("127.0.0.1", served.port), timeout=30)


def seconds_until_closed(connection: socket.socket) -> float:
    """What is answered before that is read away."""
    began = time.monotonic()
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - began


def loris(served: Served, count: int) -> float:
    """Begin that many requests which never end; meanwhile a good client is answered, and then they are closed."""
    with ExitStack() as stack:
        began = time.monotonic()
        connections = [stack.enter_context(closing(connected(served))) for _ in range(count)]
        for connection in connections:
            connection.sendall(b"POST /v1/allocations HTTP/1.1\r\nhost: localhost\r\nx-slow: ")
        with to(served.address) as client:
            assert works(client)
        for connection in connections:
            connection.settimeout(30)
            assert connection.recv(1) == b""
        return time.monotonic() - began


@pytest.mark.slow
def test_connections_whose_headers_do_not_end_keep_nobody_else_and_are_closed(short: Served) -> None:
    seconds = loris(short, 300)
    assert seconds >= HEADER_SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"", b"G", b"\r\n"], ids=["nothing", "a byte", "an empty line"])
def test_a_connection_that_sends_no_whole_request_is_closed(short: Served, sent: bytes) -> None:
    with connected(short) as connection:
        connection.sendall(sent)
        assert HEADER_SECONDS * 0.9 < seconds_until_closed(connection) < HEADER_SECONDS + 5


def test_a_byte_now_and_then_does_not_keep_a_connection(short: Served) -> None:
    with connected(short) as connection:
        connection.settimeout(0.2)
        connection.sendall(GET[:-2] + b"x-slow: ")
        began = time.monotonic()
        closed = False
        while not closed:
            assert time.monotonic() - began < HEADER_SECONDS + 5
            try:
                connection.sendall(b"x")
                closed = connection.recv(1) == b""
            except TimeoutError:
                pass
            except ConnectionError:
                closed = True
    assert time.monotonic() - began > HEADER_SECONDS * 0.9


@pytest.mark.slow
@pytest.mark.parametrize("sent", [b"G", b"\r\n"], ids=["a byte", "an empty line"])
def test_a_later_request_of_a_connection_that_does_not_end_is_closed(short: Served, sent: bytes) -> None:
    with connected(short) as connection:
        for _ in range(2):
            connection.sendall(GET)
            answer = connection.recv(65_536)
            while not answer.endswith(b'{"status":"ok"}'):
                answer += connection.recv(65_536)
            time.sleep(HEADER_SECONDS * 1.2)  # an idle connection is no matter of this
        connection.sendall(sent)
        assert HEADER_SECONDS * 0.9 < seconds_until_closed(connection) < HEADER_SECONDS + 5


@pytest.mark.slow
def test_a_body_may_take_longer_than_headers(short: Served) -> None:
    body = json.dumps({"snapshot": {"accounts": []}}).encode()
    head = (
        b"POST /v1/allocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    )
    with connected(short) as connection:
        connection.sendall(head + body[:5])
        time.sleep(HEADER_SECONDS * 1.5)
        connection.sendall(body[5:])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 422 ")


def test_headers_without_end_are_refused(short: Served) -> None:
    with connected(short) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n" + b"x-long: " + b"x" * 70_000)
        answer = connection.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert answer.endswith(b"The request's headers are too long.")
        assert seconds_until_closed(connection) < 1


def test_headers_of_a_usual_length_are_not(short: Served) -> None:
    with connected(short) as connection:
        connection.sendall(GET[:-2] + b"x-long: " + b"x" * 30_000 + b"\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")


def unread(served: Served, seconds: float) -> tuple[int, int]:
    """Ask for much, wait that long, then read: how many bytes came, and how many were to come."""
    accounts = {"id": [f"account-{number}" for number in range(40_000)], "cash": [1] * 40_000, "pnl": [2] * 40_000}
    body = json.dumps(
        {"snapshot": {"accounts": accounts}, "shortfall": {"deficit": 10}, "policy": {"name": "capped-pro-rata"}}
    ).encode()
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)  # so that the kernels hold little of it
    connection.settimeout(30)
    with connection:
        connection.connect(("127.0.0.1", served.port))
        connection.sendall(
            b"POST /v1/allocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%s" % (len(body), body)
        )
        connection.recv(1, socket.MSG_PEEK)
        time.sleep(seconds)
        data = b""
        try:
            while chunk := connection.recv(65_536):
                data += chunk
                head, _, rest = data.partition(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                if len(rest) == length:
                    break
        except ConnectionResetError:
            pass
        head, _, rest = data.partition(b"\r\n\r\n")
        return len(rest), length


@pytest.mark.slow
def test_a_client_that_does_not_read_its_answer_is_dropped(short: Served) -> None:
    came, length = unread(short, STALLED_SECONDS + 3)
    assert length > 2_000_000
    assert came < length


def test_a_client_that_reads_late_gets_its_whole_answer(short: Served) -> None:
    came, length = unread(short, STALLED_SECONDS / 4)
    assert came == length


@pytest.mark.slow
def test_the_service_itself_closes_and_drops_them_too(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        seconds = loris(served, 300)
        assert 9 < seconds < 20
        came, length = unread(served, 40)
        assert came < length
