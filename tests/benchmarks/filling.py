"""Filling our database as the service would leave it, but in bulk.

Every comment has its author, its judgement and its decisions, and every article its count, so
that `moderation counts check` passes on what is made here.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from corpus import remarks
from sqlalchemy import Connection, Engine, insert, text

from moderation.domain.author import Author, AuthorKind
from moderation.domain.base import Base, new_id
from moderation.domain.comment import Comment, Status
from moderation.domain.decision import Action, DecidedBy, Decision
from moderation.domain.score import Judgement
from moderation.domain.site import Article, Site
from moderation.labels import LABELS
from moderation.scoring.similarity import fingerprint

T = TypeVar("T")

START = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORS = 997
BATCH_ROWS = 2_000
COMMENTS_OF_AN_AUTHOR = 20
COMMENTS_OF_AN_ARTICLE = 50


def article_name(number: int) -> str:
    """The publisher's id of an article: as long as one usually is."""
    return f"article-{number}"


def publish(engine: Engine, site: Site, comments: int, articles: int) -> None:
    """Add approved comments, evenly over the articles, one second apart."""
    article_ids = [new_id() for _ in range(articles)]
    author_ids = [new_id() for _ in range(AUTHORS)]
    counts = [len(range(number, comments, articles)) for number in range(articles)]
    with engine.begin() as connection:
        _insert(
            connection,
            Article,
            (
                {
                    "id": article_ids[number],
                    "site_id": site.id,
                    "external_id": article_name(number),
                    "url": f"https://news.example/{article_name(number)}",
                    "title": f"Article {number}",
                    "state": "open",
                    "approved_count": counts[number],
                    "public_version": counts[number],
                    "created_at": START,
                }
                for number in range(articles)
            ),
        )
        _insert(
            connection,
            Author,
            (
                {
                    "id": author_ids[number],
                    "site_id": site.id,
                    "kind": AuthorKind.GUEST,
                    "identity": f"{number:032x}",
                    "name": f"Reader {number}",
                    "created_at": START,
                }
                for number in range(AUTHORS)
            ),
        )
        chance = random.Random(0)
        for batch in _batches(enumerate(islice(remarks(), comments))):
            rows = [
                _published(number, remark.text, site.id, article_ids, author_ids, chance)
                for number, remark in batch
            ]
            connection.execute(insert(Comment.__table__), [comment for comment, _, _ in rows])
            connection.execute(insert(Judgement.__table__), [judged for _, judged, _ in rows])
            connection.execute(
                insert(Decision.__table__), [one for _, _, both in rows for one in both]
            )


def _insert(connection: Connection, table: type[Base], rows: Iterator[dict[str, Any]]) -> None:
    for batch in _batches(rows):
        connection.execute(insert(table.__table__), batch)


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    waiting = iter(rows)
    while batch := list(islice(waiting, BATCH_ROWS)):
        yield batch


def _published(
    number: int,
    body: str,
    site_id: str,
    article_ids: list[str],
    author_ids: list[str],
    chance: random.Random,
) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """The rows of one comment: itself, its judgement, and both its decisions."""
    posted = START + timedelta(seconds=number)
    judged, decided = posted + timedelta(seconds=1), posted + timedelta(minutes=5)
    comment_id, judgement_id = new_id(), new_id()
    comment = {
        "id": comment_id,
        "site_id": site_id,
        "article_id": article_ids[number % len(article_ids)],
        "author_id": author_ids[number % AUTHORS],
        "body": body,
        "status": Status.APPROVED,
        "version": 3,
        "created_at": posted,
        "score_attempts": 1,
        "judgement_id": judgement_id,
        "not_scored": False,
        "fingerprint": fingerprint(body),
        "cluster_id": new_id(),  # clustered, or workers would begin to do so
        "rank_ms": int(posted.timestamp() * 1000),
    }
    judgement = {
        "id": judgement_id,
        "comment_id": comment_id,
        "comment_version": 1,
        "created_at": judged,
        "model_version": "compact/1",
        **{label: chance.random() for label in LABELS},
        "action": "queue",
        "rule": "everything_waits",
        "detail": "Every comment waits for a moderator",
        "reasons": ["likely_clean"],
        "thresholds": {"toxicity": {"hold_at": 0.5}},
        "policy": "strict",
        "policy_version": "1",
    }
    decision = {"comment_id": comment_id, "judgement_id": judgement_id}
    queued = {
        **decision,
        "id": new_id(),
        "action": Action.QUEUE,
        "decided_by": DecidedBy.POLICY,
        "actor": None,
        "actor_name": None,
        "previous_status": Status.PENDING,
        "status": Status.QUEUED,
        "version": 2,
        "created_at": judged,
    }
    approved = {
        **decision,
        "id": new_id(),
        "action": Action.APPROVE,
        "decided_by": DecidedBy.MODERATOR,
        "actor": "staff:0",
        "actor_name": "Moderator",
        "previous_status": Status.QUEUED,
        "status": Status.APPROVED,
        "version": 3,
        "created_at": decided,
    }
    return comment, judgement, [queued, approved]


