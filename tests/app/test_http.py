"""What the service says over HTTP: the same answer however it is asked, documents that keep their schema, headers."""

import copy
import json
import re
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from solvers.registry import POLICIES
from tests import books
from tests.solvers import test_axioms

ALLOCATIONS, COMPARISONS, VERIFICATIONS = "/v1/allocations", "/v1/comparisons", "/v1/verifications"
JSON = {"content-type": "application/json"}
ROOT = Path(__file__).parents[2]
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
Body = dict[str, Any]

ROWS: list[Body] = [
    {**row, "score": score, "max_haircut": cap}
    for row, score, cap in zip(
        json.loads((ROOT / "app/static/examples/five-accounts.json").read_bytes())["snapshot"]["accounts"],
        (2, 3, 1, 0, 0),
        (1, "0.9", 0.95, 1, 1),
        strict=True,
    )
]


def columns_of(rows: list[Body]) -> Body:
    return {name: [row[name] for row in rows] for name in rows[0]}


def rows_of(columns: Body) -> list[Body]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def request(accounts: Any = ROWS, policy: Body | None = None, **options: Any) -> Body:
    return {
        "snapshot": {"accounts": copy.deepcopy(accounts)},
        "shortfall": {"severity": 0.5},
        "policy": policy or {"name": "capped-pro-rata"},
        "options": options,
    }


def comparison(policies: list[Any], **parts: Any) -> Body:
    made = request() | {"policies": policies} | parts
    del made["policy"]
    return made


def verification(allocation: Any, accounts: Any = ROWS, **options: Any) -> Body:
    made = request(accounts, **options) | {"allocation": allocation}
    del made["policy"]
    return made


def send(client: Any, path: str, body: Any, **headers: str) -> Any:
    return client.post(path, content=json.dumps(body), headers=JSON | headers)


