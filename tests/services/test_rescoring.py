"""Scoring stored comments anew: what waits, and a period beside its old scores."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from factories import Service, SiteKit
from fakes import FAINT, FakeJudge
from sqlalchemy import select

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.decision import Action, DecidedBy, Decision
from moderation.domain.policy import Outcome
from moderation.domain.score import Judgement
from moderation.domain.staff import Principal, Scope
from moderation.labels import LABELS
from moderation.scoring.judge import Assessment
from moderation.services import authorship, intake, queue, rescoring, review, sites
from moderation.services.authorship import Proof
from moderation.services.intake import Submission
from moderation.services.rescoring import Models, Rescored, Stored, Wanted
from moderation.services.review import Order

READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
MODERATOR = Principal("staff:m", "Mo", frozenset({Scope.QUEUE, Scope.DECISIONS}))
NEW = FakeJudge(model_version="fake/2")


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


def post(service: Service, site: SiteKit, *bodies: str, article: str = "story") -> list[str]:
    """Store comments, a second apart, and judge them with the first model; their ids."""
    ids = []
    for body in bodies:
        with service.database.write() as session:
            found = sites.by_id(session, site.id)
            submission = Submission(article, body, READER)
            ids.append(intake.submit(session, found, submission, now=service.clock()).comment_id)
        service.clock.advance(seconds=1)
    service.judge_all()
    return ids


def waiting(
    service: Service, wanted: Wanted | None = None, model: str | None = "fake/2", **more: object
) -> list[Stored]:
    with service.database.read() as session:
        now = service.clock()
        given = {"models": model and Models(model), "now": now, "limit": 100} | more
        return rescoring.waiting(session, wanted or Wanted(), **given)


def ids_of(page: list[Stored]) -> list[str]:
    return [stored.comment_id for stored in page]


def replace(service: Service, page: list[Stored], **more: bool) -> Rescored:
    return write(service, page, NEW.assess([stored.body for stored in page]), **more)


def write(
    service: Service, page: list[Stored], assessments: list[Assessment], **more: bool
) -> Rescored:
    with service.database.write() as session:
        return rescoring.replace(
            session,
            service.wiring.policies,
            list(zip(page, assessments, strict=True)),
            now=service.clock(),
            **more,
        )


def harsher(page: list[Stored], **scores: float) -> list[Assessment]:
    return [Assessment(dict.fromkeys(LABELS, FAINT) | scores, "fake/2") for _ in page]


def decide(service: Service, comment_id: str, action: Action = Action.APPROVE) -> None:
    order = Order(comment_id, action, service.comment(comment_id).version)
    with service.database.write() as session:
        (result,) = review.decide(session, MODERATOR, [order], now=service.clock())
    assert result.problem is None


def edit(service: Service, site: SiteKit, comment_id: str, body: str) -> None:
    with service.database.write() as session:
        authorship.edit(
            session,
            service.wiring.keyring,
            sites.by_id(session, site.id),
            comment_id,
            Proof(signature=READER),
            body,
            now=service.clock(),
        )


def judgement_of(service: Service, comment_id: str) -> Judgement:
    with service.database.read() as session:
        return session.get_one(Judgement, service.comment(comment_id).judgement_id)


def queued_ids(service: Service) -> list[str]:
    with service.database.read() as session:
        wanted = queue.QueueFilter()
        keyring = service.wiring.keyring
        page = queue.page(session, keyring, MODERATOR, wanted, now=service.clock())
    return [item.comment.id for item in page.items]


# --- What waits ---------------------------------------------------------------------------------


def test_only_waiting_comments_of_another_model_are_meant(service: Service, site: SiteKit) -> None:
    first, second, decided = post(service, site, "one", "two", "three")
    decide(service, decided)
    assert ids_of(waiting(service)) == [first, second]
    assert waiting(service, model="fake/1") == []
    assert ids_of(waiting(service, model=None)) == [first, second]
    assert ids_of(waiting(service, after=first)) == [second]
    assert ids_of(waiting(service, limit=1)) == [first]
    with service.database.read() as session:
        assert rescoring.count_waiting(session, Wanted(), models=Models("fake/2")) == 2


def test_a_period_and_a_site_narrow_it(service: Service, site: SiteKit) -> None:
    elsewhere = service.make_site()
    (old,) = post(service, site, "old")
    service.clock.advance(hours=1)
    noon = service.clock()
    (new,) = post(service, elsewhere, "new")
    assert ids_of(waiting(service, Wanted(since=noon))) == [new]
    assert ids_of(waiting(service, Wanted(until=noon))) == [old]
    assert ids_of(waiting(service, Wanted(site_id=site.id))) == [old]


def test_the_comment_follows_its_new_judgement_and_nothing_else_changes(
    service: Service, site: SiteKit
) -> None:
    mild, other = post(service, site, "a first one", "a second one")
    before, old = service.comment(mild), judgement_of(service, mild)
    assert queued_ids(service) == [mild, other]
    decisions = service.snapshot()["decisions"]
    service.clock.advance(minutes=5)

    (page,) = [[s for s in waiting(service) if s.comment_id == other]]
    done = write(service, page, harsher(page, threat=0.9, toxicity=0.9))

    assert done.moved == {}
    (change,) = done.changes
    assert (change.before.model_version, change.after.model_version) == ("fake/1", "fake/2")
    assert change.after.scores["threat"] == 0.9
    after, new = service.comment(other), judgement_of(service, other)
    assert (after.status, after.version) == ("queued", 2)
    assert (new.model_version, new.scores["threat"]) == ("fake/2", 0.9)
    assert (new.comment_version, new.created_at) == (2, service.clock())
    assert "threat_high" in new.reasons
    assert new.compares_with is None
    assert queued_ids(service) == [other, mild]  # its place follows
    # The audit says what was: the old judgement is there, and policy's decision names it.
    assert service.snapshot()["decisions"] == decisions
    assert judgement_of(service, mild).model_version == "fake/1"
    assert service.comment(mild).rank_ms == before.rank_ms
    with service.database.read() as session:
        kept = session.scalars(select(Judgement).where(Judgement.comment_id == other)).all()
    assert {j.model_version for j in kept} == {"fake/1", "fake/2"}
    assert old.id in {judgement_of(service, mild).id}


def test_a_moderator_who_saw_it_before_can_still_decide(service: Service, site: SiteKit) -> None:
    """New scores are no new version: what a moderator reads is the text."""
    (comment_id,) = post(service, site, "a text")
    seen = service.comment(comment_id).version
    replace(service, waiting(service))
    order = Order(comment_id, Action.REJECT, seen)
    with service.database.write() as session:
        (result,) = review.decide(session, MODERATOR, [order], now=service.clock())
    assert result.problem is None
    assert result.decision.judgement_id == service.comment(comment_id).judgement_id


def test_what_could_not_be_scored_is_scored_now(service: Service, site: SiteKit) -> None:
    ids = [post(service, site, "it fails")[0]]
    for _ in range(10):
        service.clock.advance(hours=1)
        service.judge_all()
    assert service.comment(ids[0]).not_scored
    (stored,) = waiting(service)
    assert stored.earlier is None
    done = write(service, [stored], harsher([stored]))
    assert done.changes[0].before.rule == "not_scored"
    comment = service.comment(ids[0])
    assert (comment.status, comment.not_scored) == ("queued", False)


@pytest.mark.parametrize("meanwhile", ["decided", "edited", "rescored", "withdrawn"])
def test_what_changed_meanwhile_is_left_alone(
    service: Service, site: SiteKit, meanwhile: str
) -> None:
    (comment_id,) = post(service, site, "a text")
    page = waiting(service)
    if meanwhile == "decided":
        decide(service, comment_id)
    elif meanwhile == "edited":
        edit(service, site, comment_id, "another text")
        service.judge_all()
        assert service.comment(comment_id).status == "queued"
    elif meanwhile == "rescored":
        replace(service, page)
    else:
        with service.database.write() as session:
            authorship.withdraw(
                session,
                service.wiring.keyring,
                sites.by_id(session, site.id),
                comment_id,
                Proof(signature=READER),
                now=service.clock(),
            )
    before = service.snapshot()
    assert replace(service, page, apply_policy=True) == Rescored([], {}, stale=1)
    assert service.snapshot() == before


def test_a_language_may_have_a_model_of_its_own(service: Service, site: SiteKit) -> None:
    english, foreign = post(service, site, "one", "zwei")
    page = waiting(service)
    both = Models("fake/2", {"de": "fake/2 other/1", "fr": "fake/2 other/1"})
    said = [
        dataclasses.replace(a, language=code)
        for a, code in zip(harsher(page), ["en", "de"], strict=True)
    ]
    write(service, page, said)
    with service.database.read() as session:
        left = rescoring.waiting(session, Wanted(), models=both, now=service.clock(), limit=9)
    assert ids_of(left) == [foreign]  # read by a model that its language is not for
    write(service, left, [dataclasses.replace(said[1], model_version="fake/2 other/1")])
    with service.database.read() as session:
        assert rescoring.waiting(session, Wanted(), models=both, now=service.clock(), limit=9) == []
    assert ids_of(waiting(service)) == [foreign]
    assert judgement_of(service, english).language == "en"


def test_each_comment_once(service: Service, site: SiteKit) -> None:
    post(service, site, "one", "two")
    replace(service, waiting(service))
    assert waiting(service) == []


# --- Letting the policy decide ------------------------------------------------------------------


@pytest.fixture
def assisted(service: Service, site: SiteKit) -> SiteKit:
    """A site whose policy decides clear cases; its reader has an approved comment."""
    service.make_article(site, "story", policy="assisted")
    (trusted,) = post(service, site, "a first comment")
    decide(service, trusted)
    return site


def test_nothing_is_published_by_new_scores_alone(service: Service, assisted: SiteKit) -> None:
    (comment_id,) = post(service, assisted, "a rude text")
    done = write(service, waiting(service), harsher(waiting(service)))
    assert done.changes[0].after.action is Outcome.APPROVE
    assert service.comment(comment_id).status == "queued"


def test_on_request_the_policy_decides_and_says_so(service: Service, assisted: SiteKit) -> None:
    clear, bad, unclear = post(service, assisted, "rude one", "rude two", "rude three")
    page = waiting(service)
    scores = [{}, {"toxicity": 0.99}, {"toxicity": 0.3}]
    assessments = [harsher([s], **given)[0] for s, given in zip(page, scores, strict=True)]
    done = write(service, page, assessments, apply_policy=True)
    assert done.moved == {Outcome.APPROVE: 1, Outcome.REJECT: 1}
    statuses = [service.comment(i).status for i in (clear, bad, unclear)]
    assert statuses == ["approved", "rejected", "queued"]
    with service.database.read() as session:
        decision = session.scalars(
            select(Decision).where(Decision.comment_id == bad, Decision.action == Action.REJECT)
        ).one()
    assert (decision.decided_by, decision.version) == (DecidedBy.POLICY, 3)
    assert decision.judgement_id == service.comment(bad).judgement_id
    assert decision.reason
    # The counts are exact: the fixture looks.


def test_what_a_person_put_back_or_holds_is_never_moved(
    service: Service, assisted: SiteKit
) -> None:
    undone, held = post(service, assisted, "rude one", "rude two")
    decide(service, undone, Action.REJECT)
    with service.database.write() as session:
        last = session.scalars(
            select(Decision).where(Decision.comment_id == undone).order_by(Decision.version.desc())
        ).first()
        review.undo(session, MODERATOR, last.id, now=service.clock())
        queue.claim(
            session,
            MODERATOR,
            queue.QueueFilter(comment_ids=[held]),
            now=service.clock(),
            claim_s=600,
        )
    page = waiting(service)
    done = write(service, page, harsher(page, toxicity=0.99), apply_policy=True)
    assert [stored.held for stored in page] == [False, True]
    assert [change.comment_id for change in done.changes] == [undone]
    assert done.changes[0].after.action is Outcome.REJECT
    assert (done.moved, done.stale, done.held) == ({}, 0, 1)
    # Whoever holds it decides on the judgement that was there to see.
    assert judgement_of(service, held).model_version == "fake/1"
    assert {service.comment(i).status for i in (undone, held)} == {"queued"}
    assert service.comment(held).claimed_by == MODERATOR.key

    service.clock.advance(seconds=601)
    page = waiting(service, undecided_only=False)
    assert ids_of(page) == [undone, held]  # the first has its scores, and waits although
    assert write(service, page, harsher(page, toxicity=0.99), apply_policy=True).moved == {
        Outcome.REJECT: 1
    }
    assert service.comment(held).status == "rejected"


# --- A period, for comparison -------------------------------------------------------------------


def of_period(service: Service, wanted: Wanted, model: str = "fake/2") -> list[Stored]:
    with service.database.read() as session:
        return rescoring.of_period(session, wanted, models=Models(model), limit=100)


def compare(service: Service, page: list[Stored], **scores: float) -> Rescored:
    assessed = list(zip(page, harsher(page, **scores), strict=True))
    with service.database.write() as session:
        return rescoring.compare(session, service.wiring.policies, assessed, now=service.clock())


def test_a_comparison_touches_no_comment(service: Service, site: SiteKit) -> None:
    noon = service.clock()
    waits, approved, rejected = post(service, site, "one", "two", "three")
    decide(service, approved)
    decide(service, rejected, Action.REJECT)
    wanted = Wanted(since=noon, until=noon + timedelta(hours=1))
    page = of_period(service, wanted)
    assert ids_of(page) == [waits, approved, rejected]
    before = service.snapshot(without=["judgements"])
    old = {stored.comment_id: stored.judgement_id for stored in page}

    done = compare(service, page, toxicity=0.8)

    assert service.snapshot(without=["judgements"]) == before
    assert [c.after.scores["toxicity"] for c in done.changes] == [0.8] * 3
    with service.database.read() as session:
        made = session.scalars(select(Judgement).where(Judgement.compares_with.is_not(None))).all()
        assert rescoring.count_of_period(session, wanted, models=Models("fake/2")) == 3
        assert rescoring.count_of_period(session, wanted, models=Models("fake/1")) == 0
    assert {j.comment_id: j.compares_with for j in made} == old
    assert {j.model_version for j in made} == {"fake/2"}


def test_a_comparison_begun_again_writes_nothing_twice(service: Service, site: SiteKit) -> None:
    noon = service.clock()
    post(service, site, "one", "two")
    page = of_period(service, Wanted(since=noon))
    compare(service, page[:1], toxicity=0.8)
    again = of_period(service, Wanted(since=noon))
    assert [stored.compared is not None for stored in again] == [True, False]
    assert again[0].compared.scores["toxicity"] == 0.8
    compare(service, page, toxicity=0.7)
    compare(service, again, toxicity=0.7)
    with service.database.read() as session:
        made = session.scalars(
            select(Judgement).where(Judgement.compares_with.is_not(None)).order_by(Judgement.id)
        ).all()
    assert [j.toxicity for j in made] == [0.8, 0.7]


def test_texts_outside_of_the_period_or_gone_are_not_compared(
    service: Service, site: SiteKit
) -> None:
    post(service, site, "before")
    service.clock.advance(minutes=1)
    noon = service.clock()
    inside, edited = post(service, site, "inside", "to be edited")
    page = of_period(service, Wanted(since=noon))
    assert ids_of(page) == [inside, edited]
    edit(service, site, edited, "another text")
    assert compare(service, page).stale == 1
    assert ids_of(of_period(service, Wanted(since=noon))) == [inside]
