"""What a service refuses, by its own word, as errors."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.access import issue
from app.client import (
    Conflict,
    InfeasibleBudget,
    InvalidRequest,
    NotFound,
    Unauthorized,
)
from app.store import Store
from tests.client.clients import KINDS, book, opened
from tests.client.proxy import Proxy
from tests.faults.server import serving


def test_a_budget_that_cannot_be_reached_says_what_can(one: Any) -> None:
    asked = book()
    asked["shortfall"] = {"deficit": "20"}
    with pytest.raises(InfeasibleBudget, match=r"^infeasible-budget: ") as caught:
        one.allocate(asked)
    refused = caught.value
    assert (refused.status, refused.budget, refused.reachable_capacity) == (409, "20.000000", "12.500000")
    assert Decimal(str(refused.shortage)) == Decimal("7.5")
    severity = refused.largest_feasible_severity
    asked["shortfall"]["severity"] = severity
    answer = one.allocate(asked, idempotency_key=refused.idempotency_key)  # a refused one leaves its key free
    assert answer.data["status"] == "optimal"


def test_an_invalid_request_says_where(one: Any) -> None:
    asked = book()
    for place in (1, 3):
        asked["snapshot"]["accounts"][place]["cash"] = float("nan")
    with pytest.raises(InvalidRequest) as caught:
        one.allocate(asked)
    assert caught.value.errors_total == 2
    assert [(error["pointer"], error["account"]) for error in caught.value.errors] == [
        ("/snapshot/accounts/1/cash", "bob"),
        ("/snapshot/accounts/3/cash", "dee"),
    ]
    with pytest.raises(InvalidRequest) as caught:
        one.allocate(account=[])
    assert "/account" in [error["pointer"] for error in caught.value.errors]
    with pytest.raises(InvalidRequest):
        list(one.allocations.list(page_size=0))


def test_a_key_of_another_request_is_a_conflict(one: Any) -> None:
    answer = one.allocate(book())
    with pytest.raises(Conflict) as caught:
        one.allocate(book(), idempotency_key=answer.idempotency_key)
    assert caught.value.retry_after is None


def test_keys_are_sent_and_say_who_may_what(kind: str, address: str, proxy: Proxy) -> None:
    reading, told = issue("reads", ["read"], datetime.now(UTC))
    with closing(Store.open(os.environ["ADL_DATABASE_URL"])) as store:
        store.add_key(reading)
    with opened(kind, proxy.address, key=told) as client:
        assert list(client.allocations.list()) == []
        assert proxy.seen[0].headers["authorization"] == f"Bearer {told}"
        with pytest.raises(Unauthorized) as caught:
            client.allocate(book())
        assert caught.value.code == "forbidden"
        assert told not in f"{caught.value!r}{client!r}"
    wrong = told[:-1] + ("0" if told[-1] != "0" else "1")
    with opened(kind, address, key=wrong) as client:
        with pytest.raises(Unauthorized) as caught:
            client.allocate(book())
        assert caught.value.code == "unauthorized"
    with opened(kind, address) as client, pytest.raises(NotFound):
        client.closures.explain("0" * 32, "ann")


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_who_asks_too_often_is_answered_a_little_later(tmp_path: Path, kind: str) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path}/adl.db", "rate_per_second": 2}
    with serving(tmp_path / "log", **settings) as server, opened(kind, server.address) as client:
        started = time.monotonic()
        answers = [client.allocate(book()) for _ in range(6)]
        assert sum(answer.attempts for answer in answers) > 6
        assert time.monotonic() - started > 1.5
        assert len(list(client.allocations.list())) == 6


@pytest.mark.slow
def test_a_service_that_is_full_answers_all_in_the_end(tmp_path: Path) -> None:
    settings = {"database_url": f"sqlite:///{tmp_path}/adl.db", "solver_threads": 1, "max_waiting": 0}
    books = [book() for _ in range(40)]
    with serving(tmp_path / "log", **settings) as server, opened("sync", server.address) as client:
        with ThreadPoolExecutor(20) as threads:
            answers = list(threads.map(client.allocate, books))
        assert sum(answer.attempts for answer in answers) > 40
        assert len({answer.data["id"] for answer in answers}) == len(list(client.allocations.list())) == 40
