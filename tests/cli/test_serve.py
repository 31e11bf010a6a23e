"""`adl serve`: how it starts, what it refuses, and how all of it ends."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import pytest

from app.access import issue
from app.store import Store
from tests.app.services import to, works
from tests.processes import ROOT
from tests.serving import ADL, Served, environment, group, serving, wait_for


def refused(folder: Path, *options: str, **settings: str) -> str:
    """The one line on stderr of a service that does not start."""
    done = subprocess.run(
        [*ADL, "serve", *options],
        cwd=ROOT,
        env=environment(folder, **settings),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"{folder}" not in done.stderr
    return done.stderr.strip()


def solvers(served: Served) -> int:
    """Processes that solve, or make others that do."""
    lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in group(served.process.pid)]
    return sum(b"forkserver" in line for line in lines)


def add_key(folder: Path, *, revoked: bool = False) -> str:
    """The text of a key in the store."""
    key, text = issue("desk", ["solve"], datetime.now(UTC))
    store = Store.open(f"sqlite:///{folder / 'adl.db'}")
    store.add_key(key)
    if revoked:
        assert store.revoke_key(key.id)
    store.close()
    return text


def test_it_answers_logs_lines_of_json_and_ends_with_a_termination_signal(tmp_path: Path) -> None:
    with serving(tmp_path, ADL_REQUIRE_KEY="true") as served:
        with to(served.address) as client:
            assert works(client)
            assert "server" not in client.get("/healthz").headers
        assert served.end() == 0
    told = served.lines()
    events = [line["event"] for line in told]
    assert events.count("listening") == 1
    assert [line["variable"] for line in told if line["event"] == "there is no such setting"] == ["ADL_REQUIRE_KEY"]
    assert events[-1].startswith("Finished server process")
    assert served.err.read_text() == ""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["terminated", "by Ctrl-C"])
@pytest.mark.parametrize("workers", [1, 2])
def test_it_ends_with_everything_it_started(tmp_path: Path, number: signal.Signals, workers: int) -> None:
    with TemporaryDirectory() as temporary:  # a short path, as sockets need it
        with serving(tmp_path, "--workers", f"{workers}", TMPDIR=temporary, ADL_SOLVER_PROCESSES="1") as served:
            wait_for(lambda: solvers(served) == 2 * workers, seconds=60)  # a server, and what it forks, for each
            assert served.end(number) == 0
        assert list(Path(temporary).iterdir()) == []
    assert "Traceback" not in served.out.read_text() + served.err.read_text()


@pytest.mark.slow
def test_a_request_that_takes_longer_than_the_graceful_time_is_told_so(tmp_path: Path) -> None:
    with serving(tmp_path, ADL_GRACEFUL_SECONDS="1") as served:
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
            connection.sendall(
                b"POST /v1/allocations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
                b"content-length: 100\r\n\r\n{"
            )
            wait_for(lambda: "adl_in_flight_requests 2.0" in httpx2.get(f"{served.address}/metrics").text)
            served.process.terminate()
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert served.process.wait(timeout=20) == 0
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert b'"code":"overloaded"' in answer
    assert "Traceback" not in served.out.read_text() + served.err.read_text()


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, ADL_WORKERS="2") as served:

        def workers() -> set[int]:
            lines = served.lines()
            return {int(line["event"].split("[")[1][:-1]) for line in lines if "Started server" in line["event"]}

        wait_for(lambda: len(workers()) == 2, seconds=60)
        os.kill(min(workers()), signal.SIGKILL)
        wait_for(lambda: len(workers()) == 3, seconds=60)
        for _ in range(20):
            with to(served.address) as client:
                assert works(client)


@pytest.mark.slow
def test_a_worker_that_does_not_end_is_killed(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", ADL_GRACEFUL_SECONDS="1") as served:
        wait_for(lambda: sum("startup complete" in line["event"] for line in served.lines()) == 2, seconds=60)
        stopped = next(int(line["event"].split("[")[1][:-1]) for line in served.lines() if "server" in line["event"])
        os.kill(stopped, signal.SIGSTOP)
        served.process.terminate()
        assert served.process.wait(timeout=40) == 0
        wait_for(lambda: group(served.process.pid) == [])


@pytest.mark.slow
def test_a_directory_for_metrics_that_was_named_is_emptied_used_and_kept(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    for name in ("counter_1.db", "notes.txt"):
        (shared / name).write_bytes(b"x")
    with serving(tmp_path, PROMETHEUS_MULTIPROC_DIR=f"{shared}") as served:
        assert "adl_build_info" in httpx2.get(f"{served.address}/metrics").text
        served.end()
    names = {path.name for path in shared.iterdir()}
    assert "notes.txt" in names
    assert "counter_1.db" not in names
    assert f"histogram_{served.process.pid}.db" in names


# What it refuses ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_port_that_is_taken_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert refused(tmp_path, "--port", f"{port}") == (
            f"cannot listen at 127.0.0.1, port {port}: Address already in use"
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ADL_TIME_LIMIT": "abc"}, "ADL_TIME_LIMIT: "),
        ({"ADL_DATABASE_URL": "mysql://user:secret@host/db"}, "ADL_DATABASE_URL: "),
        (
            {"ADL_DATABASE_URL": "sqlite:////nowhere/adl.db"},
            "ADL_DATABASE_URL: Value error, there is no folder /nowhere",
        ),
        ({"ADL_RETENTION_DAYS": "1000000"}, "ADL_RETENTION_DAYS: "),
        ({"ADL_HOST": "192.0.2.1", "ADL_REQUIRE_KEYS": "false"}, "cannot listen at 192.0.2.1, port 8000: "),
        ({"ADL_HOST": "0.0.0.0"}, "there are no keys, "),
        (
            {"ADL_HOST": "0.0.0.0", "ADL_DATABASE_URL": "postgresql://user:secret@127.0.0.1:1/adl"},
            "the store's database cannot be used",
        ),
    ],
    ids=[
        "a wrong setting",
        "an address of no store",
        "a folder that is not there",
        "a time beyond the calendar",
        "a foreign address",
        "no keys",
        "no database to look for keys in",
    ],
)
def test_what_it_cannot_start_with_is_told_in_one_line(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    line = refused(tmp_path, **settings)
    assert line.startswith(said)
    assert "secret" not in line


@pytest.mark.slow
def test_a_key_that_was_revoked_does_not_open_the_service_to_others(tmp_path: Path) -> None:
    add_key(tmp_path, revoked=True)
    assert "adl keys create" in refused(tmp_path, "--host", "0.0.0.0")


def with_a_key(folder: Path) -> dict[str, str]:
    add_key(folder)
    return {}


def with_no_need_of_keys(_: Path) -> dict[str, str]:
    return {"ADL_REQUIRE_KEYS": "false"}


@pytest.mark.slow
@pytest.mark.parametrize("prepare", [with_a_key, with_no_need_of_keys])
def test_it_listens_for_others_with_a_key_or_where_none_is_needed(
    tmp_path: Path, prepare: Callable[[Path], dict[str, str]]
) -> None:
    with serving(tmp_path, "--host", "0.0.0.0", **prepare(tmp_path)) as served:
        assert httpx2.get(f"{served.address}/healthz").status_code == 200


@pytest.mark.slow
def test_a_port_that_is_no_port_is_a_usage_error(tmp_path: Path) -> None:
    done = subprocess.run(
        [*ADL, "serve"],
        cwd=ROOT,
        env=environment(tmp_path, ADL_PORT="70000"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
