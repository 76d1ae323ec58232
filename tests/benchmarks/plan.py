"""How thoroughly to measure, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """``rounds`` turns of each side, each ``duration_s`` long, in files under ``folder``.

    ``data`` is a CSV with a column ``text`` to judge, instead of made-up comments.
    """

    folder: Path
    isso_command: Path
    rounds: int
    duration_s: float
    data: Path | None = None