def answer_to(client: Any, path: str, body: Any) -> Any:
    answer = send(client, path, body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


@pytest.fixture(scope="module")
def specification(client: Any) -> Body:
    served: Body = client.get("/openapi.json").json()
    return served


@pytest.fixture(scope="module")
def matches(specification: Body) -> Any:
    """``matches(name, document)``: no complaint about a document from the schema of that name."""
    resource = DRAFT202012.create_resource(specification)
    registry: Any = Registry().with_resource("urn:specification", resource)

    def check(name: str, document: Any) -> None:
        schema = {"$ref": f"urn:specification#/components/schemas/{name}"}
        complaints = sorted(map(str, Draft202012Validator(schema, registry=registry).iter_errors(document)))
        assert not complaints, complaints[0]

    return check


# The same answer ----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
def test_the_same_request_has_the_same_bytes(client: Any, policy: Body) -> None:
    first, second = (send(client, ALLOCATIONS, request(policy=policy)) for _ in range(2))
    assert first.status_code == 200
    assert first.content == second.content


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
def test_the_order_of_the_rows_changes_no_accounts_amount(client: Any, policy: Body) -> None:
    tie = [ROWS[0] | {"id": f"tie {i}"} for i in range(3)]
    before = answer_to(client, ALLOCATIONS, request([*ROWS, *tie], policy))
    for seed in range(3):
        shuffled = [*ROWS, *tie]
        Random(seed).shuffle(shuffled)
        after = answer_to(client, ALLOCATIONS, request(shuffled, policy))
        assert [row["id"] for row in after["allocations"]] == [row["id"] for row in shuffled]
        assert {row["id"]: row for row in after["allocations"]} == {row["id"]: row for row in before["allocations"]}
        for answer in (before, after):
            answer["diagnostics"]["fairness"].pop("lorenz", None)  # corners of equal haircut come as the rows do
        assert after["diagnostics"] == before["diagnostics"]


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
def test_columns_in_columns_out_and_rows_in_rows_out_with_the_same_amounts(client: Any, policy: Body) -> None:
    rows = answer_to(client, ALLOCATIONS, request(ROWS, policy))
    columns = answer_to(client, ALLOCATIONS, request(columns_of(ROWS), policy))
    assert isinstance(rows["allocations"], list)
    assert rows_of(columns["allocations"]) == rows["allocations"]
    assert [row["id"] for row in rows["allocations"]] == [row["id"] for row in ROWS]
    kept = set(rows) - {"id", "allocations"}
    assert {name: rows[name] for name in kept} == {name: columns[name] for name in kept}


def test_a_summary_is_the_full_answer_without_the_accounts(client: Any) -> None:
    full = answer_to(client, ALLOCATIONS, request(detail="full"))
    summary = answer_to(client, ALLOCATIONS, request(detail="summary"))
    assert summary["allocations"] is None
    differing = {name for name in full if full[name] != summary[name]}
    assert differing == {"allocations", "id"}


NUMBERS = (
    "cash",
    "pnl",
    "notional",
    "contracts",
    "max_haircut",
    "min_equity",
    "fees",
    "maintenance_margin",
    "entry_notional",
    "bankruptcy_notional",
    "price_ratio",
    "score",
    "exposure",
)


@pytest.mark.parametrize("field", NUMBERS)
@pytest.mark.parametrize(
    ("number", "strings"),
    [
        (0.1, ("0.1", "0.10", "1e-1", "+0.1")),
        (0.1 + 0.2, ("0.30000000000000004", "3.0000000000000004e-1")),
        (1, ("1", "1.0", "1e0")),
    ],
    ids=["0.1", "0.1 + 0.2", "1"],
)
def test_a_number_and_its_decimal_string_have_one_id_and_one_answer(
    client: Any, field: str, number: float, strings: tuple[str, ...]
) -> None:
    forms = {
        form: send(client, ALLOCATIONS, request([ROWS[0] | {field: form}, *ROWS[1:]])).content
        for form in (number, *strings)
    }
    assert {form for form, content in forms.items() if content != forms[number]} == set()


@pytest.mark.parametrize("field", ["cash", "notional", "max_haircut", "score"])
def test_zeros_at_the_end_of_a_long_decimal_string_change_nothing(client: Any, field: str) -> None:
    short, long = (
        send(client, ALLOCATIONS, request([ROWS[0] | {field: form}, *ROWS[1:]])).content
        for form in ("0.5", "0.5000000000000000000000")
    )
    assert short == long


@pytest.mark.parametrize("field", ["deficit", "largest", "insurance_fund", "needed", "severity"])
def test_the_shortfall_may_be_numbers_or_strings_too(client: Any, field: str) -> None:
    forms = [
        send(client, ALLOCATIONS, request() | {"shortfall": {"severity": 0.5, field: form}})
        for form in (0.42, "0.42", "0.420", "42e-2", "0.42000000000000000000000000")
    ]
    assert {answer.status_code for answer in forms} == {200}
    assert len({answer.content for answer in forms}) == 1


def test_a_float_means_its_shortest_decimal_form(client: Any) -> None:
    rows = [{"id": "a", "cash": 0, "pnl": 0.1 + 0.2}, {"id": "b", "cash": 0, "pnl": 4.35}]
    made = request(rows) | {"shortfall": {"deficit": 0.57}}
    made["snapshot"]["precision"] = 17
    answer = answer_to(client, ALLOCATIONS, made)
    assert [row["endowment"] for row in answer["allocations"]] == ["0.30000000000000004", "4.35000000000000000"]
    assert answer["budget"] == "0.57000000000000000"


def test_an_amount_is_rounded_against_the_account_and_a_deficit_up(client: Any) -> None:
    rows = [
        {"id": "a", "cash": "-0.0000001", "pnl": "9.9999999"},
        {"id": "b", "cash": 0, "pnl": 5, "min_equity": "1e-7"},
    ]
    made = request(rows, policy={"name": "queue"}) | {"shortfall": {"deficit": "7.0000001"}}
    answer = answer_to(client, ALLOCATIONS, made)
    assert answer["allocations"][0]["endowment"] == "9.999999"
    assert answer["allocations"][0]["equity_after"] == "2.999997"
    assert answer["budget"] == "7.000001"
    assert answer["diagnostics"]["solvency"]["reachable_capacity"] == "14.999997"


def test_a_cap_is_read_exactly(client: Any) -> None:
    rows = [ROWS[0] | {"max_haircut": "0.99999999999999999999"}]
    answer = answer_to(client, ALLOCATIONS, request(rows) | {"shortfall": {"deficit": 1}})
    assert answer["diagnostics"]["solvency"]["reachable_capacity"] == "7.999999"


# Comparisons --------------------------------------------------------------------------------------


def test_a_comparison_answers_what_each_allocation_would(client: Any) -> None:
    policies = list(books.POLICIES.values())
    together = answer_to(client, COMPARISONS, comparison(policies))["results"]
    alone = [answer_to(client, ALLOCATIONS, request(policy=policy)) for policy in policies]
    assert json.dumps(together) == json.dumps(alone)
    assert len({answer["id"] for answer in alone}) == len(policies)


def test_what_is_wrong_with_one_policy_stands_in_its_place(client: Any, matches: Any) -> None:
    """Nobody may lose more than half: pro-rata, which would take six tenths, cannot; the others can."""
    rows = [row | {"max_haircut": cap} for row, cap in zip(ROWS, (0.5, 1, 1, 1, 1), strict=True)]
    del rows[0]["entry_notional"]
    asked = [
        {"name": "queue"},
        {"name": "no such policy"},
        {"name": "pro-rata"},
        {"name": "queue", "score": "bitmex"},
        {"name": "rap", "exponent": 11},
        7,
        {"name": "capped-pro-rata"},
    ]
    made = comparison(asked, snapshot={"accounts": rows})
    answer = answer_to(client, COMPARISONS, made)
    matches("ComparisonAnswer", answer)
    results = answer["results"]
    codes = [result["problem"]["code"] if "problem" in result else result["status"] for result in results]
    invalid = "invalid-request"
    assert codes == ["feasible", invalid, "infeasible-budget", invalid, invalid, invalid, "optimal"]
    pointers = [[e["pointer"] for e in result["problem"]["errors"]] for result in results if "problem" in result]
    assert pointers == [
        ["/policies/1/name"],
        ["/snapshot/accounts/0"],
        ["/snapshot/accounts/0/entry_notional"],
        ["/policies/4/exponent"],
        ["/policies/5"],
    ]
    assert results[2]["policy"] == {"name": "pro-rata"}
    assert results[2]["problem"]["largest_feasible_severity"] == pytest.approx(0.5 * 12.5 / 15)
    alone = send(client, ALLOCATIONS, request(rows, {"name": "pro-rata"}))
    assert (alone.status_code, alone.json()) == (409, results[2]["problem"])


# Verifications ------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_our_own_answers_are_valid(client: Any, matches: Any, policy: Body, columns: bool) -> None:
    made = answer_to(client, ALLOCATIONS, request(columns_of(ROWS) if columns else ROWS, policy))
    asked = verification(made["allocations"])
    matches("VerificationRequest", asked)
    judged = answer_to(client, VERIFICATIONS, asked)
    matches("VerificationAnswer", judged)
    assert (judged["valid"], judged["violations"]) == (True, [])
    assert judged["diagnostics"] == made["diagnostics"]


@pytest.mark.parametrize(
    ("seized", "expected"),
    [
        ({"ann": "3.9", "bob": "3.6"}, []),
        ({"ann": "3.8", "bob": "3.7"}, [("over-cap", "bob")]),
        ({"ann": "8.000001", "bob": "-0.500001"}, [("over-cap", "ann"), ("negative", "bob")]),
        ({"ann": 4, "bob": "3.4", "dee": "0.1"}, [("not-a-winner", "dee")]),
        ({"ann": "3.9", "bob": "3.6", "zed": 0}, [("unknown-account", "zed")]),
        ({"ann": "3.9", "bob": "3.5", "zed": "0.1"}, [("unknown-account", "zed"), ("budget", None)]),
        ({"ann": "3.9", "bob": "3.599999"}, [("budget", None)]),
        ({"ann": 8, "bob": 3}, [("budget", None)]),
        ({"cy": "0.5", "ann": 7}, [("over-cap", "cy")]),
        ({"eve": -1, "ann": 8, "bob": 0.5}, [("negative", "eve")]),
    ],
)
def test_every_broken_rule_is_named_with_its_account(
    client: Any, matches: Any, seized: Body, expected: list[tuple[str, str | None]]
) -> None:
    """B = 7.5 from ann 8, bob 4 of which 3.6 at most, cy 0.5 of which 0.475; dee and eve lost."""
    columns = {"id": list(seized), "seized": list(seized.values())}
    answer = answer_to(client, VERIFICATIONS, verification(columns))
    matches("VerificationAnswer", answer)
    assert [(found["rule"], found["account"]) for found in answer["violations"]] == expected
    assert answer["valid"] is (not expected)


def test_a_shortage_is_a_violation_unless_partial_is_accepted(client: Any) -> None:
    made = verification([{"id": "ann", "seized": 8}, {"id": "bob", "seized": "3.6"}, {"id": "cy", "seized": "0.475"}])
    made["shortfall"]["severity"] = 1
    refused = answer_to(client, VERIFICATIONS, made)
    assert [found["rule"] for found in refused["violations"]] == ["budget"]
    accepted = answer_to(client, VERIFICATIONS, made | {"options": {"on_infeasible": "partial"}})
    assert (accepted["valid"], accepted["diagnostics"]["solvency"]["uncovered"]) == (True, "2.925000")
    less = copy.deepcopy(made) | {"options": {"on_infeasible": "partial"}}
    less["allocation"].pop()
    assert answer_to(client, VERIFICATIONS, less)["valid"] is True
    more = copy.deepcopy(made) | {"shortfall": {"deficit": 8}, "options": {"on_infeasible": "partial"}}
    assert [found["rule"] for found in answer_to(client, VERIFICATIONS, more)["violations"]] == ["budget"]


def test_a_partial_pro_rata_answer_is_valid_where_it_is_sent_back(client: Any) -> None:
    rows = [{"id": "a", "cash": 0, "pnl": 10, "max_haircut": 0.1}, {"id": "b", "cash": 0, "pnl": 10}]
    asked = {"snapshot": {"accounts": rows}, "shortfall": {"deficit": 5}, "options": {"on_infeasible": "partial"}}
    answer = answer_to(client, ALLOCATIONS, asked | {"policy": {"name": "pro-rata"}})
    assert [account["seized"] for account in answer["allocations"]] == ["1.000000", "1.000000"]
    assert answer_to(client, VERIFICATIONS, asked | {"allocation": answer["allocations"]})["valid"] is True


def test_answers_near_the_limit_of_amounts_are_valid_where_they_are_sent_back(client: Any) -> None:
    rows = [{"id": "a", "cash": 0, "pnl": 6}, {"id": "b", "cash": 0, "pnl": 1}]
    asked = {"snapshot": {"precision": 18, "accounts": rows}, "shortfall": {"deficit": 5}}
    answer = answer_to(client, ALLOCATIONS, asked | {"policy": {"name": "capped-pro-rata"}})
    assert answer["status"] == "optimal"
    assert answer_to(client, VERIFICATIONS, asked | {"allocation": answer["allocations"]})["valid"] is True


def test_a_verification_whose_remainders_would_wrap_is_refused_by_name(client: Any) -> None:
    rows = [{"id": "ann", "cash": 0, "pnl": 9 * 10**12}, {"id": "dee", "cash": 0, "pnl": -3}]
    answer = send(client, VERIFICATIONS, verification([{"id": "ann", "seized": -9 * 10**12}], rows))
    assert answer.status_code == 422
    assert [(error["pointer"], error["account"]) for error in answer.json()["errors"]] == [
        ("/allocation/0/seized", "ann")
    ]


# Headers and paths --------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["a", "7f3a-b.c:d_E", "x" * 128])
def test_a_request_id_that_is_a_plain_token_comes_back(client: Any, token: str) -> None:
    for answer in (
        send(client, ALLOCATIONS, request(), **{"x-request-id": token}),
        send(client, ALLOCATIONS, [], **{"x-request-id": token}),
        client.get("/nowhere", headers={"x-request-id": token}),
    ):
        assert answer.headers.get_list("x-request-id") == [token]


@pytest.mark.parametrize("token", ["", "a b", "x" * 129, "<script>", "a,b", '"a"', "\u00e9"])
def test_a_request_id_of_another_kind_is_replaced(client: Any, token: str) -> None:
    first, second = (
        client.get("/healthz", headers={"x-request-id": token.encode("latin-1")}).headers["x-request-id"]
        for _ in range(2)
    )
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != second


@pytest.mark.parametrize("path", [ALLOCATIONS, COMPARISONS, VERIFICATIONS])
def test_durations_are_in_server_timing(client: Any, path: str) -> None:
    bodies = {
        ALLOCATIONS: request(),
        COMPARISONS: comparison([{"name": "queue"}]),
        VERIFICATIONS: verification([{"id": "ann", "seized": 1}]),
    }
    timing = send(client, path, bodies[path]).headers["server-timing"]
    assert re.fullmatch(r"parse;dur=\d+\.\d, solve;dur=\d+\.\d, total;dur=\d+\.\d", timing)


@pytest.mark.parametrize(
    ("method", "path", "status", "code", "allow"),
    [
        ("GET", "/nowhere", 404, "not-found", None),
        ("POST", "/v1", 404, "not-found", None),
        ("GET", "/static/nothing.js", 404, "not-found", None),
        ("GET", "/static/%2e%2e/main.py", 404, "not-found", None),
        ("GET", ALLOCATIONS, 405, "method-not-allowed", "POST"),
        ("PUT", COMPARISONS, 405, "method-not-allowed", "POST"),
        ("DELETE", VERIFICATIONS, 405, "method-not-allowed", "POST"),
        ("OPTIONS", ALLOCATIONS, 405, "method-not-allowed", "POST"),
        ("POST", "/v1/policies", 405, "method-not-allowed", "GET"),
        ("POST", "/healthz", 405, "method-not-allowed", "GET"),
    ],
)
def test_unknown_paths_and_methods_are_problems(
    client: Any, matches: Any, method: str, path: str, status: int, code: str, allow: str | None
) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers.get("allow") == allow
    assert answer.headers["x-request-id"]
    assert (answer.json()["code"], answer.json()["status"]) == (code, status)
    matches("Problem", answer.json())


@pytest.mark.parametrize("path", [ALLOCATIONS, COMPARISONS, VERIFICATIONS])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/jsonlines"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "identity, gzip"},
    ],
    ids=str,
)
def test_another_media_type_is_refused(client: Any, matches: Any, path: str, headers: dict[str, str]) -> None:
    answer = client.post(path, content=json.dumps(request()).encode(), headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (415, "application/problem+json")
    assert answer.json()["code"] == "unsupported-media-type"
    matches("Problem", answer.json())


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", "application/json ;charset=UTF-8"]
)
def test_json_may_name_its_charset(client: Any, media_type: str) -> None:
    answer = send(client, ALLOCATIONS, request(), **{"content-type": media_type})
    assert answer.content == send(client, ALLOCATIONS, request()).content


