"""A constant JSON from the gunicorn that serves ours: what the server costs without the service."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from ours_side import status  # noqa: E402  (after the path to the tests' own modules is known)
from processes import free_port, running  # noqa: E402

from moderation.cli.web_server import Server  # noqa: E402
from moderation.settings import load_settings  # noqa: E402


class ConstantServer(Server):
    """The same workers, threads and limits, before an application that does nothing."""

    def load(self) -> Callable[..., Iterable[bytes]]:
        size = int(sys.argv[1])
        body = b'"' + b"x" * (size - 2) + b'"'
        headers = [("Content-Type", "application/json"), ("Content-Length", str(size))]

        def answer(_environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
            start_response("200 OK", headers)
            return [body]

        return answer


@contextmanager
def constant(folder: Path, size: int) -> Iterator[int]:
    """Serve a JSON text of ``size`` bytes at every address; gives the port of 127.0.0.1."""
    folder.mkdir(parents=True)
    port = free_port()
    environ = {"MODERATION_VAR_DIR": str(folder), "MODERATION_HTTP_PORT": str(port)}
    start = [sys.executable, __file__, size]
    with running(start, folder / "constant.log", lambda: status(port, "/") == 200, environ=environ):
        yield port


if __name__ == "__main__":
    # gunicorn reads no arguments here: its options come from the settings.
    ConstantServer(load_settings()).run()
