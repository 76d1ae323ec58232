"""What the spam model sees in a text: hashed words and character runs, and a few plain counts.

Everything is a vectorised pass over a whole batch, in numpy alone, and the same in training and
serving. Raise ``FEATURES_VERSION`` whenever a text's features change.
"""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from moderation.scoring.normalise import normalised_text

FEATURES_VERSION = 1
WORD_BUCKETS = 1 << 16
BUCKETS = 3 * WORD_BUCKETS
"""The first third for words, the rest for runs of characters."""

MAX_CHARS = 2000
"""Text beyond this is not read: spam says so early, and comments have 300 characters."""

_CHAR_RUNS = (2, 3, 4, 5)
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class HashedCounts:
    """How often each bucket occurs in each text: a sparse matrix as coordinates.

    ``rows``, ``buckets`` (both int64) and ``counts`` (float32) have one element for each pair
    that occurs, sorted by row, then bucket.
    """

    rows: NDArray[np.int64]
    buckets: NDArray[np.int64]
    counts: NDArray[np.float32]


def hashed_counts(texts: Sequence[str]) -> HashedCounts:
    """Words, pairs of words, and runs of 2 to 5 characters, hashed into buckets below BUCKETS."""
    keys = [np.zeros(0, dtype=np.int64)]
    for row, text in enumerate(texts):
        plain = normalised_text(text[:MAX_CHARS])
        buckets = np.concatenate([_word_hashes(plain), _char_run_hashes(plain)])
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


SIGNALS = (
    "links",
    "bare_domains",
    "email_addresses",
    "phone_numbers",
    "messenger_handles",
    "money",
    "shouting",
    "exclamations",
    "repeated_words",
)
"""Names of the columns of :func:`signals`."""

_LINK = re.compile(r"https?://\S+|www\.\S+", re.IGNORECASE)
_DOMAIN = re.compile(
    r"\b[a-z0-9-]{2,} ?(?:\.|\(dot\)|\[dot\]| dot ) ?"
    r"(?:com|net|org|info|biz|ru|cn|tk|ly|me|io|co|xyz|top|shop|online|site|club|uk|de|tv)\b",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"[\w.+-]+ ?(?:@|\(at\)|\[at\]) ?[\w-]+ ?(?:\.|\(dot\)) ?[a-z]{2,}", re.I)
_PHONE = re.compile(r"(?<![\w.])\+?\(?\d(?:[ ().-]{0,2}\d){7,14}(?![\w])")
_MESSENGER = re.compile(
    r"\b(?:whats? ?app|telegram|t\.me|wa\.me|skype|snap(?:chat)?|kik|viber|wechat|signal|insta"
    r"(?:gram)?|discord|dm me|inbox me|text me|call me|add me|message me)\b",
    re.IGNORECASE,
)
_MONEY = re.compile(r"[$€£¥₿]\s?\d|\d\s?(?:[$€£¥₿]|usd|eur|gbp|btc|dollars|pounds)\b", re.I)
_REPEATABLE = re.compile(r"\w{2,}")


def signals(texts: Sequence[str]) -> NDArray[np.float32]:
    """An array of shape (texts, len(SIGNALS)): contact details, shouting, repetition.

    Counts are given as log(1 + n); shares are 0..1.
    """
    table = np.zeros((len(texts), len(SIGNALS)), dtype=np.float32)
    for row, text in enumerate(texts):
        table[row] = _signals(text[:MAX_CHARS])
    return table


def _signals(text: str) -> list[float]:
    without_emails, emails = _EMAIL.subn(" ", text)
    rest, links = _LINK.subn(" ", without_emails)
    letters = sum(map(str.isalpha, text))
    capitals = sum(map(str.isupper, text))
    words = _REPEATABLE.findall(text.lower())
    length = max(1, len(text))
    counts = (
        links,
        len(_DOMAIN.findall(rest)),
        emails,
        len(_PHONE.findall(rest)),
        len(_MESSENGER.findall(text)),
        len(_MONEY.findall(text)),
    )
    return [
        *np.log1p(counts),
        capitals / letters if letters >= 8 else 0.0,
        text.count("!") / length,
        1 - len(set(words)) / len(words) if words else 0.0,
    ]