# Operations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_the_service_is_healthy_and_ready(client: Any, matches: Any, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    matches("Health", answer.json())


def samples(client: Any) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_metrics_count_requests_and_never_name_an_account(client: Any) -> None:
    secret = "account-7f3a"
    rows = [ROWS[0] | {"id": secret, "group": "group-7f3a"}, *ROWS[1:]]
    before = samples(client)
    answer_to(client, ALLOCATIONS, request(rows))
    answer_to(client, VERIFICATIONS, verification([{"id": secret, "seized": 1}], rows))
    assert send(client, ALLOCATIONS, request([*rows, rows[0]])).status_code == 422
    after = samples(client)
    moved = {name: after[name] - before.get(name, 0) for name in after}
    route = 'adl_request_duration_seconds_count{method="POST",route="/v1/allocations",status="%d"}'
    assert (moved[route % 200], moved[route % 422]) == (1, 1)
    assert moved['adl_solve_duration_seconds_count{policy="capped-pro-rata",status="optimal"}'] == 1
    assert moved['adl_rejected_requests_total{code="invalid-request"}'] == 1
    assert moved["adl_snapshot_accounts_count"] == 2
    assert after['adl_budget{policy="capped-pro-rata"}'] == 7.5
    assert after["adl_in_flight_requests"] == 1
    assert all(name.startswith(("adl_", "process_")) for name in after)
    assert not re.search(r"7f3a|\b(ann|bob|cy|dee|eve)\b", client.get("/metrics").text)


