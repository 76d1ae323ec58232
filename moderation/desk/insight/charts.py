"""Where the parts of a plot are: columns over time or over bands, in the units of its picture.

The template draws them. Colours are classes of the style sheet, and series differ in more than
colour: one is filled, one hatched, one hollow, one a line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 480, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 8, 12, 28
_MOST_LABELS = 8
_GAP = 0.18
"""Of a column's place, left free."""


@dataclass(frozen=True, slots=True)
class Series:
    """What one look stands for: ``values`` by place, stacked upon the series before it."""

    look: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Bar:
    look: str
    place: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot of columns, and perhaps a line over them (``line``: points of a polyline)."""

    bars: Sequence[Bar]
    line: Sequence[tuple[float, float]]
    across: Sequence[Tick]
    upright: Sequence[Tick]
    left: float = _LEFT
    right: float = WIDTH - _RIGHT
    bottom: float = HEIGHT - _BOTTOM
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def points(self) -> str:
        return " ".join(f"{x},{y}" for x, y in self.line)


def columns(
    names: Sequence[str],
    stacked: Sequence[Series],
    *,
    line: Sequence[float] = (),
    top: float | None = None,
    say=str,
) -> Plot:
    """Columns side by side, one a name.

    Args:
        line: a value a name, drawn as a line through the middles of the columns.
        top: where the upright axis ends; a round number above the highest value by default.
        say: how a number at the upright axis is written.
    """
    heights = [sum(values) for values in zip(*(series.values for series in stacked), strict=True)]
    steps = _steps(max([*heights, *line, 1])) if top is None else [top * n / 4 for n in range(5)]
    place = (WIDTH - _LEFT - _RIGHT) / max(len(names), 1)
    full = HEIGHT - _TOP - _BOTTOM

    def y(value: float) -> float:
        return round(HEIGHT - _BOTTOM - value / steps[-1] * full, 1)

    bars = []
    for number in range(len(names)):
        below = 0.0
        for series in stacked:
            value = series.values[number]
            if value > 0:
                x = round(_LEFT + place * (number + _GAP / 2), 1)
                upper = y(below + value)
                bars.append(
                    Bar(
                        series.look,
                        number,
                        x,
                        upper,
                        width=round(place * (1 - _GAP), 1),
                        height=round(y(below) - upper, 1),
                    )
                )
                below += value
    every = math.ceil(len(names) / _MOST_LABELS)
    middles = [round(_LEFT + place * (number + 0.5), 1) for number in range(len(names))]
    return Plot(
        bars,
        [(middle, y(value)) for middle, value in zip(middles, line, strict=False)],
        across=[Tick(middles[n], names[n]) for n in range(0, len(names), every)],
        upright=[Tick(y(step), say(step)) for step in steps],
    )


def _steps(highest: float) -> list[int]:
    """Round numbers from 0 to at least ``highest``, about four of them."""
    size = 10 ** math.floor(math.log10(highest))
    step = next(
        step
        for factor in (0.2, 0.25, 0.5, 1, 2, 2.5, 5)
        if (step := factor * size) * 4 >= highest and step == int(step)
    )
    return [int(step) * number for number in range(math.ceil(highest / step) + 1)]
