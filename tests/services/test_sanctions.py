"""Sanctions: what each means for an author's next comment, how they end, and what is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from factories import Service, SiteKit
from sqlalchemy import select

from moderation.domain.audit import AuditEntry
from moderation.domain.author import Author, AuthorKind, Signature
from moderation.domain.sanction import Sanction, SanctionKind, SanctionState
from moderation.domain.staff import Principal, Scope
from moderation.errors import (
    AuthorBanned,
    AuthorSuspended,
    Invalid,
    UnknownAuthor,
    UnknownSanction,
)
from moderation.services import authorship, intake, sanctions, sites
from moderation.services.authorship import Proof
from moderation.services.intake import Submission

READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
MODERATOR = Principal("staff:m", "Maxine", frozenset({Scope.QUEUE, Scope.DECISIONS}))
COLLEAGUE = Principal("staff:c", "Colin", frozenset({Scope.QUEUE, Scope.DECISIONS}))
TRUST, REVIEW, SUSPEND, BAN = SanctionKind


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site(policy="open")


def post(
    service: Service,
    site: SiteKit,
    body: str = "A fine comment",
    signature: Signature = READER,
    **told: Any,
) -> str:
    with service.database.write() as session:
        submission = Submission("story", body, signature, **told)
        found = sites.by_id(session, site.id)
        return intake.submit(session, found, submission, now=service.clock()).comment_id


def author_of(service: Service, comment_id: str) -> str:
    return service.comment(comment_id).author_id


@pytest.fixture
def author_id(service: Service, site: SiteKit) -> str:
    """Of somebody who has commented once."""
    comment_id = post(service, site)
    service.judge_all()
    service.clock.advance(minutes=1)
    return author_of(service, comment_id)


def impose(service: Service, author_id: str, kind: SanctionKind, **told: Any) -> str:
    given = {"reason": "Insults"} | told
    days = given.pop("days", 1 if kind is SUSPEND else None)
    if days is not None:
        given["ends_at"] = service.clock() + timedelta(days=days)
    by = given.pop("by", MODERATOR)
    with service.database.write() as session:
        return sanctions.impose(session, by, author_id, kind, now=service.clock(), **given).id


def lift(service: Service, author_id: str, sanction_id: str, by: Principal = MODERATOR) -> None:
    with service.database.write() as session:
        sanctions.lift(session, by, author_id, sanction_id, now=service.clock())


def counts(service: Service, author_id: str) -> SanctionKind | None:
    with service.database.read() as session:
        standing = session.get_one(Author, author_id).standing(service.clock())
        return standing and standing.kind


def states(service: Service, author_id: str) -> list[tuple[str, str]]:
    with service.database.read() as session:
        found = sanctions.history(session, author_id)
        return [(s.kind, s.state(service.clock())) for s in found]


def status_after_judging(service: Service, site: SiteKit, body: str, **told: Any) -> str:
    comment_id = post(service, site, body, **told)
    service.judge_all()
    return service.comment(comment_id).status


# --- What they mean -----------------------------------------------------------------------------


def test_a_suspended_author_is_told_until_when_and_why_and_then_may_comment(
    service: Service, site: SiteKit, author_id: str
) -> None:
    impose(service, author_id, SUSPEND, days=2, reason="Insults against neighbours")
    until = service.clock() + timedelta(days=2)
    with pytest.raises(AuthorSuspended) as refused:
        post(service, site)
    assert refused.value.until == until
    assert "Insults against neighbours" in refused.value.detail
    assert f"{until.day} {until:%B %Y, %H:%M} UTC" in refused.value.detail

    service.clock.advance(days=2)
    assert service.comment(post(service, site)).status == "pending"
    assert counts(service, author_id) is None


def test_a_banned_author_is_refused_for_as_long_as_the_ban_stands(
    service: Service, site: SiteKit, author_id: str
) -> None:
    ban = impose(service, author_id, BAN, reason="Threats")
    service.clock.advance(days=3650)
    with pytest.raises(AuthorBanned, match="Threats"):
        post(service, site)
    lift(service, author_id, ban)
    post(service, site)


def test_a_ban_may_have_an_end(service: Service, site: SiteKit, author_id: str) -> None:
    impose(service, author_id, BAN, days=30)
    with pytest.raises(AuthorBanned, match="until"):
        post(service, site)
    service.clock.advance(days=30)
    post(service, site)


@pytest.mark.parametrize("kind", [SUSPEND, BAN])
def test_a_refused_author_may_not_edit_and_may_withdraw(
    service: Service, site: SiteKit, author_id: str, kind: SanctionKind
) -> None:
    comment_id = post(service, site)
    impose(service, author_id, kind)

    def act(what: Any, *told: Any) -> None:
        with service.database.write() as session:
            found = sites.by_id(session, site.id)
            keyring, proof = service.wiring.keyring, Proof(signature=READER)
            what(session, keyring, found, comment_id, proof, *told, now=service.clock())

    with pytest.raises((AuthorSuspended, AuthorBanned)):
        act(authorship.edit, "another body")
    assert service.comment(comment_id).body == "A fine comment"
    act(authorship.withdraw)
    assert service.comment(comment_id).status == "withdrawn"


def test_a_refusal_writes_nothing_and_a_repeated_request_is_answered_as_before(
    service: Service, site: SiteKit, author_id: str
) -> None:
    first = post(service, site, idempotency_key="again")
    impose(service, author_id, BAN)
    before = service.snapshot()
    with pytest.raises(AuthorBanned):
        post(service, site, article_url="https://news.example/new")
    assert service.snapshot() == before
    assert post(service, site, idempotency_key="again") == first


def test_nobody_else_is_refused(service: Service, site: SiteKit, author_id: str) -> None:
    """Neither others of the site, nor guests of the name, nor the same reader elsewhere."""
    impose(service, author_id, BAN)
    post(service, site, signature=Signature(AuthorKind.READER, "reader-2", "Ada"))
    post(service, site, signature=Signature(AuthorKind.GUEST, "reader-1", "Ada"))
    post(service, service.make_site())


def test_what_an_always_reviewed_author_writes_waits_under_every_policy(
    service: Service, site: SiteKit, author_id: str
) -> None:
    assert status_after_judging(service, site, "A fine comment") == "approved"
    review = impose(service, author_id, REVIEW)
    assert status_after_judging(service, site, "A fine comment") == "queued"
    lift(service, author_id, review)
    assert status_after_judging(service, site, "A fine comment") == "approved"


def test_what_was_being_scored_when_its_author_was_banned_waits(
    service: Service, site: SiteKit, author_id: str
) -> None:
    comment_id = post(service, site)
    impose(service, author_id, BAN)
    service.judge_all()
    assert service.comment(comment_id).status == "queued"


def test_trust_makes_a_first_comment_like_any_other_and_skips_no_score(
    service: Service, author_id: str
) -> None:
    assisted = service.make_site(policy="assisted")
    newcomer = Signature(AuthorKind.READER, "newcomer", "Grace")
    first = post(service, assisted, signature=newcomer)
    service.judge_all()
    assert service.comment(first).status == "queued"

    impose(service, author_of(service, first), TRUST)
    told = {"signature": newcomer}
    assert status_after_judging(service, assisted, "A fine comment", **told) == "approved"
    assert status_after_judging(service, assisted, "A rude comment", **told) == "queued"
    assert status_after_judging(service, assisted, "An awful comment", **told) == "rejected"


# --- Which counts, and how they end -------------------------------------------------------------


def test_the_strictest_counts_and_those_below_it_come_back(
    service: Service, author_id: str
) -> None:
    for kind, days in ((TRUST, None), (REVIEW, 9), (BAN, None), (SUSPEND, 2)):
        sanction_id = impose(service, author_id, kind, days=days)
        if kind is BAN:
            ban = sanction_id
    assert counts(service, author_id) is BAN
    lift(service, author_id, ban)
    assert counts(service, author_id) is SUSPEND
    service.clock.advance(days=2)
    assert counts(service, author_id) is REVIEW
    service.clock.advance(days=7)
    assert counts(service, author_id) is TRUST
    assert states(service, author_id) == [
        (SUSPEND, SanctionState.EXPIRED),
        (BAN, SanctionState.LIFTED),
        (REVIEW, SanctionState.EXPIRED),
        (TRUST, SanctionState.IN_FORCE),
    ]


def test_a_new_one_of_a_kind_replaces_the_older(service: Service, author_id: str) -> None:
    impose(service, author_id, SUSPEND, days=30)
    shorter = impose(service, author_id, SUSPEND, days=1)
    assert states(service, author_id) == [
        (SUSPEND, SanctionState.IN_FORCE),
        (SUSPEND, SanctionState.REPLACED),
    ]
    lift(service, author_id, shorter)
    assert counts(service, author_id) is None


def test_lifting_says_by_whom_and_when_and_lifting_again_changes_nothing(
    service: Service, author_id: str
) -> None:
    ban = impose(service, author_id, BAN)
    lifted_at = service.clock()
    lift(service, author_id, ban, by=COLLEAGUE)
    service.clock.advance(hours=1)
    before = service.snapshot()
    lift(service, author_id, ban)
    assert service.snapshot() == before
    with service.database.read() as session:
        row = session.get_one(Sanction, ban)
    assert (row.created_by_name, row.lifted_by_name, row.lifted_at) == (
        "Maxine",
        "Colin",
        lifted_at,
    )


def test_what_is_over_by_itself_is_not_lifted(service: Service, author_id: str) -> None:
    suspension = impose(service, author_id, SUSPEND, days=1)
    service.clock.advance(days=1)
    before = service.snapshot()
    lift(service, author_id, suspension)
    assert service.snapshot() == before


def test_each_is_in_the_audit_log_and_so_is_its_lifting(service: Service, author_id: str) -> None:
    suspension = impose(service, author_id, SUSPEND, note="Third time")
    service.clock.advance(minutes=1)
    lift(service, author_id, suspension, by=COLLEAGUE)
    with service.database.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.created_at)).all()
    assert [(e.act, e.actor_name, e.subject_kind, e.subject_id) for e in entries] == [
        ("author.suspended", "Maxine", "author", author_id),
        ("author.sanction_lifted", "Colin", "author", author_id),
    ]
    assert {e.detail["sanction_id"] for e in entries} == {suspension}
    assert entries[0].detail["reason"] == "Insults"


# --- What is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "told", "field"),
    [
        (SUSPEND, {"days": None, "ends_at": None}, "ends_at"),
        (SUSPEND, {"days": 0}, "ends_at"),
        (BAN, {"days": -1}, "ends_at"),
        (BAN, {"days": 4000}, "ends_at"),
        (BAN, {"reason": " "}, "reason"),
        (BAN, {"reason": "x" * 101}, "reason"),
        (BAN, {"reason": "a \x00"}, "reason"),
        (TRUST, {"note": "a \x00"}, "note"),
        (TRUST, {"note": "x" * 2001}, "note"),
    ],
)
def test_what_is_not_right_changes_nothing(
    service: Service, author_id: str, kind: SanctionKind, told: dict[str, Any], field: str
) -> None:
    before = service.snapshot()
    with pytest.raises(Invalid) as refused:
        impose(service, author_id, kind, **told)
    assert set(refused.value.errors) == {field}
    assert service.snapshot() == before


def test_of_another_site_nobody_is_known(service: Service, author_id: str) -> None:
    elsewhere = Principal("staff:e", "E", frozenset({Scope.DECISIONS}), frozenset({"another"}))
    ban = impose(service, author_id, BAN)
    with pytest.raises(UnknownAuthor):
        impose(service, author_id, TRUST, by=elsewhere)
    with pytest.raises(UnknownAuthor):
        lift(service, author_id, ban, by=elsewhere)
    with pytest.raises(UnknownAuthor):
        impose(service, "nobody", TRUST)


def test_a_sanction_is_lifted_with_its_own_author_only(
    service: Service, site: SiteKit, author_id: str
) -> None:
    other = Signature(AuthorKind.READER, identity="reader-2", name="Grace")
    other_id = author_of(service, post(service, site, signature=other))
    ban = impose(service, author_id, BAN)
    with pytest.raises(UnknownSanction):
        lift(service, other_id, ban)
    assert counts(service, author_id) is BAN
