"""Explanations over HTTP: whose they are, what they compare, what they keep to themselves, and what the page shows."""

import copy
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from fastapi.testclient import TestClient

from app.access import issue
from app.main import create_app
from app.settings import Settings
from app.store import Store
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.registry import POLICIES
from tests import books
from tests.app import closures
from tests.app.closures import CLOSURES
from tests.app.requests import ALLOCATIONS, ROWS, Body, answer_to, columns_of, request, send
from tests.app.test_explanations_formulas import AIMS, aimed
from tests.app.test_random_closures import random_request
from tests.problems import some
from tests.processes import ROOT, service

NOW = datetime(2025, 10, 10, 12, tzinfo=UTC)
PAGE = (ROOT / "docs/explanations.md").read_text(encoding="utf-8")
AIMED_AT = {"shock": {"law": "normal", "sigma": 0.2}, "retention": {"curve": "linear", "rate": 0.5}}
QUICK = (
    "capped-pro-rata",
    "queue pnl",
    "rap optimal",
    "expected-deficit",
    "contracts-pro-rata",
    "revenue",
    "blend",
    "pro-rata",
)
SECRETIVE = [*QUICK, *sorted({*AIMS, *books.POLICIES} - {*QUICK})]
MONEY = ("seized", "pnl_after", "equity_after", "haircut", "rank", "quantile")


def asked(client: Any, path: str, body: Body, account: str) -> Any:
    """The response about one account of the answer to a request."""
    return client.get(f"{path}/{answer_to(client, path, body)['id']}/explanations/{quote(account)}")


def explained(client: Any, path: str, body: Body, account: str) -> Body:
    response = asked(client, path, body, account)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    told: Body = response.json()
    return told


@pytest.mark.parametrize("columns", [pytest.param(False, marks=pytest.mark.slow), True], ids=["rows", "columns"])
@pytest.mark.parametrize("policy", books.ALL.values(), ids=books.ALL)
def test_every_account_is_told_what_it_was_answered(client: Any, matches: Any, policy: Body, columns: bool) -> None:
    body = request(columns_of(ROWS) if columns else ROWS, policy, on_infeasible="partial", **books.AIMS)
    answer = answer_to(client, ALLOCATIONS, body)
    for place, row in enumerate(ROWS):
        told = explained(client, ALLOCATIONS, body, row["id"])
        matches("AllocationExplanation", told)
        rows = answer["allocations"]
        assert {name: rows[name][place] if columns else rows[place][name] for name in MONEY} == {
            name: told[name] for name in MONEY
        }
        assert told["as_answered"] is True
        assert (told["account"], told["policy"], told["budget"]) == (row["id"], answer["policy"], answer["budget"])
        assert told["multiplier"] == answer["certificate"]["multiplier"]


@pytest.mark.slow
@pytest.mark.parametrize("policy", closures.POLICIES.values(), ids=closures.POLICIES)
def test_every_account_is_told_which_of_its_contracts_were_closed(client: Any, matches: Any, policy: Body) -> None:
    timed = CLOSING_POLICIES[policy["name"]].timed
    for margin in ("cross",) if timed else ("cross", "isolated"):
        body = closures.complete(closures.closure(policy) | {"options": {"margin": margin, "on_infeasible": "partial"}})
        answer = answer_to(client, CLOSURES, body)
        for row in answer["accounts"][::3] if timed else answer["accounts"]:
            told = explained(client, CLOSURES, body, row["id"])
            matches("ClosureExplanation", told)
            for name in ("endowment", "haircut", "seized", "equity_after", "notional_after", "leverage_after"):
                assert (told["figures"] if name == "endowment" else told)[name] == row[name], name
            own = {close["market"]: close for close in answer["closures"] if close["account"] == row["id"]}
            assert {close["market"] for close in told["closes"]} == set(own)
            for close in told["closes"]:
                assert {name: own[close["market"]][name] for name in close} == close
            shadow = {(market["market"], market["side"]): market["shadow_price"] for market in answer["markets"]}
            for position in told["positions"]:
                if position["level"] is not None and answer["status"] != "partial":
                    assert position["level"] == shadow[position["market"], position["side"]]


def test_the_other_policies_are_those_of_a_comparison(client: Any) -> None:
    for policy in ({"name": "capped-pro-rata"}, {"name": "queue", "score": "size"}):
        body = request(policy=policy, **AIMED_AT)
        for account in (ROWS[0]["id"], ROWS[2]["id"], ROWS[4]["id"]):
            told = explained(client, ALLOCATIONS, body, account)
            assert [one["policy"] for one in told["alternatives"]] == [
                name for name in POLICIES if name not in (policy["name"], "cvar")
            ]
            assert [one["policy"] for one in told["not_computed"]] == ["cvar"]
            for one in told["alternatives"]:
                other = send(client, ALLOCATIONS, body | {"policy": {"name": one["policy"]}})
                if one["code"] is not None:
                    assert (other.json()["code"], one["seized"], one["saves"]) == (one["code"], None, None)
                    continue
                row = {row["id"]: row for row in other.json()["allocations"]}[account]
                assert (one["seized"], one["haircut"]) == (row["seized"], row["haircut"])
                saves = round((float(told["seized"]) - float(row["seized"])) * 1e6)
                assert one["saves"] == books.money(saves, 6)


