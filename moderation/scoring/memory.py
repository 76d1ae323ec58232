"""A small memory of what was judged, so that the same text again costs nothing."""

import hashlib
import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moderation.scoring.judge import Assessment


class Memory:
    """Text -> assessment for the ``entries`` texts used last. Safe to use from several threads.

    Texts are personal and are not kept: only a hash of each under a key that this object made up
    (BLAKE2, RFC 7693), so what is in memory tells neither a text nor whether one was seen. An
    entry takes about a kilobyte, however long its text.
    """

    def __init__(self, entries: int) -> None:
        self._entries = entries
        self._key = os.urandom(32)
        self._found: OrderedDict[bytes, Assessment] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str) -> "Assessment | None":
        digest = self._digest(text)
        with self._lock:
            found = self._found.get(digest)
            if found is not None:
                self._found.move_to_end(digest)
            return found

    def put(self, text: str, assessment: "Assessment") -> None:
        digest = self._digest(text)
        with self._lock:
            self._found[digest] = assessment
            self._found.move_to_end(digest)
            while len(self._found) > self._entries:
                self._found.popitem(last=False)

    def _digest(self, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, digest_size=16, key=self._key).digest()
