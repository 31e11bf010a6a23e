"""The report as a file: whole, escaped, nothing fetched, the same bytes for the same tables."""

import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from app.replay import charts, page, policies, story, table
from app.replay.charts import Series
from app.replay.event import Event
from tests.replay.tables import CLOSES, GAPS, METRICS, SHOCKS, TOTALS, TWO_NEEDS, TWO_WAVES, USERS, WAVES, told, write

pytestmark = pytest.mark.slow

SECTIONS = ["happened", "waves", "over", "cumulative", "kept", "haircuts", "largest", "limits", "attribution", "made"]
VOID = {"meta", "wbr"}
EMPTY = {"line", "rect", "circle", "polyline"}


class Page(HTMLParser):
    """Every start has its end; what was met on the way."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in EMPTY
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def totals(folder: Path) -> Event:
    return told(write(folder, TOTALS, *WAVES))


def detailed(folder: Path) -> Event:
    return told(write(folder, CLOSES, *TWO_WAVES, "<script>,BTC,1000,1,x,1,z"))


def everything(folder: Path) -> Event:
    write(folder, TOTALS, "1,1000,6000,50,5.5,6", "2,11001,11001,50,2,3")
    write(folder, METRICS, "1,5.5,6,1,11,5.5,0.5,5,0.5", "2,2,3,0.5,80,2,0.02,,")
    write(folder, SHOCKS, "BTC,1,10,30")
    write(folder, USERS, "<b>&amp;,10,6,1")
    write(folder, CLOSES, *TWO_WAVES, "<b>&amp;,BTC,1000,1,3,1,z")
    write(folder, GAPS, *TWO_NEEDS)
    return told(folder)


def sample(_: Path) -> Event:
    return story.of_sample(policies.DEFAULT, lambda *_: None)


EVENTS = [totals, detailed, everything, sample]


@pytest.mark.parametrize("make", EVENTS)
def test_the_page_is_sound_has_every_section_and_reaches_for_nothing(
    tmp_path: Path, make: Callable[[Path], Event]
) -> None:
    text = page.render(make(tmp_path))
    parsed = Page(text)
    assert parsed.open == []
    sections = [attributes["id"] for tag, attributes in parsed.tags if tag == "section"]
    assert [name for name in sections if name != "pro-rata"] == SECTIONS
    assert {tag for tag, _ in parsed.tags} & {"script", "link", "img", "iframe", "a", "object", "form"} == set()
    assert not any(name in attributes for _, attributes in parsed.tags for name in ("href", "src", "style", "onload"))
    assert not re.search(r"https?:|url\(|@import|//", text.split("<body>")[1])
    assert not re.search(r"url\(|@import", text)
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in parsed.tags:
        if tag == "svg" and "aria-hidden" not in attributes:
            assert attributes["role"] == "img"
            assert set((attributes["aria-labelledby"] or "").split()) <= set(ids)
    assert text.count("<table>") == text.count("<caption>")
    assert "nan" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL).lower().split()


@pytest.mark.parametrize("make", EVENTS)
def test_the_same_tables_give_the_same_bytes(tmp_path: Path, make: Callable[[Path], Event]) -> None:
    for folder in (tmp_path / "one", tmp_path / "two"):
        (folder / "tables").mkdir(parents=True)
    one, two = (make(tmp_path / name / "tables") for name in ("one", "two"))
    assert page.render(one) == page.render(two)
    assert table.render(one) == table.render(two)
    assert str(tmp_path) not in page.render(one)


def test_names_of_accounts_cannot_become_markup(tmp_path: Path) -> None:
    text = page.render(everything(tmp_path))
    assert "&lt;b&gt;&amp;amp;" in text
    assert "<b>" not in text


def test_real_tables_carry_the_attribution_and_the_sample_does_not(tmp_path: Path) -> None:
    assert page.ATTRIBUTION in page.render(totals(tmp_path))
    assert page.ATTRIBUTION not in page.render(sample(tmp_path))


def test_the_page_tells_what_was_read_by_digest_and_the_rows_left_out(tmp_path: Path) -> None:
    text = page.render(detailed(tmp_path))
    assert re.search(r"<td>[0-9a-f]{64}</td><td class=\"number\">6</td><td class=\"number\">1</td>", text)
    assert "line 7: closed_pnl is not a decimal number: &#x27;x&#x27;" in text


def test_the_table_of_waves_has_empty_cells_where_nothing_is_known(tmp_path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(table.render(totals(tmp_path)))))
    assert [row["wave"] for row in rows] == ["1", "2", "4", "5"]
    assert [row["production_over"] for row in rows] == ["2.250000", "0.000000", "", "0.000000"]
    assert [row["production_short"] for row in rows] == ["0.000000", "4.500000", "", "0.000000"]
    assert (rows[2]["needed"], rows[2]["deficit"], rows[2]["production_taken"]) == ("", "", "3.000000")
    assert {row["closes"] for row in rows} == {""}


def test_the_table_of_waves_has_what_each_policy_takes(tmp_path: Path) -> None:
    first, second = csv.DictReader(io.StringIO(table.render(everything(tmp_path))))
    assert (first["queue_taken"], first["queue_short"], first["queue_worst_haircut"]) == (
        "5.500000",
        "0.000000",
        "0.785714285714",
    )
    assert (second["capped-pro-rata_taken"], second["capped-pro-rata_short"]) == ("0.500000", "1.500000")
    assert (first["published-contract_pr_short"], second["published-contract_pr_taken"]) == ("0.500000", "")
    assert (first["needed_over_total_cap"], first["pr_worst_haircut_differs"]) == ("0.500000000000", "false")
    assert (first["closes"], first["closed_profit"], first["closed_loss"]) == ("4", "15.000000", "1.000000")


@pytest.mark.parametrize("values", [[0.0], [-5.0], [1e-9, 2e-9], [3.0, -4.0, 1e12], [7.0] * 40])
def test_charts_stay_within_their_frame(values: list[float]) -> None:
    labels = [str(place) for place in range(len(values))]
    for draw in (charts.lines, charts.bars):
        text = draw("key", "Title", "Told", labels, [Series("one", values), Series("two", values[::-1])])
        _, _, width, height = map(float, re.findall(r'class="chart"[^>]*viewBox="([^"]*)"', text)[0].split())
        places = [(float(x), float(y)) for x, y in re.findall(r'x="([-\d.]+)" y="([-\d.]+)"', text)]
        places += [
            tuple(map(float, pair.split(",")))
            for path in re.findall(r'points="([^"]*)"', text)
            for pair in path.split()
        ]
        assert places
        assert all(0 <= x <= width and 0 <= y <= height for x, y in places)


def test_curves_that_lie_on_each_other_are_one_line_with_both_names(tmp_path: Path) -> None:
    text = page.render(everything(tmp_path))
    assert "</svg>capped-pro-rata; queue; leverage-pro-rata; rap</li>" in text
    assert "</svg>needed; published pr</li>" in text