def test_the_other_closing_policies_are_solved_as_they_would_be(client: Any) -> None:
    body = closures.closure({"name": "revenue"}, options={"retention": {"curve": "linear", "rate": 0.5}})
    for account in ("ann", "cat", "dan"):
        told = explained(client, CLOSURES, body, account)
        quick = [name for name, policy in CLOSING_POLICIES.items() if not policy.timed and name != "revenue"]
        assert [one["policy"] for one in told["alternatives"]] == quick
        assert [one["policy"] for one in told["not_computed"]] == [
            name for name, policy in CLOSING_POLICIES.items() if policy.timed
        ]
        for one in told["alternatives"]:
            other = answer_to(client, CLOSURES, body | {"policy": {"name": one["policy"]}})
            row = {row["id"]: row for row in other["accounts"]}[account]
            assert (one["seized"], one["haircut"]) == (row["seized"], row["haircut"])


def test_a_policy_that_cannot_be_solved_has_its_code_and_no_word_more(client: Any) -> None:
    rows = [
        {"id": "rich", "cash": 0, "pnl": 100},
        {"id": "tight-cap", "cash": 0, "pnl": 100, "max_haircut": 0.1},
        {"id": "broke", "cash": 0, "pnl": -50},
    ]
    body = request(rows) | {"shortfall": {"severity": 1}}
    response = asked(client, ALLOCATIONS, body, "rich")
    codes = {one["policy"]: one["code"] for one in response.json()["alternatives"]}
    assert codes["pro-rata"] == "infeasible-budget"
    assert codes["revenue"] == codes["expected-deficit"] == "invalid-request"
    assert codes["queue"] is None
    assert "tight-cap" not in response.text


def test_the_bytes_are_the_same_every_time_and_by_every_layout(client: Any) -> None:
    body = request(policy={"name": "rap"}, **AIMED_AT)
    first = asked(client, ALLOCATIONS, body, "bob").content
    assert asked(client, ALLOCATIONS, body, "bob").content == first
    assert asked(client, ALLOCATIONS, request(columns_of(ROWS), {"name": "rap"}, **AIMED_AT), "bob").content == first
    turned = request(ROWS[::-1], {"name": "rap"}, **AIMED_AT)
    assert asked(client, ALLOCATIONS, turned, "bob").content == first


@pytest.mark.parametrize(
    "account", ["a/b", "/", "//", "explanations", "a b?c#d", "ann/replay", "ä\U0001f40b", "a" * 128]
)
def test_an_account_may_be_called_anything(client: Any, account: str) -> None:
    rows = [{"id": account, "cash": 1, "pnl": 4}, {"id": "somebody", "cash": 0, "pnl": -2}]
    assert explained(client, ALLOCATIONS, request(rows), account)["account"] == account


def test_a_stranger_and_an_unknown_record_are_told_the_same(client: Any) -> None:
    for path, body in ((ALLOCATIONS, request()), (CLOSURES, closures.closure())):
        stranger = asked(client, path, body, "nobody")
        unknown = client.get(f"{path}/{'0' * 32}/explanations/ann")
        assert stranger.status_code == unknown.status_code == 404
        assert stranger.content == unknown.content
        assert client.get(f"{path}/{'0' * 32}").content == unknown.content
        assert asked(client, path, body, "").content == unknown.content
        assert b"nobody" not in stranger.content


def test_a_summary_is_explained_and_says_that_it_told_no_accounts(client: Any) -> None:
    for path, body in (
        (ALLOCATIONS, request(detail="summary")),
        (CLOSURES, closures.closure(options={"detail": "summary"})),
    ):
        told = explained(client, path, body, "ann")
        assert told["as_answered"] is None
        assert float(told["seized"]) > 0


