"""What was decided, as studies of policies read it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from factories import Service, SiteKit
from fakes import FAINT
from sqlalchemy import select

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.decision import Action, Decision
from moderation.domain.staff import Principal, Scope
from moderation.labels import LABELS
from moderation.scoring.judge import Assessment
from moderation.services import intake, policy_studies, rescoring, review, sites
from moderation.services.intake import Submission
from moderation.services.policy_studies import Case, PeopleDecision, Wanted
from moderation.services.review import Order

READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
GUEST = Signature(AuthorKind.GUEST, identity="guest-1", name="Grace")
MODERATOR = Principal("staff:m", "Mo", frozenset({Scope.QUEUE, Scope.DECISIONS}))


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


def post(
    service: Service, site: SiteKit, *bodies: str, by: Signature = READER, article: str = "story"
) -> list[str]:
    ids = []
    for body in bodies:
        with service.database.write() as session:
            found = sites.by_id(session, site.id)
            submission = Submission(article, body, by)
            ids.append(intake.submit(session, found, submission, now=service.clock()).comment_id)
        service.clock.advance(seconds=1)
    service.judge_all()
    return ids


def decide(service: Service, comment_id: str, action: Action) -> None:
    order = Order(comment_id, action, service.comment(comment_id).version)
    with service.database.write() as session:
        (result,) = review.decide(session, MODERATOR, [order], now=service.clock())
    assert result.problem is None
    service.clock.advance(seconds=1)


def undo(service: Service, comment_id: str) -> None:
    """Undo the last decision, which may be an undoing."""
    with service.database.write() as session:
        last = session.scalars(
            select(Decision)
            .where(Decision.comment_id == comment_id)
            .order_by(Decision.version.desc())
        ).first()
        review.undo(session, MODERATOR, last.id, now=service.clock())
    service.clock.advance(seconds=1)


def people(service: Service, *, limit: int = 100, **wanted: object) -> list[PeopleDecision]:
    found, after = [], None
    meant = Wanted(**{"until": service.clock(), **wanted})
    while True:
        with service.database.read() as session:
            page, after = policy_studies.people_decisions(session, meant, after=after, limit=limit)
        found += page
        if after is None:
            return found


def replayed(service: Service, *, limit: int = 100, **wanted: object) -> list[Case]:
    found, after = [], None
    meant = Wanted(**{"until": service.clock(), **wanted})
    while True:
        with service.database.read() as session:
            page, after = policy_studies.cases(session, meant, after=after, limit=limit)
        found += page
        if after is None:
            with service.database.read() as session:
                assert policy_studies.count_cases(session, meant) == len(found)
            return found


def verdicts(found: list[PeopleDecision]) -> dict[str, bool]:
    assert len({one.comment_id for one in found}) == len(found)
    return {one.comment_id: one.rejected for one in found}


# --- What people decided ------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_each_comment_comes_once_with_the_last_decision_that_stands(
    service: Service, site: SiteKit, limit: int
) -> None:
    once, changed, undone, redone, untouched = post(service, site, *"abcde")
    decide(service, once, Action.REJECT)
    decide(service, changed, Action.REJECT)
    decide(service, changed, Action.APPROVE)
    decide(service, undone, Action.APPROVE)
    undo(service, undone)
    decide(service, redone, Action.APPROVE)
    decide(service, redone, Action.REJECT)
    undo(service, redone)
    assert verdicts(people(service, limit=limit)) == {once: True, changed: False, redone: False}
    undo(service, redone)  # the undoing itself
    assert verdicts(people(service, limit=limit))[redone] is True
    assert untouched not in verdicts(people(service))


def test_what_policy_decides_is_not_people_s(service: Service, site: SiteKit) -> None:
    service.make_article(site, "open", policy="open")
    by_policy, overruled = post(service, site, "one", "two", article="open")
    assert service.comment(by_policy).status == "approved"
    decide(service, overruled, Action.REJECT)
    assert verdicts(people(service)) == {overruled: True}
    with service.database.read() as session:
        wanted = Wanted(service.clock())
        assert policy_studies.count_decided_by_policy(session, wanted) == 1
        assert policy_studies.count_people_decisions(session, wanted) == 1


def test_a_period_and_a_site_narrow_it(service: Service, site: SiteKit) -> None:
    elsewhere = service.make_site()
    (early,) = post(service, site, "one")
    (late,) = post(service, elsewhere, "two")
    decide(service, early, Action.APPROVE)
    noon = service.clock()
    service.clock.advance(minutes=1)
    decide(service, late, Action.REJECT)
    assert verdicts(people(service, since=noon)) == {late: True}
    assert verdicts(people(service, until=noon)) == {early: False}
    assert verdicts(people(service, site_id=site.id)) == {early: False}
    assert [case.comment_id for case in replayed(service, since=noon)] == [late]
    assert [case.comment_id for case in replayed(service, site_id=site.id)] == [early]
    assert replayed(service, since=noon + timedelta(days=1)) == []


def test_near_copies_are_told(service: Service, site: SiteKit) -> None:
    ids = post(service, site, "Buy now at www.one.example", "buy NOW at www.two.example", "Other")
    for comment_id in ids:
        decide(service, comment_id, Action.REJECT)
    prints = [one.likeness for one in people(service)]
    assert prints[0] == prints[1] != prints[2]


def test_the_scores_are_those_of_the_text_that_was_decided(service: Service, site: SiteKit) -> None:
    """Those in force then, and those a comparison set beside them later; never of another text."""
    (comment_id,) = post(service, site, "a rude text")
    decide(service, comment_id, Action.REJECT)
    ((first,),) = [one.readings for one in people(service)]
    assert (first.model_version, first.scores["toxicity"]) == ("fake/1", 0.6)
    with service.database.read() as session:
        period = rescoring.Wanted()
        page = rescoring.of_period(session, period, models=rescoring.Models("fake/2"), limit=10)
    with service.database.write() as session:
        newer = Assessment(dict.fromkeys(LABELS, FAINT) | {"toxicity": 0.8}, "fake/2")
        rescoring.compare(session, service.wiring.policies, [(page[0], newer)], now=service.clock())
    (readings,) = [one.readings for one in people(service)]
    assert {r.model_version: r.scores["toxicity"] for r in readings} == {
        "fake/1": 0.6,
        "fake/2": 0.8,
    }


def test_what_had_no_scores_has_none(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "it fails")
    for _ in range(10):
        service.clock.advance(hours=1)
        service.judge_all()
    decide(service, comment_id, Action.APPROVE)
    assert [one.readings for one in people(service)] == [()]
    (case,) = replayed(service)
    assert case.assessment is None


# --- What was decided by whomever ---------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 100])
def test_cases_tell_what_a_policy_decides_by(service: Service, site: SiteKit, limit: int) -> None:
    service.make_article(site, "open", policy="open")
    (machine,) = post(service, site, "by machine", article="open")
    first, second = post(service, site, "f.o.o.l https://a.example", "a rude one")
    waiting, guests = *post(service, site, "waits"), *post(service, site, "guest", by=GUEST)
    decide(service, first, Action.APPROVE)
    decide(service, second, Action.REJECT)
    decide(service, guests, Action.APPROVE)
    found = {case.comment_id: case for case in replayed(service, limit=limit)}
    assert set(found) == {machine, first, second, guests}
    assert waiting not in found
    told = {i: (str(c.status), str(c.decided_by)) for i, c in found.items()}
    assert told[machine] == ("approved", "policy")
    assert told[first] == ("approved", "moderator")
    assert told[second] == ("rejected", "moderator")
    context = found[first].context(found[first].assessment, fold=True)
    assert (context.link_count, "fool" in context.folded_body) == (1, True)
    assert found[second].assessment.scores["toxicity"] == 0.6
    assert found[second].assessment.model_version == "fake/1"
    # Of the author's approved comments those that came before.
    counts = {i: c.author_approved_count for i, c in found.items()}
    assert counts == {machine: 0, first: 1, second: 2, guests: 0}
    assert [c.is_guest for c in found.values()].count(True) == 1


def test_what_was_undone_or_taken_back_is_no_case(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "a text")
    decide(service, comment_id, Action.APPROVE)
    assert len(replayed(service)) == 1
    undo(service, comment_id)
    assert replayed(service) == []
