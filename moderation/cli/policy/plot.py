"""Drawing the trade of tolerance for work: one SVG that needs nothing beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from moderation.cli.policy.options import percent
from moderation.cli.policy.telling import DONE, promise
from moderation.domain.policy import Outcome
from moderation.domain.policy.certify import Suggestion

WIDTH, HEIGHT = 860, 560
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 92, 396
TICKS = (1000, 500, 200, 100, 50, 20, 10)

STYLE = """
svg { --ground: #ffffff; --ink: #1c2430; --soft: #5a6675; --line: #d9dee5;
  --reject: #b3402a; --approve: #1f6f8b; --people: #8d97a5;
  font: 14px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
@media (prefers-color-scheme: dark) {
  svg { --ground: #14181f; --ink: #e8ecf1; --soft: #a3adba; --line: #333c48;
    --reject: #f08a72; --approve: #6cc3e0; --people: #7d8795; } }
.ground { fill: var(--ground); } text { fill: var(--ink); } .soft { fill: var(--soft); }
.title { font-size: 19px; font-weight: 600; } .small { font-size: 12.5px; }
.grid { stroke: var(--line); } .chosen { stroke: var(--soft); stroke-dasharray: 3 4; }
.reject { --hue: var(--reject); } .approve { --hue: var(--approve); }
.queue { --hue: var(--people); }
path.reject, path.approve { fill: none; stroke: var(--hue); stroke-width: 2.5; }
path.approve { stroke-dasharray: 9 3; }
circle, rect.bar { fill: var(--hue); } text.name, text.share { font-weight: 600; }
text.reject, text.approve { fill: var(--hue); } text.queue { fill: var(--soft); }
"""


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn: shares by tolerance, and what was found.

    ``shares``: outcome -> one share for each of ``tolerances``, rising.
    """

    source: str
    model_version: str
    tolerances: Sequence[float]
    shares: Mapping[Outcome, Sequence[float]]
    found: Suggestion


def draw(chart: Chart, suffix: str) -> str:
    """The chart as the text of an ``.svg`` or an ``.html`` file."""
    svg = _svg(chart)
    if suffix == ".svg":
        return svg
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        "<title>What a tolerance buys</title>\n<style>body { margin: 1rem auto; max-width: 60rem; "
        "background: #ffffff; } @media (prefers-color-scheme: dark) { body { background: #14181f; "
        f"}} }} svg {{ width: 100%; height: auto; }}</style></head>\n<body>{svg}</body></html>\n"
    )


def _svg(chart: Chart) -> str:
    parts = [
        f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
        _text(24, 34, "What a tolerance buys", "title"),
        _text(
            24,
            56,
            "Share of comments decided by score alone, by the share of errors put up with",
            "soft",
        ),
        *_axes(),
    ]
    for outcome, shares in chart.shares.items():
        parts.append(_curve(outcome, chart.tolerances, shares))
    parts += _names(chart)
    for finding in (chart.found.reject, chart.found.approve):
        if finding.aim is not None and finding.why_not is None:
            x, y = _x(finding.aim.tolerance), _y(finding.share)
            parts.append(f'<path class="chosen" d="M{x:.1f} {y:.1f}V{BOTTOM}"/>')
            parts.append(
                f'<circle class="{finding.action}" cx="{x:.1f}" cy="{y:.1f}" r="6">'
                f"<title>{escape(promise(finding))}: {percent(finding.share)}</title></circle>"
            )
    parts += _bar(chart)
    alternative = "; ".join(
        f"{DONE[f.action]}: {percent(f.share)}" for f in (chart.found.reject, chart.found.approve)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape("By score alone, " + alternative, quote=True)}">\n'
        f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _x(tolerance: float) -> float:
    low, high = math.log(1 / 1800), math.log(1 / 5.6)
    place = (math.log(tolerance) - low) / (high - low)
    return LEFT + min(1.0, max(0.0, place)) * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return BOTTOM - share * (BOTTOM - TOP)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _axes() -> list[str]:
    parts = []
    for tenths in range(0, 11, 2):
        y = _y(tenths / 10)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{10 * tenths} %", "soft small", "end"))
    for whole in TICKS:
        x = _x(1 / whole)
        parts.append(f'<path class="grid" d="M{x:.1f} {BOTTOM}v5"/>')
        parts.append(_text(x, BOTTOM + 20, f"1 in {whole:,}", "soft small", "middle"))
    return parts


def _curve(outcome: Outcome, tolerances: Sequence[float], shares: Sequence[float]) -> str:
    # In steps: between two tolerances nothing better is known than for the smaller one.
    steps = [
        (_x(tolerance), _y(share)) for tolerance, share in zip(tolerances, shares, strict=True)
    ]
    path = f"M{steps[0][0]:.1f} {steps[0][1]:.1f}"
    return f'<path class="{outcome}" d="{path}{"".join(f"H{x:.1f}V{y:.1f}" for x, y in steps)}"/>'


def _names(chart: Chart) -> list[str]:
    """The curves' names at their right ends: the upper one above its curve, the lower below."""
    ends = sorted((_y(shares[-1]), outcome) for outcome, shares in chart.shares.items())
    parts = []
    for place, (y, outcome) in enumerate(ends):
        below = place > 0 and y < BOTTOM - 26
        parts.append(
            _text(
                WIDTH - RIGHT, y + (20 if below else -10), DONE[outcome], f"name {outcome}", "end"
            )
        )
    return parts


def _bar(chart: Chart) -> list[str]:
    """One bar for all comments, and what was promised."""
    found, top = chart.found, BOTTOM + 48
    shares = {
        Outcome.REJECT: found.reject.share,
        Outcome.QUEUE: found.share_for_people,
        Outcome.APPROVE: found.approve.share,
    }
    names = {**DONE, Outcome.QUEUE: "for people"}
    parts, x, wide = [], float(LEFT), WIDTH - LEFT - RIGHT
    for outcome, share in shares.items():
        if share:
            parts.append(
                f'<rect class="bar {outcome}" x="{x:.1f}" y="{top}" '
                f'width="{max(1.0, share * wide - 1):.1f}" height="18" rx="2"/>'
            )
            x += share * wide
    told = [f"{names[outcome]} {percent(share)}" for outcome, share in shares.items()]
    for part, (outcome, text) in enumerate(zip(shares, told, strict=True)):
        place, anchor = (
            (LEFT, "start"),
            ((LEFT + WIDTH - RIGHT) / 2, "middle"),
            (WIDTH - RIGHT, "end"),
        )[part]
        parts.append(_text(place, top + 36, text, f"share small {outcome}", anchor))
    lines = [
        f"With {percent(finding.aim.confidence)} confidence: {promise(finding)}."
        for finding in (found.reject, found.approve)
        if finding.aim is not None and finding.why_not is None
    ]
    lines.append(f"From {chart.source}; scored by {chart.model_version}")
    for number, line in enumerate(lines):
        parts.append(_text(24, top + 62 + 17 * number, line, "soft small"))
    return parts