@pytest.mark.parametrize(
    ("account", "outcome"), [("winner", "part"), ("small", "part"), ("floored", "no-cap"), ("flat", "no-endowment")]
)
def test_whoever_lost_nothing_is_told_why(client: Any, account: str, outcome: str) -> None:
    rows = [
        {"id": "winner", "cash": 0, "pnl": 10},
        {"id": "small", "cash": 0, "pnl": 1},
        {"id": "floored", "cash": 0, "pnl": 5, "min_equity": 5},
        {"id": "flat", "cash": 7, "pnl": -1},
        {"id": "broke", "cash": 0, "pnl": -3},
    ]
    told = explained(client, ALLOCATIONS, request(rows), account)
    assert told["outcome"] == outcome
    assert told["figures"]["limit"] == {"floored": "min_equity", "flat": None}.get(account, "endowment")
    assert (float(told["seized"]) == 0) == (outcome in ("no-cap", "no-endowment"))
    queued = explained(client, ALLOCATIONS, request(rows, {"name": "queue"}), "small")
    assert (queued["outcome"], queued["formula"], queued["rank"], queued["ranked"]) == ("spared", "0", 3, 3)


# Who may ask --------------------------------------------------------------------------------------


@pytest.fixture
def keyed(tmp_path: Path) -> Any:
    """A service that needs keys, and a header for each of three callers."""
    url = f"sqlite:///{tmp_path / 'adl.db'}"
    store = Store.open(url)
    headers = {}
    for name, scopes in (("one", ["solve", "read"]), ("other", ["solve", "read"]), ("deaf", ["solve"])):
        key, text = issue(name, scopes, NOW)
        store.add_key(key)
        headers[name] = {"Authorization": f"Bearer {text}"}
    store.close()
    with TestClient(create_app(Settings(database_url=url, require_keys=True))) as client:
        yield client, headers


def test_only_the_caller_who_asked_gets_an_explanation(keyed: Any) -> None:
    client, headers = keyed
    made = client.post(
        ALLOCATIONS, content=json.dumps(request()), headers=headers["one"] | {"content-type": "application/json"}
    )
    where = f"{ALLOCATIONS}/{made.json()['id']}/explanations/ann"
    assert client.get(where, headers=headers["one"]).status_code == 200
    unknown = client.get(f"{ALLOCATIONS}/{'0' * 32}/explanations/ann", headers=headers["other"])
    assert client.get(where, headers=headers["other"]).content == unknown.content
    assert [client.get(where, headers=headers["deaf"]).status_code, client.get(where).status_code] == [403, 401]


# Where it is solved -------------------------------------------------------------------------------


def test_heavy_policies_are_explained_in_a_process_with_the_same_numbers(client: Any) -> None:
    body = request(policy={"name": "cvar"}, **AIMED_AT)
    told = explained(client, ALLOCATIONS, body, "bob")
    assert told["as_answered"] is True
    with TestClient(create_app(Settings(solver_processes=0))) as threads:
        assert explained(threads, ALLOCATIONS, body, "bob") == told


@pytest.mark.parametrize("policy", ["cvar", "queue"])
def test_a_time_limit_ends_an_explanation(client: Any, policy: str) -> None:
    made = answer_to(client, ALLOCATIONS, request(policy={"name": policy}, **AIMED_AT))
    where = f"{ALLOCATIONS}/{made['id']}/explanations/bob"
    with TestClient(create_app(Settings(time_limit=1e-4))) as hurried:
        late = hurried.get(where)
    assert (late.status_code, late.json()["code"]) == (504, "solver-timeout")
    assert client.get(where).status_code == 200


@pytest.mark.slow
def test_a_process_is_killed_at_the_time_limit(client: Any) -> None:
    rng = Random(1)
    rows = [
        {
            "id": f"{i}",
            "cash": rng.random(),
            "pnl": rng.random(),
            "notional": (size := 40 * rng.random()),
            "exposure": size,
        }
        for i in range(4000)
    ]
    moves = [[rng.uniform(-0.5, 0.5)] for _ in range(2000)]
    shock = {"law": "scenarios", "moves": moves}
    body = request(rows, {"name": "cvar"}, shock=shock) | {"shortfall": {"deficit": 500}}
    where = f"{ALLOCATIONS}/{answer_to(client, ALLOCATIONS, body)['id']}/explanations/17"
    with TestClient(create_app(Settings(time_limit=0.4, solver_processes=1))) as hurried:
        late = hurried.get(where)
        killed = re.search(r'adl_\w*killed\w*\{\w+="time-limit"\} (\S+)', hurried.get("/metrics").text)
    assert (late.status_code, late.json()["code"]) == (504, "solver-timeout")
    assert killed is not None
    assert float(killed[1]) == 1


@pytest.mark.slow
def test_a_real_server_reads_every_account_of_a_path() -> None:
    names = ["a/b", "50%2F50", "100%", "a b?c#d", "über/10"]
    rows = [*({"id": name, "cash": 1, "pnl": 4} for name in names), {"id": "broke", "cash": 0, "pnl": -9}]
    with service() as address, httpx2.Client(base_url=address) as served:
        made = answer_to(served, ALLOCATIONS, request(rows))
        for name in names:
            for written in {quote(name, safe=""), quote(name)}:
                told = served.get(f"{ALLOCATIONS}/{made['id']}/explanations/{written}")
                assert (told.status_code, told.json()["account"]) == (200, name)


