"""What a benchmark found, and the table it is printed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """One figure beside what it is held against.

    ``reached`` is None where it could not be measured; ``note`` then says why.
    """

    benchmark: str
    measure: str
    ours: str
    beside: str
    ratio: str
    target: str
    reached: bool | None
    note: str = ""


def not_measured(benchmark: str, target: str, why: str) -> Result:
    return Result(benchmark, "", "", "", "", target, None, why)


def table(results: Sequence[Result]) -> str:
    """The results as lines of text under a head."""
    rows = [("benchmark", "measure", "ours", "beside", "ratio", "target", "reached")]
    marks = {True: "yes", False: "NO", None: "not measured"}
    rows += [
        (r.benchmark, r.measure, r.ours, r.beside, r.ratio, r.target, marks[r.reached])
        for r in results
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines += [f"{r.benchmark}: {r.note}" for r in results if r.note]
    return "\n".join(lines)
