"""What a changed policy would have done to the comments decided last."""

from __future__ import annotations

import dataclasses

import pytest
from factories import Service, SiteKit
from sqlalchemy import event

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.comment import Status
from moderation.domain.decision import Action
from moderation.domain.policy import Outcome, Policy, Thresholds
from moderation.domain.staff import Principal, Scope
from moderation.services import intake, policy_studies, policy_trials, review, sites
from moderation.services.intake import Submission
from moderation.services.policy_studies import Wanted
from moderation.services.review import Order

READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
MODERATOR = Principal("staff:m", "Mo", frozenset({Scope.QUEUE, Scope.DECISIONS}))
APPROVE, QUEUE, REJECT = Outcome.APPROVE, Outcome.QUEUE, Outcome.REJECT


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site(policy="strict")


@pytest.fixture
def before(service: Service) -> Policy:
    policy = service.wiring.policy_files["assisted"]
    return dataclasses.replace(policy, trusted_after=0)


def post(service: Service, site: SiteKit, body: str, action: Action | None) -> str:
    with service.database.write() as session:
        found = sites.by_id(session, site.id)
        submission = Submission("story", body, READER)
        posted = intake.submit(session, found, submission, now=service.clock()).comment_id
    service.judge_all()
    if action is not None:
        order = Order(posted, action, service.comment(posted).version)
        with service.database.write() as session:
            review.decide(session, MODERATOR, [order], now=service.clock())
    service.clock.advance(seconds=1)
    return posted


def bodies(cases: list[policy_studies.Case]) -> list[str]:
    return [case.body for case in cases]


def test_the_last_decided_come_latest_first_and_no_more_than_asked(
    service: Service, site: SiteKit
) -> None:
    for body, action in (
        ("first", Action.APPROVE),
        ("waits", None),
        ("second", Action.REJECT),
        ("third", Action.APPROVE),
    ):
        post(service, site, body, action)
    with service.database.read() as session:
        now = service.clock()
        assert bodies(policy_trials.last_decided(session, now=now)) == ["third", "second", "first"]
        assert bodies(policy_trials.last_decided(session, now=now, limit=2)) == ["third", "second"]
        wanted = Wanted(now)
        approved = policy_studies.last_cases(session, wanted, limit=9, status=Status.APPROVED)
        assert bodies(approved) == ["third", "first"]
        assert policy_trials.last_decided(session, now=now, site_id="0" * 32) == []


def test_old_and_new_side_by_side(service: Service, site: SiteKit, before: Policy) -> None:
    """The fake judge gives "rude" 0.6, "awful" 0.97, and all else next to nothing."""
    wronged = post(service, site, "rude but right", Action.APPROVE)
    post(service, site, "rude and wrong", Action.REJECT)
    post(service, site, "awful", Action.REJECT)
    post(service, site, "kind", Action.APPROVE)
    limits = Thresholds(hold_at=0.5, approve_below=0.1, reject_at=0.6)
    after = dataclasses.replace(before, thresholds={**before.thresholds, "toxicity": limits})
    with service.database.read() as session:
        cases = policy_trials.last_decided(session, now=service.clock())
    trial = policy_trials.compare(before, after, cases)
    assert trial.total == 4
    assert [trial.before.number(o) for o in (APPROVE, QUEUE, REJECT)] == [1, 2, 1]
    assert [trial.after.number(o) for o in (APPROVE, QUEUE, REJECT)] == [1, 0, 3]
    assert trial.shift.verdicts[QUEUE, REJECT] == 2
    assert trial.contradictions == 1
    assert trial.changed[0].case.comment_id == wronged
    assert [one.contradicts for one in trial.changed] == [True, False]
    wrongly = policy_trials.errors(trial.after, REJECT)
    assert (wrongly.wrong, wrongly.of) == (1, 2)
    assert 0.9 < wrongly.bound < 1
    assert policy_trials.errors(trial.before, REJECT).wrong == 0
    assert policy_trials.errors(trial.after, APPROVE).of == 2


def test_what_policy_decided_contradicts_nobody(service: Service, before: Policy) -> None:
    site = service.make_site(policy="open")
    post(service, site, "kind words", None)
    after = dataclasses.replace(before, blocked_words=("kind",))
    with service.database.read() as session:
        cases = policy_trials.last_decided(session, now=service.clock())
    trial = policy_trials.compare(before, after, cases)
    assert trial.after.number(REJECT) == 1
    assert trial.contradictions == 0
    assert policy_trials.errors(trial.after, REJECT).of == 0


def test_words_are_found_in_disguise_too() -> None:
    entries = ("fool", "drop dead", "fox", "🖕")
    found = policy_trials.hits(entries, "You f00l, the fox 🖕 jumps: drop-DEAD!")
    assert {(hit.entry, hit.disguised) for hit in found} == {
        ("fool", True),
        ("fox", False),
        ("🖕", False),
        ("drop dead", False),
    }
    assert policy_trials.hits(entries, "foxes and deadlines") == []


def test_entries_that_approved_comments_are_full_of(service: Service, site: SiteKit) -> None:
    for number in range(3):
        post(service, site, f"The ferry number {number}", Action.APPROVE)
    post(service, site, "A f3rry of fools", Action.APPROVE)
    post(service, site, "fools, all of them", Action.REJECT)
    with service.database.read() as session:
        found = policy_trials.frequencies(session, ("fools", "ferry", "never"), now=service.clock())
    assert [(one.entry, one.found, one.of, one.is_high) for one in found] == [
        ("ferry", 4, 4, True),
        ("fools", 1, 4, True),
    ]


def test_the_last_verdicts_are_found_by_their_index(service: Service, site: SiteKit) -> None:
    """However many decisions only queued a comment."""
    post(service, site, "one", Action.APPROVE)
    seen: list[tuple[str, object]] = []

    def note(_c: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        seen.append((sql, values))

    event.listen(service.database.engine, "before_cursor_execute", note)
    try:
        with service.database.read() as session:
            policy_trials.last_decided(session, now=service.clock())
    finally:
        event.remove(service.database.engine, "before_cursor_execute", note)
    sql, values = next(one for one in seen if one[0].startswith("SELECT"))
    with service.database.engine.connect() as connection:
        if service.database.is_sqlite:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
        else:
            # So few rows are read whole, and sorted gladly; what is asked is whether the index
            # would do.
            for other in ("seqscan", "bitmapscan", "sort"):
                connection.exec_driver_sql(f"SET LOCAL enable_{other} = off")
            plan = connection.exec_driver_sql(f"EXPLAIN {sql}", values).all()
    assert "ix_decisions_verdicts" in str(plan), plan
    assert not any(word in str(plan) for word in ("ORDER BY", "Sort")), "all would be sorted first"
