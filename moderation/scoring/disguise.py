"""Disguise words the way people do to get past a filter; for training and tests only.

The opposite of :mod:`moderation.scoring.normalise`, and deliberately wider: masked letters and
single separators, which normalising leaves alone, have to be learnt by the model.
"""

import random
import re
from collections.abc import Callable, Collection

_WORD = re.compile(r"[A-Za-z]{3,}")
_LEET = {
    "a": "4@",
    "b": "8",
    "e": "3",
    "i": "1!",
    "l": "1",
    "o": "0",
    "s": "5$",
    "t": "7",
    "u": "v",
}
_LOOKALIKE = {
    "a": "аα",
    "b": "Ь",
    "c": "сϲ",
    "e": "еε",
    "h": "һ",
    "i": "іι",
    "k": "κк",
    "n": "п",
    "o": "оο",
    "p": "рρ",
    "s": "ѕ",
    "t": "т",
    "u": "υ",
    "x": "х",
    "y": "уγ",
}
_MARKS = ".-_*· "
_ZERO_WIDTH = "\u200b\u200c\u2060\u00ad"
_ACCENTS = "\u0301\u0308\u0335\u0303"


def _leet(word: str, rng: random.Random) -> str:
    return "".join(
        rng.choice(_LEET[char.lower()]) if char.lower() in _LEET and rng.random() < 0.6 else char
        for char in word
    )


def _lookalike(word: str, rng: random.Random) -> str:
    return "".join(
        rng.choice(_LOOKALIKE[char.lower()])
        if char.lower() in _LOOKALIKE and rng.random() < 0.6
        else char
        for char in word
    )


def _spell_out(word: str, rng: random.Random) -> str:
    return rng.choice(_MARKS).join(word)


def _split_once(word: str, rng: random.Random) -> str:
    cut = rng.randrange(1, len(word))
    return word[:cut] + rng.choice(_MARKS) + word[cut:]


def _mask(word: str, rng: random.Random) -> str:
    mask = rng.choice("**#-")
    hidden = range(1, len(word) - 1)
    one = rng.choice(hidden)
    vowels_only = rng.random() < 0.5
    return "".join(
        mask if i in hidden and (i == one or (vowels_only and char in "aeiouAEIOU")) else char
        for i, char in enumerate(word)
    )


def _repeat(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    return word[:at] + word[at] * rng.randint(2, 5) + word[at + 1 :]


def _misspell(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    if rng.random() < 0.5:
        return word[:at] + word[at + 1 :]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _sprinkle(word: str, rng: random.Random) -> str:
    extra = rng.choice((_ZERO_WIDTH, _ACCENTS))
    return "".join(char + (rng.choice(extra) if rng.random() < 0.5 else "") for char in word)


DISGUISES: tuple[Callable[[str, random.Random], str], ...] = (
    _leet,
    _lookalike,
    _spell_out,
    _split_once,
    _mask,
    _repeat,
    _misspell,
    _sprinkle,
)


def disguise(text: str, telling: Collection[str], rng: random.Random) -> str:
    """``text`` with its telling words (lower case) disguised, and now and then a plain one.

    Plain words are disguised too so that a disguise alone does not give a comment away.
    """
    style = rng.choice(DISGUISES)

    def maybe(match: re.Match[str]) -> str:
        word = match.group()
        chance = 0.85 if word.lower() in telling else 0.06
        return style(word, rng) if rng.random() < chance else word

    return _WORD.sub(maybe, text)
