"""The words of the comments on article pages, in ``text/LANGUAGE.toml``."""

from __future__ import annotations

from pathlib import Path

from moderation.catalogue import Catalogue

WORDS = Catalogue(Path(__file__).parent / "text")
