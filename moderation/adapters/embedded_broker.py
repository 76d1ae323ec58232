"""The embedded broker: kombu's file-system transport, with messages that appear all at once.

The stock transport writes a message into the folder that readers look at, and moves it through
the system's temporary folder when taking it; a reader that comes between sees half a message and
its worker dies of it. Here a message is renamed into place, and renamed away by its one taker.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem

SCHEME = "embedded"
DRAIN_S = 0.5


class Channel(filesystem.Channel):
    def _put(self, queue: str, payload: dict[str, Any], **_kwargs: Any) -> None:
        folder = Path(self.data_folder_out)
        name = f"{time.time_ns():020}_{uuid.uuid4().hex}.{queue}.msg"
        draft = folder / f".{name}.draft"
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text(json.dumps(payload), "utf-8")
        draft.rename(folder / name)

    def _get(self, queue: str) -> dict[str, Any]:
        folder = Path(self.data_folder_in)
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            names = []  # somebody tidied up; the next message makes the folder again
        for name in names:
            if name.startswith(".") or name.partition(".")[2] != f"{queue}.msg":
                continue
            taken = folder / f".{name}.{os.getpid()}.taken"
            try:
                (folder / name).rename(taken)
            except FileNotFoundError:
                continue  # another worker was quicker
            payload = json.loads(taken.read_text("utf-8"))
            taken.unlink()
            return payload
        raise Empty


class Transport(filesystem.Transport):
    Channel = Channel

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        # A worker looks for a signal to stop only between two of these, and asks for 2 seconds.
        super().drain_events(connection, timeout=min(timeout or DRAIN_S, DRAIN_S))


TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
