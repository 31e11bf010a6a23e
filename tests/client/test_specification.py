"""What the client knows is what openapi.json says, no more and no less."""

import inspect
import json
import re
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from app.client import AsyncClient, Client, answers, asynchronous, bodies, calls, errors, sync
from app.client.frames import amounts
from app.problems import CODES
from tests.processes import ROOT

SPECIFICATION = json.loads((ROOT / "openapi/openapi.json").read_bytes())
SCHEMAS: dict[str, Any] = SPECIFICATION["components"]["schemas"]
ANSWERS = {name: kind for name, kind in vars(answers).items() if is_typeddict(kind)}
ANY_OF = {"AnyVerificationAnswer": ("VerificationAnswer", "ClosureVerificationAnswer")}
SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null", Any: "anything"}


def told(schema: Any) -> Any:
    """A schema as plain sets, lists and names."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return frozenset(schema["enum"])
    if "anyOf" in schema:
        return frozenset({"one of": frozenset(map(told, schema["anyOf"]))}.items())
    match schema.get("type"):
        case "array" if "prefixItems" in schema:  # a pair of numbers
            (kind,) = set(map(told, schema["prefixItems"]))
            return ("list", kind)
        case "array":
            return ("list", told(schema["items"]))
        case "object":
            inner = schema.get("additionalProperties", True)
            return ("map", "anything" if inner is True else told(inner))
        case None:
            return "anything"
        case name:
            return name


def known(hint: Any) -> Any:
    """A type of the client in the same words."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (UnionType, Union):
        return frozenset({"one of": frozenset(map(known, inner))}.items())
    if origin is NotRequired:
        return known(inner[0])
    if origin is Literal:
        return frozenset(inner)
    if origin is list:
        return ("list", known(inner[0]))
    if origin is dict:
        return ("map", known(inner[1]))
    return hint.__name__ if is_typeddict(hint) else SIMPLE[hint]


def reached(name: str, found: set[str]) -> set[str]:
    """All schemas that a schema is made of."""
    if name not in found:
        found.add(name)
        for inner in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(SCHEMAS[name])):
            reached(inner, found)
    return found


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in SPECIFICATION["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def answered() -> set[str]:
    """The schemas of all answers and problems."""
    found: set[str] = set()
    for _, _, operation in operations():
        for name in re.findall(r'"#/components/schemas/(\w+)"', json.dumps(operation["responses"])):
            reached(name, found)
    return found


def test_every_schema_of_an_answer_is_known_and_no_other() -> None:
    assert set(ANSWERS) == answered() - set(ANY_OF)
    for name, parts in ANY_OF.items():
        assert told({"anyOf": SCHEMAS[name]["anyOf"]}) == frozenset({"one of": frozenset(parts)}.items())


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_every_field_of_an_answer_has_its_type(name: str) -> None:
    schema = SCHEMAS[name]
    hints = get_type_hints(ANSWERS[name])
    assert {field: known(hint) for field, hint in hints.items()} == {
        field: told(kind) for field, kind in schema["properties"].items()
    }
    assert ANSWERS[name].__required_keys__ == frozenset(schema.get("required", ()))


def test_money_is_what_the_specification_writes_as_decimal_texts() -> None:
    spelled = {"anyOf", "pattern"}
    money = {
        field
        for name in ANSWERS
        for field, schema in SCHEMAS[name]["properties"].items()
        if spelled & schema.keys() and any("pattern" in part for part in schema.get("anyOf", [schema]))
    }
    assert amounts() == money
    for name, kind in ANSWERS.items():
        for field, hint in get_type_hints(kind, include_extras=True).items():
            row = SCHEMAS[name.replace("Columns", "Row")]["properties"][field]
            assert ("'money'" in repr(hint)) == ('"pattern"' in json.dumps(row)), (name, field)


@pytest.mark.parametrize(
    ("parts", "schema"),
    [
        (bodies.AllocationParts, "AllocationRequest"),
        (bodies.ComparisonParts, "ComparisonRequest"),
        (bodies.FrontierParts, "FrontierRequest"),
        (bodies.ClosureParts, "ClosureRequest"),
        (bodies.VerificationParts, "VerificationRequest"),
        (bodies.ClosureVerificationParts, "ClosureVerificationRequest"),
    ],
)
def test_every_part_of_a_request_has_its_word(parts: Any, schema: str) -> None:
    whole = SCHEMAS[schema]["properties"]
    snapshot = SCHEMAS[whole["snapshot"]["$ref"].rpartition("/")[2]]["properties"]
    assert set(get_type_hints(parts)) == (set(whole) - {"snapshot"}) | set(snapshot)
    assert set(snapshot) <= set(bodies._SNAPSHOT)


def test_lists_are_filtered_by_what_the_specification_has() -> None:
    for method, path, operation in operations():
        if method == "GET" and path.count("/") == 2 and path != calls.POLICIES.path:
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert set(get_type_hints(calls.Filter)) | {"limit", "after"} == names


def test_every_code_has_its_error() -> None:
    assert set(errors.CODES) == set(CODES)
    drawn = re.findall(r"(?m)^ *(\w+) {2,}([a-z-, ]+?)(?::.*)?$", errors.__doc__ or "")
    shown = {code: name for name, codes in drawn for code in codes.split(", ") if code in CODES}
    assert {code: kind.__name__ for code, kind in errors.CODES.items()} == shown


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Client, AsyncClient),
        (sync.Records, asynchronous.AsyncRecords),
        (sync.ExplainedRecords, asynchronous.AsyncExplainedRecords),
    ],
)
def test_both_clients_have_the_same_methods_with_the_same_words(one: type, other: type) -> None:
    def methods(kind: type) -> dict[str, Any]:
        return {name: method for name, method in vars(kind).items() if inspect.isfunction(method) and name[0] != "_"}

    ours, theirs = methods(one), methods(other)
    assert ours
    assert ours.keys() == theirs.keys()
    for name, method in ours.items():
        assert method.__doc__ == theirs[name].__doc__, name
        assert inspect.signature(method).parameters == inspect.signature(theirs[name]).parameters, name
        assert inspect.iscoroutinefunction(theirs[name]) or inspect.isasyncgenfunction(theirs[name]), name
