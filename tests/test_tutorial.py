"""Every command of docs/tutorial.md is run and shows what the page says; numbers of its text come from examples."""

import os
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.pages import fenced, page, run_again
from tests.processes import ROOT, free_port, service
from tests.replay.tables import EVENT, real

PAGE = page("tutorial.md")
LAST = "## October 10\n"

_NUMBER = re.compile(r"(?<![\w.])\d+(?:[,_]\d{3})*(?:\.\d+)?(?:e[+-]\d+)?(?: ?%)?")


def numbers(text: str) -> set[Decimal]:
    """Percentages as fractions."""
    found = [number.replace(",", "").replace("_", "") for number in _NUMBER.findall(text)]
    return {Decimal(number.rstrip(" %")) / (100 if number.endswith("%") else 1) for number in found}


@pytest.mark.slow
def test_the_tutorial_shows_what_its_examples_show(tmp_path: Path) -> None:
    text = PAGE[: PAGE.index(LAST)]
    assert text.count("$ ") > 12
    with service() as address:
        assert run_again(text, tmp_path, address) == text


@pytest.mark.slow
def test_the_tutorial_shows_what_make_run_prints() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "app.demo", "--once"],
        cwd=ROOT,
        env=os.environ | {"ADL_PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    assert [done.stdout.strip("\n")] == [block.strip("\n") for block in fenced(PAGE, "text")]


@real
def test_the_tutorial_shows_what_the_tables_of_october_10_tell(tmp_path: Path) -> None:
    text = PAGE[PAGE.index(LAST) :]
    assert text.count("$ adl replay tables\n") == 1
    (tmp_path / "tables").symlink_to(EVENT)
    assert run_again(text, tmp_path) == text


def test_every_number_of_the_tutorials_text_stands_in_an_example() -> None:
    examples = "".join(found for kind in ("console", "csv", "json", "python", "text") for found in fenced(PAGE, kind))
    words = re.sub(r"^```.*?^```|\d{4}-\d\d-\d\d|\]\(.*?\)", "", PAGE, flags=re.DOTALL | re.MULTILINE)
    assert numbers("28.5374 % of 53,218,269.71") == numbers("0.285374 53_218_269.710")
    assert len(numbers(words)) > 40
    assert numbers(words) - numbers(examples) == set()
