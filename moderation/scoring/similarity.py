"""Near-copies: one short name for all the variants of a message that floods an article."""

import hashlib
import re

from moderation.scoring.normalise import normalised_text

_ADDRESS = re.compile(r"\S+://\S+|www\.\S+|\S+@\S+\.\S+|@\w+|\b[\w-]+(?:\.[a-z]{2,}){1,3}(?:/\S*)?")
_REPEATED = re.compile(r"(.)\1+")


def fingerprint(text: str) -> str:
    """16 hexadecimal digits that near-copies share.

    Only letters count, after :mod:`moderation.scoring.normalise` has undone disguises: digits,
    links, addresses, punctuation, spacing, case and doubled letters make no difference. A text
    without letters is compared by its other visible characters. The value is stable over
    processes and releases of the same normaliser; it is not a secret.
    """
    plain = normalised_text(text)
    letters = "".join(filter(str.isalpha, _ADDRESS.sub(" ", plain)))
    kept = _REPEATED.sub(r"\1", letters) or "\0" + plain.replace(" ", "")
    return hashlib.blake2b(kept.encode("utf-8", "replace"), digest_size=8).hexdigest()
