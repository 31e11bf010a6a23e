"""How the service ends: it says so first, still answers, and finishes what it has begun."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from tests.app.requests import ALLOCATIONS, COMPARISONS, JSON, request
from tests.app.services import SLOW
from tests.faults.server import client, serving


@pytest.mark.slow
def test_readiness_falls_first_and_requests_under_way_are_finished(tmp_path: Path) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path}/adl.db", "drain_seconds": 1.5, "solver_processes": 0}
    with (
        serving(tmp_path / "log", **settings) as server,
        client(server) as one,
        ThreadPoolExecutor(1) as threads,
    ):
        assert one.get("/readyz").status_code == 200
        assert server.process is not None
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        assert one.get("/readyz").status_code == 503
        assert one.get("/healthz").status_code == 200
        assert one.post(ALLOCATIONS, json=request()).status_code == 200  # a balancer may not have noticed yet
        pending = threads.submit(one.post, COMPARISONS, content=SLOW, headers=JSON)
        time.sleep(0.2)
        while True:
            try:
                httpx2.get(f"{server.address}/healthz")
            except httpx2.TransportError:
                break
            time.sleep(0.05)
        assert pending.result().status_code == 200
        assert server.process.wait(20) in {0, -signal.SIGTERM}
    assert "Traceback" not in (tmp_path / "log").read_text()
