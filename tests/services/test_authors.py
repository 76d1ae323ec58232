"""Authors as moderators look at them: record, lists, notes, and rejecting all that waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from factories import Service, SiteKit
from sqlalchemy import event, select

from moderation.domain.audit import AuditEntry
from moderation.domain.author import AuthorKind, Signature
from moderation.domain.comment import Status
from moderation.domain.decision import Action
from moderation.domain.sanction import SanctionKind
from moderation.domain.staff import Principal, Scope
from moderation.errors import Invalid, InvalidCursor, NotYourNote, UnknownAuthor, UnknownNote
from moderation.services import authors, authorship, intake, queue, review, sanctions, sites
from moderation.services.authors import Rejection
from moderation.services.authorship import Proof
from moderation.services.intake import Submission
from moderation.services.queue import QueueFilter
from moderation.services.review import Order

MODERATOR = Principal("staff:m", "Maxine", frozenset({Scope.QUEUE, Scope.DECISIONS}))
COLLEAGUE = Principal("staff:c", "Colin", frozenset({Scope.QUEUE, Scope.DECISIONS}))
ADA = Signature(AuthorKind.READER, identity="reader-1", name="Ada")


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


def reader(name: str) -> Signature:
    return Signature(AuthorKind.READER, identity=f"id of {name}", name=name)


def post(
    service: Service, site: SiteKit, *bodies: str, by: Signature = ADA, judge: bool = True
) -> list[str]:
    """Ids of comments posted a minute apart."""
    ids = []
    for body in bodies:
        with service.database.write() as session:
            found = sites.by_id(session, site.id)
            submission = Submission("story", body, by)
            ids.append(intake.submit(session, found, submission, now=service.clock()).comment_id)
        service.clock.advance(minutes=1)
    if judge:
        service.judge_all()
    return ids


def author_of(service: Service, comment_id: str) -> str:
    return service.comment(comment_id).author_id


def decide(service: Service, action: Action, *ids: str) -> None:
    with service.database.write() as session:
        orders = [Order(i, action, service.comment(i).version) for i in ids]
        results = review.decide(session, MODERATOR, orders, now=service.clock())
    assert [result.problem for result in results] == [None] * len(ids)


def names(service: Service, by: Principal = MODERATOR, **told: Any) -> list[str]:
    """Of all pages, two at a time."""
    found, cursor = [], None
    while True:
        with service.database.read() as session:
            page = authors.find(
                session,
                service.wiring.keyring,
                by,
                now=service.clock(),
                cursor=cursor,
                limit=2,
                **told,
            )
        found += [author.name for author in page.items]
        if (cursor := page.next_cursor) is None:
            return found


def ids_of(
    service: Service, author_id: str, status: Status | None = None, *, limit: int = 2
) -> list[str]:
    found, cursor = [], None
    while True:
        with service.database.read() as session:
            page = authors.comments(
                session,
                service.wiring.keyring,
                MODERATOR,
                author_id,
                status=status,
                cursor=cursor,
                limit=limit,
            )
        assert len(page.items) <= limit
        found += [item.comment.id for item in page.items]
        if (cursor := page.next_cursor) is None:
            return found


def reject_waiting(
    service: Service, author_id: str, by: Principal = MODERATOR, **told: Any
) -> Rejection:
    with service.database.write() as session:
        return authors.reject_waiting(
            session, by, author_id, reason="Insults", now=service.clock(), **told
        )


# --- Looking ------------------------------------------------------------------------------------


def test_an_authors_record_tells_of_a_week_a_month_and_ever(
    service: Service, site: SiteKit
) -> None:
    old = post(service, site, "one", "two")
    decide(service, Action.APPROVE, *old)
    service.clock.advance(days=20)
    month = post(service, site, "three", "four")
    decide(service, Action.REJECT, *month)
    service.clock.advance(days=8)
    (week,) = post(service, site, "five", judge=False)
    post(service, site, "of somebody else", by=reader("Grace"))
    with service.database.write() as session:
        authorship.withdraw(
            session,
            service.wiring.keyring,
            sites.by_id(session, site.id),
            old[0],
            Proof(signature=ADA),
            now=service.clock(),
        )

    with service.database.read() as session:
        view = authors.look(session, MODERATOR, author_of(service, week), now=service.clock())
    told = {
        name: (r.posted, r.pending, r.queued, r.approved, r.rejected, r.withdrawn)
        for name, r in view.records.items()
    }
    # Grace's comment had the worker score all that was due.
    assert told == {
        "days_7": (1, 0, 1, 0, 0, 0),
        "days_30": (5, 0, 1, 1, 2, 1),
        "ever": (5, 0, 1, 1, 2, 1),
    }
    assert view.records["ever"].rejected_share == pytest.approx(2 / 3)
    assert view.records["days_7"].rejected_share is None
    assert (view.author.name, view.site.id, view.standing) == ("Ada", site.id, None)


def test_a_period_begins_where_it_is_said(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "a body")
    posted_at = service.comment(comment_id).created_at
    author_id = author_of(service, comment_id)
    for passed, expected in ((timedelta(days=7, seconds=-1), 1), (timedelta(days=7), 0)):
        with service.database.read() as session:
            found = authors.records(session, author_id, now=posted_at + passed)
        assert (found["days_7"].posted, found["ever"].posted) == (expected, 1)


def test_comments_are_listed_newest_first_over_pages_and_by_status(
    service: Service, site: SiteKit
) -> None:
    ids = post(service, site, *(f"number {n}" for n in range(7)))
    decide(service, Action.APPROVE, *ids[1:4])
    decide(service, Action.REJECT, ids[5])
    post(service, site, "of somebody else", by=reader("Grace"))
    author_id = author_of(service, ids[0])
    for limit in (1, 2, 3, 7, 100):
        assert ids_of(service, author_id, limit=limit) == ids[::-1]
    assert ids_of(service, author_id, Status.APPROVED) == ids[3:0:-1]
    assert ids_of(service, author_id, Status.QUEUED) == [ids[6], ids[4], ids[0]]
    assert ids_of(service, author_id, Status.WITHDRAWN) == []


def test_comments_come_with_their_article_and_what_last_became_of_them(
    service: Service, site: SiteKit
) -> None:
    ids = post(service, site, "one", "two")
    (unscored,) = post(service, site, "three", judge=False)
    decide(service, Action.APPROVE, ids[0])
    with service.database.read() as session:
        page = authors.comments(
            session, service.wiring.keyring, MODERATOR, author_of(service, unscored)
        )
    told = [
        (item.article.external_id, item.latest and (item.latest.action, item.latest.actor_name))
        for item in page.items
    ]
    assert told == [
        ("story", None),
        ("story", ("queue", None)),
        ("story", ("approve", "Maxine")),
    ]


def test_a_cursor_is_good_for_its_own_list_only(service: Service, site: SiteKit) -> None:
    ids = post(service, site, "one", "two")
    author_id = author_of(service, ids[0])
    with service.database.read() as session:
        keyring = service.wiring.keyring
        page = authors.comments(session, keyring, MODERATOR, author_id, limit=1)
        assert page.next_cursor
        with pytest.raises(InvalidCursor):
            authors.comments(
                session,
                keyring,
                MODERATOR,
                author_id,
                status=Status.QUEUED,
                cursor=page.next_cursor,
            )


def test_what_is_of_another_site_is_unknown(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "a body")
    author_id = author_of(service, comment_id)
    elsewhere = Principal("staff:e", "E", MODERATOR.scopes, frozenset({"another"}))
    with service.database.read() as session:
        for call in (
            lambda: authors.look(session, elsewhere, author_id, now=service.clock()),
            lambda: authors.comments(session, service.wiring.keyring, elsewhere, author_id),
        ):
            with pytest.raises(UnknownAuthor):
                call()
    with pytest.raises(UnknownAuthor):
        reject_waiting(service, author_id, elsewhere)
    assert names(service, elsewhere) == []


def test_the_lists_of_one_author_are_read_from_an_index(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "a body")
    author_id = author_of(service, comment_id)
    asked: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        asked.append(statement)

    event.listen(service.database.engine, "before_cursor_execute", note)
    try:
        with service.database.read() as session:
            authors.records(session, author_id, now=service.clock())
        ids_of(service, author_id)
    finally:
        event.remove(service.database.engine, "before_cursor_execute", note)
    if not service.database.is_sqlite:
        return  # PostgreSQL rightly scans a table of one row
    [record] = [s for s in asked if "GROUP BY comments.status" in s]
    lists = [s for s in asked if "ORDER BY comments.created_at DESC" in s]
    assert len(lists) == len(Status)
    with service.database.engine.connect() as connection:
        for statement in (record, *lists):
            marks = tuple("x" for _ in range(statement.count("?")))
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", marks).all()
            told = " ".join(row[-1] for row in plan)
            assert "COVERING INDEX ix_comments_author" in told, told
            assert "TEMP B-TREE" not in told, told


# --- Finding ------------------------------------------------------------------------------------


def test_authors_are_found_by_how_their_name_begins(service: Service, site: SiteKit) -> None:
    for name in ("Émile", "emil", "Emma", "Élodie", "zoe", "Zoë", "ZOE 2", "𝒵oe", "Straße"):
        post(service, site, "a body", by=reader(name), judge=False)
    assert names(service, name="EM") == ["emil", "Emma"]
    assert names(service, name="é") == ["Élodie", "Émile"]
    assert names(service, name=" zo") == ["zoe", "ZOE 2", "Zoë"]
    assert names(service, name="STRASS") == ["Straße"]
    assert names(service, name="nobody") == []
    assert len(names(service)) == 9


def test_a_name_that_the_publisher_changes_is_found_by_the_new_one(
    service: Service, site: SiteKit
) -> None:
    post(service, site, "a body", judge=False)
    renamed = Signature(AuthorKind.READER, identity=ADA.identity, name="Grace")
    post(service, site, "a body", by=renamed, judge=False)
    assert (names(service, name="ada"), names(service, name="gra")) == ([], ["Grace"])


def test_authors_are_found_by_what_counts_for_them_now(service: Service, site: SiteKit) -> None:
    people = {}
    for name in ("Ada", "Ben", "Cy", "Di"):
        (comment_id,) = post(service, site, "a body", by=reader(name), judge=False)
        people[name] = author_of(service, comment_id)

    def impose(name: str, kind: SanctionKind, days: int | None = None) -> None:
        ends_at = service.clock() + timedelta(days=days) if days else None
        with service.database.write() as session:
            sanctions.impose(
                session,
                MODERATOR,
                people[name],
                kind,
                reason="because",
                ends_at=ends_at,
                now=service.clock(),
            )

    impose("Ada", SanctionKind.TRUST)
    impose("Ben", SanctionKind.TRUST)
    impose("Ben", SanctionKind.SUSPEND, days=2)
    impose("Cy", SanctionKind.BAN)
    assert names(service, kind=SanctionKind.TRUST) == ["Ada"]
    assert names(service, kind=SanctionKind.SUSPEND) == ["Ben"]
    assert names(service, kind=SanctionKind.BAN) == ["Cy"]
    assert names(service, kind=SanctionKind.BAN, name="a") == []
    service.clock.advance(days=2)
    assert names(service, kind=SanctionKind.TRUST) == ["Ada", "Ben"]
    assert names(service, kind=SanctionKind.SUSPEND) == []
    assert names(service, kind=SanctionKind.BAN, site_id=site.id) == ["Cy"]
    assert names(service, kind=SanctionKind.BAN, site_id="another") == []


# --- Rejecting all that waits -------------------------------------------------------------------


def test_all_that_waits_is_rejected_in_one_batch_and_nothing_else(
    service: Service, site: SiteKit
) -> None:
    ids = post(service, site, *(f"number {n}" for n in range(5)))
    decide(service, Action.APPROVE, ids[0])
    (others,) = post(service, site, "of somebody else", by=reader("Grace"))
    (pending,) = post(service, site, "late", judge=False)

    done = reject_waiting(service, author_of(service, ids[0]), note="a flood")
    assert (done.done, done.left, done.spared) == (4, 0, 0)
    assert {result.decision.batch_id for result in done.results} == {done.batch_id}
    assert {result.decision.reason for result in done.results} == {"Insults"}
    assert [service.comment(i).status for i in ids] == ["approved"] + ["rejected"] * 4
    assert service.comment(others).status == "queued"
    assert service.comment(pending).status == "pending"


def test_a_call_is_bounded_and_says_how_many_are_left(
    service: Service, site: SiteKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authors, "MAX_REJECTED", 3)
    ids = post(service, site, *(f"number {n}" for n in range(7)))
    author_id = author_of(service, ids[0])
    told = [(d.done, d.left) for d in (reject_waiting(service, author_id) for _ in range(4))]
    assert told == [(3, 4), (3, 1), (1, 0), (0, 0)]
    assert reject_waiting(service, author_id).batch_id is None
    assert [service.comment(i).status for i in ids] == ["rejected"] * 7


def test_what_a_colleague_holds_is_left_to_them(service: Service, site: SiteKit) -> None:
    ids = post(service, site, "one", "two", "three")
    for by, comment_id in ((COLLEAGUE, ids[0]), (MODERATOR, ids[1])):
        with service.database.write() as session:
            wanted = QueueFilter(comment_ids=[comment_id])
            queue.claim(session, by, wanted, now=service.clock(), claim_s=600)
    done = reject_waiting(service, author_of(service, ids[0]))
    assert (done.done, done.left, done.spared) == (2, 0, 1)
    assert service.comment(ids[0]).status == "queued"


def test_what_waits_for_an_admin_is_left_to_admins(service: Service, site: SiteKit) -> None:
    ids = post(service, site, "one", "two")
    decide(service, Action.ESCALATE, ids[0])
    author_id = author_of(service, ids[0])
    done = reject_waiting(service, author_id)
    assert (done.done, done.left, done.spared) == (1, 0, 1)
    admin = Principal("staff:a", "Ann", frozenset(Scope))
    done = reject_waiting(service, author_id, admin)
    assert (done.done, done.left, done.spared) == (1, 0, 0)
    assert [service.comment(i).status for i in ids] == ["rejected"] * 2


def test_a_batch_is_put_back_as_a_batch(service: Service, site: SiteKit) -> None:
    ids = post(service, site, "one", "two", "three")
    author_id = author_of(service, ids[0])
    done = reject_waiting(service, author_id)
    decide(service, Action.APPROVE, ids[1])

    def undoable() -> int:
        with service.database.read() as session:
            return authors.undoable(session, author_id, done.batch_id or "")

    assert undoable() == 2
    with service.database.write() as session:
        review.undo_batch(session, COLLEAGUE, done.batch_id or "", now=service.clock())
    assert [service.comment(i).status for i in ids] == ["queued", "approved", "queued"]
    assert undoable() == 0


# --- Notes --------------------------------------------------------------------------------------


def note_bodies(service: Service, author_id: str) -> Sequence[str]:
    with service.database.read() as session:
        view = authors.look(session, MODERATOR, author_id, now=service.clock())
        return [note.body for note in view.notes]


def test_notes_are_kept_newest_first_and_ones_own_can_be_deleted(
    service: Service, site: SiteKit
) -> None:
    (comment_id,) = post(service, site, "a body")
    author_id = author_of(service, comment_id)
    with service.database.write() as session:
        at = {"now": service.clock()}
        first = authors.add_note(session, MODERATOR, author_id, " Wrote to us ", **at).id
        authors.add_note(session, COLLEAGUE, author_id, "Answered", **at)
    assert note_bodies(service, author_id) == ["Answered", "Wrote to us"]

    for by, note_id, error in (
        (COLLEAGUE, first, NotYourNote),
        (MODERATOR, "none", UnknownNote),
    ):
        with pytest.raises(error), service.database.write() as session:
            authors.delete_note(session, by, author_id, note_id, **at)
    with service.database.write() as session:
        authors.delete_note(session, MODERATOR, author_id, first, **at)
    assert note_bodies(service, author_id) == ["Answered"]
    with service.database.read() as session:
        [entry] = session.scalars(select(AuditEntry))
    assert (entry.act, entry.actor, entry.subject_id) == (
        "author.note_deleted",
        "staff:m",
        author_id,
    )
    assert "Wrote" not in str(entry.detail)


@pytest.mark.parametrize("body", ["", " \n", "x" * 2001, "a \x00", "half \ud800"])
def test_a_note_has_something_in_it_and_not_too_much(
    service: Service, site: SiteKit, body: str
) -> None:
    (comment_id,) = post(service, site, "a body")
    with pytest.raises(Invalid), service.database.write() as session:
        authors.add_note(
            session, MODERATOR, author_of(service, comment_id), body, now=service.clock()
        )
