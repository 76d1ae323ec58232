"""Showing how far long work is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

LINE_EVERY_S = 10.0


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Gives a function that is told how many more are done. All goes to standard error.

    Args:
        what: is done, as in "re-scored": begins every line.
        total: how many there are, as far as known.
    """
    if sys.stderr.isatty():
        with click.progressbar(length=total, label=what, file=sys.stderr, show_pos=True) as bar:
            yield bar.update
        return
    done, said_at = 0, time.monotonic()

    def advance(number: int) -> None:
        nonlocal done, said_at
        done += number
        if time.monotonic() - said_at >= LINE_EVERY_S:
            said_at = time.monotonic()
            click.echo(f"{what}: {done:,} of {total:,}", err=True)

    yield advance
    click.echo(f"{what}: {done:,} of {total:,}", err=True)
