"""docs/glossary.md: its words are in order, and its names are those of the API."""

import json
import re
from typing import Any

from tests.pages import page
from tests.processes import ROOT

ROWS = [line.strip("|").split(" | ") for line in page("glossary.md").splitlines() if line.startswith("| ")][2:]


def names(node: Any) -> set[str]:
    """All fields of the specification, and the values that are fixed."""
    if isinstance(node, list):
        return set().union(*map(names, node))
    if not isinstance(node, dict):
        return set()
    own = {*node.get("properties", {}), *node.get("enum", []), node.get("const")}
    return own.union(*map(names, node.values()))


def test_the_words_of_the_glossary_are_in_order_and_each_is_there_once() -> None:
    words = [row[0].strip().lower() for row in ROWS]
    assert len(words) > 40
    assert words == sorted(set(words))
    assert {len(row) for row in ROWS} == {3}


def test_the_names_of_the_glossary_are_fields_and_values_of_the_api() -> None:
    known = names(json.loads((ROOT / "openapi/openapi.json").read_text()))
    told = {name for row in ROWS for name in re.findall("`(.*?)`", row[1] + row[2])}
    assert len(told) > 60
    assert told - known == set()
