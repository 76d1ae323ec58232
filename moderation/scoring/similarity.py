"""Near copies: what of a text they share, and when two texts are copies of one another.

A text is compared by its *letters*: what :mod:`moderation.scoring.normalise` leaves of it without
addresses, digits, punctuation, spacing and doubled letters. Two measures decide, both of RapidFuzz:

- edited copies: the Levenshtein similarity of the letters;
- padded copies: the similarity of the shorter text to the part of the longer one that is most
  like it (the best window, by the indel distance), as long as the shorter is a fair part of it.

A short text says less, so it must be more alike; the shortest must have the same letters. The
limits were set with ``moderation likeness evaluate``; docs/models.md has what they achieve.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from zlib import crc32

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from moderation.scoring.normalise import normalised_text

MIN_LETTERS = 12
"""Shorter texts are copies only of texts with the very same letters."""

MIN_PADDED_LETTERS = 20
MIN_PADDED_SHARE = 0.3
"""How much of the longer text the shorter one must be."""

MAX_LETTERS = 1000
"""What is compared of a text; 300 characters can unfold to more (UAX #15)."""

SHINGLE_LETTERS = 8

_NO_LETTERS = "\1"
"""Begins what stands for a text without letters: only an equal one is its copy."""

_ADDRESS = re.compile(r"\S+://\S+|www\.\S+|\S+@\S+\.\S+|@\w+|\b[\w-]+(?:\.[a-z]{2,}){1,3}(?:/\S*)?")
_REPEATED = re.compile(r"(.)\1+")


@dataclass(frozen=True)
class Sketch:
    """What a text is compared by."""

    folded: str
    """The text without disguises."""
    letters: str
    """At most MAX_LETTERS; of a text without letters, its other visible characters."""

    @classmethod
    def of(cls, text: str) -> "Sketch":
        folded = normalised_text(text)
        # Links in another order are the same links.
        rest = _NO_LETTERS + "".join(sorted(folded.split()))[:MAX_LETTERS]
        return cls(folded, _letters(folded) or rest)

    @cached_property
    def shingles(self) -> tuple[int, ...]:
        """CRC-32 (ISO 3309) of every run of SHINGLE_LETTERS letters, each once, smallest first.

        Empty for a text that is too short to be anything but an equal copy.
        """
        letters = self.letters
        if len(letters) < MIN_LETTERS or letters.startswith(_NO_LETTERS):
            return ()
        runs = range(len(letters) - SHINGLE_LETTERS + 1)
        hashes = (crc32(_bytes(letters[at : at + SHINGLE_LETTERS])) for at in runs)
        return tuple(sorted(set(hashes)))

    @cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits shared by texts with the same letters.

        Digits, links, addresses, punctuation, spacing, case and doubled letters make no
        difference. Stable over processes and releases of the same normaliser; not a secret.
        """
        return hashlib.blake2b(_bytes(self.letters), digest_size=8).hexdigest()

    @cached_property
    def whole(self) -> int:
        """CRC-32 of all letters, told apart from those of shingles."""
        return crc32(b"=" + _bytes(self.letters))


def similarity(one: str, other: str, *, padded: bool = True) -> float:
    """How alike the letters of two texts are, 0..1; 0 where they are no near copies.

    1 means the same letters. Of a padded copy only the part that is alike counts; ``padded`` says
    whether to look for such at all.
    """
    if one == other:
        return 1.0
    shorter, longer = sorted((one, other), key=len)
    size = len(shorter)
    if size < MIN_LETTERS or one.startswith(_NO_LETTERS) or other.startswith(_NO_LETTERS):
        return 0.0
    least = min(0.6 + 60 / size**2, 1.0)
    if alike := Levenshtein.normalized_similarity(one, other, score_cutoff=least):
        return alike
    share = size / len(longer)
    if not padded or size < MIN_PADDED_LETTERS or share < MIN_PADDED_SHARE:
        return 0.0
    least = 0.8 + 60 / size**2
    return share * fuzz.partial_ratio(shorter, longer, score_cutoff=100 * least) / 100


def fingerprint(text: str) -> str:
    """The ``fingerprint`` of the sketch of ``text``."""
    return Sketch.of(text).fingerprint


def _letters(folded: str) -> str:
    letters = "".join(filter(str.isalpha, _ADDRESS.sub(" ", folded)))
    return _REPEATED.sub(r"\1", letters)[:MAX_LETTERS]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
