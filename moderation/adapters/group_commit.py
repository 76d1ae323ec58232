"""Group commit: writes that arrive while another commits share the next commit.

After DeWitt et al., "Implementation Techniques for Main Memory Database Systems" (SIGMOD 1984).
SQLite has one writer at a time, and a durable commit waits for the disk; writers that take turns
at that wait for the sum of it, writers in a group for two commits at the most.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy.orm import Session

MAX_GROUP = 64


class GroupCommit:
    """Runs pieces of work, in groups, in transactions that ``write`` opens.

    Whoever comes first leads: it commits the group that has gathered, its own work included, and
    hands the lead to the first of those that gathered meanwhile. Nobody waits to fill a group.
    """

    def __init__(self, write: Callable[[], AbstractContextManager[Session]]) -> None:
        self._write = write
        self._mutex = threading.Lock()
        self._gathered: list[_Ticket] = []
        self._led = False

    def run(self, work: Callable[[Session], Any]) -> Any:
        """The result of ``work``, once it is committed; or what it, or the commit, raised."""
        ticket = _Ticket(work)
        with self._mutex:
            self._gathered.append(ticket)
            if not self._led:
                self._led = ticket.leads = True
        if not ticket.leads:
            ticket.called.wait()
        if ticket.leads:
            self._lead()
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def _lead(self) -> None:
        with self._mutex:
            group, self._gathered = self._gathered[:MAX_GROUP], self._gathered[MAX_GROUP:]
        try:
            self._commit(group)
        finally:
            with self._mutex:
                heir = self._gathered[0] if self._gathered else None
                if heir is None:
                    self._led = False
                else:
                    heir.leads = True
            for ticket in [*group, heir]:
                if ticket is not None:
                    ticket.called.set()

    def _commit(self, group: list[_Ticket]) -> None:
        try:
            with self._write() as session:
                if len(group) == 1:
                    group[0].result = group[0].work(session)
                    return
                for ticket in group:
                    ticket.do(session)
        except BaseException as error:
            # Nothing of the group is durable, so nobody may be told that theirs is.
            for ticket in group:
                ticket.error = ticket.error or error


class _Ticket:
    """One piece of work, and what became of it."""

    __slots__ = ("called", "error", "leads", "result", "work")

    def __init__(self, work: Callable[[Session], Any]) -> None:
        self.work = work
        self.called = threading.Event()
        self.leads = False
        self.result: Any = None
        self.error: BaseException | None = None

    def do(self, session: Session) -> None:
        try:
            with session.begin_nested():
                self.result = self.work(session)
        except Exception as error:
            self.error = error
            # After some errors, a full disk among them, SQLite has undone the whole transaction
            # and not only this part: then what the others did is gone too, and all must hear.
            if not session.connection().connection.dbapi_connection.in_transaction:
                raise
