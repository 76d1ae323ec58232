"""Whole installations of the service for tests: a folder, settings, and processes that really run.

An ``Installation`` starts the same commands that operators start, waits until they work, stops
them and insists on a clean end. ``Doors`` speaks to it from outside as pages and moderators do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx
from processes import free_port

from moderation.adapters import schema
from moderation.adapters.broker import SilentAnnouncer
from moderation.domain.staff import Scope
from moderation.jobs import Announcer
from moderation.scoring.judge import Judge
from moderation.services import access, sites
from moderation.settings import ROOT, Settings, load_settings
from moderation.wiring import Wiring

START_TIMEOUT_S = 45.0
STOP_TIMEOUT_S = 14.0
POLL_S = 0.05

MODERATION = (sys.executable, "-c", "from moderation.cli import main; main()")
"""The `moderation` command of the interpreter that runs the tests."""

T = TypeVar("T")


def eventually(
    check: Callable[[], T | None], what: str, *, within_s: float = 20.0, poll_s: float = POLL_S
) -> T:
    """The first answer of ``check`` that is true.

    Raises:
        AssertionError: there was none within ``within_s``; it says ``what`` was waited for, and
            the last answer.
    """
    deadline = time.monotonic() + within_s
    while not (answer := check()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what} (last: {answer!r})"
        time.sleep(poll_s)
    return answer


class Program:
    """One started process and its log."""

    def __init__(self, name: str, command: Sequence[object], environ: Mapping[str, str], log: Path):
        self.name = name
        self.log_path = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                cwd=ROOT,
                env={**os.environ, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self.log_path.read_text("utf-8", errors="replace")

    def wait_until(self, ready: Callable[[], bool], what: str) -> None:
        """Raises AssertionError, with the log, if it ends or takes too long instead."""
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ready():
            ended = self.process.poll()
            assert ended is None, f"{self.name} ended with {ended} before {what}:\n{self.log}"
            assert time.monotonic() < deadline, f"{self.name}: {what} never came:\n{self.log}"
            time.sleep(POLL_S)

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to end; the seconds it took. It must end by itself, with exit code 0."""
        started = time.monotonic()
        self.process.send_signal(with_signal)
        try:
            code = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not stop:\n{self.log[-4000:]}") from None
        assert code == 0, f"{self.name} stopped with exit code {code}:\n{self.log[-4000:]}"
        return time.monotonic() - started

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Installation:
    """One installation: its settings, and whatever of it has been started.

    Args:
        folder: where it keeps its files; empty at first.
        settings: names and values, as in ``config/defaults.toml``.
    """

    def __init__(self, folder: Path, **settings: object) -> None:
        self.folder = folder
        self.port = free_port()
        given = {
            "var_dir": folder / "var",
            "http_port": self.port,
            "rate_limits": "off",
            "log_format": "json",
            "scoring_threads": 1,
            **settings,
        }
        self.environ = {f"MODERATION_{name.upper()}": str(v) for name, v in given.items()}
        self.programs: list[Program] = []

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @cached_property
    def settings(self) -> Settings:
        return load_settings(self.environ)

    def wiring(
        self, *, judge: Judge | None = None, announcer: Announcer | None = None, **changes: Any
    ) -> Wiring:
        """The parts of this installation, in this very process; it announces nothing by default."""
        settings = replace(self.settings, **changes) if changes else self.settings
        return Wiring(settings, judge=judge, announcer=announcer or SilentAnnouncer())

    @cached_property
    def inside(self) -> Wiring:
        """A wiring to look into the database with."""
        return self.wiring()

    def command(self, *words: str, stdin: str = "", ok: bool = True) -> str:
        """Run a `moderation` command to its end; what it printed. ``ok``: its exit code must be 0.

        Where it is expected to fail, both what it printed and its complaints are returned.
        """
        done = subprocess.run(
            [*MODERATION, *words],
            cwd=ROOT,
            env={**os.environ, **self.environ},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        as_wanted = (done.returncode == 0) == ok
        assert as_wanted, f"{words}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout if ok else done.stdout + done.stderr

    def json(self, *words: str, stdin: str = "") -> Any:
        """Run a `moderation` command with --json; what it printed, parsed."""
        return json.loads(self.command(*words, "--json", stdin=stdin))

    # --- Starting ---------------------------------------------------------------------------

    def start(self, name: str, *command: object, environ: Mapping[str, str] | None = None):
        """Start a program with this installation's settings; wait for nothing."""
        log = self.folder / f"{len(self.programs):02}-{name}.log"
        program = Program(name, command, {**self.environ, **(environ or {})}, log)
        self.programs.append(program)
        return program

    def serve(self, *options: str) -> Program:
        """Start `moderation serve`; wait for nothing."""
        return self.start("serve", *MODERATION, "serve", *options)

    def worker(self) -> Program:
        """Start `moderation worker`; wait for nothing."""
        return self.start("worker", *MODERATION, "worker")

    def up(self) -> Program:
        """Start `moderation up`; wait for nothing."""
        return self.start("up", *MODERATION, "up", "--port", str(self.port))

    def wait_alive(self, *programs: Program) -> None:
        """Wait until web processes answer and workers work, whether or not a model is there."""
        for program in programs:
            if program.name in ("serve", "up"):
                program.wait_until(lambda: self.answers("/healthz"), "an answer")
            if program.name != "serve":  # "worker", "fake-worker", "up"
                program.wait_until(lambda p=program: "worker_ready" in p.log, "worker_ready")

    def wait_ready(self, *programs: Program) -> None:
        """Wait until /readyz says that everything is there."""
        self.wait_alive(*programs)
        web = next(p for p in programs if p.name in ("serve", "up"))
        web.wait_until(lambda: self.answers("/readyz"), f"/readyz ({self.ask('/readyz')})")

    def answers(self, path: str) -> bool:
        return self.ask(path).startswith("200")

    def ask(self, path: str) -> str:
        """Status and body of a GET, or what came instead."""
        try:
            response = httpx.get(self.base_url + path, timeout=5)
        except httpx.HTTPError as error:
            return repr(error)
        return f"{response.status_code} {response.text}"

    # --- Ending -----------------------------------------------------------------------------

    def pids(self) -> set[int]:
        """Every living process that was started with this installation's settings."""
        mark = f"MODERATION_VAR_DIR={self.environ['MODERATION_VAR_DIR']}\0".encode()
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if state != "Z" and mark in (folder / "environ").read_bytes():
                    found.add(int(folder.name))
        return found

    def pids_running(self, word: str) -> set[int]:
        """Those of ``pids`` whose command line has ``word`` as one of its arguments."""
        found = set()
        for pid in self.pids():
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if word.encode() in words:
                    found.add(pid)
        return found

    def assert_nothing_runs(self) -> None:
        eventually(lambda: not self.pids(), "all of its processes are gone", within_s=8)

    def close(self) -> None:
        """Kill what is left and show the logs, which pytest prints when the test has failed."""
        if "inside" in self.__dict__:
            self.inside.database.dispose()
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for program in self.programs:
            program.process.wait()
            print(f"--- {program.log_path.name}\n{program.log[-6000:]}")

    # --- Filling ----------------------------------------------------------------------------

    def set_up(self, *, policy: str = "strict", name: str = "Daily") -> Doors:
        """Bring the schema up to date and make a site and a token for everything."""
        wiring = self.inside
        schema.upgrade(wiring.database.url)
        return self.add_site(policy=policy, name=name)

    def add_site(self, *, policy: str = "strict", name: str = "Daily") -> Doors:
        """Make a site, and a token for everything on it; the schema is there."""
        wiring, now = self.inside, self.inside.clock()
        with wiring.database.write() as session:
            new = sites.create_site(
                session,
                wiring.keyring,
                wiring.policies,
                name=name,
                now=now,
                edit_window_s=300,
                policy=policy,
            )
            token = access.create_token(session, name="test", scopes=list(Scope), now=now)
        return Doors(self.base_url, new.site.site_key, token.token, new.sso_secret, new.site.id)


@dataclass(frozen=True)
class Doors:
    """The doors of an installation, for the pages of one site and for a moderator."""

    base_url: str
    site_key: str
    token: str
    sso_secret: str = ""
    site_id: str = ""
    timeout_s: float = 20.0

    @cached_property
    def http(self) -> httpx.Client:
        return httpx.Client(base_url=self.base_url, timeout=self.timeout_s)

    def public(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"X-Site-Key": self.site_key, **options.pop("headers", {})}
        return self.http.request(method, f"/api/v1/{path}", headers=headers, **options)

    def staff(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.http.request(method, f"/api/v1/{path}", headers=headers, **options)

    def post(
        self, body: str, *, article: str = "a", author: str | None = "Ada", **more: Any
    ) -> httpx.Response:
        """Post a comment, as a guest unless ``author`` is None."""
        headers = more.pop("headers", {})
        payload = {"article_id": article, "body": body, **more}
        if author is not None:
            payload["author"] = {"name": author}
        return self.public("POST", "comments", json=payload, headers=headers)

    def posted(self, body: str, **more: Any) -> dict[str, Any]:
        """Post a comment that must be accepted; the answer."""
        return _expected(self.post(body, **more), 202)

    def queue(self, **filters: Any) -> list[dict[str, Any]]:
        """The whole first page of the queue of this site."""
        query = {"limit": 100, "site_id": self.site_id or None, **filters}
        query = {name: value for name, value in query.items() if value is not None}
        return _expected(self.staff("GET", "queue", params=query), 200)["items"]

    def queued(self, comment_id: str, *, within_s: float = 20.0) -> dict[str, Any]:
        """The comment's item in the queue, as soon as it is there."""

        def find() -> dict[str, Any] | None:
            return next((item for item in self.queue() if item["id"] == comment_id), None)

        return eventually(find, f"{comment_id} is in the queue", within_s=within_s)

    def status(self, posted: Mapping[str, Any]) -> str:
        """The status that the author of an accepted comment sees."""
        return self.own(posted)["status"]

    def own(self, posted: Mapping[str, Any]) -> dict[str, Any]:
        headers = {"X-Receipt": posted["receipt"]}
        return _expected(self.public("GET", f"comments/{posted['id']}", headers=headers), 200)

    def judged(self, posted: Mapping[str, Any], *, within_s: float = 20.0) -> str:
        """The author's status once it is not ``pending`` any more."""
        return eventually(
            lambda: (s := self.status(posted)) != "pending" and s,
            f"{posted['id']} is judged",
            within_s=within_s,
        )

    def decide(self, item: Mapping[str, Any], action: str, **more: Any) -> dict[str, Any]:
        """Decide one comment; its result."""
        order = {"comment_id": item["id"], "version": item["version"], "action": action, **more}
        answer = self.staff("POST", "decisions", json={"decisions": [order]})
        return _expected(answer, 200)["results"][0]

    def listed(self, article: str = "a", **query: Any) -> dict[str, Any]:
        """The public page of an article: items and count."""
        return _expected(
            self.public("GET", "comments", params={"article_id": article, **query}), 200
        )

    def count(self, article: str = "a") -> int:
        answer = self.public("GET", "counts", params={"article_id": article})
        return _expected(answer, 200)["counts"][article]

    def history(self, comment_id: str) -> list[dict[str, Any]]:
        return _expected(self.staff("GET", f"comments/{comment_id}/history"), 200)["items"]


def _expected(response: httpx.Response, status: int) -> Any:
    assert response.status_code == status, f"{response.status_code}: {response.text}"
    return response.json()


@contextmanager
def installation(folder: Path, **settings: object) -> Iterator[Installation]:
    """An installation for as long as the block runs; none of its processes outlives it."""
    made = Installation(folder, **settings)
    try:
        yield made
    finally:
        made.close()
