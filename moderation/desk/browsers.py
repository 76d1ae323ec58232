"""Which browser somebody is signed in with, as they would call it."""

from __future__ import annotations

import re

# In this order: most browsers also claim to be those further down.
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"),
    ("Opera", r"OPR/|Opera"),
    ("Samsung Internet", r"SamsungBrowser/"),
    ("Vivaldi", r"Vivaldi/"),
    ("Firefox", r"Firefox/|FxiOS/"),
    ("Chrome", r"Chrome/|CriOS/|Chromium/"),
    ("Safari", r"Safari/"),
)
_SYSTEMS = (
    ("iPhone", r"iPhone"),
    ("iPad", r"iPad"),
    ("Android", r"Android"),
    ("Windows", r"Windows"),
    ("macOS", r"Mac OS X|Macintosh"),
    ("ChromeOS", r"CrOS"),
    ("Linux", r"Linux|X11"),
)


def name_of(user_agent: str | None) -> tuple[str | None, str | None]:
    """Browser and system behind a ``User-Agent``; None for what it does not tell."""
    told = user_agent or ""

    def first(known: tuple[tuple[str, str], ...]) -> str | None:
        return next((name for name, sign in known if re.search(sign, told)), None)

    return first(_BROWSERS), first(_SYSTEMS)
