"""Every operation against a service in a process of its own, by both clients."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.client import NotFound, decimals
from tests.client.clients import book, example, opened
from tests.client.proxy import Proxy
from tests.client.test_specification import operations

NOT_FOR_CLIENTS = {("GET", "/healthz"), ("GET", "/metrics")}
"""An orchestrator's, and Prometheus's."""


def everything(client: Any) -> list[Any]:
    """Ask for all there is; what was answered."""
    solved = {
        "allocations": client.allocate(example("five-accounts")),
        "comparisons": client.compare(example("comparison")),
        "frontiers": client.frontier(example("frontier")),
        "closures": client.close(example("closures")),
        "verifications": client.verify(example("verification")),
    }
    told: list[Any] = [*(answer.data for answer in solved.values())]
    told.append(client.verify_closures(example("closures-verification")).data)
    for name, answer in solved.items():
        records, id_ = getattr(client, name), answer.data["id"]
        assert records.get(id_).data == answer.data
        assert id_ in [record["id"] for record in records.list()]
        assert records.request(id_).keys() >= {"snapshot", "shortfall"}
        assert records.replay(id_)["equal"] is True
        if name in ("allocations", "closures"):
            explained = records.explain(id_, "ann")
            assert explained["account"] == "ann"
            told.append(explained)
    assert {policy["name"] for policy in client.policies()["policies"]} >= {"queue", "blend"}
    assert client.ready() is True
    return told


@pytest.mark.slow
def test_every_operation_of_the_specification_is_called_and_no_other(kind: str, proxy: Proxy) -> None:
    with opened(kind, proxy.address) as client:
        for told in everything(client):
            assert json.dumps(decimals(told), default=str) == json.dumps(told)
    called = {(seen.method, seen.target.partition("?")[0]) for seen in proxy.seen}
    templates = {(method, path) for method, path, _ in operations()}
    matched = set()
    for method, target in called:
        fits = {
            (verb, path)
            for verb, path in templates
            if verb == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), target)
        }
        assert len(fits) == 1, target
        matched |= fits
    assert matched == templates - NOT_FOR_CLIENTS
    keys = [seen.headers.get("idempotency-key") for seen in proxy.seen if seen.method == "POST"]
    assert None not in keys
    assert len(set(keys)) == len(keys) == 6


def test_amounts_become_decimals(one: Any) -> None:
    answer = decimals(one.allocate(book()).data)
    assert answer["budget"] == answer["diagnostics"]["solvency"]["budget"] == Decimal("7.5")
    assert sum(row["seized"] for row in answer["allocations"]) == Decimal("7.5")


def test_a_request_can_be_given_by_its_parts(one: Any) -> None:
    asked = book()
    snapshot = asked["snapshot"]
    whole = one.allocate(asked)
    parts = {**{name: snapshot[name] for name in snapshot}, **{n: asked[n] for n in asked if n != "snapshot"}}
    parts["as_of"] = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
    answer = one.allocate(**parts)
    assert {**answer.data, "id": ""} == {**whole.data, "id": ""}
    rows = snapshot["accounts"]
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    answer = one.allocate(**{**parts, "accounts": columns})
    assert answer.data["allocations"]["seized"] == [row["seized"] for row in whole.data["allocations"]]
    exactly = [{**row, "cash": Decimal(str(row["cash"])), "pnl": Decimal(str(row["pnl"]))} for row in rows]
    answer = one.allocate(**{**parts, "accounts": exactly})
    assert answer.data["allocations"] == whole.data["allocations"]


def test_closures_can_be_given_by_their_parts(one: Any) -> None:
    asked = example("closures")
    whole = one.close(asked)
    parts = {**asked["snapshot"], **{name: part for name, part in asked.items() if name != "snapshot"}}
    assert one.close(**parts).data == whole.data
    del parts["policy"]
    judged = one.verify_closures(**parts, closures=whole.data["closures"]).data
    assert (judged["valid"], judged["violations"]) == (True, [])


def test_an_answer_can_be_verified_as_it_came(one: Any) -> None:
    asked = book()
    answer = one.allocate(asked)
    del asked["policy"]
    assert one.verify({**asked, "allocation": answer.data["allocations"]}).data["valid"] is True


@pytest.mark.parametrize("name", ["a/b", "..", ".", "a?b#c", "%2F", "ü €", "a+b&c", "\\"])
def test_any_account_can_be_explained(one: Any, name: str) -> None:
    asked = book()
    asked["snapshot"]["accounts"][0]["id"] = name
    id_ = one.allocate(asked).data["id"]
    explained = one.allocations.explain(id_, name)
    assert (explained["account"], explained["seized"]) == (name, "4.800000")


@pytest.mark.parametrize("id_", ["", "a/request", "..", "a?b", "a" * 65])
def test_what_is_no_id_is_not_asked_for(one: Any, id_: str) -> None:
    with pytest.raises(ValueError, match="not the id of an answer"):
        one.allocations.get(id_)


def test_a_list_goes_over_all_its_pages(kind: str, proxy: Proxy) -> None:
    asked = book()
    venue = asked["snapshot"]["venue"]
    with opened(kind, proxy.address) as client:
        ids = []
        for severity in ("0.1", "0.2", "0.3", "0.4", "0.5"):
            asked["shortfall"]["severity"] = severity
            ids.append(client.allocate(asked).data["id"])
        proxy.seen.clear()
        for size, pages in ((1, 5), (2, 3), (5, 1), (100, 1)):
            proxy.seen.clear()
            found = [record["id"] for record in client.allocations.list(venue=venue, page_size=size)]
            assert found == ids[::-1]
            assert len(proxy.seen) in (pages, pages + 1)  # a full last page may promise another
        assert list(client.allocations.list(venue=venue, policy="queue")) == []
        since = datetime(2000, 1, 1, tzinfo=UTC)
        assert len(list(client.allocations.list(venue=venue, since=since, until=None, status="optimal"))) == 5
        assert list(client.allocations.list(venue=venue, until=since)) == []


def test_a_page_is_fetched_when_it_is_used(proxy: Proxy) -> None:
    asked = book()
    with opened("sync", proxy.address) as client:
        for severity in ("0.1", "0.2"):
            client.allocate({**asked, "shortfall": {"severity": severity}})
        proxy.seen.clear()
        records = client.allocations.list(venue=asked["snapshot"]["venue"], page_size=1)
        assert len(proxy.seen) == 0
        next(records)
        assert len(proxy.seen) == 1


def test_what_is_not_there_is_not_found(one: Any) -> None:
    with pytest.raises(NotFound) as caught:
        one.allocations.get("0" * 32)
    assert (caught.value.code, caught.value.status, caught.value.idempotency_key) == ("not-found", 404, None)


def test_an_answer_tells_how_it_came(one: Any) -> None:
    answer = one.allocate(book())
    assert answer.recorded
    assert re.fullmatch("[0-9a-f]{32}", answer.request_id)
    assert re.fullmatch("[0-9a-f]{32}", answer.idempotency_key)
    assert (answer.attempts, answer.replayed) == (1, False)
