"""The log: one JSON line an event and a request, and never what a client sent."""

import io
import json
import logging
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from app import logs
from app.metrics import Metrics
from app.middleware import Observe
from tests.app.requests import ALLOCATIONS, request
from tests.processes import ROOT
from tests.serving import serving

LINE = """
import logging.config
from app.logs import config
logging.config.dictConfig(config())
logging.getLogger("adl").info("spoken", extra={"seconds": 1.5})
"""


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the logger `adl` writes by our formatter."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter())
    logger = logging.getLogger("adl")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_served_request_is_one_line_without_its_path_body_or_key(tmp_path: Path) -> None:
    rows = [{"id": "account-7f3a", "cash": 2, "pnl": 8}]
    with serving(tmp_path) as served:
        with httpx2.Client(base_url=served.address) as client:
            client.get("/v1/allocations/path-7f3a?query-7f3a", headers={"x-request-id": "first"})
            client.post(ALLOCATIONS, json=request(rows), headers={"x-request-id": "second"})
            client.post(ALLOCATIONS, json={"field-7f3a": 1}, headers={"x-request-id": "third"})
            key = "adl_" + "7f3a" * 3 + "_" + "7f3a" * 16
            client.post(ALLOCATIONS, json={}, headers={"authorization": f"Bearer {key}", "x-request-id": "fourth"})
            client.get("/healthz", headers={"x-request-id": "fifth"})
            client.get("/metrics", headers={"x-request-id": "sixth"})
        served.end()
        told = {line["request_id"]: line for line in served.lines() if line["event"] == "request"}
        assert "7f3a" not in served.out.read_text() + served.err.read_text()
    assert list(told) == ["first", "second", "third", "fourth"]
    for line in told.values():
        assert line["level"] == "info"
        assert line["logger"] == "adl"
        assert datetime.fromisoformat(line["timestamp"]).utcoffset() is not None
        assert 0 < line["seconds"] < 10
        assert line["caller"] == ""
    assert (told["second"]["method"], told["second"]["route"]) == ("POST", "/v1/allocations")
    assert told["first"]["status"] == 404
    assert told["third"]["status"] == 422


def test_health_checks_and_scrapes_are_told_only_for_debugging(written: io.StringIO, client: Any) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/v1/policies"):
        client.get(path)
    levels = {line["route"]: line["level"] for line in lines(written) if line["event"] == "request"}
    assert levels == {"/healthz": "debug", "/readyz": "debug", "/metrics": "debug", "/v1/policies": "info"}


def test_a_line_tells_caller_and_code_that_others_left_in_the_scope(written: io.StringIO) -> None:
    async def app(scope: Any, _: Any, send: Any) -> None:
        scope["adl.caller"], scope["adl.code"] = "0123456789ab", "rate-limited"
        await send({"type": "http.response.start", "status": 429, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    TestClient(Observe(app, Metrics())).get("/")
    (line,) = lines(written)
    assert (line["caller"], line["code"], line["status"]) == ("0123456789ab", "rate-limited", 429)


def test_an_error_within_a_request_is_told_by_its_places_and_not_by_its_messages(written: io.StringIO) -> None:
    def inner() -> None:
        raise KeyError("account-7f3a")

    async def app(*_: Any) -> None:
        try:
            inner()
        except KeyError as exc:
            exc.add_note("note-7f3a")
            raise ExceptionGroup("group-7f3a", [ValueError("value-7f3a")]) from exc

    TestClient(Observe(app, Metrics())).get("/", headers={"x-request-id": "abc"})
    failed, asked = lines(written)
    assert (failed["event"], failed["level"], failed["request_id"]) == ("request failed", "error", "abc")
    assert "in inner" in failed["exception"]
    for name in ("builtins.KeyError", "builtins.ValueError", "builtins.ExceptionGroup"):
        assert name in failed["exception"]
    # The lines of code are there, and they are ours: no message is.
    assert '"account-7f3a"' in failed["exception"]
    assert "'account-7f3a'" not in failed["exception"]
    assert "note-7f3a\n" not in failed["exception"]
    assert (asked["status"], asked["code"]) == (500, "internal-error")


def test_an_error_outside_of_a_request_has_its_message(written: io.StringIO) -> None:
    def fail() -> None:
        raise OSError("no space left")

    logs.request_id.set("")
    try:
        fail()
    except OSError:
        logging.getLogger("adl").exception("pruning failed")
    (line,) = lines(written)
    assert line["exception"].endswith("OSError: no space left")
    assert "request_id" not in line


def test_the_configuration_is_plain_data_for_workers_that_are_spawned() -> None:
    assert json.loads(json.dumps(logs.config())) == logs.config()


def test_lines_are_json_in_a_pipe_and_text_on_a_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", LINE], cwd=ROOT, capture_output=True, text=True, check=True)
    line = json.loads(done.stdout)
    assert (line["event"], line["seconds"], line["level"]) == ("spoken", 1.5, "info")

    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        subprocess.run([sys.executable, "-c", LINE], cwd=ROOT, stdout=theirs, check=True)
        os.close(theirs)
        text = terminal.read(4_096).decode()
    assert "spoken" in text
    assert not text.startswith("{")
