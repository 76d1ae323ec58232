"""`moderation up`: web and worker (with its schedule) as one supervised group of processes.

The supervisor itself imports as little as it can: it stays small, and what it starts is what a
real deployment starts, `moderation serve` and `moderation worker`.
"""

from __future__ import annotations

import ctypes
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from types import FrameType

import click

from moderation.cli.run import forget_metrics, share_metrics
from moderation.settings import Settings

POLL_S = 0.1
STOP_TIMEOUT_S = 15
READY_TIMEOUT_S = 60
LONG_LIVED_S = 30
MAX_RESTART_WAIT_S = 30
PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Part:
    """One process of the group, and when to start it again should it end.

    ``niceness``: how far it steps back when the processor is short (setpriority(2)).
    """

    name: str
    niceness: int = 0
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    failures: int = 0


def run_group(settings: Settings) -> int:
    """Prepare the installation, run the group until a signal, stop it. Returns the exit code."""
    settings.var_path.mkdir(parents=True, exist_ok=True)
    with (settings.var_path / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise click.ClickException(
                f"It is running already, on {settings.var_path}. Stop that one first, or set "
                "MODERATION_VAR_DIR to another folder."
            ) from None
        _check_port(settings)
        forget_metrics(settings)
        share_metrics(settings)
        if code := _prepared():
            return code
        return Group(settings).run()


class Group:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # On one machine, answering readers comes before scoring what they wrote.
        self._parts = [Part("serve"), Part("worker", niceness=10)]
        self._stopping = False

    def run(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        announced, deadline = False, time.monotonic() + READY_TIMEOUT_S
        while not self._stopping:
            for part in self._parts:
                self._keep_alive(part)
            if not announced and time.monotonic() < deadline and self._is_ready():
                announced = True
                self._announce()
            time.sleep(POLL_S)
        return self._stop()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _keep_alive(self, part: Part) -> None:
        now = time.monotonic()
        if part.process is None:
            if now >= part.restart_at:
                self._start(part)
        elif (code := part.process.poll()) is not None:
            part.failures = 0 if now - part.started_at > LONG_LIVED_S else part.failures + 1
            wait_s = min(MAX_RESTART_WAIT_S, 2**part.failures / 2)
            part.process, part.restart_at = None, now + wait_s
            _say(f"The {part.name} process ended ({_ending(code)}); starting it again.")

    def _start(self, part: Part) -> None:
        part.started_at = time.monotonic()
        part.process = subprocess.Popen(
            [sys.executable, "-c", "from moderation.cli import main; main()", part.name],
            env={**os.environ, "MODERATION_HTTP_PORT": str(self._settings.http_port)},
            # In a session of its own a part does not see Ctrl-C: the supervisor stops it in order.
            start_new_session=True,
            preexec_fn=lambda: _settle(part.niceness),
        )

    def _stop(self) -> int:
        _say("Stopping: requests and the batch in hand are finished first.")
        running = [part.process for part in self._parts if part.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        _say("Stopped. Nothing that was accepted is lost; the next start goes on where this ended.")
        return 0

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(
            _reachable(self._settings.http_host), self._settings.http_port, timeout=2
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def _announce(self) -> None:
        base = f"http://{_reachable(self._settings.http_host)}:{self._settings.http_port}"
        _say(
            f"Ready.\n"
            f"  Desk          {base}/desk\n"
            f"  Overview      {base}/\n"
            f"  Demo article  {base}/demo\n"
            f"  API           {base}/docs\n"
            f"Ctrl-C stops everything."
        )


def _prepared() -> int:
    """Bring the database up to date in a process that ends, so that its memory is given back."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            from moderation.cli.first_run import prepare

            prepare()
            code = 0
        except Exception as error:
            click.echo(f"Error: {error}", err=True)
        finally:
            sys.stdout.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.http_host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.http_host, settings.http_port))
        except OSError as error:
            raise click.ClickException(
                f"Cannot listen on {settings.http_host}:{settings.http_port}: {error.strerror}. "
                "Choose another port: make run PORT=8001, or moderation up --port 8001."
            ) from error


def _settle(niceness: int) -> None:
    """In the child: step back as told; be told to stop should the supervisor vanish (Linux)."""
    os.nice(niceness)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)


def _ending(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()