# --- A long queue, made by PostgreSQL itself --------------------------------------------------

# md5 of a number serves as an id: 32 hexadecimal digits, as ours have.
_QUEUE: tuple[str, ...] = (
    # Rows right by construction need no look-up of each foreign key.
    "SET LOCAL session_replication_role = replica",
    "SET LOCAL statement_timeout = 0",
    """
    INSERT INTO articles (id, site_id, external_id, url, title, state, approved_count,
                          public_version, created_at)
    SELECT md5('article' || n), :site_id, 'article-' || n, 'https://news.example/article-' || n,
           'Article ' || n, 'open', 0, 0, :start
    FROM generate_series(0, :articles - 1) n
    """,
    """
    INSERT INTO authors (id, site_id, kind, identity, name, created_at)
    SELECT md5('author' || n), :site_id, 'guest', md5('identity' || n), 'Reader ' || n, :start
    FROM generate_series(0, :authors - 1) n
    """,
    """
    INSERT INTO comments (id, site_id, article_id, author_id, body, status, version, created_at,
                          score_attempts, judgement_id, not_scored, fingerprint, cluster_id,
                          rank_ms)
    SELECT md5('comment' || n), :site_id, md5('article' || n % :articles),
           md5('author' || n % :authors),
           'The council would rather mend the bridge than the budget, again and again ' || n,
           'queued', 2, posted, 1, md5('judgement' || n), false, left(md5('print' || n / 2), 16),
           md5('cluster' || n / 2),
           (extract(epoch FROM posted) * 1000)::bigint - 60000 * (n % 720 * 7 % 720)
    FROM generate_series(0, :comments - 1) n,
         LATERAL (SELECT CAST(:start AS timestamptz) + n * interval '1 second' AS posted) at
    """,
    """
    INSERT INTO judgements (id, comment_id, comment_version, created_at, model_version, toxicity,
                            severe_toxicity, obscene, threat, insult, identity_attack, spam,
                            action, rule, detail, reasons, thresholds, policy, policy_version)
    SELECT md5('judgement' || n), md5('comment' || n), 1,
           CAST(:start AS timestamptz) + (n + 1) * interval '1 second', 'compact/1',
           random(), random(), random(), random(), random(), random(), random(),
           'queue', 'everything_waits', 'Every comment waits for a moderator', '["borderline"]',
           '{"toxicity": {"hold_at": 0.5}}', 'strict', '1'
    FROM generate_series(0, :comments - 1) n
    """,
    """
    INSERT INTO decisions (id, comment_id, action, decided_by, previous_status, status, version,
                           judgement_id, created_at)
    SELECT md5('decision' || n), md5('comment' || n), 'queue', 'policy', 'pending', 'queued', 2,
           md5('judgement' || n), CAST(:start AS timestamptz) + (n + 1) * interval '1 second'
    FROM generate_series(0, :comments - 1) n
    """,
)


def queue_up(engine: Engine, site: Site, comments: int) -> None:
    """Add comments that wait for a moderator to a PostgreSQL database, and analyse it.

    Each author has 20, each article 50, and each comment one near-copy.
    """
    values = {
        "site_id": site.id,
        "start": START,
        "comments": comments,
        "articles": comments // COMMENTS_OF_AN_ARTICLE,
        "authors": comments // COMMENTS_OF_AN_AUTHOR,
    }
    with engine.begin() as connection:
        for statement in _QUEUE:
            clause = text(statement)
            needed = clause.compile().params.keys()
            connection.execute(clause, {name: values[name] for name in needed})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
