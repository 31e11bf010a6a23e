"""What the pages say is what the code does."""

import json
import re
import subprocess
from pathlib import Path
from typing import get_args

import pytest

from app.convert.encode import dump
from app.openapi import answer_to
from app.problems import CODES
from app.settings import Settings
from solvers.contracts.registry import CLOSING_POLICIES
from solvers.queue import Score
from solvers.registry import POLICIES
from tests.processes import ROOT, service

README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])


def table(page: str) -> dict[str, list[str]]:
    """The rows of a page's tables by what stands in backquotes in their first cell."""
    rows = [
        line.strip("| \n").split(" | ") for line in (ROOT / page).read_text().splitlines() if line.startswith("| `")
    ]
    return {row[0].strip("`"): row[1:] for row in rows}


def test_the_readmes_example_answers_what_the_readme_says() -> None:
    command = re.search(r"```bash\n(.*?)```", README, re.DOTALL)
    answer = re.search(r"```json\n(.*?)```", README, re.DOTALL)
    assert command is not None
    assert answer is not None
    with service() as address:
        pasted = command[1].replace("http://127.0.0.1:8000", address)
        done = subprocess.run(["bash", "-c", pasted], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == json.loads(answer[1])


@pytest.mark.parametrize(
    ("place", "path", "name"),
    [(0, "/v1/closures", "closures"), (1, "/v1/verifications", "closures-verification")],
)
def test_the_page_of_contract_space_shows_what_its_examples_answer(place: int, path: str, name: str) -> None:
    page = (ROOT / "docs/contract-space.md").read_text(encoding="utf-8")
    assert f"127.0.0.1:8000{path} -H 'Content-Type: application/json' -d @examples/{name}.json" in page
    shown = json.loads(re.findall(r"```json\n(.*?)```", page, re.DOTALL)[place])
    answer = json.loads(dump(answer_to(path, (ROOT / f"examples/{name}.json").read_bytes())))
    assert shown == {part: value for part, value in answer.items() if part != "diagnostics"}


def test_the_page_of_closing_for_risk_shows_what_its_book_answers() -> None:
    book = json.loads((ROOT / "examples/closures-risk.json").read_bytes())
    page = (ROOT / "docs/closing-for-risk.md").read_text(encoding="utf-8")
    section = page[page.index("## Fair or safe") :]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    shown = [cells for cells in rows if len(cells) == 8]
    assert {re.findall("`(.*?)`", cells[0])[0] for cells in shown} == set(CLOSING_POLICIES) - {"min-max", "revenue"}
    for first, *cells in shown:
        name, *score = re.findall("`(.*?)`", first)
        policy = book["policy"] if name == "leverage-draining" else {"name": name}
        if score:
            policy |= {"score": score[0], "partial_close": len(score) > 1}
        answer = answer_to("/v1/closures", json.dumps(book | {"policy": policy}).encode())
        closed = {row["account"]: row["quantity"] for row in json.loads(dump(answer))["closures"]}
        risk = answer["diagnostics"]["risk"]
        assert cells == [
            *(closed.get(account, "0") for account in ("hal", "una", "ray")),
            f"{100 * answer['certificate']['worst_haircut']:.1f} %",
            *(f"{float(risk['scenarios'][f'{figure}_after']):.2f}" for figure in ("expected_deficit", "cvar")),
            f"{risk['hedges_broken']} of {risk['hedged_accounts']}",
        ]


def test_every_closing_policy_has_its_rule() -> None:
    assert set(CLOSING_POLICIES) <= set(table("docs/contract-space.md"))


def test_the_readme_names_every_policy_and_its_class() -> None:
    listed = {name: cells[-1] for name, cells in table("README.md").items() if name in POLICIES}
    wanted = {
        name: policy.policy_class.replace("-optimal", " optimal").replace("-", " ") for name, policy in POLICIES.items()
    }
    assert {name: text.replace("-", " ") for name, text in listed.items()} == wanted


def test_settings_are_documented_with_their_defaults() -> None:
    wanted = {
        f"ADL_{name.upper()}": ["unset" if f.default is None else str(f.default), str(f.description)]
        for name, f in Settings.model_fields.items()
    }
    assert dict(table("docs/settings.md").items()) == wanted


def test_codes_are_documented_with_their_status() -> None:
    documented = {code: int(cells[0]) for code, cells in table("docs/errors.md").items()}
    assert documented == {code: status for code, (status, _) in CODES.items()}


def test_every_policy_and_score_has_its_formula() -> None:
    rules = table("docs/policies.md")
    assert set(POLICIES) | set(get_args(Score)) <= set(rules)


def test_every_make_target_that_the_readme_names_is_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"make ([a-z-]+)[` ]", README)) <= targets


def test_every_field_of_every_answer_says_what_it_means() -> None:
    schemas = json.loads((ROOT / "openapi/openapi.json").read_text())["components"]["schemas"]
    silent = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        if name not in ("AllocatedColumns", "SeizedRow", "SeizedColumns") and not name.endswith(("Policy", "Request"))
        for field, value in schema.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
    ]
    assert silent == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://127.0.0.1", "https://arxiv.org/", "https://github.com/")):
            assert (page.parent / target).exists(), target


def test_every_alert_is_explained_where_it_points_to() -> None:
    pointed = re.findall(r"runbook_url: docs/(\S+)#(\S+)", (ROOT / "deploy/alerts.yml").read_text())
    assert pointed
    for page, anchor in pointed:
        headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / page).read_text(), re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}, anchor
