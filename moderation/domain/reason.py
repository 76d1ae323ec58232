"""Reasons for rejecting a comment: what a moderator picks, and what its author is told.

A site has a list of its own or :data:`DEFAULT_REASONS`. A decision stores the code, so that the
words can be bettered later without touching what was decided. The stored form passes over keys it
does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moderation.domain.text import InvalidText, clean_line

MAX_REASONS = 30
MAX_CODE_CHARS, MAX_NAME_CHARS, MAX_STATEMENT_CHARS = 40, 60, 300

_CODE = re.compile(rf"[a-z][a-z0-9_]{{0,{MAX_CODE_CHARS - 1}}}")
_KEY = re.compile(r"[0-9a-z]")


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason of a site's list."""

    code: str
    """What decisions store and programs compare."""
    name: str
    """What moderators see."""
    statement: str
    """What the author is told."""
    key: str | None = None
    """The key that picks it after "reject": a digit or a small letter."""
    retired: bool = False
    """Not on the list any more, and kept because decisions name it."""


class ReasonsError(ValueError):
    """A list of reasons that cannot be used. ``messages`` has a sentence for each problem."""

    def __init__(self, messages: Sequence[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("; ".join(messages))


DEFAULT_REASONS: tuple[Reason, ...] = (
    Reason("spam", "Spam or advertising", "It is advertising or spam.", "1"),
    Reason("insult", "Insult", "It insults somebody.", "2"),
    Reason("hate", "Hatred against a group", "It attacks a group of people for who they are.", "3"),
    Reason("threat", "Threat", "It threatens somebody or calls for violence.", "4"),
    Reason("obscene", "Obscene", "Its language is obscene.", "5"),
    Reason("off_topic", "Off topic", "It has nothing to do with the article.", "6"),
    Reason("personal_data", "Personal data", "It tells private details of somebody.", "7"),
    Reason("false_claim", "False claim", "It states as a fact what is not true.", "8"),
    Reason("other", "Against our rules", "It breaks this site's rules for comments.", "9"),
)


def listed(stored: Sequence[Mapping[str, Any]] | None) -> tuple[Reason, ...]:
    """The reasons a moderator may pick, in order, of a site's column; None: the defaults."""
    return tuple(reason for reason in _all(stored) if not reason.retired)


def statement_for(stored: Sequence[Mapping[str, Any]] | None, reason: str | None) -> str | None:
    """What the author is told for the reason of a decision: the statement of a code, else itself.

    A code that left the list still has its statement.
    """
    found = find(stored, reason)
    return found.statement if found else reason


def find(stored: Sequence[Mapping[str, Any]] | None, code: str | None) -> Reason | None:
    """The reason with this code: of the site's list, retired or not, else of the defaults."""
    known = {r.code: r for r in DEFAULT_REASONS} | {r.code: r for r in _all(stored)}
    return known.get(code) if code is not None else None


def checked(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons with their texts cleaned.

    Raises:
        ReasonsError: with every problem: an empty list, one too long, codes or keys that are not
            usable or there twice, texts that are empty or too long.
    """
    given = list(reasons)
    problems: list[str] = []
    if not 1 <= len(given) <= MAX_REASONS:
        problems.append(f"A list has 1 to {MAX_REASONS} reasons.")
    found: list[Reason] = []
    codes: set[str] = set()
    keys: set[str] = set()
    for place, reason in enumerate(given, 1):
        if not _CODE.fullmatch(reason.code):
            problems.append(
                f"Reason {place}: a code has 1 to {MAX_CODE_CHARS} small letters, digits or _, "
                "a letter first."
            )
        elif reason.code in codes:
            problems.append(f"Reason {place}: the code {reason.code!r} is there twice.")
        key = reason.key or None
        if key is not None and not _KEY.fullmatch(key):
            problems.append(f"Reason {place}: a key is one digit or small letter.")
        elif key in keys:
            problems.append(f"Reason {place}: the key {key!r} is there twice.")
        codes.add(reason.code)
        keys |= {key} if key else set()
        name = _line(reason.name, MAX_NAME_CHARS, f"Reason {place}: the name", problems)
        told = _line(
            reason.statement, MAX_STATEMENT_CHARS, f"Reason {place}: the statement", problems
        )
        found.append(Reason(reason.code, name, told, key))
    if problems:
        raise ReasonsError(problems)
    return tuple(found)


def as_stored(
    reasons: Sequence[Reason] | None, before: Sequence[Mapping[str, Any]] | None
) -> list[dict[str, Any]] | None:
    """The column for a checked list that follows ``before``; None for the defaults.

    What was on a site's own list and is no longer is kept as retired.
    """
    wanted = DEFAULT_REASONS if reasons is None else reasons
    codes = {reason.code for reason in wanted}
    gone = [{**one, "retired": True} for one in before or () if one["code"] not in codes]
    if reasons is None and not gone:
        return None
    return [_stored(reason) for reason in wanted] + gone


def _all(stored: Sequence[Mapping[str, Any]] | None) -> tuple[Reason, ...]:
    if stored is None:
        return DEFAULT_REASONS
    return tuple(
        Reason(
            one["code"],
            one["name"],
            one["statement"],
            one.get("key"),
            retired=bool(one.get("retired")),
        )
        for one in stored
    )


def _stored(reason: Reason) -> dict[str, Any]:
    return {
        "code": reason.code,
        "name": reason.name,
        "statement": reason.statement,
        "key": reason.key,
    }


def _line(text: str, max_chars: int, what: str, problems: list[str]) -> str:
    try:
        return clean_line(text, max_chars, what=what)
    except InvalidText as error:
        problems.append(error.message)
        return text
