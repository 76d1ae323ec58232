"""`moderation rescore` with a judge that does what the comments tell it.

Run as a program: fake_rescore.py SLOW VERSION WORDS…: the seconds that a comment with the word
"slow" takes, what the judge calls itself, and what follows `moderation`.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fakes import FakeJudge

from moderation.cli import cli
from moderation.scoring import judge

if __name__ == "__main__":
    fake = FakeJudge(slow_s=float(sys.argv[1]), model_version=sys.argv[2])
    judge.build_judge = lambda *_, **__: fake
    cli(sys.argv[3:])
