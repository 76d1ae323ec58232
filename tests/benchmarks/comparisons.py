"""Posting and reading, beside Isso: the two take turns, and medians of the turns are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from isso_side import Isso, isso
from load import Load, drive
from ours_side import Ours, ours
from plan import Plan
from results import Result

COMMENTS_AN_ARTICLE = 50
FEW, MANY = 1_000, 100_000
WARM_UP_S = 1.0
POSTS = 2_000
POSTS_TARGET, READS_TARGET = 4.0, 10.0
LARGE_TARGET = 0.8
"""Our rate of reading a large database, as a part of that of a small one."""


def posts(plan: Plan) -> list[Result]:
    """Accepted posts a second. Each turn has a new database, and nothing else running.

    Were both up all the time, our worker would still score the last turn's comments in Isso's.
    """

    def turn_of_ours(number: int) -> Load:
        with ours(plan.folder / f"posts-ours-{number}", FEW, FEW // COMMENTS_AN_ARTICLE) as server:
            return _measured(server.port, server.posts(POSTS), 202, plan.duration_s)

    def turn_of_isso(number: int) -> Load:
        folder = plan.folder / f"posts-isso-{number}"
        with isso(plan.isso_command, folder, FEW, FEW // COMMENTS_AN_ARTICLE) as server:
            return _measured(server.port, server.posts(POSTS), 202, plan.duration_s)

    turns = [(turn_of_ours(n), turn_of_isso(n)) for n in range(plan.rounds)]
    mine, theirs = zip(*turns, strict=True)
    return [_beside_isso("posts", "accepted posts/s", mine, theirs, POSTS_TARGET)]


def reads(plan: Plan) -> list[Result]:
    """Pages of 50 comments and counts of 20 articles, of 100,000 comments and of 1,000."""
    many, few = MANY // COMMENTS_AN_ARTICLE, FEW // COMMENTS_AN_ARTICLE
    with (
        ours(plan.folder / "reads-ours-many", MANY, many) as large,
        ours(plan.folder / "reads-ours-few", FEW, few) as small,
        isso(plan.isso_command, plan.folder / "reads-isso", MANY, many) as peer,
    ):
        return [
            *_compare_reads("50 comments", plan, large, small, peer, lambda s: s.pages()),
            *_compare_reads("20 counts", plan, large, small, peer, lambda s: s.counts()),
        ]


def _compare_reads(
    what: str,
    plan: Plan,
    large: Ours,
    small: Ours,
    peer: Isso,
    requests_of: Callable[[Ours | Isso], list[bytes]],
) -> list[Result]:
    turns = [
        tuple(
            _measured(server.port, requests_of(server), 200, plan.duration_s)
            for server in (large, peer, small)
        )
        for _ in range(plan.rounds)
    ]
    of_large, of_peer, of_small = zip(*turns, strict=True)
    share = _rate(of_large) / _rate(of_small)
    return [
        _beside_isso("reads", f"{what}/s of {MANY:,}", of_large, of_peer, READS_TARGET),
        Result(
            "reads",
            f"{what}/s of {MANY:,}, beside {FEW:,}",
            f"{_rate(of_large):,.0f}",
            f"{_rate(of_small):,.0f}",
            f"{share:.2f}",
            f">= {LARGE_TARGET:.2f}",
            share >= LARGE_TARGET,
        ),
    ]


def _measured(port: int, requests: Sequence[bytes], status: int, duration_s: float) -> Load:
    drive(port, requests, status, WARM_UP_S)
    return drive(port, requests, status, duration_s)


def _rate(loads: Sequence[Load]) -> float:
    return median(load.per_second for load in loads)


def _beside_isso(
    benchmark: str, measure: str, mine: Sequence[Load], theirs: Sequence[Load], target: float
) -> Result:
    ratio = _rate(mine) / _rate(theirs)
    busiest = max(load.generator_cpu_share for load in mine)
    return Result(
        benchmark,
        measure,
        f"{_rate(mine):,.0f}",
        f"Isso {_rate(theirs):,.0f}",
        f"{ratio:.1f}",
        f">= {target:.0f}",
        ratio >= target,
        note=(
            f"{measure}: ours median {median(x.median_ms for x in mine):.1f} ms, "
            f"p95 {median(x.p95_ms for x in mine):.1f} ms; the load generator used up to "
            f"{busiest:.0%} of a core"
        ),
    )
