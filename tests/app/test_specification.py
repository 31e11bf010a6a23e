"""The specification: committed as it is served, worked through, and kept by every answer."""

import json
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from solvers.contracts.registry import CLOSING_POLICIES
from solvers.registry import POLICIES
from tests import books
from tests.app import closures
from tests.app.requests import ALLOCATIONS, COMPARISONS, ROWS, VERIFICATIONS, Body, answer_to, columns_of, request, send
from tests.processes import ROOT
from tests.solvers import test_axioms

KINDS = (ALLOCATIONS, COMPARISONS, "/v1/frontiers", closures.CLOSURES, VERIFICATIONS)
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


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
        *(f"POST {path}" for path in KINDS),
        *(f"GET {path}{rest}" for path in KINDS for rest in ("", "/{id}", "/{id}/request", "/{id}/replay")),
        *(f"GET {path}/{{id}}/explanations/{{account}}" for path in (ALLOCATIONS, closures.CLOSURES)),
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


def test_closing_registry_specification_and_contract_cases_name_the_same_policies(
    client: Any, specification: Body
) -> None:
    schemas = specification["components"]["schemas"]
    variants = schemas["ClosureRequest"]["properties"]["policy"]
    assert set(variants["discriminator"]["mapping"]) == set(CLOSING_POLICIES)
    named = [schemas[one["$ref"].rpartition("/")[2]]["properties"]["name"]["const"] for one in variants["oneOf"]]
    assert sorted(named) == sorted(CLOSING_POLICIES)
    listed = client.get("/v1/policies").json()["closing_policies"]
    assert [policy["name"] for policy in listed] == list(CLOSING_POLICIES)
    assert {policy["name"] for policy in closures.POLICIES.values()} == set(CLOSING_POLICIES)
    for policy in listed:
        Draft202012Validator.check_schema(policy["parameters"])
        for integer in ("rounded", "exact"):
            asked = closures.closure({"name": policy["name"]}, options={"integer": integer})
            answer = send(client, closures.CLOSURES, asked)
            assert (answer.status_code == 200) is (integer in policy["integer"])
        shown = answer_to(client, closures.CLOSURES, closures.closure({"name": policy["name"]}))["policy"]
        assert set(shown) == set(policy["parameters"]["properties"])
        Draft202012Validator(policy["parameters"]).validate(shown)


def test_the_list_of_policies_keeps_its_schema_and_its_parameters_have_defaults(client: Any, matches: Any) -> None:
    answer = client.get("/v1/policies").json()
    matches("PoliciesAnswer", answer)
    for policy in answer["policies"]:
        Draft202012Validator.check_schema(policy["parameters"])
        Draft202012Validator(policy["parameters"]).validate({"name": policy["name"]})
        shown = answer_to(client, ALLOCATIONS, request(policy={"name": policy["name"]}, **books.AIMS))["policy"]
        assert set(shown) == set(policy["parameters"]["properties"])
        Draft202012Validator(policy["parameters"]).validate(shown)
