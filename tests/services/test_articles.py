"""Articles as moderators look at them: lists, what goes on under one, and who may change what."""

from __future__ import annotations

from typing import Any

import pytest
from factories import Service, SiteKit
from sqlalchemy import select

from moderation.domain.audit import AuditEntry
from moderation.domain.author import AuthorKind, Signature
from moderation.domain.comment import Status
from moderation.domain.decision import Action
from moderation.domain.report import ReporterKind, ReportReason
from moderation.domain.site import Article, ArticleState
from moderation.domain.staff import Principal, Scope
from moderation.errors import (
    CommentsClosed,
    Invalid,
    InvalidCursor,
    MissingScope,
    UnknownArticle,
)
from moderation.services import articles, intake, reports, review, sites
from moderation.services.articles import ArticleSort, ArticleView
from moderation.services.intake import Submission
from moderation.services.review import Order

MODERATOR = Principal("staff:m", "Maxine", frozenset({Scope.QUEUE, Scope.DECISIONS}))
ADMIN = Principal("staff:a", "Ann", frozenset(Scope))
READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
NEWEST = ArticleSort.NEWEST


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


def post(service: Service, site: SiteKit, article: str, *bodies: str, **told: Any) -> list[str]:
    ids = []
    for body in bodies:
        with service.database.write() as session:
            found = sites.by_id(session, site.id)
            submission = Submission(article, body, READER, **told)
            ids.append(intake.submit(session, found, submission, now=service.clock()).comment_id)
        service.clock.advance(minutes=1)
    return ids


def decide(service: Service, action: Action, *ids: str) -> None:
    with service.database.write() as session:
        orders = [Order(i, action, service.comment(i).version) for i in ids]
        results = review.decide(session, MODERATOR, orders, now=service.clock())
    assert [result.problem for result in results] == [None] * len(ids)
    service.clock.advance(minutes=1)


def article_id(service: Service, external_id: str) -> str:
    with service.database.read() as session:
        return session.scalars(select(Article.id).where(Article.external_id == external_id)).one()


def look(service: Service, external_id: str, by: Principal = MODERATOR) -> ArticleView:
    found = article_id(service, external_id)
    with service.database.read() as session:
        return articles.look(session, by, found)


def listed(service: Service, by: Principal = MODERATOR, **told: Any) -> list[str]:
    """Ids that publishers know, of all pages, two at a time where there are several."""
    found, cursor = [], None
    while True:
        with service.database.read() as session:
            page = articles.find(
                session, service.wiring.keyring, by, cursor=cursor, **({"limit": 2} | told)
            )
        found += [article.external_id for article in page.items]
        if (cursor := page.next_cursor) is None:
            return found


def change(service: Service, external_id: str, by: Principal = MODERATOR, **changes: Any) -> None:
    found = article_id(service, external_id)
    with service.database.write() as session:
        articles.change(session, by, found, service.wiring.policies, now=service.clock(), **changes)


# --- Lists --------------------------------------------------------------------------------------


def test_articles_are_listed_newest_first_over_pages(service: Service, site: SiteKit) -> None:
    for number in range(5):
        post(service, site, f"story {number}", "a body")
    assert listed(service, sort=NEWEST) == [f"story {number}" for number in range(4, -1, -1)]


def test_the_active_ones_are_those_decided_last(service: Service, site: SiteKit) -> None:
    ids = {name: post(service, site, name, "a body")[0] for name in ("old", "new", "quiet")}
    service.judge_all()
    post(service, site, "silent", "being scored")
    service.clock.advance(minutes=1)
    decide(service, Action.APPROVE, ids["new"])
    decide(service, Action.APPROVE, ids["old"])
    assert listed(service, limit=10) == ["old", "new", "quiet"]
    assert listed(service, limit=10, state=ArticleState.CLOSED) == []


def test_articles_are_found_by_title_id_and_address(service: Service, site: SiteKit) -> None:
    address = "https://news.example/harbour"
    post(service, site, "2026/ferry", "a", article_title="Winter ferry: 50 % to stay")
    post(service, site, "2026/baths", "a", article_title="Baths", article_url=address)
    assert listed(service, text=" FERRY ") == ["2026/ferry"]
    assert listed(service, text="50 %") == ["2026/ferry"]
    assert listed(service, text="_") == []
    assert listed(service, text="news.example/harb") == ["2026/baths"]
    assert listed(service, text="2026/") == ["2026/baths", "2026/ferry"]


