"""A limit to the time that a call into a model may take; beyond it, this process ends.

A call that hangs inside a library cannot be called off from outside, and its thread cannot be
ended: only the process can. Whoever keeps it running (`moderation up`, systemd, a container's
restart policy) starts another.
"""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from prometheus_client.multiprocess import mark_process_dead

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits(3)."""

GRACE_S = 5
"""How much later a process ends whose threads get no turn, or whose database does not answer."""

log = structlog.get_logger(__name__)

_ends_hard = False


def end_hard() -> None:
    """Make time limits of this process hold against calls that keep Python's global lock, too.

    For processes of their own only: the one timer of :mod:`faulthandler` is used for it.
    """
    global _ends_hard
    _ends_hard = True


@contextmanager
def time_limit(limit_s: float, give_up: Callable[[], None]) -> Iterator[None]:
    """End this process if what is done inside takes longer than ``limit_s`` seconds.

    Args:
        give_up: called before, in another thread; what is inside writes nothing after that.
    """
    deciding = threading.Lock()
    finished = False

    def end() -> None:
        # Held for good: a call that returns only now waits here until the process is gone.
        with deciding:
            if finished:
                return
            try:
                give_up()
            except Exception as error:
                log.error("giving_up_failed", error=f"{type(error).__name__}: {error}")
            finally:
                mark_process_dead(os.getpid())
                os._exit(EXIT_CODE)

    timer = threading.Timer(limit_s, end)
    timer.daemon = True
    if _ends_hard:
        faulthandler.dump_traceback_later(limit_s + GRACE_S, exit=True)
    timer.start()
    try:
        yield
    finally:
        with deciding:
            finished = True
        timer.cancel()
        if _ends_hard:
            faulthandler.cancel_dump_traceback_later()
