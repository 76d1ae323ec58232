"""What the numbers of comments on a publisher's pages cost, beside what nothing would cost."""

from __future__ import annotations

from statistics import median

from constant_side import constant
from load import drive
from ours_side import ours
from plan import Plan
from results import Result

COMMENTS, ARTICLES = 10_000, 200
WARM_UP_S = 1.0
UNCHANGED_TARGET = 3.0
"""Rate of answering "unchanged" (304), as a multiple of that of whole answers (200)."""
CONSTANT_TARGET = 0.5
"""Rate of whole answers, as a part of the rate of a constant as long by the same gunicorn."""


def counting(plan: Plan) -> list[Result]:
    """Counts of 20 articles: unchanged, whole, and a constant of that size, in turns."""
    with ours(plan.folder / "counting", COMMENTS, ARTICLES) as server:
        whole, unchanged = server.counts(), server.unchanged_counts()
        size = server.size_of_counts()
        with constant(plan.folder / "counting-constant", size) as constant_port:
            sides = {
                "unchanged": (server.port, unchanged, 304),
                "whole": (server.port, whole, 200),
                "constant": (constant_port, whole, 200),
            }
            rates: dict[str, list[float]] = {name: [] for name in sides}
            for _ in range(plan.rounds):
                for name, (port, requests, status) in sides.items():
                    drive(port, requests, status, WARM_UP_S)
                    rates[name].append(drive(port, requests, status, plan.duration_s).per_second)
    rate = {name: median(found) for name, found in rates.items()}
    return [
        _beside(
            "20 counts unchanged (304)/s", rate["unchanged"], "200", rate["whole"], UNCHANGED_TARGET
        ),
        _beside(
            f"20 counts (200, {size} bytes)/s",
            rate["whole"],
            "constant",
            rate["constant"],
            CONSTANT_TARGET,
        ),
    ]


def _beside(measure: str, mine: float, name: str, theirs: float, target: float) -> Result:
    ratio = mine / theirs
    return Result(
        "counting",
        measure,
        f"{mine:,.0f}",
        f"{name} {theirs:,.0f}",
        f"{ratio:.2f}",
        f">= {target:.2f}",
        ratio >= target,
    )
