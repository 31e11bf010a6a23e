"""Bad requests of contract space: each gets its code, names field and account, echoes nothing, and does no harm."""

from typing import Any

import pytest

from app.main import create_app
from app.settings import Settings
from tests.app import bad_closures
from tests.app.bad_closures import COLUMNS, FILLS
from tests.app.bad_requests import MARK, Bad, changed, text
from tests.app.closures import CLOSURES, EXAMPLE, verification
from tests.app.requests import VERIFICATIONS, answer_to
from tests.app.test_bad_requests import refused
from tests.problems import one_in

CASES = [
    *bad_closures.wrong_numbers(),
    *bad_closures.out_of_range(),
    *bad_closures.too_large(),
    *bad_closures.wrong_names(),
    *bad_closures.wrong_tables(),
    *bad_closures.wrong_fields(),
    *bad_closures.wrong_together(),
    *bad_closures.wrong_verifications(),
]


@pytest.mark.parametrize("case", one_in(3, CASES), ids=lambda case: case.what)
def test_a_bad_request_is_refused_by_name(client: Any, case: Bad) -> None:
    problem = refused(client, case.path, case.raw, case.status, case.code)
    named = [(error["pointer"], error["account"]) for error in problem["errors"]]
    assert (case.pointer, case.account) in named, problem


def test_a_rule_of_severity_is_told_that_it_is_for_allocations(client: Any) -> None:
    for value in ({"rule": "match"}, {"rule": MARK}, "extreme-value"):
        problem = refused(
            client, CLOSURES, text(changed(EXAMPLE, "/shortfall/severity", value)), 422, "invalid-request"
        )
        assert [error["detail"] for error in problem["errors"]] == [
            "must be a number from 0 to 1: rules set the severity of allocations only"
        ]


def test_the_table_of_bad_requests_has_no_case_twice_and_harms_no_good_one(client: Any) -> None:
    assert len({(case.path, case.raw) for case in CASES}) == len(CASES) >= 300
    assert answer_to(client, CLOSURES, EXAMPLE)["budget"] == "45.000000"


@pytest.mark.parametrize("columns", [False, True], ids=["rows", "columns"])
def test_all_faults_of_the_tables_are_named_at_once(client: Any, columns: bool) -> None:
    faults = [
        ("markets", "mark_price", 0, None),
        ("positions", "quantity", 2, "bob"),
        ("positions", "market", 3, "cat"),
    ]
    request, expected = (COLUMNS if columns else EXAMPLE), set()
    for table, name, row, account in faults:
        pointer = f"/snapshot/{table}/{name}/{row}" if columns else f"/snapshot/{table}/{row}/{name}"
        request = changed(request, pointer, [MARK])
        expected.add((pointer, account))
    problem = refused(client, CLOSURES, text(request), 422, "invalid-request")
    assert {(error["pointer"], error["account"]) for error in problem["errors"]} == expected


def test_tables_beyond_the_settings_are_refused(client: Any) -> None:
    from fastapi.testclient import TestClient  # noqa: PLC0415

    limits = ("max_markets", 2, "/snapshot/markets"), ("max_positions", 8, "/snapshot/positions")
    for setting, most, pointer in limits:
        with TestClient(create_app(Settings(**{setting: most}))) as small:
            problem = refused(small, CLOSURES, text(EXAMPLE), 413, "payload-too-large")
            assert problem["detail"].startswith(pointer)
    with TestClient(create_app(Settings(max_positions=9))) as small:
        made = verification(EXAMPLE, FILLS * 5)
        assert refused(small, VERIFICATIONS, text(made), 413, "payload-too-large")["detail"].startswith("/closures")
