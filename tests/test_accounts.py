"""docs/accounts.md: its table is that of the API, and its examples show what the page says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.openapi import answer_to
from app.problems import RequestProblem
from app.schemas.requests import Shortfall
from app.schemas.snapshot import MAX_ID, AccountRow
from tests.pages import page, run_again
from tests.processes import service

PAGE = page("accounts.md")
USUAL = "http://127.0.0.1:8000"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE[PAGE.index("## The fields") : PAGE.index("Money is in")].splitlines()
    if line.startswith("| `")
]
UNITS = {row[0].strip("`"): row[3] for row in ROWS}


def refusal(field: str, value: Any, **options: Any) -> str | None:
    """What is said against an account with this value, None where nothing is."""
    account = {"id": "a", "cash": 2, "pnl": 8, "notional": 4} | {field: value}
    asked = {"snapshot": {"accounts": [account]}, "policy": {"name": "capped-pro-rata"}, "options": options}
    try:
        answer_to("/v1/allocations", json.dumps(asked).encode())
    except RequestProblem as refused:
        return str(refused)
    return None


def test_the_table_has_every_field_of_an_account_with_its_default_and_its_description() -> None:
    def default(field: Any) -> str:
        return "needed" if field.is_required() else "none" if field.default is None else str(field.default)

    fields = AccountRow.model_fields.items()
    assert [row[:3] for row in ROWS] == [[f"`{name}`", default(field), field.description] for name, field in fields]


@pytest.mark.parametrize("field", [name for name, unit in UNITS.items() if not unit.startswith("text")])
def test_the_signs_of_the_table_are_those_that_are_accepted(field: str) -> None:
    unit = UNITS[field]
    assert refusal(field, 1) is None
    said = refusal(field, -1)
    if "where a retention is given" in unit:
        assert said is None
        said = refusal(field, -1, retention={"curve": "linear", "rate": 0.5})
    assert ("any sign" in unit) == (said is None)
    assert said is None or ("0 to 1" in unit) == ("between 0 and 1" in said)


def test_the_length_of_an_id_is_that_of_the_table() -> None:
    assert UNITS["id"] == f"text of 1 to {MAX_ID} characters"
    assert refusal("id", "a" * MAX_ID) is None
    assert refusal("id", "a" * (MAX_ID + 1)) is not None


def test_what_choosing_a_policy_says_of_caps_and_severity_is_their_default() -> None:
    fields = AccountRow.model_fields
    said = re.search(
        r"`max_haircut` (\d) and `min_equity` (\d), .*? and severity (\d),",
        " ".join(page("choosing-a-policy.md").split()),
    )
    assert said is not None
    assert [int(number) for number in said.groups()] == [
        fields["max_haircut"].default,
        fields["min_equity"].default,
        Shortfall.model_fields["severity"].default,
    ]


def test_a_column_of_another_name_is_refused(tmp_path: Path) -> None:
    text = "book.csv:\n\n```csv\nid,cash,pnl,name\nann,2,8,Ann\n```\n\n```console\n$ adl allocate book.csv\n```\n"
    told = run_again(text, tmp_path)
    assert "name: is not a known field" in told


@pytest.mark.slow
def test_the_page_of_accounts_shows_what_its_examples_show(tmp_path: Path) -> None:
    assert PAGE.count("$ ") == 3
    with service() as address:
        text = re.sub(
            "^```python.*?^```\n", lambda block: block[0].replace(USUAL, address), PAGE, flags=re.DOTALL | re.MULTILINE
        )
        assert run_again(text, tmp_path, address) == text
