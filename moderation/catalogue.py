"""Words for people in several languages: a file for each, ``LANGUAGE.toml``, with the same keys.

A key is ``table.name``. A value is a text with ``{placeholders}``, or for what is counted a table
of the language's plural forms (Unicode CLDR: one, few, other, …), chosen by ``count``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale, numbers

DEFAULT = "en"
PLURALS = frozenset({"zero", "one", "two", "few", "many", "other"})

Entry = str | Mapping[str, str]


class Catalogue:
    """The texts in ``folder``, each file read when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, Mapping[str, Entry]] = {}

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages there are, the default first."""
        found = sorted(path.stem for path in self._folder.glob("*.toml"))
        return (DEFAULT, *(code for code in found if code != DEFAULT))

    def entries(self, code: str) -> Mapping[str, Entry]:
        """Key -> text or plural forms, of one language."""
        if code not in self._read:
            text = (self._folder / f"{code}.toml").read_text("utf-8")
            self._read[code] = _flat(tomllib.loads(text))
        return self._read[code]

    def best(self, asked: Iterable[str]) -> str:
        """Of the languages there are, the one for somebody who asks for these, best first."""
        return negotiate_locale(list(asked), self.languages, sep="-") or DEFAULT

    def say(self, code: str, key: str, /, count: int | None = None, **values: Any) -> str:
        """The text of ``key``; ``count`` chooses the plural form and is written for ``{count}``.

        Raises:
            KeyError: there is no such key.
        """
        entry = self.entries(code)[key]
        if not isinstance(entry, str):
            form = Locale(code).plural_form(count or 0)
            entry = entry.get(form, entry["other"])
        if count is not None:
            values["count"] = numbers.format_decimal(count, locale=code)
        return entry.format(**values)


def _flat(table: Mapping[str, Any], path: str = "") -> dict[str, Entry]:
    flat: dict[str, Entry] = {}
    for name, value in table.items():
        key = f"{path}.{name}" if path else name
        if isinstance(value, str) or set(value) <= PLURALS:
            flat[key] = value
        else:
            flat.update(_flat(value, key))
    return flat
