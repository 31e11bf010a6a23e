"""docs/api.md: every command and every example of Python is run, and every operation has its section."""

import doctest
import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from tests.elided import differences, read
from tests.pages import doctested, page, with_tools
from tests.processes import ROOT, service

PAGE = page("api.md")
USUAL = "http://127.0.0.1:8000"
MARK = "---- the next block ----"

_COMMANDS = re.compile(r"^```bash\n(.*?)^```\n\n```(json|text)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^### (GET|POST) (\S+)$", re.MULTILINE)


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """The address of a service with an empty store, and a folder to work in that looks like the project's root."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.setenv("ADL_DATABASE_URL", with_tools(tmp_path)["ADL_DATABASE_URL"])
    with service() as address:
        yield address, tmp_path


def test_every_command_of_the_api_guide_answers_what_the_page_shows(reader: tuple[str, Path]) -> None:
    address, folder = reader
    blocks = _COMMANDS.findall(PAGE)
    assert len(blocks) == PAGE.count("```bash\n") == PAGE.count("```json\n") + PAGE.count("```text\n") > 20
    script = "".join(f"{commands}printf '%s\\n' '{MARK}'\n" for commands, _, _ in blocks).replace(USUAL, address)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=with_tools(folder), capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    told = done.stdout.split(f"{MARK}\n")[:-1]
    for (commands, kind, shown), answer in zip(blocks, told, strict=True):
        if kind == "json":
            assert list(differences(read(shown), json.loads(answer))) == [], commands
        else:
            same = doctest.OutputChecker().check_output(shown, answer.replace("\r", ""), doctest.ELLIPSIS)
            assert same, f"{commands}{answer}"


def test_every_example_of_python_in_the_api_guide_answers_what_the_page_shows(reader: tuple[str, Path]) -> None:
    address, folder = reader
    with chdir(folder):
        tried, against = doctested(PAGE.replace(USUAL, address))
    assert against == ""
    assert tried == PAGE.count("\n>>> ") > 30


def test_every_operation_has_its_section_in_the_api_guide_and_no_other() -> None:
    sentence = re.search(r"`\{kind\}` is one of ([^.;]+);", PAGE)
    assert sentence is not None
    kinds = re.findall(r"`(\w+)`", sentence[1])
    told = [
        (method, path.replace("{kind}", kind))
        for method, path in _HEADING.findall(PAGE)
        for kind in (kinds if "{kind}" in path else [""])
    ]
    paths = json.loads((ROOT / "openapi/openapi.json").read_text())["paths"]
    assert sorted(told) == sorted((method.upper(), path) for path, methods in paths.items() for method in methods)


@pytest.mark.parametrize(
    ("shown", "answer", "at"),
    [
        ('{"a": 1, ...}', {"a": 1, "b": 2}, None),
        ('{"a": "...", "b": [1, ...]}', {"a": "x", "b": [1, 2]}, None),
        ('{"a": "it..."}', {"a": "it..."}, None),
        ('{"a": 1}', {"a": 1, "b": 2}, ""),
        ('{"a": 1, ...}', {"a": 1}, ""),
        ('{"a": 1, ...}', {"a": 2, "b": 2}, "/a"),
        ('{"a": 1, ...}', {"a": True, "b": 2}, "/a"),
        ('{"a": "..."}', {"a": 1}, "/a"),
        ('{"a": [{"b": 1, ...}, ...]}', {"a": [{"b": 2, "c": 3}, 4]}, "/a/0/b"),
        ('{"a": [1, ...]}', {"a": [1]}, "/a"),
        ('{"a": [1]}', {"a": [1, 2]}, "/a"),
    ],
)
def test_a_page_shows_of_an_answer_what_is_so_or_is_told_where_not(shown: str, answer: object, at: str | None) -> None:
    found = [difference.partition(":")[0] for difference in differences(read(shown), answer)]
    assert found == ([] if at is None else [at])
