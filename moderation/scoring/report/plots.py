"""Small plots as SVG text: lines, bars and points over axes from 0 to 1.

Made by hand, since a plotting library would be the largest thing in the installation, for a dozen
polylines. Colours and strokes are classes that the page's style sheet gives a meaning, so that
one picture works on light, dark and printed pages.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

WIDTH, HEIGHT = 340, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 10, 42
_MOST_POINTS = 300

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """A line through ``points`` in the units of the axes; ``look`` is a class of the style."""

    points: Points
    look: str = "one"
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Axes:
    """What the two axes say, and how far the upright one reaches (both begin at 0)."""

    across: str
    upright: str
    top: float = 1.0

    def x(self, value: float) -> float:
        return round(_LEFT + value * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - _BOTTOM - value / self.top * (HEIGHT - _TOP - _BOTTOM), 1)


def thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> list[tuple[float, float]]:
    """At most some hundred points of a monotone curve, evenly along it; both ends stay."""
    steps = np.hypot(np.diff(x, prepend=x[0]), np.diff(y, prepend=y[0]))
    along = np.cumsum(steps)
    wanted = np.linspace(0, along[-1], _MOST_POINTS)
    at = np.unique(np.append(np.searchsorted(along, wanted).clip(max=len(x) - 1), [0, len(x) - 1]))
    return list(zip(x[at].tolist(), y[at].tolist(), strict=True))


def line_plot(axes: Axes, lines: Iterable[Line], label: str, *, diagonal: bool = False) -> Markup:
    """Lines over axes; ``diagonal`` adds a faint one from corner to corner."""
    parts = []
    if diagonal:
        parts.append(_polyline(axes, [(0, 0), (1, axes.top)], "faint"))
    for line in lines:
        parts.append(_polyline(axes, line.points, line.look))
        if line.dots:
            parts += [_dot(axes, point, line.look, 3.5) for point in line.points]
    return _picture(axes, parts, label)


def histograms(axes: Axes, shares: Sequence[tuple[NDArray[np.float64], str]], label: str) -> Markup:
    """Bars side by side in bins of equal width; each of ``shares`` is (heights, look)."""
    parts = []
    for place, (heights, look) in enumerate(shares):
        width = 1 / len(heights)
        bar = width * 0.84 / len(shares)
        for number, height in enumerate(heights):
            if height > 0:
                left = number * width + width * 0.08 + place * bar
                x, y = axes.x(left), axes.y(float(height))
                size = (round(axes.x(left + bar) - x, 1), round(axes.y(0) - y, 1))
                parts.append(
                    Markup('<rect class="bar {}" x="{}" y="{}" width="{}" height="{}"/>').format(
                        look, x, y, *size
                    )
                )
    return _picture(axes, parts, label)


def scatter(axes: Axes, groups: Iterable[tuple[Points, str]], label: str) -> Markup:
    """A point for each pair of values, over the diagonal where both are the same."""
    parts = [_polyline(axes, [(0, 0), (1, axes.top)], "faint")]
    for points, look in groups:
        parts += [_dot(axes, point, look, 2) for point in points]
    return _picture(axes, parts, label)


def _polyline(axes: Axes, points: Points, look: str) -> Markup:
    path = " ".join(f"{axes.x(x)},{axes.y(y)}" for x, y in points)
    return Markup('<polyline class="line {}" points="{}"/>').format(look, path)


def _dot(axes: Axes, point: tuple[float, float], look: str, radius: float) -> Markup:
    return Markup('<circle class="dot {}" cx="{}" cy="{}" r="{}"/>').format(
        look, axes.x(point[0]), axes.y(point[1]), radius
    )


def _picture(axes: Axes, parts: Sequence[Markup], label: str) -> Markup:
    frame = [
        *(_grid(axes.x(at), axes.y(0), axes.x(at), axes.y(axes.top)) for at in _ticks(1.0)),
        *(_grid(axes.x(0), axes.y(at), axes.x(1), axes.y(at)) for at in _ticks(axes.top)),
    ]
    texts = [
        *(_text(f"{at:g}", axes.x(at), axes.y(0) + 15, "middle") for at in _ticks(1.0)),
        *(_text(f"{at:g}", axes.x(0) - 6, axes.y(at) + 4, "end") for at in _ticks(axes.top)),
        _text(axes.across, axes.x(0.5), HEIGHT - 6, "middle"),
    ]
    middle = axes.y(axes.top / 2)
    upright = Markup(
        '<text transform="translate(11 {}) rotate(-90)" text-anchor="middle">{}</text>'
    )
    return Markup(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}" focusable="false">{}</svg>'
    ).format(
        WIDTH,
        HEIGHT,
        label,
        Markup("").join([*frame, *parts, *texts, upright.format(middle, axes.upright)]),
    )


def _ticks(top: float) -> list[float]:
    """Round values from 0 to ``top``, three to six of them."""
    for step in (0.01, 0.02, 0.05, 0.1, 0.2):
        if top / step <= 5.001:
            break
    return [round(number * step, 4) for number in range(int(top / step + 1e-9) + 1)]


def round_top(highest: float) -> float:
    """A round value that the upright axis can end at."""
    tops = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
    return next((top for top in tops if highest <= top), 1.0)


def _grid(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return Markup('<line class="grid" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(x1, y1, x2, y2)


def _text(words: str, x: float, y: float, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, words)
