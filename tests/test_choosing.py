"""docs/choosing-a-policy.md: its tables are what the service answers, and what it says of them is so."""

import json
import re
import runpy
from typing import Any

import pytest

from app.convert.encode import dump
from app.openapi import answer_to
from app.sample import AIMS
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.registry import POLICIES
from tests.processes import ROOT

WRITER = runpy.run_path(str(ROOT / "scripts/write-choosing"))
PAGE = (ROOT / "docs/choosing-a-policy.md").read_text(encoding="utf-8")
SIZES = [500, pytest.param(None, marks=pytest.mark.slow)]
"""Accounts of a small venue, and the sample venue itself."""


def cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in text.splitlines() if line.startswith("|")]


def number(cell: str) -> float:
    return float(cell.strip("%").replace(",", ""))


def column(text: str, name: str) -> dict[str, float]:
    """The figures of a column by policy, without the rows that were refused."""
    heads, _, *rows = cells(text)
    place = heads.index(name)
    return {row[0]: number(row[place]) for row in rows if row[place] != "-" and not row[place].startswith("refused")}


@pytest.mark.slow
def test_the_tables_of_the_venue_are_what_make_docs_writes() -> None:
    assert WRITER["written"](PAGE, {name: make() for name, make in WRITER["OF_THE_VENUE"].items()}) == PAGE


def test_the_other_tables_are_what_make_docs_writes() -> None:
    assert WRITER["written"](PAGE, {name: make() for name, make in WRITER["OF_ALL"].items()}) == PAGE


def test_every_table_has_been_written_and_every_policy_is_in_it() -> None:
    for name in (*WRITER["OF_THE_VENUE"], *WRITER["OF_ALL"]):
        block = re.search(rf"<!-- {name}, written by make docs -->\n(.*?)<!-- end of {name} -->", PAGE, re.DOTALL)
        assert block is not None
        assert len(block[1].splitlines()) > 2, name
        if name in ("figures", "registry"):
            assert {re.findall("`(.*?)`", row[0])[0] for row in cells(block[1])[2:]} == set(POLICIES), name


def test_a_figure_that_was_changed_by_hand_is_written_anew() -> None:
    severities = WRITER["severities"]()
    changed = PAGE.replace(severities, severities.replace("0.68", "0.69"))
    assert changed != PAGE
    assert WRITER["written"](changed, {"severities": severities}) == PAGE


@pytest.mark.parametrize("accounts", SIZES)
def test_each_optimal_policy_is_the_best_in_its_own_column_alone(accounts: int | None) -> None:
    figures, costs = WRITER["figures"](accounts), WRITER["costs"](accounts)
    worst, gini = column(figures, "worst haircut"), column(figures, "Gini")
    assert min(worst, key=worst.__getitem__) == min(gini, key=gini.__getitem__) == "`capped-pro-rata`"
    deficit, kept = column(figures, "next deficit"), column(figures, "fees kept")
    assert min(deficit, key=deficit.__getitem__) == "`expected-deficit`"
    assert max(kept, key=kept.__getitem__) == "`revenue`"
    for model in ("cash", "both"):
        by_model = column(costs, f"next deficit, `{model}`")
        assert min(by_model, key=by_model.__getitem__) == f"`expected-deficit` {model}"
    owners = {"fairness": "`capped-pro-rata`", "robustness": "`expected-deficit`", "revenue": "`revenue`"}
    for aim, owner in owners.items():
        found = column(costs, aim)
        assert found[owner] == 0
        assert all(found[other] > 0 for other in owners.values() if other != owner)


