"""docs/mathematics.md: what it names is there, and its worked numbers are what the solvers answer.

A worked example is a fenced block whose first word is `book`, `example` or `shorts`. Its lines are a name and values;
those that begin with `=` are results, exact as they are written, or rounded where a `~` stands before them.
"""

import ast
import json
import re
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from app.convert.encode import dump
from app.openapi import answer_to
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.registry import POLICIES
from tests.pages import fenced, page
from tests.processes import ROOT

TEXT = page("mathematics.md")
SPACES = {"## Wealth space": POLICIES, "## Contract space": CLOSING_POLICIES}

Block = list[list[str]]


def blocks() -> list[Block]:
    """The lines of each worked example, each split into its name and the rest."""
    return [[line.split(maxsplit=1) for line in body.splitlines()] for body in fenced(TEXT, "text")]


BOOKS = {block[0][1]: dict(block[1:]) for block in blocks() if block[1][0] == "id"}
CASES = [block for block in blocks() if block[1][0] != "id"]


def given(block: Block) -> dict[str, str]:
    return {name: value for name, value in block if name != "="}


def results(block: Block) -> dict[str, list[str]]:
    return {name: values for _, line in (row for row in block if row[0] == "=") for name, *values in [line.split()]}


def allocation(case: dict[str, str]) -> dict[str, Any]:
    """The answer to a worked example over a book: everything that it tells, by name."""
    columns = {name: [json.loads(value) for value in line.split()] for name, line in rows(case["book"]).items()}
    shortfall = {
        name: float(case[name]) if name == "deficit" else read(case[name]) for name in SHORTFALL if name in case
    }
    options = {name: json.loads(case[name]) for name in ("shock", "retention", "numeraire") if name in case}
    request = {
        "snapshot": {"accounts": columns},
        "shortfall": shortfall,
        "policies": [json.loads(case["policy"])],
        "options": options,
    }
    return told(json.loads(dump(answer_to("/v1/comparisons", json.dumps(request).encode())))["results"][0])


SHORTFALL = ("deficit", "severity", "insurance_fund", "needed")


def rows(book: str) -> dict[str, str]:
    return {name: quoted(line) if name in ("id", "group") else line for name, line in BOOKS[book].items()}


def quoted(line: str) -> str:
    return " ".join(f'"{word}"' for word in line.split())


def read(text: str) -> Any:
    """A rule or a number: a fraction goes as its nearest double."""
    return {"rule": text} if text[0].isalpha() else float(Fraction(text))


def closing(case: dict[str, str]) -> dict[str, Any]:
    """The answer to a worked example over one of the examples' books, or over shorts of one market."""
    path = ROOT / "examples" / case.get("example", "")
    request = json.loads(path.read_bytes()) if "example" in case else one_market(case)
    if "policy" in case:
        request["policy"] = json.loads(case["policy"])
    if "retention" in case:
        request["options"] = request.get("options", {}) | {"retention": json.loads(case["retention"])}
    for row, fees in zip(request["snapshot"]["accounts"], case.get("fees", "").split(), strict=False):
        row["fees"] = float(fees)
    return told(json.loads(dump(answer_to("/v1/closures", json.dumps(request).encode()))))


def one_market(case: dict[str, str]) -> dict[str, Any]:
    """Shorts that have won a tenth of the mark a contract, where closing costs nothing."""
    mark = float(case["mark"])
    held = [float(value) for value in case["shorts"].split()]
    ids = [f"a{place}" for place in range(len(held))]
    cash = [float(e) - q * mark / 10 for e, q in zip(case["equity"].split(), held, strict=True)]
    return {
        "snapshot": {
            "markets": [{"symbol": "M", "mark_price": mark, "lot_size": 1}],
            "accounts": [{"id": name, "cash": amount} for name, amount in zip(ids, cash, strict=True)],
            "positions": [
                {"account": name, "market": "M", "quantity": -q, "entry_price": 1.1 * mark}
                for name, q in zip(ids, held, strict=True)
            ],
        },
        "liquidations": [{"market": "M", "quantity": float(case["close"]), "price": mark}],
    }


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """Figures of an answer by their names on the wire; lists of accounts, closes and markets as lists of a field."""
    if "problem" in answer:
        return dict(answer["problem"])
    found: dict[str, Any] = {name: answer[name] for name in ("status", "budget")} | answer["certificate"]
    for part in answer["diagnostics"].values():
        found |= part or {}
    found["after_by_model"] = [model["expected_deficit_after"] for model in found.get("models", [])]
    for part in ("normal", "scenarios"):
        found |= {f"{part}_{name}": value for name, value in (found.get(part) or {}).items()}
    for part in ("allocations", "accounts", "markets"):
        entries = answer.get(part) or []
        found |= (
            entries if isinstance(entries, dict) else {name: [row[name] for row in entries] for name in fields(entries)}
        )
    closed = answer.get("closures", [])
    return found | {"closed": [f"{row['account']}:{row['market']}:{row['quantity']}" for row in closed]}


