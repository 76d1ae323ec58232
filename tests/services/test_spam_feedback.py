"""What moderators said of near copies, as a comment that is judged hears it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from factories import Service, SiteKit
from sqlalchemy import event, insert

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.base import new_id
from moderation.domain.comment import Comment
from moderation.domain.spam import Feedback, SpamFeedback
from moderation.services import intake, sites, spam_feedback
from moderation.services.intake import Submission
from moderation.services.spam_feedback import MAX_HEARD

FLOOD = 3000


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site()


def post(service: Service, site: SiteKit, number: int) -> list[str]:
    """Ids of that many comments, copies of one that was really posted."""
    reader = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
    with service.database.write() as session:
        found = sites.by_id(session, site.id)
        first = intake.submit(session, found, Submission("a", "B", reader), now=service.clock())
        session.flush()
        row = session.get_one(Comment, first.comment_id)
        told = {c.name: getattr(row, c.name) for c in Comment.__table__.c}
        others = [told | {"id": new_id()} for _ in range(number - 1)]
        if others:
            session.execute(insert(Comment.__table__), others)
    return [first.comment_id, *(other["id"] for other in others)]


def say(
    service: Service, site: SiteKit, words: list[tuple[str, str, str]], *, ids: list[str]
) -> None:
    """(word, likeness, fingerprint) of each comment, a second after the one before."""
    with service.database.write() as session:
        session.execute(
            insert(SpamFeedback.__table__),
            [
                {
                    "comment_id": comment_id,
                    "site_id": site.id,
                    "likeness": likeness,
                    "fingerprint": fingerprint,
                    "says": word,
                    "decided_at": service.clock() + timedelta(seconds=number),
                }
                for number, (comment_id, (word, likeness, fingerprint)) in enumerate(
                    zip(ids, words, strict=True)
                )
            ],
        )


def heard(service: Service, site: SiteKit, comment_id: str = "") -> tuple[int, int]:
    with service.database.read() as session:
        return spam_feedback.heard(
            session,
            site.id,
            "the cluster",
            "the letters",
            since=service.clock() - timedelta(days=1),
            comment_id=comment_id,
        )


def test_each_word_on_the_cluster_or_the_letters_is_heard_once(
    service: Service, site: SiteKit
) -> None:
    words = [
        (Feedback.SPAM, "the cluster", "other letters"),
        (Feedback.SPAM, "a cluster that is gone", "the letters"),
        (Feedback.HAM, "the cluster", "the letters"),
        (Feedback.HAM, "another", "other letters"),
    ]
    ids = post(service, site, len(words))
    say(service, site, words, ids=ids)
    assert heard(service, site) == (2, 1)
    assert heard(service, site, ids[0]) == (1, 1)
    assert heard(service, service.make_site()) == (0, 0)


def test_the_latest_words_of_both_kinds_are_heard(service: Service, site: SiteKit) -> None:
    half = MAX_HEARD // 2
    words = [
        *[(Feedback.SPAM, "the cluster", "other letters")] * MAX_HEARD,
        *[(Feedback.HAM, "a cluster that is gone", "the letters")] * half,
    ]
    say(service, site, words, ids=post(service, site, len(words)))
    assert heard(service, site) == (MAX_HEARD - half, half)


def test_hearing_reads_no_more_of_a_flood_than_is_heard(service: Service, site: SiteKit) -> None:
    words = [
        *[(Feedback.SPAM, "the cluster", "the letters")] * FLOOD,
        *((Feedback.HAM, f"cluster {number}", f"letters {number}") for number in range(FLOOD)),
    ]
    say(service, site, words, ids=post(service, site, len(words)))
    assert heard(service, site) == (MAX_HEARD, 0)
    seen: list[tuple[str, Any]] = []
    with service.database.write() as session:
        connection = session.connection()
        connection.exec_driver_sql("ANALYZE spam_feedback")

        @event.listens_for(connection, "before_cursor_execute")
        def keep(*told: Any) -> None:
            seen.append((told[2], told[3]))

        spam_feedback.heard(
            session,
            site.id,
            "the cluster",
            "the letters",
            since=service.clock() - timedelta(days=1),
            comment_id="",
        )
        [(statement, values)] = seen
        if connection.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
            steps = " ".join(row[3] for row in plan)
            for column in ("likeness", "fingerprint"):
                index = f"spam_feedback USING INDEX ix_spam_feedback_{column}"
                assert f"SEARCH {index} ((site_id,{column},decided_at)>(?,?,?)" in steps
            assert "MULTI-INDEX OR" not in steps
        else:
            explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            [plan] = connection.exec_driver_sql(explained, values).scalar_one()
            assert most_rows(plan["Plan"]) <= 2 * MAX_HEARD


def most_rows(step: dict[str, Any]) -> float:
    """The most rows that a step of PostgreSQL's plan has read."""
    read = step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
    return max([read, *map(most_rows, step.get("Plans", []))])
