"""docs/october-10.md says what the code does."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli import app
from app.replay import exact, policies, sources
from app.replay.event import PRODUCTION, balance
from app.replay.haircuts_told import differs, need_over_cap
from app.replay.words import listed
from tests.pages import fenced, page
from tests.replay.tables import EVENT, real, told

PAGE = page("october-10.md")


def test_its_example_answers_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table, said = (fenced(PAGE, kind)[0] for kind in ("csv", "text"))
    command = re.findall(r"```bash\nadl (.*?)\n```", PAGE)[0].split()
    Path(command[1]).write_text(table)
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stdout) == (0, said)


def test_it_names_every_table_and_policy() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (yes|no) \|", PAGE, re.MULTILINE))
    assert rows == {kind.name: "yes" if kind in sources.WITH_WAVES else "no" for kind in sources.KINDS}
    for name in policies.CHOICES:
        assert f"`{name}`" in PAGE
    assert set(policies.CHOICES) - set(policies.DEFAULT) == {policies.CHOICES[0]}, "all but the first"


@real
def test_its_figures_are_those_of_the_tables() -> None:
    event = told(EVENT)
    found = event.balance(PRODUCTION)
    rows = re.findall(r"^\| ([a-z][^|`]*) \| ([\d,.]+) \|$", PAGE, re.MULTILINE)
    assert rows == [
        (f"needed, {found.waves} waves", exact.money(found.needed)),
        ("taken by production", exact.money(found.taken)),
        (f"over, in {found.waves_over} waves", exact.money(found.over)),
        (f"short, in {found.waves_short} waves", exact.money(found.short)),
        ("over less short", exact.money(found.net)),
        ("stylised queue, over", exact.money(balance(event.shocks).over)),
    ]
    level = need_over_cap(event.waves[0])
    assert level is not None
    assert f"{exact.percent(level)} in wave {event.waves[0].label}." in PAGE
    assert f"but in waves {listed(wave.label for wave in event.waves if differs(wave))}," in PAGE.replace("\n", " ")
