"""What moderators do at the desk besides approving and rejecting, and what readers report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from factories import Service
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from stock import Stock

from moderation.domain.comment import Comment, Status
from moderation.domain.decision import Action, Decision
from moderation.domain.report import Report, ReporterKind, ReportReason
from moderation.domain.staff import Principal, Scope
from moderation.errors import (
    AlreadyExists,
    Forbidden,
    Invalid,
    NotDecidable,
    NotYourNote,
    StaleVersion,
    UnknownComment,
    UnknownDecision,
    UnknownNote,
    UnknownSavedView,
    WaitsForAdmin,
)
from moderation.services import history, notes, queue, reports, review, saved_views, surroundings
from moderation.services import sites as sites_
from moderation.services.queue import Count, QueueFilter, View
from moderation.services.review import Order, Result

T = TypeVar("T")

BOTH = frozenset({Scope.QUEUE, Scope.DECISIONS})
MAXINE = Principal("staff:m", "Maxine", BOTH)
COLIN = Principal("staff:c", "Colin", BOTH)
ADMIN = Principal("staff:a", "Agnes", frozenset(Scope))


@pytest.fixture
def stock(service: Service) -> Stock:
    return Stock(service, [service.make_site() for _ in range(2)])


@pytest.fixture
def elsewhere(stock: Stock) -> Principal:
    """A moderator of the second site only."""
    return replace(COLIN, site_ids=frozenset({stock.sites[1].id}))


def write(service: Service, act: Callable[[Session], T]) -> T:
    with service.database.write() as session:
        done = act(session)
    service.clock.advance(seconds=1)
    return done


def decide(service: Service, by: Principal, action: Action, *ids: str, **told: Any) -> list[Result]:
    orders = [Order(i, action, service.comment(i).version, **told) for i in ids]
    return write(service, lambda session: review.decide(session, by, orders, now=service.clock()))


def done(service: Service, by: Principal, action: Action, *ids: str, **told: Any) -> list[Decision]:
    results = decide(service, by, action, *ids, **told)
    assert [result.problem for result in results] == [None] * len(results)
    return [result.decision for result in results if result.decision]


def undo(service: Service, decision: Decision, by: Principal = MAXINE) -> Decision:
    return write(
        service, lambda session: review.undo(session, by, decision.id, now=service.clock())
    )


def listed(service: Service, view: View, by: Principal = MAXINE, **told: Any) -> list[str]:
    with service.database.read() as session:
        wanted = QueueFilter(view=view, **told)
        keyring = service.wiring.keyring
        found = queue.page(session, keyring, by, wanted, now=service.clock(), limit=100)
    return [item.comment.id for item in found.items]


# --- Escalating ---------------------------------------------------------------------------------


def test_what_is_escalated_waits_for_an_admin_alone(service: Service, stock: Stock) -> None:
    comment_id, other = stock.add([{}, {}])
    done(service, MAXINE, Action.ESCALATE, comment_id, note="Is this libel?")
    assert listed(service, View.WAITING) == [other]
    assert listed(service, View.ESCALATED) == [comment_id]
    assert service.comment(comment_id).status == Status.QUEUED
    with service.database.read() as session:
        told = queue.item(session, MAXINE, comment_id).escalation
    assert told is not None
    assert (told.by, told.note) == ("Maxine", "Is this libel?")

    for action in (Action.APPROVE, Action.REJECT, Action.SEND_BACK, Action.ESCALATE):
        [refused] = decide(service, COLIN, action, comment_id)
        assert isinstance(refused.problem, WaitsForAdmin)
    [again] = decide(service, ADMIN, Action.ESCALATE, comment_id)
    assert isinstance(again.problem, NotDecidable)

    done(service, ADMIN, Action.SEND_BACK, comment_id, note="It is not.")
    assert set(listed(service, View.WAITING)) == {comment_id, other}
    assert listed(service, View.ESCALATED) == []
    [refused] = decide(service, ADMIN, Action.SEND_BACK, comment_id)
    assert isinstance(refused.problem, NotDecidable)
    done(service, COLIN, Action.APPROVE, comment_id)
    [refused] = decide(service, ADMIN, Action.ESCALATE, comment_id)
    assert isinstance(refused.problem, NotDecidable)


def test_undoing_an_admins_decision_gives_it_back_to_the_admins(
    service: Service, stock: Stock
) -> None:
    [comment_id] = stock.add([{}])
    [escalated] = done(service, MAXINE, Action.ESCALATE, comment_id)
    [rejected] = done(service, ADMIN, Action.REJECT, comment_id)
    assert listed(service, View.ESCALATED) == []
    put_back = undo(service, rejected)
    assert listed(service, View.ESCALATED) == [comment_id]
    assert service.comment(comment_id).escalated_at == escalated.created_at
    undo(service, put_back)
    assert service.comment(comment_id).status == Status.REJECTED
    with pytest.raises(StaleVersion):
        undo(service, escalated)


@pytest.mark.parametrize("action", [Action.ESCALATE, Action.SEND_BACK])
def test_passing_on_can_be_undone(service: Service, stock: Stock, action: Action) -> None:
    [comment_id] = stock.add([{}])
    [decision] = done(service, MAXINE, Action.ESCALATE, comment_id)
    if action is Action.SEND_BACK:
        [decision] = done(service, ADMIN, Action.SEND_BACK, comment_id)
    undo(service, decision)
    where = View.WAITING if action is Action.ESCALATE else View.ESCALATED
    assert listed(service, where) == [comment_id]


def test_what_a_colleague_left_to_the_admins_only_they_or_an_admin_take_back(
    service: Service, stock: Stock
) -> None:
    [comment_id] = stock.add([{}])
    [escalated] = done(service, MAXINE, Action.ESCALATE, comment_id)
    with pytest.raises(WaitsForAdmin):
        undo(service, escalated, COLIN)
    [refused] = write(
        service,
        lambda session: review.undo_batch(
            session, COLIN, escalated.batch_id or "", now=service.clock()
        ),
    )
    assert isinstance(refused.problem, WaitsForAdmin)
    assert listed(service, View.ESCALATED) == [comment_id]
    undo(service, escalated, ADMIN)
    assert listed(service, View.WAITING) == [comment_id]


def test_a_flood_is_escalated_at_once_and_leaves_no_copy_to_approve(
    service: Service, stock: Stock
) -> None:
    first, second, escalated, other = stock.add(
        {"cluster_id": cluster} for cluster in ("f" * 32, "f" * 32, "f" * 32, None)
    )
    done(service, MAXINE, Action.ESCALATE, escalated)
    assert len(done(service, MAXINE, Action.REJECT, first, include_similar=True)) == 2
    assert service.comment(escalated).status == Status.QUEUED
    assert listed(service, View.WAITING) == [other]
    assert service.comment(second).status == Status.REJECTED


# --- Batches ------------------------------------------------------------------------------------


def test_a_batch_is_undone_at_once_but_for_what_has_changed(
    service: Service, stock: Stock, elsewhere: Principal
) -> None:
    ids = stock.add([{}, {}, {}, {"site": 1}])
    decisions = done(service, MAXINE, Action.APPROVE, *ids)
    [batch_id] = {decision.batch_id for decision in decisions}
    done(service, COLIN, Action.REJECT, ids[1])

    def undo_batch(by: Principal, batch: str | None) -> list[Result]:
        return write(
            service,
            lambda session: review.undo_batch(session, by, batch or "", now=service.clock()),
        )

    # Of another's sites nothing is told.
    assert [result.comment_id for result in undo_batch(elsewhere, batch_id)] == [ids[3]]
    results = {result.comment_id: result for result in undo_batch(MAXINE, batch_id)}
    assert [type(results[i].problem) for i in ids] == [
        type(None),
        StaleVersion,
        type(None),
        StaleVersion,
    ]
    assert set(listed(service, View.WAITING)) == {ids[0], ids[2], ids[3]}
    # The undoing is a batch, too.
    [again] = {r.decision.batch_id for r in results.values() if r.decision}
    undo_batch(MAXINE, again)
    assert [service.comment(i).status for i in (ids[0], ids[2])] == [Status.APPROVED] * 2
    for unknown in ("0" * 32, None):
        with pytest.raises(UnknownDecision):
            undo_batch(MAXINE, unknown)
    [alone] = done(service, MAXINE, Action.REJECT, ids[0])
    with pytest.raises(UnknownDecision):
        undo_batch(elsewhere, alone.batch_id)


def test_a_safe_run_lists_what_nothing_speaks_against(service: Service, stock: Stock) -> None:
    safe, guest, *_ = stock.add(
        [
            {"scores": 0.01},
            {"scores": 0.01, "reasons": ["guest", "first_comment"]},
            {"scores": 0.2},
            {"scores": None},
            {"scores": 0.01, "unsupported": "language"},
            {"scores": 0.01, "reasons": ["link"]},
            {"scores": 0.01, "reasons": ["blocked_word"]},
            {"scores": 0.01, "reasons": ["reported"]},
        ]
    )
    assert listed(service, View.WAITING, safe_below=0.1) == [safe, guest]


# --- Reports ------------------------------------------------------------------------------------


def report(service: Service, stock: Stock, comment_id: str, who: str, site: int = 0) -> bool:
    def act(session: Session) -> bool:
        found = sites_.by_id(session, stock.sites[site].id)
        reporter = (ReporterKind.READER, who)
        reason = ReportReason.HATE if who < "m" else ReportReason.SPAM
        return reports.report(
            session, found, comment_id, reporter, reason, f"{who} says", now=service.clock()
        )

    return write(service, act)


def open_reports(service: Service, comment_id: str) -> tuple[int, int]:
    """As the comment counts them, and counted."""
    with service.database.read() as session:
        counted = session.scalar(
            select(func.count()).where(
                Report.comment_id == comment_id, Report.decision_id.is_(None)
            )
        )
        return session.get_one(Comment, comment_id).report_count, counted or 0


def test_each_reader_reports_a_public_comment_once(service: Service, stock: Stock) -> None:
    public, waiting, other = stock.add(
        [{"status": Status.APPROVED}, {}, {"status": Status.APPROVED}]
    )
    assert report(service, stock, public, "ada")
    assert not report(service, stock, public, "ada")
    assert report(service, stock, public, "zoe")
    assert report(service, stock, other, "ada")
    assert open_reports(service, public) == (2, 2)
    assert service.comment(public).status == Status.APPROVED
    assert listed(service, View.REPORTED) == [public, other]  # the most reported first
    with service.database.read() as session:
        assert queue.item(session, MAXINE, public).reports == {"hate": 1, "spam": 1}
    for unknown, site in ((waiting, 0), (public, 1), ("0" * 32, 0)):
        with pytest.raises(UnknownComment):
            report(service, stock, unknown, "ben", site)
    with service.database.read() as session:
        found = queue.page(
            session,
            service.wiring.keyring,
            MAXINE,
            QueueFilter(view=View.REPORTED),
            now=service.clock(),
            report_threshold=2,
        )
    assert [item.comment.id for item in found.items] == [public]


@pytest.mark.parametrize(
    ("action", "status"), [(Action.APPROVE, Status.APPROVED), (Action.REJECT, Status.REJECTED)]
)
def test_a_decision_deals_with_the_reports_and_its_undoing_opens_them(
    service: Service, stock: Stock, action: Action, status: Status
) -> None:
    [public] = stock.add([{"status": Status.APPROVED}])
    [refused] = decide(service, MAXINE, Action.APPROVE, public)
    assert isinstance(refused.problem, NotDecidable)  # nothing to keep it from
    report(service, stock, public, "ada")
    report(service, stock, public, "ben")
    [decision] = done(service, MAXINE, action, public)
    assert decision.action == (Action.KEEP if action is Action.APPROVE else action)
    assert service.comment(public).status == status
    assert open_reports(service, public) == (0, 0)
    assert listed(service, View.REPORTED) == []

    undone = undo(service, decision)
    assert open_reports(service, public) == (2, 2)
    assert listed(service, View.REPORTED) == [public]
    undo(service, undone)
    assert service.comment(public).status == status
    assert open_reports(service, public) == (0, 0)


def test_a_kept_comment_can_be_reported_anew_by_others_only(service: Service, stock: Stock) -> None:
    [public] = stock.add([{"status": Status.APPROVED}])
    report(service, stock, public, "ada")
    done(service, MAXINE, Action.APPROVE, public)
    assert not report(service, stock, public, "ada")
    assert report(service, stock, public, "ben")
    assert open_reports(service, public) == (1, 1)
    assert listed(service, View.REPORTED) == [public]


# --- Claims, skipping ---------------------------------------------------------------------------


def focus(service: Service, by: Principal, comment_id: str) -> queue.Focus:
    return write(
        service,
        lambda session: queue.focus(session, by, comment_id, now=service.clock(), claim_s=300),
    )


def test_turning_to_a_comment_claims_it_or_tells_who_has_it(
    service: Service, stock: Stock, elsewhere: Principal
) -> None:
    [comment_id] = stock.add([{}])
    mine = focus(service, MAXINE, comment_id)
    assert (mine.is_mine, mine.holder, mine.status) == (True, "Maxine", Status.QUEUED)
    theirs = focus(service, COLIN, comment_id)
    assert (theirs.is_mine, theirs.holder) == (False, "Maxine")
    assert listed(service, View.WAITING, COLIN) == [comment_id]
    renewed = focus(service, MAXINE, comment_id)
    assert mine.expires_at is not None
    assert renewed.expires_at is not None
    assert renewed.expires_at > mine.expires_at
    with pytest.raises(UnknownComment):
        focus(service, elsewhere, comment_id)
    service.clock.advance(seconds=300)
    assert focus(service, COLIN, comment_id).is_mine
    # Decided is decided; the version tells that it is not what was on the screen.
    done(service, COLIN, Action.APPROVE, comment_id)
    after = focus(service, MAXINE, comment_id)
    assert (after.status, after.version) == (Status.APPROVED, mine.version + 1)


def test_a_skipped_comment_falls_behind_for_an_hour_and_for_one_person(
    service: Service, stock: Stock, elsewhere: Principal
) -> None:
    first, second = stock.add([{}, {}])

    def act(by: Principal, *ids: str) -> None:
        for comment_id in ids:
            write(
                service,
                lambda session, i=comment_id: queue.skip(session, by, i, now=service.clock()),
            )

    focus(service, MAXINE, first)
    act(MAXINE, first)
    assert service.comment(first).claimed_by is None
    assert listed(service, View.WAITING) == [second]
    assert listed(service, View.WAITING, skipped=True) == [first]
    assert listed(service, View.WAITING, COLIN) == [first, second]
    claimed = write(
        service,
        lambda session: queue.claim(
            session, MAXINE, QueueFilter(), now=service.clock(), claim_s=9, limit=2
        ),
    )
    assert [item.comment.id for item in claimed] == [second]
    with pytest.raises(UnknownComment):
        act(elsewhere, first)
    write(service, lambda session: queue.unskip(session, MAXINE, first))
    assert listed(service, View.WAITING) == [first, second]
    act(MAXINE, first, second)
    service.clock.advance(hours=1)
    assert listed(service, View.WAITING) == [first, second]
    assert listed(service, View.WAITING, skipped=True) == []


def test_who_skips_a_flood_skips_all_of_it_where_it_is_gathered(
    service: Service, stock: Stock
) -> None:
    flood = stock.add({"cluster_id": "f" * 32} for _ in range(8))
    [other] = stock.add([{}])
    write(service, lambda session: queue.skip(session, MAXINE, flood[0], now=service.clock()))
    with service.database.read() as session:
        found = queue.page(
            session,
            service.wiring.keyring,
            MAXINE,
            QueueFilter(),
            now=service.clock(),
            gather=True,
        )
    assert [item.comment.id for item in found.items] == [other]


# --- Notes, history, surroundings ---------------------------------------------------------------


def test_history_is_one_line_of_time(service: Service, stock: Stock, elsewhere: Principal) -> None:
    [comment_id] = stock.add([{}])

    def add(by: Principal, text: str) -> str:
        return write(
            service, lambda session: notes.add(session, by, comment_id, text, now=service.clock())
        ).id

    add(MAXINE, "  Ask the desk.\r\n")
    done(service, MAXINE, Action.ESCALATE, comment_id)
    done(service, ADMIN, Action.APPROVE, comment_id)
    report(service, stock, comment_id, "ada")
    gone = add(COLIN, "A slip")
    done(service, COLIN, Action.APPROVE, comment_id)
    for by, error in ((MAXINE, NotYourNote), (elsewhere, UnknownNote)):
        with pytest.raises(error):
            write(service, lambda session, by=by: notes.remove(session, by, gone))
    write(service, lambda session: notes.remove(session, COLIN, gone))
    for empty in (" \n ", "x" * (notes.MAX_NOTE_CHARS + 1), "\x00"):
        with pytest.raises(Invalid):
            add(MAXINE, empty)
    with service.database.read() as session:
        events = history.timeline(session, MAXINE, comment_id)
        with pytest.raises(UnknownComment):
            history.timeline(session, elsewhere, comment_id)
    told = [
        (event.note and event.note.text)
        or (event.report and event.report.note)
        or (event.decision and event.decision.decision.action)
        for event in events
    ]
    assert told == ["Ask the desk.", "escalate", "approve", "ada says", "keep"]
    with pytest.raises(UnknownComment):
        write(service, lambda s: notes.add(s, elsewhere, comment_id, "?", now=service.clock()))


def test_what_stands_around_a_comment(service: Service, stock: Stock, elsewhere: Principal) -> None:
    now = service.clock()

    def at(minute: int, **told: Any) -> dict[str, Any]:
        return {"posted": now + timedelta(minutes=minute), **told}

    top, *_ = stock.add([at(0, status=Status.APPROVED)])
    [reply] = stock.add([at(1, status=Status.APPROVED, parent_id=top)])
    siblings = stock.add(
        at(2 + n, parent_id=reply, status=status)
        for n, status in enumerate(
            [Status.REJECTED, Status.QUEUED, Status.APPROVED, Status.QUEUED, Status.PENDING]
        )
    )
    stock.add([at(3, article=1), at(3), at(4, site=1)])
    stock.add(
        at(9, parent_id=siblings[2], status=status) for status in (Status.APPROVED, Status.QUEUED)
    )
    with service.database.read() as session:
        found = surroundings.around(session, MAXINE, siblings[2], siblings=2)
        with pytest.raises(UnknownComment):
            surroundings.around(session, elsewhere, siblings[2])
    assert [one.comment.id for one in found.parents] == [top, reply]
    assert [one.comment.id for one in found.before] == siblings[:2]
    assert [one.comment.id for one in found.after] == [siblings[3]]
    assert found.before[0].comment.status == Status.REJECTED
    assert found.before[0].author.name == "Reader 0"
    assert found.reply_count == 1


# --- Tabs ---------------------------------------------------------------------------------------


def test_tabs_count_what_is_seen_up_to_a_bound(
    service: Service, stock: Stock, elsewhere: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    stock.add({"scores": None if n == 0 else 0.1} for n in range(5))
    stock.add([{"site": 1}, {"escalated_at": service.clock()}])
    stock.add([{"status": Status.APPROVED, "report_count": 1}, {"status": Status.REJECTED}])

    def counts(by: Principal, **told: Any) -> dict[str, Count]:
        with service.database.read() as session:
            return dict(queue.tab_counts(session, by, now=service.clock(), **told))

    assert counts(MAXINE) == {
        View.WAITING: Count(6),
        View.NOT_SCORED: Count(1),
        View.ESCALATED: Count(1),
        View.REPORTED: Count(1),
        View.APPROVED: Count(1),
        View.REJECTED: Count(1),
    }
    assert counts(MAXINE, site_id=stock.sites[0].id)[View.WAITING] == Count(5)
    assert counts(MAXINE, report_threshold=2)[View.REPORTED] == Count(0)
    assert {view: count.number for view, count in counts(elsewhere).items() if count.number} == {
        View.WAITING: 1
    }
    assert counts(elsewhere, site_id=stock.sites[0].id)[View.WAITING] == Count(0)
    monkeypatch.setattr(queue.tabs, "MAX_COUNTED", 3)
    assert counts(MAXINE)[View.WAITING] == Count(3, or_more=True)


def test_what_is_new_is_what_came_since_by_others(
    service: Service, stock: Stock, elsewhere: Principal
) -> None:
    first, second, public = stock.add([{}, {"scores": 0.9}, {"status": Status.APPROVED}])
    since = service.clock()
    service.clock.advance(seconds=1)

    def new(by: Principal = MAXINE, **told: Any) -> int:
        with service.database.read() as session:
            wanted = QueueFilter(**told)
            return queue.new_since(session, by, wanted, since, now=service.clock()).number

    [mine] = done(service, MAXINE, Action.REJECT, first)
    undo(service, mine, MAXINE)
    assert new() == 0
    assert new(COLIN) == 1
    [theirs] = done(service, COLIN, Action.REJECT, second)
    assert new(view=View.REJECTED) == 1
    undo(service, theirs, COLIN)
    assert (new(), new(min_scores={"toxicity": 0.95}), new(text="bridge")) == (1, 0, 1)
    assert new(elsewhere) == 0
    assert new(view=View.REPORTED) == 0
    report(service, stock, public, "ada")
    assert new(view=View.REPORTED) == 1


# --- Saved views --------------------------------------------------------------------------------


def test_saved_views_are_ones_own_or_shared(service: Service) -> None:
    wanted = QueueFilter(text="ferry", min_scores={"toxicity": 0.5})
    now = service.clock()

    def save(by: Principal, name: str, **told: Any) -> str:
        return write(
            service, lambda session: saved_views.save(session, by, name, wanted, now=now, **told)
        ).id

    def change(by: Principal, view_id: str, **told: Any) -> None:
        write(service, lambda session: saved_views.change(session, by, view_id, now=now, **told))

    def names(by: Principal) -> list[str]:
        with service.database.read() as session:
            return [view.name for view in saved_views.visible(session, by)]

    private, shared = save(MAXINE, "Ferry"), save(MAXINE, "All of it", shared=True)
    save(COLIN, "Ferry")
    assert (names(MAXINE), names(COLIN)) == (["All of it", "Ferry"], ["All of it", "Ferry"])
    with service.database.read() as session:
        found = {view.id: view.query for view in saved_views.visible(session, MAXINE)}
    assert found[private] == "min_toxicity=0.5&text=ferry"
    with pytest.raises(AlreadyExists):
        save(MAXINE, "Ferry")
    with pytest.raises(AlreadyExists):
        change(MAXINE, shared, name="Ferry")
    with pytest.raises(UnknownSavedView):
        change(COLIN, private, name="Mine now")
    with pytest.raises(UnknownSavedView):
        change(ADMIN, private, name="Mine now")
    with pytest.raises(Forbidden):
        change(COLIN, shared, name="Mine now")
    change(ADMIN, shared, name="Everything", wanted=QueueFilter())
    change(MAXINE, private, shared=True)
    assert names(COLIN) == ["Everything", "Ferry", "Ferry"]
    change(MAXINE, private, shared=False)
    with pytest.raises(Forbidden):
        write(service, lambda session: saved_views.delete(session, COLIN, shared))
    write(service, lambda session: saved_views.delete(session, ADMIN, shared))
    assert (names(MAXINE), names(COLIN)) == (["Ferry"], ["Ferry"])
