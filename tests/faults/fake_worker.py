"""A worker like `moderation worker`, but with a judge that does what the comments tell it.

Run as a program: fake_worker.py SLOW STOP, in seconds: the time that a comment with the word
"slow" takes, and how long the worker may take to stop. The word "kills" ends the process on the
spot, as a lack of memory would; "hangs" waits for ever, and "stalls" works for ever without letting
another thread have a turn.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes import FakeJudge

from moderation.cli.run import share_metrics
from moderation.scoring.judge import Assessment
from moderation.settings import load_settings


class DeadlyJudge(FakeJudge):
    """A fake judge that dies of the word "kills", and never comes back from two others."""

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        words = {word for text in texts for word in text.split()}
        if "kills" in words:
            os.kill(os.getpid(), signal.SIGKILL)
        if "hangs" in words:
            threading.Event().wait()
        if "stalls" in words:
            re.match(r"(a|a)*b", "a" * 99)
        return super().assess(texts)


def main(slow_s: float, stop_within_s: float) -> None:
    settings = load_settings()
    share_metrics(settings)
    # Only now: they import the metrics, which look at once for what was just set.
    from moderation.adapters.logs import configure_logs
    from workers import run

    run.STOP_WITHIN_S = stop_within_s
    configure_logs(settings, part="worker")
    run.run_worker(settings, DeadlyJudge(slow_s=slow_s))


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