@pytest.mark.parametrize("accounts", SIZES)
def test_what_the_page_says_of_the_table_is_so(accounts: int | None) -> None:
    figures, costs = WRITER["figures"](accounts), WRITER["costs"](accounts)
    keeps, worst = column(figures, "top winner keeps"), column(figures, "worst haircut")
    assert min(keeps, key=keeps.__getitem__) == "`queue` pnl"
    assert worst["`expected-deficit`"] == worst["`revenue`"] == 100
    nothing_taken = number(re.findall(r"would cost the venue ([\d,.]+) on average", WRITER["event_text"](accounts))[0])
    cash = column(costs, "next deficit, `cash`")
    levered = [name for name in cash if re.search("whitebit|leverage|bitmex|hyperliquid|rap|deficit`$|cvar", name)]
    assert len(levered) >= 10
    assert all(cash[name] > 1.01 * nothing_taken for name in levered)
    assert cash["`expected-deficit` cash"] < 1.001 * nothing_taken
    deficit = column(figures, "next deficit")
    assert deficit["`queue` pnl"] > 0.999 * nothing_taken
    assert max(deficit["`queue` whitebit"], deficit["`queue` bitmex"]) < deficit["`capped-pro-rata`"]
    for aim in ("fairness", "robustness", "revenue"):
        found = column(costs, aim)
        assert 0 < found["`blend` fairness 1, robustness 1, revenue 1"] < max(found.values())
    assert (
        worst["`capped-pro-rata`"] <= worst["`blend` fairness 1, mm at most 100000"] < 1.2 * worst["`capped-pro-rata`"]
    )
    both = [row[1:6] for row in cells(figures) if row[0] in ("`cvar`", "`expected-deficit`")]
    assert both[0] == both[1]


def ask(path: str, request: dict[str, Any]) -> Any:
    return json.loads(dump(answer_to(path, json.dumps(request).encode())))


def guide() -> list[list[str]]:
    return cells(PAGE[PAGE.index("## What do you need?") : PAGE.index("**Caps**")])[2:]


def sent(place: int) -> list[dict[str, Any]]:
    return [json.loads(policy) for row in guide() for policy in re.findall(r"`(\{.*?\})`", row[place])]


def test_the_guide_has_a_use_for_every_policy() -> None:
    assert {policy["name"] for policy in sent(1)} == set(POLICIES)
    assert {policy["name"] for policy in sent(2)} == set(CLOSING_POLICIES)


@pytest.mark.parametrize("policy", sent(1), ids=json.dumps)
def test_every_policy_of_the_guide_can_be_sent_as_it_stands(policy: dict[str, Any]) -> None:
    book = json.loads((ROOT / "examples/five-accounts.json").read_bytes())
    answer = ask("/v1/allocations", book | {"policy": policy, "options": AIMS})
    assert answer["diagnostics"]["solvency"]["uncovered"] == "0.000000"
    assert {name: answer["policy"][name] for name in policy if name not in ("weights", "group_limits")} == {
        name: value for name, value in policy.items() if name not in ("weights", "group_limits")
    }


@pytest.mark.parametrize("policy", sent(2), ids=json.dumps)
def test_every_policy_of_contracts_of_the_guide_can_be_sent_as_it_stands(policy: dict[str, Any]) -> None:
    book = json.loads((ROOT / "examples/closures-risk.json").read_bytes())
    options = book["options"] | {"retention": AIMS["retention"]}
    answer = ask("/v1/closures", book | {"policy": policy, "options": options})
    assert [market["left"] for market in answer["markets"]] == ["0"]


def test_whatever_the_policy_what_is_beyond_all_caps_is_refused_with_the_severity_that_the_page_tells() -> None:
    for name in POLICIES:
        found = WRITER["five"]({"name": name}, {"severity": 1}, AIMS)
        assert found["problem"]["code"] == "infeasible-budget", name
        assert str(found["problem"]["largest_feasible_severity"]) in WRITER["refused"](), name
    partial = WRITER["five"]({"name": "capped-pro-rata"}, {"severity": 1}, {"on_infeasible": "partial"})
    assert partial["status"] == "partial"
    assert partial["diagnostics"]["solvency"]["uncovered"] == "2.500000"


def test_only_the_fair_policies_keep_all_axioms() -> None:
    heads, _, *rows = cells(WRITER["registry"]())
    assert heads[2:5] == ["order-preserving", "scale-invariant", "sybil-proof"]
    assert [row[0] for row in rows if all(cell.startswith("yes") for cell in row[2:5])] == [
        "`pro-rata`",
        "`capped-pro-rata`",
    ]


def test_fields_that_the_page_names_are_fields_of_the_answer() -> None:
    text = (ROOT / "openapi/openapi.json").read_text()
    fields = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", PAGE))
    assert len(fields) > 10
    assert [field for field in sorted(fields) if f'"{field}"' not in text] == []
