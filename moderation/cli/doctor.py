"""Examining an installation: what is wrong with it, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass

from moderation.wiring import Wiring


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``mend`` says what to do where it is not ok."""

    what: str
    ok: bool
    detail: str
    mend: str = ""


def examine(wiring: Wiring) -> list[Finding]:
    """Look at everything that commonly goes wrong; changes nothing."""
    return []
