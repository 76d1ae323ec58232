"""What the spam model sees in a text: hashed words and runs of characters.

Everything is a vectorised pass over a whole batch, in numpy alone, and the same in training and
serving; what is read by rule is in :mod:`moderation.scoring.spam_cues`. Raise
``FEATURES_VERSION`` whenever a text's features change, there or here.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from moderation.scoring.normalise import normalised_text
from moderation.scoring.spam_cues import CUES, cues

FEATURES_VERSION = 2
WORD_BUCKETS = 1 << 16
BUCKETS = 3 * WORD_BUCKETS
"""The first third for words, the rest for runs of characters."""

MAX_CHARS = 2000
"""Text beyond this is not read: spam says so early, and comments have 300 characters."""

_CHAR_RUNS = (2, 3, 4, 5)
_WORD = re.compile(r"\w+|[^\w\s]")
_PICTURES = re.compile(r"[^\w\x00-\x7f]+")
"""Emoji and signs to draw with: fifty of them would drown the words beside them."""


@dataclass(frozen=True, slots=True)
class HashedCounts:
    """How often each bucket occurs in each text: a sparse matrix as coordinates.

    ``rows``, ``buckets`` (both int64) and ``counts`` (float32) have one element for each pair
    that occurs, sorted by row, then bucket.
    """

    rows: NDArray[np.int64]
    buckets: NDArray[np.int64]
    counts: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Features:
    """Of a batch: its hashed terms, and a table of shape (texts, len(CUES))."""

    terms: HashedCounts
    cues: NDArray[np.float32]


def features(texts: Sequence[str]) -> Features:
    """What the model sees of each text."""
    read = [text[:MAX_CHARS] for text in texts]
    plain = [normalised_text(text) for text in read]
    table = np.zeros((len(read), len(CUES)), dtype=np.float32)
    for row, pair in enumerate(zip(read, plain, strict=True)):
        table[row] = cues(*pair)
    return Features(_hashed(plain), table)


def hashed_counts(texts: Sequence[str]) -> HashedCounts:
    """Words, pairs of words, and runs of 2 to 5 characters, hashed into buckets below BUCKETS."""
    return _hashed([normalised_text(text[:MAX_CHARS]) for text in texts])


def _hashed(plain: Sequence[str]) -> HashedCounts:
    keys = [np.zeros(0, dtype=np.int64)]
    for row, text in enumerate(plain):
        text = _PICTURES.sub(" ", text)
        buckets = np.concatenate([_word_hashes(text), _char_run_hashes(text)])
        keys.append(row * BUCKETS + buckets)
    pairs, counts = np.unique(np.concatenate(keys), return_counts=True)
    return HashedCounts(pairs // BUCKETS, pairs % BUCKETS, counts.astype(np.float32))


def _word_hashes(text: str) -> NDArray[np.int64]:
    words = _WORD.findall(text)
    terms = words + [f"{one} {two}" for one, two in pairwise(words)]
    hashes = [zlib.crc32(term.encode("utf-8", "replace")) % WORD_BUCKETS for term in terms]
    return np.array(hashes, dtype=np.int64)


def _char_run_hashes(text: str) -> NDArray[np.int64]:
    """A polynomial hash of every run, for all runs of one length at once (Karp and Rabin)."""
    codes = np.frombuffer(f" {text} ".encode("utf-32-le", "replace"), dtype=np.uint32)
    codes = codes.astype(np.uint64)
    found = []
    for length in _CHAR_RUNS:
        runs = max(0, len(codes) - length + 1)
        value = np.full(runs, length, dtype=np.uint64)
        for offset in range(length):
            value = value * np.uint64(1_000_003) + codes[offset : offset + runs]
        value ^= value >> np.uint64(29)  # the low bits alone hardly mix
        found.append((value * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(47))  # 17 bits
    return WORD_BUCKETS + np.concatenate(found).astype(np.int64)
