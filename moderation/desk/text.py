"""The desk's words: one catalogue a language, ``text/LANGUAGE.toml``, the same keys in each.

A key is ``table.name``. A value is a text with ``{placeholders}``, or for what is counted a table
of the language's plural forms (Unicode CLDR: one, few, other, …), chosen by ``count``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale, numbers
from flask import g, request

from moderation.gate import staff

FOLDER = Path(__file__).parent / "text"
DEFAULT = "en"
PLURALS = frozenset({"zero", "one", "two", "few", "many", "other"})

Entry = str | Mapping[str, str]


@cache
def languages() -> tuple[str, ...]:
    """Codes of the languages there are, the default first."""
    found = sorted(path.stem for path in FOLDER.glob("*.toml"))
    return (DEFAULT, *(code for code in found if code != DEFAULT))


@cache
def catalogue(code: str) -> Mapping[str, Entry]:
    """Key -> text or plural forms, of one language."""
    return _flat(tomllib.loads((FOLDER / f"{code}.toml").read_text("utf-8")))


def _flat(table: Mapping[str, Any], path: str = "") -> dict[str, Entry]:
    flat: dict[str, Entry] = {}
    for name, value in table.items():
        key = f"{path}.{name}" if path else name
        if isinstance(value, str) or set(value) <= PLURALS:
            flat[key] = value
        else:
            flat.update(_flat(value, key))
    return flat


def language() -> str:
    """Of this request: what its person chose, else what their browser asks for."""
    if "language" not in g:
        signed_in = staff()
        chosen = signed_in.preferences.get("language") if signed_in else None
        known = languages()
        # Not kept before it is known who asks: their choice would come too late.
        asked = list(request.accept_languages.values())
        code = chosen if chosen in known else negotiate_locale(asked, known, sep="-") or DEFAULT
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
    entry = catalogue(code)[key]
    if not isinstance(entry, str):
        form = Locale(code).plural_form(count or 0)
        entry = entry.get(form, entry["other"])
    if count is not None:
        values["count"] = numbers.format_decimal(count, locale=code)
    return entry.format(**values)


def script_text() -> dict[str, Entry]:
    """What scripts say, without the prefix ``script.``; ``text.js`` reads it from the page."""
    prefix = "script."
    return {
        key.removeprefix(prefix): entry
        for key, entry in catalogue(language()).items()
        if key.startswith(prefix)
    }
