"""One service in a process of its own, a proxy before it, and a client of each kind."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.client.clients import KINDS, opened
from tests.client.proxy import Proxy
from tests.processes import service


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    with service() as address:
        yield address


@pytest.fixture
def proxy(address: str) -> Iterator[Proxy]:
    with Proxy(address) as started:
        yield started


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def one(kind: str, address: str) -> Iterator[Any]:
    with opened(kind, address) as client:
        yield client
