"""Taking comments as jobs, and what may be written about them afterwards."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from factories import Service, SiteKit
from fakes import FakeJudge
from sqlalchemy import func, select

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.decision import Decision
from moderation.domain.score import Judgement
from moderation.domain.staff import Principal, Scope
from moderation.services import authorship, intake, judging, queue, sites
from moderation.services.authorship import Proof
from moderation.services.intake import Submission
from moderation.services.judging import Job, Outcomes

LEASE_S = 60
READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


def post(service: Service, site: SiteKit, *bodies: str) -> list[str]:
    """Store comments, a second apart; their ids."""
    ids = []
    for body in bodies:
        with service.database.write() as session:
            submission = Submission("story", body, READER)
            found = sites.by_id(session, site.id)
            ids.append(intake.submit(session, found, submission, now=service.clock()).comment_id)
        service.clock.advance(seconds=1)
    return ids


def take(service: Service, *, limit: int = 64) -> list[Job]:
    with service.database.write() as session:
        return judging.take_jobs(session, now=service.clock(), limit=limit, lease_s=LEASE_S)


def record(service: Service, jobs: list[Job]) -> Outcomes:
    """Write what the fake judge says of them."""
    assessed = list(zip(jobs, FakeJudge().assess([job.body for job in jobs]), strict=True))
    with service.database.write() as session:
        return judging.record(session, service.wiring.policies, assessed, now=service.clock())


def fail(service: Service, jobs: list[Job], *, max_attempts: int = 3) -> Outcomes:
    with service.database.write() as session:
        return judging.give_up_or_retry(
            session,
            service.wiring.policies,
            jobs,
            now=service.clock(),
            max_attempts=max_attempts,
            retry_s=5,
        )


def number_of(service: Service, table: type) -> int:
    with service.database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


# --- Taking ------------------------------------------------------------------------------------


def test_jobs_are_taken_oldest_first_and_no_more_than_the_limit(
    service: Service, site: SiteKit
) -> None:
    ids = post(service, site, *(f"number {n}" for n in range(5)))
    assert [job.comment_id for job in take(service, limit=3)] == ids[:3]
    assert [job.comment_id for job in take(service, limit=3)] == ids[3:]
    assert take(service) == []


def test_a_job_says_what_is_to_be_scored(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "a body")
    (job,) = take(service)
    assert (job.comment_id, job.body, job.version, job.attempt) == (comment_id, "a body", 1, 1)


def test_threads_that_take_at_once_get_different_jobs(service: Service, site: SiteKit) -> None:
    ids = post(service, site, *(f"number {n}" for n in range(60)))
    start = threading.Barrier(6)

    def drain(_: int) -> list[str]:
        taken: list[str] = []
        start.wait()
        # On PostgreSQL a look may find all rows locked by others and yet not the last of them.
        for _round in range(30):
            taken += [job.comment_id for job in take(service, limit=4)]
        return taken

    with ThreadPoolExecutor(6) as pool:
        shares = list(pool.map(drain, range(6)))
    assert sorted(comment_id for share in shares for comment_id in share) == sorted(ids)


def test_on_postgresql_a_worker_does_not_wait_for_another_that_is_taking(
    service: Service, site: SiteKit
) -> None:
    if service.database.is_sqlite:
        pytest.skip("SQLite has one writer at a time; there it does wait")
    ids = post(service, site, "one", "two", "three")
    with service.database.write() as session:
        first = judging.take_jobs(session, now=service.clock(), limit=2, lease_s=LEASE_S)
        second = take(service)  # while the first transaction is still open
    assert [job.comment_id for job in first] == ids[:2]
    assert [job.comment_id for job in second] == ids[2:]


def test_a_lease_keeps_others_away_until_it_ends(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "a body")
    take(service)
    service.clock.advance(seconds=LEASE_S - 1)
    assert take(service) == []
    service.clock.advance(seconds=1)
    (again,) = take(service)
    assert (again.comment_id, again.attempt) == (comment_id, 2)


def test_what_was_tried_before_is_taken_alone_and_in_its_turn(
    service: Service, site: SiteKit
) -> None:
    tried = post(service, site, "one", "two")
    take(service)
    service.clock.advance(seconds=LEASE_S + 1)
    new = post(service, site, "three", "four")
    # A stream of new comments never holds up what is due again.
    alone = [[job.comment_id for job in take(service)] for _ in range(2)]
    assert sorted(alone) == [[tried[0]], [tried[1]]]
    assert [job.comment_id for job in take(service)] == new
    assert take(service) == []


def test_nothing_is_due_before_a_comment_is_and_after_it_was_taken(
    service: Service, site: SiteKit
) -> None:
    def any_due() -> bool:
        with service.database.read() as session:
            return judging.any_due(session, now=service.clock())

    assert not any_due()
    post(service, site, "a body")
    assert any_due()
    take(service)
    assert not any_due()
    service.clock.advance(seconds=LEASE_S)
    assert any_due()


# --- Writing -----------------------------------------------------------------------------------


def test_a_verdict_is_written_with_its_scores_rule_and_versions(
    service: Service, site: SiteKit
) -> None:
    (comment_id,) = post(service, site, "an awful comment")
    outcomes = record(service, take(service))

    assert outcomes.judged[comment_id].action == "queue"
    comment = service.comment(comment_id)
    assert (comment.status, comment.version, comment.not_scored) == ("queued", 2, False)
    assert comment.score_due_at is None
    with service.database.read() as session:
        (judgement,) = session.scalars(select(Judgement))
        (decision,) = session.scalars(select(Decision))
    assert judgement.scores["toxicity"] == pytest.approx(0.97)
    assert judgement.rule == "every_comment_waits"
    assert judgement.model_version == "fake/1"
    assert (judgement.spans, judgement.language, judgement.unsupported) == ([[3, 8]], "en", None)
    assert judgement.policy == "strict"
    assert (decision.decided_by, decision.version) == ("policy", 2)
    assert comment.judgement_id == decision.judgement_id == judgement.id


@pytest.mark.parametrize("policy", ["strict", "assisted", "open"])
def test_what_no_model_is_made_for_waits_under_every_policy_with_its_scores(
    service: Service, policy: str
) -> None:
    foreign = service.make_site(policy=policy)
    post(service, foreign, "awful kissa")
    (verdict,) = record(service, take(service)).judged.values()
    assert (verdict.action, verdict.rule) == ("queue", "unsupported")
    with service.database.read() as session:
        (judgement,) = session.scalars(select(Judgement))
    assert (judgement.language, judgement.unsupported) == ("fi", "language")
    assert judgement.scores["toxicity"] == pytest.approx(0.97)


def test_an_article_may_follow_a_policy_of_its_own(service: Service, site: SiteKit) -> None:
    service.make_article(site, "story", policy="open")
    (comment_id,) = post(service, site, "a fine comment")
    record(service, take(service))
    assert service.comment(comment_id).status == "approved"


def test_a_policy_that_is_gone_means_that_a_person_decides(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "a fine comment")
    with service.database.write() as session:
        sites.by_id(session, site.id).policy = "abandoned"
    record(service, take(service))
    assert service.comment(comment_id).status == "queued"


def test_a_result_after_the_lease_is_dropped_where_another_worker_has_the_job(
    service: Service, site: SiteKit
) -> None:
    post(service, site, "a body")
    late = take(service)
    service.clock.advance(seconds=LEASE_S)
    other = take(service)

    assert record(service, late) == Outcomes({}, stale=1)
    assert fail(service, late).stale == 1
    assert number_of(service, Judgement) == 0

    assert record(service, other).stale == 0
    assert record(service, late).stale == 1
    assert number_of(service, Judgement) == number_of(service, Decision) == 1


def test_a_result_after_the_lease_still_counts_while_nobody_else_has_the_job(
    service: Service, site: SiteKit
) -> None:
    (comment_id,) = post(service, site, "a body")
    jobs = take(service)
    service.clock.advance(seconds=LEASE_S + 1)
    assert record(service, jobs).stale == 0
    assert service.comment(comment_id).status == "queued"
    assert take(service) == []


def test_the_result_for_a_text_edited_meanwhile_is_dropped(service: Service, site: SiteKit) -> None:
    service.make_article(site, "story", policy="open")
    (comment_id,) = post(service, site, "a fine comment")
    old = take(service)
    with service.database.write() as session:
        authorship.edit(
            session,
            service.wiring.keyring,
            sites.by_id(session, site.id),
            comment_id,
            Proof(signature=READER),
            "an awful comment",
            now=service.clock(),
        )

    assert record(service, old).stale == 1
    assert fail(service, old).stale == 1
    assert service.comment(comment_id).status == "pending"

    (new,) = take(service)
    assert (new.body, new.version, new.attempt) == ("an awful comment", 2, 1)
    record(service, [new])
    assert service.comment(comment_id).status == "queued"
    with service.database.read() as session:
        assert [j.comment_version for j in session.scalars(select(Judgement))] == [2]


def test_the_result_for_a_comment_withdrawn_meanwhile_is_dropped(
    service: Service, site: SiteKit
) -> None:
    service.make_article(site, "story", policy="open")
    (comment_id,) = post(service, site, "a fine comment")
    jobs = take(service)
    with service.database.write() as session:
        authorship.withdraw(
            session,
            service.wiring.keyring,
            sites.by_id(session, site.id),
            comment_id,
            Proof(signature=READER),
            now=service.clock(),
        )
    assert record(service, jobs).stale == 1
    assert service.comment(comment_id).status == "withdrawn"
    service.clock.advance(seconds=LEASE_S)
    assert take(service) == []


# --- Failing -----------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["strict", "assisted", "open"])
def test_after_the_last_failed_try_a_person_decides(
    service: Service, site: SiteKit, policy: str
) -> None:
    service.make_article(site, "story", policy=policy)
    (comment_id,) = post(service, site, "a fine comment")
    for wait_s in (5, 10):
        assert fail(service, take(service)).retried == 1
        service.clock.advance(seconds=wait_s - 1)
        assert take(service) == []
        service.clock.advance(seconds=1)
    outcomes = fail(service, take(service))

    assert outcomes.judged[comment_id].rule == "not_scored"
    comment = service.comment(comment_id)
    assert (comment.status, comment.not_scored) == ("queued", True)
    service.clock.advance(seconds=LEASE_S)
    assert take(service) == []


def test_an_edited_comment_has_all_its_tries_again(service: Service, site: SiteKit) -> None:
    (comment_id,) = post(service, site, "a body")
    fail(service, take(service), max_attempts=1)
    assert service.comment(comment_id).not_scored
    with service.database.write() as session:
        authorship.edit(
            session,
            service.wiring.keyring,
            sites.by_id(session, site.id),
            comment_id,
            Proof(signature=READER),
            "another body",
            now=service.clock(),
        )
    (job,) = take(service)
    assert job.attempt == 1
    record(service, [job])
    assert not service.comment(comment_id).not_scored


def test_not_scored_comments_can_be_asked_for(service: Service, site: SiteKit) -> None:
    scored, failed = post(service, site, "one", "two")
    first, second = take(service)
    record(service, [first])
    fail(service, [second], max_attempts=1)
    moderator = Principal("token:t", "T", frozenset({Scope.QUEUE}))

    def ids(wanted: bool | None) -> set[str]:
        with service.database.read() as session:
            keyring = service.wiring.keyring
            chosen = queue.QueueFilter(not_scored=wanted)
            page = queue.page(session, keyring, moderator, chosen, now=service.clock())
            return {item.comment.id for item in page.items}

    assert (ids(True), ids(False), ids(None)) == ({failed}, {scored}, {scored, failed})
