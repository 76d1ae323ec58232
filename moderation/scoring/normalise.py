"""Undo the disguises people put on words, before a judge reads them.

Training and serving call the same :func:`normalise`, so a model never meets a spelling in
production that it could not have met in training. Raise ``NORMALISER_VERSION`` whenever the
output for any text changes: a model's manifest names the version it was trained with.

What is undone, in this order:

1. compatibility forms and accents (NFKD, UAX #15; combining marks dropped as the uncased BERT
   tokeniser drops them), letter case, zero-width and control characters, lone surrogates;
2. letters of other scripts that look Latin, in a word that mixes scripts or in a text that is
   mostly Latin (the idea of UTS #39 "confusables", cut down to letters seen in abuse);
3. words written letter by letter: ``f.o.o.l``, ``f o o l``;
4. digits and symbols standing for letters inside a word: ``f00l``, ``m0r0n``, but neither
   ``covid19`` nor an address;
5. letters repeated for effect: ``foooool``.

Masked letters (``f**l``) and a single separator inside a word stay: what they hide is a guess,
and the model is trained on such spellings instead.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

NORMALISER_VERSION = 1


@dataclass(frozen=True, slots=True)
class Normalised:
    """A normalised text and where each of its characters came from.

    ``starts[i]`` and ``ends[i]`` bound, in code points of the original text, what became
    character ``i`` of ``text``. Both rise monotonically and are as long as ``text``.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span of the original text that became ``text[start:end]``.

        Raises:
            IndexError: the span is empty or outside the text.
        """
        if not 0 <= start < end <= len(self.text):
            raise IndexError(f"no characters at {start}:{end} of {len(self.text)}")
        return self.starts[start], self.ends[end - 1]


def normalise(text: str) -> Normalised:
    """Return ``text`` without disguises, with offsets back to it. Never raises for a ``str``.

    The result is lower case, on one line, without spaces at either end or two in a row; it may
    be empty.
    """
    chars, starts, ends = _fold(text)
    folded = _map_lookalikes("".join(chars))
    gone = set(_separators_of_spelt_words(folded))
    folded, starts, ends = _drop(folded, starts, ends, gone)
    folded = _map_leetspeak(folded)
    folded, starts, ends = _drop(folded, starts, ends, set(_surplus_repeats(folded)))
    return Normalised(folded, tuple(starts), tuple(ends))


def normalised_text(text: str) -> str:
    """Only the text of :func:`normalise`."""
    return normalise(text).text


def as_written(text: str) -> str:
    """``text`` for a model that reads what was written, character for character.

    Only a lone surrogate, which no tokenizer can hold, becomes a question mark.
    """
    return text.encode("utf-8", "replace").decode("utf-8")


# --- 1. code points ------------------------------------------------------------------------

_ALWAYS_LATIN = dict(
    zip(
        "ıɑɡɩøłđħŧƒɛəɐʞʟʀɴʙɢʜɪʏᴀᴄᴅᴇᴊᴋᴍᴏᴘꜰꜱᴛᴜᴠᴡᴢ",
        "iagioldhtfeeaklrnbghiyacdejkmopfstuvwz",
        strict=True,
    )
)
"""Extended Latin letters that NFKD leaves alone."""

_INVISIBLE = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5")
"""Blank though Unicode calls them letters, symbols or marks."""


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    """What one code point contributes: usually one character, sometimes several or none."""
    if char in _INVISIBLE:
        return ""
    if char.isspace():
        return " "
    if char in "ϲϹ":  # NFKD would make these lunate sigmas, "c" to the eye, ordinary ones
        return "c"
    code = ord(char)
    if 0x1F150 <= code <= 0x1F169:  # letters in dark circles, then in dark squares
        return chr(ord("a") + code - 0x1F150)
    if 0x1F170 <= code <= 0x1F189:
        return chr(ord("a") + code - 0x1F170)
    out = []
    for part in unicodedata.normalize("NFKD", char).casefold():
        category = unicodedata.category(part)
        if category in {"Mn", "Me", "Cf", "Cc", "Cs", "Co", "Cn"}:
            continue
        out.append(" " if part.isspace() else _ALWAYS_LATIN.get(part, part))
    return "".join(out)


def _fold(text: str) -> tuple[list[str], list[int], list[int]]:
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for index, char in enumerate(text):
        for part in _fold_char(char):
            chars.append(part)
            starts.append(index)
            ends.append(index + 1)
    return chars, starts, ends


def _drop(
    text: str, starts: list[int], ends: list[int], gone: set[int]
) -> tuple[str, list[int], list[int]]:
    if not gone:
        return text, starts, ends
    kept = [index for index in range(len(text)) if index not in gone]
    return (
        "".join(text[index] for index in kept),
        [starts[index] for index in kept],
        [ends[index] for index in kept],
    )


# --- 2. look-alikes ------------------------------------------------------------------------

_LOOKALIKES = dict(
    zip(
        "авеԍһіјкӏмнорѕтухьԁԛԝѵгпсαβεικορτυνχηωγμοսօոհցյ",
        "abeghijklmhopstyxbdqwvrncabeikoptuvxnwyuouonhgj",
        strict=True,
    )
)
_WORD = re.compile(r"[^\W\d_]+")
_LATIN = re.compile(r"[a-z]")


def _map_lookalikes(text: str) -> str:
    if text.isascii():
        return text
    letters = sum(map(str.isalpha, text))
    mostly_latin = 2 * len(_LATIN.findall(text)) > letters

    def unmask(match: re.Match[str]) -> str:
        word = match.group()
        if word.isascii() or not (mostly_latin or _LATIN.search(word)):
            return word
        return "".join(_LOOKALIKES.get(char, char) for char in word)

    return _WORD.sub(unmask, text)


# --- 3. words spelt out --------------------------------------------------------------------

_UNIT = r"[a-z0134578@$]"
_SPELT_WITH_MARKS = re.compile(
    rf"(?<![a-z0-9@$]){_UNIT}( ?[.\-_*·•/|~+,'] ?){_UNIT}(?:\1{_UNIT})+(?![a-z0-9])"
)
_SPELT_WITH_SPACES = re.compile(rf"(?<![a-z0-9@$'’]){_UNIT}(?: {_UNIT}){{3,}}(?![a-z0-9'])")


def _separators_of_spelt_words(text: str) -> Iterable[int]:
    """Where characters stand between the letters of a word that is spelt out.

    Three letters are enough with marks between them (an abbreviation reads as well without its
    dots); with spaces it takes four units, so that "plan a b c" stays what it is.
    """
    for pattern in (_SPELT_WITH_MARKS, _SPELT_WITH_SPACES):
        for match in pattern.finditer(text):
            if len(_LATIN.findall(match.group())) < 3:
                continue
            separator = match.group(1) if pattern is _SPELT_WITH_MARKS else " "
            step = len(separator) + 1
            for index in range(match.start(), match.end()):
                if (index - match.start()) % step:
                    yield index


# --- 4. leetspeak --------------------------------------------------------------------------

_LEET = {
    "0": "o",
    "1": "i",
    "3": "e",
    "4": "a",
    "5": "s",
    "7": "t",
    "8": "b",
    "@": "a",
    "$": "s",
    "€": "e",
    "¢": "c",
    "|": "i",
    "!": "i",
}
_ADDRESS = r"\S+://\S+|www\.\S+|[^\s@]+@[\w-]+\.\w\S*|@\w+"
_TOKEN = re.compile(rf"(?P<address>{_ADDRESS})|[a-z0134578@$€¢|!]+")
_INNER = re.compile(r"(?<=[a-z])[0134578@$€¢|]{1,3}(?=[a-z])")
_EARLY_BANG = re.compile(r"^[a-z]{1,2}!(?=[a-z])")
_FIRST_DOLLAR = re.compile(r"^\$(?=[a-z]{2})")
_LAST_DOLLARS = re.compile(r"(?<=[a-z])\$\$$")


def _leet_to_letters(match: re.Match[str]) -> str:
    return "".join(_LEET.get(char, char) for char in match.group())


def _unleet(match: re.Match[str]) -> str:
    token = match.group()
    if match.group("address") or token.isalpha():
        return token
    # "!" is a letter only near the start: "b!t" is one word, "great!thanks" is two.
    read = _EARLY_BANG.sub(_leet_to_letters, token)
    read = _FIRST_DOLLAR.sub("s", read)
    read = _LAST_DOLLARS.sub("ss", read)
    inner = _INNER.sub(_leet_to_letters, read)
    if inner == read or len(inner) < 4:
        return inner
    # A word that is disguised inside is disguised at its ends as well: "1d10t".
    first = _LEET.get(inner[0], inner[0]) if inner[1].isalpha() else inner[0]
    last = _LEET.get(inner[-1], inner[-1]) if inner[-2].isalpha() else inner[-1]
    return first + inner[1:-1] + (inner[-1] if inner[-1] == "!" else last)


def _map_leetspeak(text: str) -> str:
    """Same length as ``text``: every replacement is one character for one."""
    return _TOKEN.sub(_unleet, text)


# --- 5. repeats and spaces -----------------------------------------------------------------

_REPEATED_LETTER = re.compile(r"([a-vx-z])\1{2,}")
_REPEATED_MARK = re.compile(r"([^\w\s])\1{3,}")
_SPACES = re.compile(r"^ +| +$| {2,}")
_SELDOM_DOUBLED = frozenset("ahijkquvxy")
"""English words double the other letters, so "foool" keeps two "o", "fuuun" one "u".

"w" is left alone altogether, for the sake of "www".
"""


def _surplus_repeats(text: str) -> Iterable[int]:
    for match in _REPEATED_LETTER.finditer(text):
        kept = 1 if match.group(1) in _SELDOM_DOUBLED else 2
        yield from range(match.start() + kept, match.end())
    for match in _REPEATED_MARK.finditer(text):
        yield from range(match.start() + 3, match.end())
    for match in _SPACES.finditer(text):
        inside = match.start() > 0 and match.end() < len(text)
        yield from range(match.start() + inside, match.end())
