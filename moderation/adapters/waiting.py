"""How many comments wait, and since when: for metrics and for the page that says what runs."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from moderation.adapters.database import Database
from moderation.domain.comment import Comment, Status

CACHED_S = 5
"""Counting a queue of a million takes a moment; those who ask within this time share a count."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """Comments of one status that wait; ``oldest`` is when the first of them was posted."""

    status: Status
    not_scored: bool
    number: int
    oldest: datetime


class WaitingComments:
    """Counts what waits, at most once in ``CACHED_S`` seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counted_at = float("-inf")
        self._counted: list[Waiting] = []

    def count(self) -> list[Waiting]:
        """One entry for each kind that waits; a kind of which there is none is left out.

        Raises:
            SQLAlchemyError: the database does not answer.
        """
        if time.monotonic() - self._counted_at > CACHED_S:
            with self._database.read() as session:
                rows = session.execute(
                    select(
                        Comment.status,
                        Comment.not_scored,
                        func.count(),
                        func.min(Comment.created_at),
                    )
                    .where(Comment.status.in_([Status.PENDING, Status.QUEUED]))
                    .group_by(Comment.status, Comment.not_scored)
                ).all()
            self._counted = [
                Waiting(Status(status), not_scored, number, oldest)
                for status, not_scored, number, oldest in rows
            ]
            self._counted_at = time.monotonic()
        return self._counted
