"""What the desk asks of the database is answered from indexes, a few rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factories import Service
from sqlalchemy import event, text
from sqlalchemy.orm import Session
from stock import Stock

from moderation.domain.comment import Comment, QueueSort, Status
from moderation.domain.decision import Action
from moderation.domain.report import ReporterKind, ReportReason
from moderation.domain.staff import Principal, Scope
from moderation.services import history, queue, reports, review, sites, surroundings
from moderation.services.queue import QueueFilter, View, tabs
from moderation.services.review import Order

MAXINE = Principal("staff:m", "Maxine", frozenset({Scope.QUEUE, Scope.DECISIONS}))
COMMENTS = 4_000
FEW_ROWS = 700
"""More than any of this reads, and far fewer than there are."""

TABLES = ("comments", "decisions", "judgements", "reports")


@pytest.fixture(scope="module")
def full(shared_service: Service) -> Iterator[Stock]:
    """Mostly one site's comments, many of each status; the other sites have a few."""
    shared_service.wipe()
    stock = Stock(shared_service, [shared_service.make_site() for _ in range(3)], people=1000)
    now = shared_service.clock()
    statuses = [Status.QUEUED, Status.QUEUED, Status.APPROVED, Status.REJECTED]
    ids = stock.add(
        {
            "site": 0 if number % 50 else 1 + number % 2,
            "article": 0 if number % 20 else 1,
            "author": number % 1000,
            "posted": now - timedelta(seconds=number),
            "status": statuses[number % 4],
            "cluster_id": "f" * 32 if number % 8 == 0 else None,
            "report_count": 1 if number % 400 == 2 else 0,
            "escalated_at": now if number % 400 == 0 else None,
        }
        for number in range(COMMENTS)
    )
    with shared_service.database.write() as session:
        orders = [Order(comment_id, Action.APPROVE, 2) for comment_id in ids[1:2000:4]]
        review.decide(session, MAXINE, orders, now=now)
    if not shared_service.database.is_sqlite:
        # PostgreSQL does so by itself, a while later; SQLite here never does.
        with shared_service.database.engine.begin() as connection:
            connection.execute(text("ANALYZE"))
    yield stock
    shared_service.wipe()


@pytest.fixture
def session(full: Stock) -> Iterator[Session]:
    """A session whose statements are explained as they come, and which is rolled back."""
    with Session(full.service.database.engine) as session:
        if not full.service.database.is_sqlite:
            # A table as small as this one is at times read whole for less than its index costs.
            session.execute(text("SET LOCAL enable_seqscan = off"))
        yield session
        session.rollback()


def explained(session: Session, act: Callable[[], Any]) -> list[tuple[str, Any]]:
    """The statements of ``act`` that read or change comments and what belongs to them, and plans.

    On SQLite a plan is its lines, on PostgreSQL a tree with the rows that came by.
    """
    seen: list[tuple[str, Any]] = []
    connection = session.connection()

    def keep(_: Any, cursor: Any, statement: str, values: Any, *__: Any) -> None:
        # Of a statement for many rows, the first.
        seen.append((statement, values[0] if isinstance(values, list) else values))

    event.listen(connection, "before_cursor_execute", keep)
    act()
    session.flush()
    event.remove(connection, "before_cursor_execute", keep)
    plans = []
    for statement, values in seen:
        if not any(table in statement for table in TABLES) or statement.startswith("INSERT"):
            continue
        if session.get_bind().dialect.name == "sqlite":
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans.append((statement, [row[3] for row in rows]))
        else:
            analysed = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            with connection.begin_nested() as savepoint:
                [plan] = connection.exec_driver_sql(analysed, values).scalar_one()
                savepoint.rollback()
            plans.append((statement, plan["Plan"]))
    return plans


def most_rows(step: dict[str, Any]) -> float:
    """The most rows of one table that a step of a plan has read, all its loops together."""
    read = 0.0
    # A bitmap of an index also has what savepoints here wrote and took back; the step above it
    # tells the rows that there are.
    if ("Alias" in step or "Index Name" in step) and step["Node Type"] != "Bitmap Index Scan":
        removed = step.get("Rows Removed by Filter", 0)
        read = step["Actual Loops"] * (step["Actual Rows"] + removed)
    is_small = step.get("Relation Name") not in (None, *TABLES)
    return max([0.0 if is_small else read, *map(most_rows, step.get("Plans", []))])


