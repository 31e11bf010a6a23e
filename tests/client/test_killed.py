"""The service is killed while it works on a client's request, and started again."""

import sqlite3
from pathlib import Path

import pytest

from tests.client.clients import KINDS, book, opened
from tests.client.proxy import Proxy, wait_for
from tests.faults.server import Server, serving


def claims(path: Path, state: str) -> int:
    with sqlite3.connect(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM claims WHERE state = ?", (state,)).fetchone()
    return int(count)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_call_outlives_the_process_that_was_answering_it(tmp_path: Path, kind: str) -> None:
    """A heavy request is with its process for a second and more, which is still starting; then that is no more."""
    path = tmp_path / "adl.db"
    heavy = {**book(), "policy": {"name": "cvar"}, "options": {"shock": {"law": "two-point", "size": 0.2}}}
    with serving(tmp_path / "log", database_url=f"sqlite:///{path}") as server:

        def kill() -> None:
            wait_for(lambda: claims(path, "pending") == 1)
            server.kill()
            server.start()

        with Proxy(server.address) as proxy, opened(kind, proxy.address, timeout=120) as client:
            proxy.faults.append(kill)
            answer = client.allocate(heavy)
            assert answer.attempts >= 2
            assert answer.data["reproducible"]
            assert [record["id"] for record in client.allocations.list()] == [answer.data["id"]]
            assert len({seen.headers["idempotency-key"] for seen in proxy.seen if seen.method == "POST"}) == 1
        assert (claims(path, "pending"), claims(path, "done")) == (0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_client_goes_on_over_a_restart(tmp_path: Path, kind: str) -> None:
    with serving(tmp_path / "log", database_url=f"sqlite:///{tmp_path}/adl.db") as server:
        with opened(kind, server.address) as client:
            first = client.allocate(book())
            restart(server)
            second = client.allocate(book())  # on a connection that broke meanwhile
            again = client.allocate(client.allocations.request(first.data["id"]), idempotency_key="late")
            ids = [record["id"] for record in client.allocations.list()]
        assert ids == [second.data["id"], first.data["id"]]
        assert again.data == first.data


def restart(server: Server) -> None:
    server.kill()
    server.start()
