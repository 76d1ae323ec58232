"""The policies in force, as one process keeps them: read again when somebody saved one."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

import structlog
from sqlalchemy.exc import SQLAlchemyError

from moderation.adapters.database import Database
from moderation.domain.policy import Policy
from moderation.services import policies
from moderation.services.policies import Book, Heads

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 2.0
"""So long a process may go on by what was in force. One query of a few rows each time, and only
while there is something to decide."""


class PoliciesInForce:
    """The newest revisions over the files, for any number of threads.

    Args:
        files: the policies that files describe.
        look_every_s: how old what was read may be.
    """

    def __init__(
        self,
        database: Database,
        files: Mapping[str, Policy],
        *,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._database = database
        self._files = files
        self._look_every_s = look_every_s
        self._lock = threading.Lock()
        self._book: Book | None = None
        self._heads: Heads = {}
        self._looked_s = 0.0

    def current(self) -> Book:
        """Raises SQLAlchemyError where the database does not answer and never did."""
        book = self._book
        if book is not None and time.monotonic() - self._looked_s < self._look_every_s:
            return book
        # While one thread looks, the others go by what is known.
        if not self._lock.acquire(blocking=book is None):
            assert book is not None
            return book
        try:
            self._look()
            assert self._book is not None
            return self._book
        except SQLAlchemyError as error:
            if self._book is None:
                raise
            # Whoever asked is about to need the database too, and knows what to do without it.
            log.warning("policies_not_looked_up", error=type(error).__name__)
            self._looked_s = time.monotonic()
            return self._book
        finally:
            self._lock.release()

    def look_again(self) -> None:
        """Look at the next question: this process has just saved something."""
        with self._lock:
            self._looked_s = float("-inf")

    def _look(self) -> None:
        looked_s = time.monotonic()
        with self._database.read() as session:
            heads = policies.heads(session)
            if self._book is None or heads != self._heads:
                newest = policies.newest(session)
                book = policies.book(self._files, newest)
                for name, error in book.broken.items():
                    log.error("policy_unusable", policy=name, problems=error.messages)
                if self._book is not None:
                    log.info("policies_changed", in_force=_versions(book))
                self._book = book
                self._heads = {one.name: one.id for one in newest}
        self._looked_s = looked_s


def _versions(book: Book) -> dict[str, str]:
    return {name: policy.version for name, policy in sorted(book.policies.items())}
