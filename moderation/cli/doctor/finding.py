"""What the doctor finds, and how it is shown."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from moderation.wiring import Wiring


class State(StrEnum):
    OK = "ok"
    HINT = "hint"
    """Works, and is worth knowing; or could not be looked at, for a reason told elsewhere."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at.

    ``mend`` is what to do about it, empty where nothing is to do. A line of it that begins with
    ``$ `` is a command.
    """

    what: str
    state: State
    detail: str
    mend: str = ""


Check = Callable[[Wiring], Iterable[Finding]]
"""Looks at one thing and changes nothing. What it raises becomes a finding."""


def good(what: str, detail: str) -> Finding:
    return Finding(what, State.OK, detail)


def hint(what: str, detail: str, mend: str = "") -> Finding:
    return Finding(what, State.HINT, detail, mend)


def wrong(what: str, detail: str, mend: str = "") -> Finding:
    return Finding(what, State.WRONG, detail, mend)


def reason(error: BaseException) -> str:
    """What went wrong, in the words of whoever knows best: the driver rather than its wrapper."""
    return str(getattr(error, "orig", None) or error).strip() or type(error).__name__


def amount(number: int, one: str, many: str = "") -> str:
    """``1 site``, ``2 sites``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """The first ``most`` names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


# --- On a terminal ------------------------------------------------------------------------------

MARKS = {State.OK: "ok   ", State.HINT: "hint ", State.WRONG: "WRONG"}
_COLOURS: dict[State, str | None] = {
    State.OK: "green",
    State.HINT: "yellow",
    State.WRONG: "red",
}


def as_lines(findings: Sequence[Finding], width: int) -> Iterator[tuple[str, str | None]]:
    """The findings as lines of at most ``width`` characters, as far as words allow.

    Each comes with the colour of its mark, which is its first ``len(MARKS[State.OK])``
    characters; None for lines without one.
    """
    column = max((len(finding.what) for finding in findings), default=0)
    margin, arrow = " " * (len(MARKS[State.OK]) + 1 + column + 2), "-> "
    for finding in findings:
        start, colour = (
            f"{MARKS[finding.state]} {finding.what:<{column}}  ",
            _COLOURS[finding.state],
        )
        for line in _wrapped(finding.detail, width - len(margin)):
            yield start + line, colour
            start, colour = margin, None
        for number, line in enumerate(_wrapped(finding.mend, width - len(margin) - len(arrow))):
            yield margin + (" " * len(arrow) if number else arrow) + line, None


def _wrapped(text: str, width: int) -> Iterator[str]:
    for line in text.splitlines():
        if line.startswith("$ "):  # in one piece, to be copied
            yield line
            continue
        yield from textwrap.wrap(
            line.strip(), max(width, 20), break_long_words=False, break_on_hyphens=False
        )


def in_short(findings: Sequence[Finding]) -> str:
    """The last line: how many there are of each kind."""
    wrongs = sum(finding.state is State.WRONG for finding in findings)
    hints = sum(finding.state is State.HINT for finding in findings)
    if not wrongs and not hints:
        return "All well."
    told = "Nothing is wrong" if not wrongs else f"{wrongs} to mend"
    return told + (f", {hints} worth knowing." if hints else ".")