def test_a_request_that_is_refused_today_is_told_by_its_code_alone(client: Any) -> None:
    where = f"{ALLOCATIONS}/{answer_to(client, ALLOCATIONS, request())['id']}/explanations/bob"
    with TestClient(create_app(Settings(max_accounts=2))) as smaller:
        refused = smaller.get(where)
    assert (refused.status_code, refused.json()["code"]) == (413, "payload-too-large")
    assert "errors" not in refused.json()


# What is kept to itself ---------------------------------------------------------------------------


def named(body: Body, rename: Callable[[str], str]) -> Body:
    """The same request with every account called otherwise."""
    made = copy.deepcopy(body)
    for row in made["snapshot"]["accounts"]:
        row["id"] = rename(row["id"])
    for row in [*made["snapshot"].get("positions", ()), *made.get("liquidations", ())]:
        if row.get("account"):
            row["account"] = rename(row["account"])
    return made


def secret(client: Any, path: str, body: Body) -> int:
    """No account is told of another one, and how the others are called changes nothing; how many were asked."""
    ids = sorted(row["id"] for row in body["snapshot"]["accounts"])
    places = {name: f"Q{place:03}" for place, name in enumerate(ids)}
    here = named(body, lambda name: f"{places[name]}-zzz")
    answer = send(client, path, here)
    if answer.status_code != 200:
        return 0
    for me in ids:
        mine = f"{places[me]}-zzz"
        told = asked(client, path, here, mine)
        assert told.status_code == 200
        text = told.content.replace(mine.encode(), b"")
        assert not [other for other in places.values() if other.encode() in text]
        there = named(body, lambda name, me=me, mine=mine: mine if name == me else f"{places[name]}-other")  # type: ignore[misc]
        assert asked(client, path, there, mine).content == told.content
    return len(ids)


@pytest.mark.slow
@pytest.mark.parametrize("policy", some(SECRETIVE, 8))
def test_an_allocation_is_explained_without_a_word_of_other_accounts(client: Any, policy: str) -> None:
    rng = Random(policy)
    body = aimed(rng, {**AIMS, **books.POLICIES}[policy], rng.choice(["normal", "scenarios"]), "linear")
    for row in body["snapshot"]["accounts"]:
        row |= {"entry_notional": 3, "bankruptcy_notional": 2, "maintenance_margin": 1, "price_ratio": 1.1, "score": 2}
    body["snapshot"]["accounts"] = body["snapshot"]["accounts"][:6]
    assert secret(client, ALLOCATIONS, body) == len(body["snapshot"]["accounts"])


@pytest.mark.slow
def test_a_closing_is_explained_without_a_word_of_other_accounts(client: Any) -> None:
    seen = 0
    for seed in range(8):
        body = random_request(Random(seed))
        body["options"]["on_infeasible"] = "partial"
        if not CLOSING_POLICIES[body["policy"]["name"]].timed:
            seen += secret(client, CLOSURES, body)
    assert seen > 20


def test_figures_of_others_that_the_rule_does_not_look_at_change_nothing(client: Any) -> None:
    """The multiplier of capped-pro-rata knows no notional, fee, score or group of anybody."""

    def told(rows: list[Body]) -> Body:
        found = explained(client, ALLOCATIONS, request(rows), "bob")
        del found["alternatives"]
        return found

    first = told(ROWS)
    for change in ({"notional": 7}, {"fees": 99}, {"contracts": 1}, {"score": -1}, {"group": "else"}, {"cash": 50}):
        assert (
            told([row if row["id"] == "bob" else row | change if float(row["pnl"]) > 0 else row for row in ROWS])
            == first
        )


# What the page says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "path", "name", "account"),
    [(0, ALLOCATIONS, "five-accounts", "ann"), (1, ALLOCATIONS, "queue", "ann"), (2, CLOSURES, "closures", "cat")],
)
def test_the_page_shows_what_its_examples_answer(client: Any, place: int, path: str, name: str, account: str) -> None:
    shown = json.loads(re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)[place])
    assert f"`examples/{name}.json`" in PAGE
    told = explained(client, path, json.loads((ROOT / f"examples/{name}.json").read_bytes()), account)
    assert shown == {part: value for part, value in told.items() if part in shown}
    assert set(told) - set(shown) <= {"alternatives", "not_computed"}
    assert place or set(shown) == set(told)


def test_the_page_has_a_formula_of_every_policy() -> None:
    rows = " ".join(line.split(" | ")[0] for line in PAGE.splitlines() if line.startswith("| `"))
    assert {name for name in POLICIES if f"`{name}`" not in rows} == set()
