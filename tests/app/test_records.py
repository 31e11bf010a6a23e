"""What was answered: found again, listed, and solved again, by its own caller alone."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from app import __version__
from app.main import create_app
from app.settings import Settings
from app.store import Entry, Kind, Store
from tests.app import closures
from tests.app.requests import (
    ALLOCATIONS,
    COMPARISONS,
    JSON,
    ROWS,
    VERIFICATIONS,
    Body,
    answer_to,
    comparison,
    request,
    send,
    verification,
)
from tests.app.test_best_in_time import long_search
from tests.processes import ROOT

FRONTIERS = "/v1/frontiers"
ASKED: dict[str, Body] = {
    ALLOCATIONS: request(),
    COMPARISONS: comparison([{"name": "queue"}, {"name": "pro-rata"}, {"name": "no policy"}]),
    VERIFICATIONS: verification([{"id": "ann", "seized": 7.5}]),
    closures.CLOSURES: closures.EXAMPLE,
    FRONTIERS: json.loads((ROOT / "examples/frontier.json").read_bytes()),
}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/adl.db"


@pytest.fixture
def own(url: str) -> Iterator[TestClient]:
    """A service with a store of its own."""
    with TestClient(create_app(Settings(database_url=url))) as client:
        yield client


@pytest.mark.parametrize("path", ASKED)
def test_every_answer_is_there_again_byte_for_byte_with_its_request(client: Any, path: str) -> None:
    answer = send(client, path, ASKED[path])
    where = answer.headers["content-location"]
    assert where == f"{path}/{answer.json()['id']}"
    again = client.get(where)
    assert (again.status_code, again.content) == (200, answer.content)
    asked = client.get(f"{where}/request")
    assert asked.json() == ASKED[path]
    assert asked.content == json.dumps(ASKED[path], sort_keys=True, separators=(",", ":")).encode()
    assert send(client, path, asked.content).content == answer.content


@pytest.mark.parametrize("path", ASKED)
def test_every_answer_has_the_same_bytes_when_its_request_is_solved_again(
    client: Any, matches: Callable[[str, Any], None], path: str
) -> None:
    where = send(client, path, ASKED[path]).headers["content-location"]
    replay = client.get(f"{where}/replay").json()
    matches("ReplayAnswer", replay)
    told = {"differences": [], "differences_total": 0, "problem": None, "reproducible": True}
    versions = {"recorded_version": __version__, "version": __version__}
    assert replay == {"id": where.rpartition("/")[2], "equal": True} | told | versions


@pytest.mark.parametrize(
    "accounts",
    [
        [{"id": 'quote"\\', "cash": 0.1, "pnl": "0.20"}, {"id": "\U0001f600é", "cash": -0.0, "pnl": -3e-1}],
        [{"id": "a", "cash": 10**12, "pnl": 1e12}, {"id": "b", "cash": 0, "pnl": "-1E3", "max_haircut": 1}],
        {"pnl": [1e-6, -1], "id": ["x", "y"], "cash": ["1", 0]},
    ],
)
def test_a_request_means_the_same_in_the_form_it_is_kept_in(client: Any, accounts: Any) -> None:
    made = {"policy": {"name": "capped-pro-rata"}, "options": {"on_infeasible": "partial"}}
    answer = send(client, ALLOCATIONS, made | {"snapshot": {"accounts": accounts}})
    assert answer.status_code == 200, answer.text
    where = answer.headers["content-location"]
    assert client.get(f"{where}/replay").json()["equal"] is True
    assert send(client, ALLOCATIONS, client.get(f"{where}/request").content).content == answer.content


def kept(url: str, kind: Kind, id_: str) -> Entry:
    with closing(Store.open(url)) as store:
        entry = store.get("", kind, id_)
    assert entry is not None
    return entry


def planted(url: str, entry: Entry, **changes: Any) -> None:
    with closing(Store.open(url)) as store:
        store.record(Entry(**{**vars(entry), **changes}))


def test_a_replay_says_where_an_answer_differs_from_the_one_on_record(own: TestClient, url: str) -> None:
    answer = answer_to(own, ALLOCATIONS, request())
    forged = answer | {"id": "f" * 32}
    forged["allocations"] = [forged["allocations"][0] | {"seized": "0.000001"}, *forged["allocations"][1:]]
    entry = kept(url, "allocation", answer["id"])
    planted(url, entry, id="f" * 32, answer=json.dumps(forged).encode(), version="0.0.9")
    replay = own.get(f"{ALLOCATIONS}/{'f' * 32}/replay").json()
    assert (replay["equal"], replay["differences"]) == (False, ["/id", "/allocations/0/seized"])
    assert (replay["differences_total"], replay["recorded_version"]) == (2, "0.0.9")
    planted(url, entry, id="e" * 32, answer=json.dumps(answer | {"allocations": []}, indent=1).encode())
    assert own.get(f"{ALLOCATIONS}/{'e' * 32}/replay").json()["differences"] == ["/allocations"]
    planted(url, entry, id="d" * 32, answer=json.dumps(answer).encode())
    spaced = own.get(f"{ALLOCATIONS}/{'d' * 32}/replay").json()
    assert (spaced["equal"], spaced["differences"]) == (False, [""])


def test_a_replay_says_so_when_the_request_would_be_refused_today(own: TestClient, url: str) -> None:
    id_ = answer_to(own, ALLOCATIONS, request())["id"]
    with TestClient(create_app(Settings(database_url=url, max_accounts=2))) as smaller:
        replay = smaller.get(f"{ALLOCATIONS}/{id_}/replay").json()
        assert (replay["equal"], replay["differences"]) == (False, [""])
        assert replay["problem"]["code"] == "payload-too-large"
        assert smaller.get(f"{ALLOCATIONS}/{id_}").status_code == 200


@pytest.mark.slow
def test_an_answer_that_a_clock_cut_short_has_an_id_of_its_own(own: TestClient) -> None:
    first, second = (send(own, ALLOCATIONS, long_search(on_timeout="best")) for _ in range(2))
    assert first.json()["reproducible"] is False
    for answer in (first, second):
        assert own.get(answer.headers["content-location"]).content == answer.content
    assert (first.content == second.content) == (first.json()["id"] == second.json()["id"])
    assert own.get(f"{first.headers['content-location']}/replay").json()["reproducible"] is False


@pytest.mark.parametrize("kind", ["allocations", "comparisons", "frontiers", "closures", "verifications"])
@pytest.mark.parametrize("rest", ["", "/request", "/replay"])
@pytest.mark.parametrize("id_", ["0" * 32, "nothing", "%00", "%F0%9F%98%80", "..%2F", "'%20OR%201=1"])
def test_what_is_not_on_record_is_not_found(client: Any, kind: str, rest: str, id_: str) -> None:
    answer = client.get(f"/v1/{kind}/{id_}{rest}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_a_record_is_only_found_under_its_own_kind(client: Any) -> None:
    id_ = answer_to(client, ALLOCATIONS, request())["id"]
    assert client.get(f"{COMPARISONS}/{id_}").status_code == 404


def test_a_refused_request_leaves_no_record(own: TestClient) -> None:
    for made in (request([]), request() | {"shortfall": {"deficit": 1000}}, request(policy={"name": "none"})):
        assert send(own, ALLOCATIONS, made).status_code in {409, 422}
    assert own.get(ALLOCATIONS).json() == {"records": [], "after": None}


def test_records_are_listed_newest_first_in_pages_and_by_filters(own: TestClient, matches: Any) -> None:
    before = datetime.now(UTC)
    policies = ["queue", "pro-rata", "capped-pro-rata", "leverage-pro-rata"]
    made = [request(policy={"name": name}) for name in policies]
    made[1]["snapshot"] |= {"venue": "sea", "as_of": "2025-10-10T23:15:00+02:00"}
    ids = [answer_to(own, ALLOCATIONS, body)["id"] for body in made]
    answer_to(own, COMPARISONS, comparison([{"name": "queue"}]))
    answer_to(own, ALLOCATIONS, made[0])  # asked again: it keeps its place

    def listed(**wanted: Any) -> Body:
        page: Body = own.get(ALLOCATIONS, params=wanted).json()
        matches("RecordsAnswer", page)
        return page

    everything = listed()
    assert [line["id"] for line in everything["records"]] == ids[::-1]
    assert everything["after"] is None
    first, last = listed(limit=3), None
    last = listed(limit=3, after=first["after"])
    assert first["records"] + last["records"] == everything["records"]
    assert [line["policy"] for line in listed(policy="queue")["records"]] == ["queue"]
    assert listed(status="partial")["records"] == []
    (at_sea,) = listed(venue="sea")["records"]
    assert (at_sea["as_of"], at_sea["budget"]) == ("2025-10-10T21:15:00Z", "7.500000")
    assert (at_sea["status"], at_sea["version"]) == ("feasible", __version__)
    oldest = everything["records"][-1]
    assert before <= datetime.fromisoformat(oldest["received_at"]) <= datetime.fromisoformat(oldest["answered_at"])
    assert oldest["last_answered_at"] > oldest["answered_at"]
    assert len(listed(since=everything["records"][1]["answered_at"])["records"]) == 2
    assert len(listed(until=everything["records"][1]["answered_at"])["records"]) == 2


@pytest.mark.parametrize(
    ("wanted", "pointer"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 1001}, "/limit"),
        ({"limit": "many"}, "/limit"),
        ({"since": "yesterday"}, "/since"),
        ({"until": "2025-10-10T21:15:00"}, "/until"),
        ({"since": "0001-01-01T00:00:00+01:00"}, "/since"),
        ({"after": "nothing"}, "/after"),
        ({"after": "é\0"}, "/after"),
        ({"colour": "red"}, "/colour"),
        ({"venue": "v" * 129}, "/venue"),
    ],
)
def test_a_page_that_cannot_be_is_refused_by_name(client: Any, matches: Any, wanted: Body, pointer: str) -> None:
    answer = client.get(ALLOCATIONS, params=wanted)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")
    assert answer.json()["errors"][0]["pointer"] == pointer
    matches("Problem", answer.json())


@pytest.mark.parametrize("as_of", [None, "2025-10-10T21:15:00Z", "2999-01-01T00:00:00Z"])
def test_a_snapshot_beyond_the_age_that_the_settings_allow_is_refused(url: str, as_of: str | None) -> None:
    made = request()
    made["snapshot"]["as_of"] = as_of
    with TestClient(create_app(Settings(database_url=url, max_snapshot_age=60))) as strict:
        answer = send(strict, ALLOCATIONS, made)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/snapshot/as_of")
        now = datetime.now(UTC).isoformat()
        made["snapshot"]["as_of"] = now
        where = send(strict, ALLOCATIONS, made).headers["content-location"]
    with TestClient(create_app(Settings(database_url=url, max_snapshot_age=1e-6))) as stricter:
        assert stricter.get(f"{where}/replay").json()["equal"] is True  # what was is not judged by its age today


def test_a_name_that_a_database_cannot_keep_is_answered_all_the_same(client: Any) -> None:
    made = request(ROWS)
    made["snapshot"]["venue"] = "nul\0venue"
    answer = send(client, ALLOCATIONS, made)
    assert client.get(answer.headers["content-location"]).content == answer.content


def test_the_media_type_and_a_body_do_not_matter_to_a_get(client: Any) -> None:
    where = send(client, ALLOCATIONS, request()).headers["content-location"]
    assert client.request("GET", where, content=b"{", headers=JSON).status_code == 200