def test_articles_are_filtered_by_site_and_state(service: Service, site: SiteKit) -> None:
    other = service.make_site()
    post(service, site, "open", "a")
    post(service, site, "closed", "a")
    post(service, other, "elsewhere", "a")
    change(service, "closed", state="closed")
    assert listed(service, sort=NEWEST, state=ArticleState.CLOSED) == ["closed"]
    assert listed(service, sort=NEWEST, site_id=other.id) == ["elsewhere"]
    limited = Principal("staff:l", "L", MODERATOR.scopes, frozenset({site.id}))
    assert listed(service, limited, sort=NEWEST) == ["closed", "open"]
    with pytest.raises(UnknownArticle):
        look(service, "elsewhere", limited)


def test_a_cursor_is_good_for_its_own_filter_only(service: Service, site: SiteKit) -> None:
    for number in range(3):
        post(service, site, f"story {number}", "a body")
    with service.database.read() as session:
        keyring = service.wiring.keyring
        page = articles.find(session, keyring, MODERATOR, sort=NEWEST, limit=1)
        with pytest.raises(InvalidCursor):
            articles.find(session, keyring, MODERATOR, text="story", cursor=page.next_cursor)


def test_what_waits_is_counted_up_to_a_bound(
    service: Service, site: SiteKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(service, site, "busy", *(f"number {n}" for n in range(5)))
    ids = post(service, site, "calm", "one", "two")
    service.judge_all()
    decide(service, Action.ESCALATE, ids[0])
    monkeypatch.setattr(articles, "MAX_COUNTED", 3)
    with service.database.read() as session:
        found = session.scalars(select(Article)).all()
        counts = articles.waiting_counts(session, found)
        told = {article.external_id: counts[article.id] for article in found}
    assert told == {"busy": 3, "calm": 1}


# --- One article --------------------------------------------------------------------------------


def test_an_article_tells_what_is_under_it(service: Service, site: SiteKit) -> None:
    ids = post(service, site, "story", *(f"number {n}" for n in range(6)))
    post(service, site, "another", "not counted")
    service.judge_all()
    decide(service, Action.APPROVE, *ids[:2])
    decide(service, Action.REJECT, ids[2])
    decide(service, Action.ESCALATE, ids[3])
    with service.database.write() as session:
        reporter = (ReporterKind.READER, "reader-2")
        found = sites.by_id(session, site.id)
        reports.report(session, found, ids[0], reporter, ReportReason.SPAM, now=service.clock())
    post(service, site, "story", "being scored")
    view = look(service, "story")
    assert dict(view.counts) == {
        Status.PENDING: 1,
        Status.QUEUED: 3,
        Status.APPROVED: 2,
        Status.REJECTED: 1,
    }
    assert (view.escalated, view.reported, view.policy) == (1, 1, "strict")
    # The latest first; that the policy sent them to the queue is no news.
    assert [one.decision.action for one in view.recent] == [
        "escalate",
        "reject",
        *["approve"] * 2,
    ]
    assert {one.author.name for one in view.recent} == {"Ada"}


def test_an_article_without_comments_has_nothing_to_tell(service: Service, site: SiteKit) -> None:
    service.make_article(site, "quiet", policy="open")
    view = look(service, "quiet")
    assert set(view.counts.values()) == {0}
    assert (view.escalated, view.reported, view.policy, view.recent) == (0, 0, "open", [])


# --- Changing -----------------------------------------------------------------------------------


def test_a_moderator_closes_and_opens_and_the_audit_log_tells(
    service: Service, site: SiteKit
) -> None:
    post(service, site, "story", "a body")
    change(service, "story", state="closed")
    with pytest.raises(CommentsClosed):
        post(service, site, "story", "too late")
    change(service, "story", state="closed")
    service.clock.advance(minutes=1)
    change(service, "story", state="open")
    post(service, site, "story", "in time")
    with service.database.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.created_at)).all()
    assert [(e.act, e.actor_name, e.site_id) for e in entries] == [
        ("article.closed", "Maxine", site.id),
        ("article.opened", "Maxine", site.id),
    ]


def test_the_policy_takes_the_scope_sites(service: Service, site: SiteKit) -> None:
    post(service, site, "story", "a body")
    with pytest.raises(MissingScope):
        change(service, "story", policy="open")
    change(service, "story", ADMIN, policy="open")
    assert look(service, "story").policy == "open"
    change(service, "story", ADMIN, policy=None)
    assert look(service, "story").policy == "strict"
    with service.database.read() as session:
        acts = list(session.scalars(select(AuditEntry.act)))
    assert acts == ["article.policy_changed"] * 2


@pytest.mark.parametrize("changes", [{"state": "ajar"}, {"policy": "no such"}, {"state": ""}])
def test_what_is_not_right_changes_nothing(
    service: Service, site: SiteKit, changes: dict[str, str]
) -> None:
    post(service, site, "story", "a body")
    before = service.snapshot()
    with pytest.raises(Invalid):
        change(service, "story", ADMIN, **changes)
    assert service.snapshot() == before
