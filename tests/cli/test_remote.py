"""`--url`: a server's answers, refusals and silence have the same output and exit codes as work done here."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.access import issue
from app.cli.remote import key_of
from app.store import Store
from tests.cli.commands import FIVE, adl, example, refused, served
from tests.processes import free_port
from tests.serving import serving

pytestmark = pytest.mark.slow

Reply = tuple[int, dict[str, str], bytes]
"""Status, headers, body."""


@contextmanager
def stranger(
    *replies: tuple[int, dict[str, str], bytes],
) -> Iterator[tuple[str, list[tuple[str, dict[str, str], bytes]]]]:
    """A server that gives these replies, one after another, and what it was sent: path, headers, body."""
    left, seen = list(replies), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, dict(self.headers), body))
            status, headers, told = left.pop(0)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(told)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def problem(code: str, status: int, detail: str = "later") -> Reply:
    return status, {}, json.dumps({"code": code, "detail": detail}).encode()


@pytest.mark.slow
def test_a_real_server_gives_the_same_bytes_lines_and_exit_codes_in_every_command(tmp_path: Path) -> None:
    table = tmp_path / "book.csv"
    table.write_text("id,cash,pnl\nann,2,8\nbob,1,x\n")
    commands: list[list[Any]] = [
        ["allocate", FIVE],
        ["allocate", FIVE, "--policy", "queue:score=pnl", "--format", "csv"],
        ["allocate", FIVE, "--format", "table"],
        ["allocate", FIVE, "--severity", "1"],
        ["allocate", FIVE, "--policy", "robin-hood"],
        ["allocate", table],
        ["compare", FIVE, "--policy", "pro-rata", "--policy", "queue"],
        ["close", FIVE.with_name("closures.json")],
        ["verify", FIVE.with_name("closures-verification.json"), "--format", "csv"],
        ["frontier", FIVE.with_name("frontier.json")],
    ]
    with serving(tmp_path) as service:
        for words in commands:
            assert adl(*words, "--url", service.address) == adl(*words)
    with serving(tmp_path, ADL_REQUIRE_KEYS="true") as service:
        key, text = issue("desk", ["solve"], datetime.now(UTC))
        with closing(Store.open(f"sqlite:///{tmp_path / 'adl.db'}")) as store:
            store.add_key(key)
        line = refused(adl("allocate", FIVE, "--url", service.address))
        assert line.endswith("give it with --key or in ADL_KEY")
        wanted = served("/v1/allocations", example("five-accounts"))
        assert adl("allocate", FIVE, "--url", service.address, "--key", text).out == wanted
        assert adl("allocate", FIVE, "--url", service.address, env={"ADL_KEY": text}).out == wanted


def test_a_busy_server_is_asked_again_when_it_says_with_the_same_key() -> None:
    wanted = served("/v1/allocations", example("five-accounts"))
    busy = (503, {"Retry-After": "0"}, problem("overloaded", 503)[2])
    with stranger(busy, (429, {"Retry-After": "0"}, busy[2]), (200, {}, wanted)) as (address, seen):
        done = adl("allocate", FIVE, "--url", f"{address}/adl/", "--key", "adl_x")
    assert (done.code, done.out, done.err) == (0, wanted, "")
    assert len(seen) == 3
    (path, headers, body), *again = seen
    assert again == [seen[0]] * 2
    assert (path, body) == ("/adl/v1/allocations", FIVE.read_bytes())
    assert headers["Idempotency-Key"] == key_of("/v1/allocations", body)
    assert headers["Authorization"] == "Bearer adl_x"
    assert headers["Content-Type"] == "application/json"
    assert key_of("/v1/comparisons", body) != key_of("/v1/allocations", body) != key_of("/v1/allocations", body + b" ")


def test_a_server_that_stays_busy_is_given_up_with_3() -> None:
    busy = (503, {"Retry-After": "0"}, problem("overloaded", 503, "too many requests are waiting")[2])
    with stranger(*[busy] * 5) as (address, seen):
        assert refused(adl("allocate", FIVE, "--url", address), 3) == "too many requests are waiting"
    assert len(seen) == 5


def test_a_server_that_does_not_say_when_is_not_asked_again() -> None:
    with stranger(problem("store-unavailable", 503)) as (address, seen):
        assert refused(adl("allocate", FIVE, "--url", address), 3) == "later"
    assert len(seen) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reply", "code", "line"),
    [
        (
            problem("solver-failed", 500, "the solver's process died; nothing was applied"),
            4,
            "the solver's process died",
        ),
        (problem("idempotency-conflict", 409), 1, "later"),
        ((502, {}, b"<html>"), 4, "the server answered 502 and no problem document: --url must be this service's"),
        ((302, {"Location": "http://127.0.0.1:1"}, b""), 4, "the server answered 302 and no problem document"),
        ((200, {}, b"hello"), 4, "the server's answer is none of this service: --url must be its address"),
    ],
    ids=["failed", "conflict", "a gateway", "a redirection", "another service"],
)
def test_what_a_server_says_instead_of_an_answer_is_told(reply: Reply, code: int, line: str) -> None:
    with stranger(reply) as (address, _):
        assert refused(adl("allocate", FIVE, "--url", address, "--format", "table"), code).startswith(line)


def test_where_nobody_listens_the_exit_code_is_3() -> None:
    line = refused(adl("allocate", FIVE, "--url", f"http://127.0.0.1:{free_port()}", "--key", "adl_secret"), 3)
    assert line.startswith("no answer from 127.0.0.1: Connection refused; is `adl serve` running there?")
    assert "secret" not in line
