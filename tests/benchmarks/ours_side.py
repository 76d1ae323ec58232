"""Our side: an installation in a folder of its own, filled, and started as its operators would."""

from __future__ import annotations

import http.client
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

from corpus import remarks
from filling import article_name, publish
from load import request
from processes import free_port, running

from moderation.adapters import schema
from moderation.adapters.broker import SilentAnnouncer
from moderation.domain.site import Site
from moderation.domain.staff import Scope
from moderation.services import access, sites
from moderation.settings import load_settings
from moderation.wiring import Wiring

COUNTS_A_REQUEST = 20
READY_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Installation:
    """An installation that is not running: a folder, its settings, one site, one token."""

    folder: Path
    environ: dict[str, str]
    wiring: Wiring
    site: Site
    token: str

    @property
    def log(self) -> Path:
        return self.folder / "moderation.log"


@dataclass(frozen=True)
class Ours:
    """Our service, running and filled."""

    port: int
    site_key: str
    articles: int

    def posts(self, count: int) -> list[bytes]:
        """New comments, spread over the articles; each is answered 202."""
        return [
            request(
                "POST",
                "/api/v1/comments",
                self._site(),
                {
                    "article_id": article_name(number % self.articles),
                    "author": {"name": remark.author},
                    "body": remark.text,
                },
            )
            for number, remark in enumerate(islice(remarks(seed=1), count))
        ]

    def pages(self) -> list[bytes]:
        """The newest 50 comments of each article in turn."""
        return [
            request(
                "GET",
                f"/api/v1/comments?article_id={article_name(article)}&limit=50&sort=newest",
                self._site(),
            )
            for article in range(self.articles)
        ]

    def counts(self) -> list[bytes]:
        """Twenty articles' counts a request."""
        return [request("GET", target, self._site()) for target in self._counts_targets()]

    def unchanged_counts(self) -> list[bytes]:
        """The same from somebody who has the answers already; each is answered 304."""
        return [
            request("GET", target, {**self._site(), "If-None-Match": self._ask(target)[0]})
            for target in self._counts_targets()
        ]

    def size_of_counts(self) -> int:
        """Bytes of the body of one answer of `counts`."""
        return self._ask(self._counts_targets()[0])[1]

    def _counts_targets(self) -> list[str]:
        wanted = [
            [article_name((first + n) % self.articles) for n in range(COUNTS_A_REQUEST)]
            for first in range(0, self.articles, COUNTS_A_REQUEST)
        ]
        return [f"/api/v1/counts?{urlencode({'article_id': names}, True)}" for names in wanted]

    def _ask(self, target: str) -> tuple[str, int]:
        """The ETag and the length of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("GET", target, headers=self._site())
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.headers["ETag"], len(body)

    def _site(self) -> dict[str, str]:
        return {"X-Site-Key": self.site_key}


def install(folder: Path, environ: dict[str, str] | None = None) -> Installation:
    """Lay out an installation: schema, a site, and a token that may read its queue.

    Args:
        folder: made here; holds all that is not in a server.
        environ: settings beside those of every benchmark.
    """
    folder.mkdir(parents=True)
    environ = {
        "MODERATION_VAR_DIR": str(folder),
        "MODERATION_RATE_LIMITS": "off",
        **(environ or {}),
    }
    wiring = Wiring(load_settings(environ), announcer=SilentAnnouncer())
    schema.upgrade(wiring.database.url)
    now = wiring.clock()
    with wiring.database.write() as session:
        site = sites.create_site(
            session,
            wiring.keyring,
            wiring.policies,
            name="Benchmark",
            now=now,
            edit_window_s=wiring.settings.edit_window_s,
        ).site
        token = access.create_token(session, name="Benchmark", scopes=[Scope.QUEUE], now=now).token
    return Installation(folder, environ, wiring, site, token)


@contextmanager
def ours(folder: Path, comments: int, articles: int) -> Iterator[Ours]:
    """The whole embedded group on a new SQLite database with so many published comments."""
    installation = install(folder)
    publish(installation.wiring.database.engine, installation.site, comments, articles)
    installation.wiring.database.dispose()
    port = free_port()
    with started(installation, port, "up"):
        yield Ours(port, installation.site.site_key, articles)


@contextmanager
def started(installation: Installation, port: int, command: str) -> Iterator[int]:
    """`moderation up` or `moderation serve`, from when it answers; its process id."""
    start = [Path(sys.executable).with_name("moderation"), command, "--port", port]
    with running(
        start,
        installation.log,
        lambda: status(port, "/healthz") == 200,
        environ=installation.environ,
    ) as process:
        yield process.pid


def wait_until_ready(port: int, since: float) -> float:
    """Seconds from ``since`` (of time.monotonic) to the first 200 of /readyz.

    Raises:
        TimeoutError: it is not ready after READY_TIMEOUT_S.
    """
    while status(port, "/readyz") != 200:
        if time.monotonic() - since > READY_TIMEOUT_S:
            raise TimeoutError(f"not ready after {READY_TIMEOUT_S:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - since


def status(port: int, path: str) -> int | None:
    """The status a GET is answered with; None while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()
