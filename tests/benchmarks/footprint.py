"""What the embedded group needs: time until it is ready, and memory once it has scored."""

from __future__ import annotations

import http.client
import sqlite3
import time
from collections import defaultdict
from itertools import islice
from pathlib import Path

import orjson
from corpus import remarks
from ours_side import Installation, install, started, wait_until_ready
from plan import Plan
from processes import free_port
from results import Result, not_measured

from moderation.scoring.bundle import MODELS

SCORED = 1_000
MAX_MB, MAX_READY_S = 500.0, 5.0
SCORING_TIMEOUT_S = 300.0
MB = 1_000_000


def footprint(plan: Plan) -> list[Result]:
    """PSS counts a page shared by several processes once in all, RSS once for each of them."""
    if not (MODELS / "compact").is_dir():
        return [not_measured("footprint", f"< {MAX_MB:.0f} MB", "the compact model is not there")]
    ready_s: list[float] = []
    for number in range(plan.rounds):
        installation = install(plan.folder / f"footprint-{number}")
        port, since = free_port(), time.monotonic()
        with started(installation, port, "up") as group:
            ready_s.append(wait_until_ready(port, since))
            if number == plan.rounds - 1:
                _post(port, installation)
                _wait_until_scored(installation.folder / "moderation.db")
                pss_mb, rss_mb = (size / MB for size in memory_of_group(group))
    return [
        Result(
            "footprint",
            f"MB (PSS) of the group after scoring {SCORED:,}",
            f"{pss_mb:.0f}",
            f"RSS {rss_mb:.0f}",
            "",
            f"< {MAX_MB:.0f}",
            pss_mb < MAX_MB,
        ),
        Result(
            "footprint",
            "seconds from start to /readyz 200, the slowest of all",
            f"{max(ready_s):.1f}",
            "",
            "",
            f"<= {MAX_READY_S:.0f}",
            max(ready_s) <= MAX_READY_S,
        ),
    ]


def _post(port: int, installation: Installation) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", "X-Site-Key": installation.site.site_key}
    for remark in islice(remarks(seed=2), SCORED):
        body = {"article_id": "a", "author": {"name": remark.author}, "body": remark.text}
        connection.request("POST", "/api/v1/comments", orjson.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"a comment was answered {answer.status}: {content[:300]!r}")
    connection.close()


def _wait_until_scored(database: Path) -> None:
    """Raises RuntimeError: a comment was not scored, or not all were within SCORING_TIMEOUT_S."""
    deadline = time.monotonic() + SCORING_TIMEOUT_S
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        while True:
            scored = "SELECT count(*), count(model_version) FROM judgements"
            judged, with_scores = connection.execute(scored).fetchone()
            if judged != with_scores:
                raise RuntimeError(f"{judged - with_scores} comments could not be scored")
            if judged == SCORED:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"only {judged} of {SCORED} were scored in time")
            time.sleep(0.5)
    finally:
        connection.close()


def memory_of_group(pid: int) -> tuple[int, int]:
    """PSS and RSS, in bytes, of a process and all that descend from it (Linux)."""
    children: dict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            # "pid (name) state parent …"; the name may hold anything, brackets too.
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
        children[parent].append(int(stat.parent.name))
    group, waiting = [], [pid]
    while waiting:
        group.append(one := waiting.pop())
        waiting += children[one]
    sizes = {"Pss": 0, "Rss": 0}
    for one in group:
        for line in Path(f"/proc/{one}/smaps_rollup").read_text().splitlines():
            name, _, rest = line.partition(":")
            if name in sizes:
                sizes[name] += 1024 * int(rest.split()[0])
    return sizes["Pss"], sizes["Rss"]
