"""Every example of docs/command-line.md is run, on a terminal, and shows what the page says."""

import re
from pathlib import Path

import pytest

from app.cli import COMMANDS
from tests.pages import page, run_again

PAGE = page("command-line.md")


@pytest.mark.slow
def test_the_page_of_the_command_line_shows_what_its_examples_show(tmp_path: Path) -> None:
    assert PAGE.count("$ adl ") > 10
    assert run_again(PAGE, tmp_path) == PAGE


def test_the_page_of_the_command_line_names_every_command() -> None:
    assert set(re.findall(r"^\| `adl (\w+)`", PAGE, re.MULTILINE)) == set(COMMANDS)
