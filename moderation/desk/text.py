"""The desk's words, in ``text/LANGUAGE.toml``; ``moderation/catalogue.py`` says how."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import g, request

from moderation.catalogue import DEFAULT, PLURALS, Catalogue, Entry
from moderation.gate import staff

__all__ = ["DEFAULT", "PLURALS", "Entry"]

_WORDS = Catalogue(Path(__file__).parent / "text")


def languages() -> tuple[str, ...]:
    """Codes of the languages there are, the default first."""
    return _WORDS.languages


def catalogue(code: str) -> Mapping[str, Entry]:
    """Key -> text or plural forms, of one language."""
    return _WORDS.entries(code)


def language() -> str:
    """Of this request: what its person chose, else what their browser asks for."""
    if "language" not in g:
        signed_in = staff()
        chosen = signed_in.preferences.get("language") if signed_in else None
        known = languages()
        # Not kept before it is known who asks: their choice would come too late.
        asked = list(request.accept_languages.values())
        code = chosen if chosen in known else _WORDS.best(asked)
        if signed_in is None:
            return code
        g.language = code
    return g.language


def say(key: str, /, count: int | None = None, **values: Any) -> str:
    """The text of ``key`` in this request's language.

    Args:
        count: chooses the plural form, and is written for ``{count}``.

    Raises:
        KeyError: there is no such key.
    """
    code = language()
    return spoken(code, key, count, **values)


def spoken(code: str, key: str, /, count: int | None = None, **values: Any) -> str:
    """The same in a language of choice."""
    return _WORDS.say(code, key, count, **values)


def script_text() -> dict[str, Entry]:
    """What scripts say, without the prefix ``script.``; ``text.js`` reads it from the page."""
    prefix = "script."
    return {
        key.removeprefix(prefix): entry
        for key, entry in catalogue(language()).items()
        if key.startswith(prefix)
    }