def test_a_path_that_does_not_exist_makes_no_metric_of_its_own(client: Any) -> None:
    client.get("/nowhere/7f3b")
    client.request("BREW", "/nowhere/7f3b")
    metrics = client.get("/metrics").text
    assert "7f3b" not in metrics
    assert "BREW" not in metrics


def test_the_docs_page_loads_only_from_the_service(client: Any) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert not re.search(r"(src|href)=[\"'](https?:)?//", page.text)


def test_the_root_leads_to_the_docs(client: Any) -> None:
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


# The specification --------------------------------------------------------------------------------


def operations(specification: Body) -> dict[str, Body]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in specification["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def test_every_operation_is_explained_and_worked(specification: Body) -> None:
    found = operations(specification)
    assert set(found) == {
        *(f"POST {path}" for path in (ALLOCATIONS, COMPARISONS, "/v1/frontiers", VERIFICATIONS)),
        *(f"GET {path}" for path in ("/v1/policies", "/healthz", "/readyz", "/metrics")),
    }
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["description"].endswith("."), name
        if "requestBody" in operation:
            asked = operation["requestBody"]["content"]["application/json"]["examples"]
            told = operation["responses"]["200"]["content"]["application/json"]["examples"]
            assert set(asked) == set(told) != set(), name


def test_the_committed_specification_is_the_served_one(specification: Body) -> None:
    committed = json.loads((ROOT / "openapi/openapi.json").read_bytes())
    assert committed == specification, "run `make openapi`"


def test_every_example_has_exactly_its_example_answer(client: Any, matches: Any, specification: Body) -> None:
    worked = 0
    for name, operation in operations(specification).items():
        if "requestBody" not in operation:
            continue
        asked = operation["requestBody"]["content"]["application/json"]
        told = operation["responses"]["200"]["content"]["application/json"]
        for example, request_body in asked["examples"].items():
            answer = answer_to(client, name.removeprefix("POST "), request_body["value"])
            assert json.dumps(answer) == json.dumps(told["examples"][example]["value"]), (name, example)
            matches(asked["schema"]["$ref"].rpartition("/")[2], request_body["value"])
            matches(told["schema"]["$ref"].rpartition("/")[2], answer)
            worked += 1
    assert worked >= 5


@pytest.mark.parametrize("policy", books.POLICIES.values(), ids=books.POLICIES)
@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_answers_keep_the_schema(client: Any, matches: Any, policy: Body, columns: bool) -> None:
    accounts = columns_of(ROWS) if columns else ROWS
    for made in (
        request(accounts, policy),
        request(accounts, policy, detail="summary"),
        request(accounts, policy, numeraire="equity"),
        request(accounts, policy, on_infeasible="partial") | {"shortfall": {"severity": 1, "needed": 3}},
        request(accounts, policy) | {"shortfall": {"insurance_fund": 100}},
    ):
        matches("AllocationRequest", made)
        matches("AllocationAnswer", answer_to(client, ALLOCATIONS, made))
    losers = columns_of(ROWS[3:]) if columns else ROWS[3:]
    nobody = answer_to(client, ALLOCATIONS, request(losers, policy, on_infeasible="partial"))
    matches("AllocationAnswer", nobody)
    assert (nobody["status"], nobody["diagnostics"]["solvency"]["uncovered"]) == ("partial", "7.500000")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (request([]), 422),
        (request([{"id": "a"}]), 422),
        (request() | {"colour": 1}, 422),
        (request(policy={"name": "queue", "score": "none"}), 422),
        (request() | {"shortfall": {"deficit": 1000}}, 409),
        (request(policy={"name": "pro-rata"}) | {"shortfall": {"severity": 0.8}}, 409),
    ],
)
def test_problems_keep_the_schema(client: Any, matches: Any, specification: Body, body: Body, status: int) -> None:
    answer = send(client, ALLOCATIONS, body)
    assert answer.status_code == status
    matches("Problem", answer.json())
    described = specification["paths"][ALLOCATIONS]["post"]["responses"][str(status)]["content"]
    assert described["application/problem+json"]["schema"]["$ref"].endswith("/Problem")


