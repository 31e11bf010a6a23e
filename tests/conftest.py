"""The service, in process and over its own HTTP surface, once for the whole session."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite(
    "tests.app.closures",
    "tests.app.requests",
    "tests.app.services",
    "tests.faults.server",
    "tests.blends",
    "tests.solvers.deficits",
    "tests.solvers.risky",
    "tests.solvers.tails",
)

# One store for the tests of a process, which is not the one of whoever runs them. Servers end without waiting, and have
# no worker processes, whose warming takes four seconds of a core each time, but where a test says so.
_MEMORY = Path("/dev/shm")
_FOLDER = tempfile.mkdtemp(prefix="adl-tests-", dir=_MEMORY if _MEMORY.is_dir() else None)
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
os.environ["ADL_DATABASE_URL"] = f"sqlite:///{_FOLDER}/adl.db"
os.environ["ADL_DRAIN_SECONDS"] = "0"
os.environ["ADL_SOLVER_PROCESSES"] = "0"

Post = Callable[[str, Any], tuple[int, Any]]


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    from fastapi.testclient import TestClient  # noqa: PLC0415  (the oracle's own tests run without the app)

    from app.main import create_app  # noqa: PLC0415
    from app.settings import Settings  # noqa: PLC0415

    with TestClient(create_app(Settings(solver_processes=2))) as started:
        yield started


@pytest.fixture(scope="session")
def post(client: Any) -> Post:
    """``post(path, body) -> (status, json)``."""

    def send(path: str, body: Any) -> tuple[int, Any]:
        content = json.dumps(body, allow_nan=False)
        response = client.post(path, content=content, headers={"content-type": "application/json"})
        return response.status_code, response.json()

    return send


@pytest.fixture(scope="session")
def get(client: Any) -> Callable[[str], tuple[int, Any]]:
    """``get(path) -> (status, json)``."""

    def fetch(path: str) -> tuple[int, Any]:
        response = client.get(path)
        return response.status_code, response.json()

    return fetch
