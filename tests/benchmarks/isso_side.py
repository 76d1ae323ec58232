"""The peer: Isso (https://isso-comments.de), as a site in Python would run it instead.

As its documentation sets it up alone on a machine: PyPI's package with gevent, its own server,
SQLite. Its guard (two comments a minute per address) is off, as our rate limits are; moderation
is on, as ours is, so a new comment waits for a moderator; nobody is notified.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from corpus import remarks
from load import request
from processes import free_port, listens, running

ISSO_VERSION = "0.14.0"
GEVENT_VERSION = "26.9.0"

_CONFIG = """
[general]
dbpath = {database}
host = http://127.0.0.1:9/
notify =
[moderation]
enabled = true
[server]
listen = http://127.0.0.1:{port}
[guard]
enabled = false
"""


def install(folder: Path) -> Path:
    """Put Isso into a virtual environment of its own, once.

    Returns:
        Its ``isso`` command.
    """
    command = folder / "bin" / "isso"
    wanted = f"isso=={ISSO_VERSION} gevent=={GEVENT_VERSION}"
    stamp = folder / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing {wanted} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-qq"]
        subprocess.run([*pip, "install", *wanted.split()], check=True)
        stamp.write_text(wanted)
    return command


class Isso:
    """A running Isso, filled."""

    def __init__(self, port: int, threads: int) -> None:
        self.port, self.threads = port, threads

    def posts(self, count: int) -> list[bytes]:
        """New comments, spread over the threads; each is answered 202."""
        return [
            request(
                "POST",
                f"/new?uri={quote(_uri(number % self.threads), safe='')}",
                body={"author": remark.author, "text": remark.text},
            )
            for number, remark in enumerate(islice(remarks(seed=1), count))
        ]

    def pages(self) -> list[bytes]:
        """The newest 50 comments of each thread in turn."""
        return [
            request("GET", f"/?uri={quote(_uri(thread), safe='')}&limit=50&sort=newest")
            for thread in range(self.threads)
        ]

    def counts(self) -> list[bytes]:
        """Twenty threads' counts a request."""
        return [
            request("POST", "/count", body=[_uri((first + n) % self.threads) for n in range(20)])
            for first in range(0, self.threads, 20)
        ]


def _uri(thread: int) -> str:
    return f"/news/article-{thread}"


@contextmanager
def isso(command: Path, folder: Path, comments: int, threads: int) -> Iterator[Isso]:
    """Start Isso on a new database with so many published comments, evenly over the threads."""
    folder.mkdir(parents=True)
    database, config, port = folder / "isso.db", folder / "isso.cfg", free_port()
    config.write_text(_CONFIG.format(database=database, port=port))
    start = [command, "-c", config, "run"]
    with running(start, folder / "isso.log", lambda: listens(port)):
        _fill(database, comments, threads)
        yield Isso(port, threads)


def _fill(database: Path, comments: int, threads: int) -> None:
    rows: Sequence[tuple[object, ...]] = [
        (
            number % threads + 1,
            1_700_000_000.0 + number,
            f"10.{number % 251}.{number % 241}.0",
            remark.text,
            remark.author,
        )
        for number, remark in enumerate(islice(remarks(), comments))
    ]
    with sqlite3.connect(database) as connection:
        connection.executemany(
            "INSERT INTO threads (id, uri, title) VALUES (?, ?, ?)",
            [(n + 1, _uri(n), f"Article {n}") for n in range(threads)],
        )
        # mode 1 is published; the 256 bytes are the filter that remembers who has voted.
        connection.executemany(
            "INSERT INTO comments (tid, created, mode, remote_addr, text, author, voters)"
            " VALUES (?, ?, 1, ?, ?, ?, zeroblob(256))",
            rows,
        )
    connection.close()