def fields(entries: list[dict[str, Any]]) -> list[str]:
    return list(entries[0]) if entries else []


def agrees(written: str, value: Any) -> bool:
    """Whether a value is what is written: to the last digit that is written after a `~`, else to ten digits."""
    if not re.match(r"~?-?\d", written):
        return written == ("null" if value is None else str(value))
    if value is None:
        return False
    exact, is_near = Fraction(Decimal(str(value))), written.startswith("~")
    wanted = Fraction(written.removeprefix("~"))
    digits = len(written.partition(".")[2])
    within = Fraction(1, 2 * 10**digits) if is_near else abs(wanted) / 10**10
    return abs(exact - wanted) <= within


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(" ".join(row) for row in case[:3]))
def test_the_worked_numbers_are_what_the_service_answers(case: Block) -> None:
    inputs, wanted = given(case), results(case)
    assert wanted
    answer = allocation(inputs) if "book" in inputs else closing(inputs)
    for name, written in wanted.items():
        value = answer[name]
        values = value if isinstance(value, list) else [value]
        assert len(values) == len(written), (name, values)
        assert all(map(agrees, written, values)), (name, written, values)


def section(space: str, name: str) -> str:
    """What a heading of a policy has below it, up to the next heading."""
    part = TEXT.split(f"\n{space}\n")[1].split("\n## ")[0]
    found = re.search(rf"^### `{name}`[^\n]*\n(.*?)(?=^### |\Z)", part, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[1]


def modules(text: str) -> list[str]:
    return re.findall(r"`((?:solvers|app|scripts)/[\w/]+\.py)`", text)


def named_tests(text: str) -> list[tuple[str, str]]:
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)


@cache
def functions(path: Path) -> set[str]:
    return {node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("space", "name"), [(space, name) for space, names in SPACES.items() for name in names])
def test_every_policy_has_its_formula_its_source_a_module_a_test_and_worked_numbers(space: str, name: str) -> None:
    text = section(space, name)
    assert re.search(r"^\$\$.+\$\$$", text, re.MULTILINE)
    assert "\n* Source: " in text
    assert modules(text)
    assert named_tests(text)
    assert f'"name": "{name}"' in text or "example    closures" in text


def test_every_module_and_every_test_that_is_named_is_there() -> None:
    assert [path for path in modules(TEXT) if not (ROOT / path).is_file()] == []
    assert len(named_tests(TEXT)) == TEXT.count("tests/")
    assert [(path, name) for path, name in named_tests(TEXT) if name not in functions(ROOT / path)] == []


def test_every_result_says_where_it_comes_from_who_computes_it_and_who_holds_it() -> None:
    """A list of the three, in this order, at the end of each section with a formula of its own."""
    ends = re.findall(r"^\* Source: (.+?)\n\n", TEXT + "\n", re.MULTILINE | re.DOTALL)
    assert len(ends) == TEXT.count("* Source: ")
    assert [end for end in ends if not re.search(r"^\* Modules?:\s.+^\* Tests:\s", end, re.MULTILINE | re.DOTALL)] == []


def test_every_book_and_every_block_is_of_a_kind_that_is_checked() -> None:
    assert {block[0][0] for block in CASES} == {"book", "example", "shorts"}
    assert {given(block)["book"] for block in CASES if "book" in given(block)} == set(BOOKS)
    assert TEXT.count("```") == 2 * len(blocks())


def test_a_wrong_number_is_found_out() -> None:
    right = {
        "0.6": 0.6,
        "~0.57": 0.5660378,
        "4/15": 0.266666666667,
        "null": None,
        "optimal": "optimal",
        "-3": "-3.000000",
    }
    assert [written for written, value in right.items() if not agrees(written, value)] == []
    wrong = {"0.6": 0.6000001, "~0.58": 0.5660378, "4/15": 0.26667, "0": None, "optimal": "feasible", "3": "-3.000000"}
    assert [written for written, value in wrong.items() if agrees(written, value)] == []


def test_mathematics_is_what_github_renders() -> None:
    """Dollars come in pairs, and between them stands nothing that its Markdown takes for something else."""
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    shown = re.findall(r"^\$\$(.+)\$\$$", prose, re.MULTILINE)
    inline = re.findall(r"\$([^$\n]+)\$", prose.replace("$$", ""))
    assert shown
    assert all(line.count("$") % 2 == 0 for line in prose.splitlines())
    for formula in (*shown, *inline):
        assert not re.search(r"[`<>|*]|\\[{},;!\\]", formula), formula
        assert formula.count("{") == formula.count("}"), formula
        assert formula.count(r"\left") - formula.count(r"\leftarrow") == formula.count(r"\right") - formula.count(
            r"\rightarrow"
        ), formula