@pytest.mark.parametrize("precision", [0, 1, 18])
def test_amounts_have_the_declared_precision(client: Any, matches: Any, precision: int) -> None:
    made = request([{"id": "a", "cash": 1, "pnl": 4}, {"id": "b", "cash": 1, "pnl": -3}])
    made["snapshot"]["precision"] = precision
    answer = answer_to(client, ALLOCATIONS, made)
    matches("AllocationAnswer", answer)
    decimals = {len(row["seized"].partition(".")[2]) for row in answer["allocations"]}
    assert decimals == {precision}
    assert Decimal(answer["allocations"][0]["seized"]) == 1


def test_registry_specification_and_contract_cases_name_the_same_policies(client: Any, specification: Body) -> None:
    schemas = specification["components"]["schemas"]
    variants = schemas["AllocationRequest"]["properties"]["policy"]
    assert set(variants["discriminator"]["mapping"]) == set(POLICIES)
    named = [schemas[one["$ref"].rpartition("/")[2]]["properties"]["name"]["const"] for one in variants["oneOf"]]
    assert sorted(named) == sorted(POLICIES)
    assert [policy["name"] for policy in client.get("/v1/policies").json()["policies"]] == list(POLICIES)
    assert {policy["name"] for policy in books.ALL.values()} == set(POLICIES) == set(test_axioms.CLAIMED)


def test_the_list_of_policies_keeps_its_schema_and_its_parameters_have_defaults(client: Any, matches: Any) -> None:
    answer = client.get("/v1/policies").json()
    matches("PoliciesAnswer", answer)
    for policy in answer["policies"]:
        Draft202012Validator.check_schema(policy["parameters"])
        Draft202012Validator(policy["parameters"]).validate({"name": policy["name"]})
        shown = answer_to(client, ALLOCATIONS, request(policy={"name": policy["name"]}, **books.AIMS))["policy"]
        assert set(shown) == set(policy["parameters"]["properties"])
        Draft202012Validator(policy["parameters"]).validate(shown)
