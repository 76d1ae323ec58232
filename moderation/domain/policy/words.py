"""Finding listed words in a text."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

import regex

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
# Scripts written without spaces: there a listed word is found anywhere, as no edge shows where
# it ends.
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]", regex.V1
)


class WordList:
    """Words and phrases to look for.

    Upper and lower case are the same, only whole words count, and what stands between the words
    of a phrase does not matter: ``drop dead`` is found in "Drop-DEAD!" but not in "drop deadlines".
    Entries in scripts written without spaces, and entries without letters (an emoji), are found
    anywhere. The cost is that of one pass over the text, however long the list.
    """

    def __init__(self, entries: Sequence[str]) -> None:
        self._phrases: dict[tuple[str, ...], str] = {}
        self._fragments: dict[str, str] = {}
        for entry in entries:
            plain = _caseless(entry.strip())
            words = tuple(_WORD.findall(plain))
            if not words or _UNSPACED.search(plain):
                self._fragments.setdefault(plain, entry)
            else:
                self._phrases.setdefault(words, entry)
        self._lengths = sorted({len(words) for words in self._phrases})

    def first_in(self, *texts: str) -> str | None:
        """The entry, as listed, that is found first in any of ``texts``; None if none is."""
        return next((entry for text in texts for entry in self._found(text)), None)

    def all_in(self, text: str) -> list[str]:
        """Every entry that is found in ``text``, each once, in the order of finding."""
        return list(dict.fromkeys(self._found(text)))

    def _found(self, text: str) -> Iterator[str]:
        plain = _caseless(text)
        words = _WORD.findall(plain)
        for start in range(len(words)):
            for length in self._lengths:
                entry = self._phrases.get(tuple(words[start : start + length]))
                if entry is not None:
                    yield entry
        for fragment, entry in self._fragments.items():
            if fragment in plain:
                yield entry


@lru_cache(maxsize=64)
def word_list(entries: tuple[str, ...]) -> WordList:
    """The list for ``entries``; a policy's lists are prepared once, not for every comment."""
    return WordList(entries)


def _caseless(text: str) -> str:
    return unicodedata.normalize("NFC", text.casefold())
