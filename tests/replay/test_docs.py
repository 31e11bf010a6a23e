"""docs/october-10.md says what the code does."""

import csv
import re
from datetime import UTC, datetime
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
def test_its_figures_are_those_of_the_three_tables_that_it_says_suffice(tmp_path: Path) -> None:
    rows = re.findall(r"^\| (\w+\.csv) \| .* \| (.*) \|$", PAGE, re.MULTILINE)
    needed = [name for name, use in rows if "no figure" not in use]
    assert len(needed) == 3
    for name in needed:
        (tmp_path / name).symlink_to(EVENT / name)
    event = told(tmp_path)
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
    shown = PAGE[PAGE.index("The paper's") :].split(" above", 1)[0]
    assert exact.money(found.net) in shown
    assert f"{found.net / 10**6:.1f} million" in shown
    level = need_over_cap(event.waves[0])
    assert level is not None
    assert f"{exact.percent(level)} in wave {event.waves[0].label}." in PAGE
    assert f"but in waves {listed(wave.label for wave in event.waves if differs(wave))}," in PAGE.replace("\n", " ")


@real
def test_what_it_says_of_the_minutes_of_the_event_is_in_the_tables() -> None:
    def rows(name: str) -> list[dict[str, str]]:
        with (EVENT / name).open(newline="") as file:
            return list(csv.DictReader(file))

    waves = rows("two_pass_equity_delta_by_wave.csv")
    spans = [(int(wave["t_start_ms"]), int(wave["t_end_ms"])) for wave in waves]
    first, last = (f"{datetime.fromtimestamp(at / 1000, UTC):%H:%M:%S}" for at in (spans[0][0], spans[-1][1]))
    times = [int(fill["time"]) for fill in rows("high_leverage_outliers_fills.csv")]
    outside = sum(not any(start <= time <= end for start, end in spans) for time in times)
    text = " ".join(PAGE.split())
    assert f"The {len(waves)} waves are fewer minutes, from {first} to {last}." in text
    assert f"Waves are numbered up to {waves[-1]['wave']}," in text
    assert f"Of the {len(times)} single closes in HyperReplay's high_leverage_outliers_fills.csv {outside} do." in text
