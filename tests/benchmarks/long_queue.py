"""The moderators' first page when a million comments wait, beside when ten thousand do."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from statistics import median

from filling import queue_up
from load import drive, request
from ours_side import install, started
from plan import Plan
from processes import free_port
from results import Result
from servers import postgres

SHORT, LONG = 10_000, 1_000_000
MAX_RATIO = 1.5
FREE_DISK_BYTES = 6 * 1024**3
# A server that keeps a million comments has memory of its own for them.
_SERVER = {"shared_buffers": "512MB", "max_wal_size": "8GB", "maintenance_work_mem": "256MB"}


def queue(plan: Plan) -> list[Result]:
    """Median of one moderator asking for the first page, over and over, by turns."""
    free_bytes = shutil.disk_usage(plan.folder).free
    if free_bytes < FREE_DISK_BYTES:
        raise RuntimeError(f"the queue needs 6 GiB of free disk, there are {free_bytes:,} bytes")
    with ExitStack() as stack:
        server = stack.enter_context(postgres(settings=_SERVER))
        ask = {}
        for comments in (SHORT, LONG):
            installation = install(
                plan.folder / f"queue-{comments}",
                {"MODERATION_DATABASE_URL": server.create_database()},
            )
            queue_up(installation.wiring.database.engine, installation.site, comments)
            installation.wiring.database.dispose()
            port = free_port()
            stack.enter_context(started(installation, port, "serve"))
            bearer = {"Authorization": f"Bearer {installation.token}"}
            ask[comments] = (port, [request("GET", "/api/v1/queue", bearer)])

        medians_ms: dict[int, list[float]] = {SHORT: [], LONG: []}
        for round_number in range(plan.rounds + 1):
            for comments, (port, requests) in ask.items():
                load = drive(port, requests, 200, plan.duration_s, connections=1)
                if round_number:  # the first turn only warms up
                    medians_ms[comments].append(load.median_ms)
    of_long, of_short = median(medians_ms[LONG]), median(medians_ms[SHORT])
    return [
        Result(
            "queue",
            f"median ms of the first page of {LONG:,}, beside {SHORT:,}",
            f"{of_long:.1f}",
            f"{of_short:.1f}",
            f"{of_long / of_short:.2f}",
            f"<= {MAX_RATIO}",
            of_long <= MAX_RATIO * of_short,
        )
    ]
