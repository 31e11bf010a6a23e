"""Static charts as SVG: no script, nothing fetched; every figure is also in a table beside the chart.

Only places on the screen are floats here. Colours and dashes come from the page's style, by `series-N`.
"""

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10
from typing import NamedTuple

WIDTH, LEFT, RIGHT, TOP = 900.0, 90.0, 16.0, 14.0
PLOT = WIDTH - LEFT - RIGHT
SERIES = 8
"""Styles there are; further series take them again."""


class Series(NamedTuple):
    """A name for the legend, and a value for each place on the axis."""

    name: str
    values: Sequence[float]


def lines(key: str, title: str, told: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Curves over places of equal distance."""
    scale = _Scale.of([0.0, *(value for one in series for value in one.values)], 300.0)
    parts = scale.grid() + _places(labels, scale)
    for number, one in enumerate(series):
        points = [(_across(at, len(labels)), scale.down(value)) for at, value in enumerate(one.values)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="line series-{number % SERIES}" points="{path}"/>')
        parts += [f'<circle class="dot series-{number % SERIES}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
    return _figure(key, title, told, scale.height, parts, [one.name for one in series])


def bars(key: str, title: str, told: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    """Bars beside each other at each place, down from the zero line where negative."""
    scale = _Scale.of([0.0, *(value for one in series for value in one.values)], 260.0)
    parts = scale.grid() + _places(labels, scale)
    room = PLOT / len(labels) * 0.8
    width = room / len(series)
    for number, one in enumerate(series):
        for at, value in enumerate(one.values):
            left = _across(at, len(labels)) - room / 2 + number * width
            high, low = sorted((scale.down(value), scale.down(0.0)))
            place = f'x="{left:.1f}" y="{high:.1f}" width="{width:.1f}" height="{low - high:.1f}"'
            parts.append(f'<rect class="bar series-{number % SERIES}" {place}/>')
    return _figure(key, title, told, scale.height, parts, [one.name for one in series])


class _Scale(NamedTuple):
    """Of the upright axis: its range, the step between its lines, and its height on the screen."""

    low: float
    high: float
    step: float
    plot: float

    @classmethod
    def of(cls, values: Sequence[float], plot: float) -> "_Scale":
        low, high = min(values), max(values)
        rough = (high - low or 1.0) / 5
        power = 10.0 ** floor(log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * (1 - 1e-9))
        return cls(floor(low / step) * step, ceil(high / step) * step or step, step, plot)

    @property
    def height(self) -> float:
        return TOP + self.plot + 40.0

    def down(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * self.plot

    def grid(self) -> list[str]:
        parts = []
        for number in range(round((self.high - self.low) / self.step) + 1):
            value = self.low + number * self.step
            y, kind = self.down(value), "zero" if abs(value) < self.step / 2 else "grid"
            parts.append(f'<line class="{kind}" x1="{LEFT:.1f}" x2="{WIDTH - RIGHT:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>')
            parts.append(f'<text class="tick up" x="{LEFT - 8:.1f}" y="{y + 4:.1f}">{short(value)}</text>')
        return parts


def short(value: float) -> str:
    """For an axis: 20 M, 1.5 k."""
    for size, letter in ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.3g}" if abs(value) > 1e-12 else "0"


def _across(at: int, places: int) -> float:
    return LEFT + PLOT * (at + 0.5) / places


def _places(labels: Sequence[str], scale: _Scale) -> list[str]:
    """As many labels as there is room for."""
    every = ceil(len(labels) / 24)
    y = scale.height - 20.0
    return [
        f'<text class="tick" x="{_across(at, len(labels)):.1f}" y="{y:.1f}">{escape(label)}</text>'
        for at, label in enumerate(labels)
        if at % every == 0
    ]


def _figure(key: str, title: str, told: str, height: float, parts: list[str], names: Sequence[str]) -> str:
    legend = "".join(
        f'<li><svg class="key" viewBox="0 0 28 10" aria-hidden="true">'
        f'<line class="line series-{number % SERIES}" x1="1" x2="27" y1="5" y2="5"/></svg>{escape(name)}</li>'
        for number, name in enumerate(names)
    )
    names_of = f'role="img" aria-labelledby="{key}-title {key}-desc"'
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><ul class="legend">{legend}</ul>'
        f'<div class="scroll" tabindex="0" role="group" aria-label="Chart: {escape(title)}">'
        f'<svg class="chart" {names_of} viewBox="0 0 {WIDTH:.0f} {height:.0f}">'
        f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(told)}</desc>'
        f"{''.join(parts)}</svg></div></figure>\n"
    )