def check(plans: list[tuple[str, Any]], few_rows: float = FEW_ROWS) -> None:
    assert plans
    for statement, plan in plans:
        if isinstance(plan, dict):
            assert most_rows(plan) <= few_rows, f"{statement} {plan}"
            continue
        for line in plan:
            scanned = line.startswith("SCAN") and any(table in line for table in TABLES)
            assert not scanned or " INDEX " in line, (statement, plan)


def page(full: Stock, session: Session, wanted: QueueFilter, by: Principal, **told: Any) -> None:
    found = queue.page(
        session, full.service.wiring.keyring, by, wanted, now=full.service.clock(), **told
    )
    if found.next_cursor and "cursor" not in told:
        page(full, session, wanted, by, **told, cursor=found.next_cursor)


@pytest.mark.parametrize("seen", ["all sites", "one site", "two sites"])
@pytest.mark.parametrize("view", View)
def test_pages_of_every_view(full: Stock, session: Session, view: View, seen: str) -> None:
    site_ids = [site.id for site in full.sites]
    bound = {"all sites": None, "one site": site_ids[1:2], "two sites": site_ids[:2]}[seen]
    by = MAXINE if bound is None else replace(MAXINE, site_ids=frozenset(bound))
    for sort in QueueSort:
        wanted = QueueFilter(view=view, sort=sort)
        check(explained(session, lambda wanted=wanted: page(full, session, wanted, by)))
    gathered = QueueFilter(view=view)
    # The flood is walked past, along its index.
    check(
        explained(session, lambda: page(full, session, gathered, by, gather=True, limit=5)),
        COMMENTS,
    )


@pytest.mark.parametrize("sort", QueueSort)
def test_a_page_of_what_waits_is_read_in_its_order(
    full: Stock, session: Session, sort: QueueSort
) -> None:
    """Nothing is sorted: neither among all sites, nor on one, nor under one article."""
    wanted = QueueFilter(sort=sort)
    chosen = [wanted, replace(wanted, site_id=full.sites[0].id)]
    chosen += [replace(one, view=View.APPROVED) for one in chosen]
    for one in chosen:
        [(statement, plan), *_] = explained(
            session, lambda one=one: page(full, session, one, MAXINE, cursor=None)
        )
        assert "ORDER BY" in statement
        if isinstance(plan, dict):
            assert "Sort" not in str(plan).replace("Sort Key", "")
        else:
            assert not any("TEMP B-TREE" in line for line in plan), (statement, plan)


def test_the_other_questions(
    full: Stock, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = full.service.clock()
    monkeypatch.setattr(tabs, "MAX_COUNTED", 100)
    some = (
        session.query(Comment.id, Comment.version)
        .filter_by(status="queued", escalated_at=None)
        .limit(3)
        .all()
    )
    public = session.query(Comment.id).filter_by(status="approved").limit(1).scalar()
    site_id = session.get_one(Comment, public).site_id
    comment_id = some[0].id
    bound = replace(MAXINE, site_ids=frozenset(site.id for site in full.sites[:2]))
    since = now - timedelta(seconds=1)

    def claim() -> None:
        queue.claim(session, MAXINE, QueueFilter(), now=now, claim_s=300, limit=5)

    def report() -> None:
        site = sites.by_id(session, site_id)
        who = (ReporterKind.READER, "ada")
        reports.report(session, site, public, who, ReportReason.SPAM, now=now)

    def batch() -> None:
        orders = [Order(row.id, Action.ESCALATE, row.version) for row in some]
        [first, *_] = review.decide(session, MAXINE, orders, now=now)
        assert first.decision is not None
        session.flush()
        review.undo_batch(session, MAXINE, first.decision.batch_id or "", now=now)

    for act in (
        claim,
        report,
        batch,
        lambda: queue.focus(session, MAXINE, comment_id, now=now, claim_s=300),
        lambda: queue.skip(session, MAXINE, comment_id, now=now),
        lambda: page(full, session, QueueFilter(), MAXINE),
        lambda: surroundings.around(session, MAXINE, comment_id),
        lambda: history.timeline(session, MAXINE, comment_id),
        lambda: queue.new_since(session, bound, QueueFilter(), since, now=now),
        lambda: queue.tab_counts(session, bound, now=now),
    ):
        check(explained(session, act))
