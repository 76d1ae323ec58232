"""Comments straight in the database: many, of every state and as a test wants them.

What is made here has a judgement each and counts that are right, and nothing else: it is there to
be looked at.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from factories import Service, SiteKit
from sqlalchemy import insert, update

from moderation.domain.author import Author, AuthorKind
from moderation.domain.base import new_id
from moderation.domain.comment import Comment, Status
from moderation.domain.score import Judgement
from moderation.domain.site import Article
from moderation.labels import LABELS


@dataclass
class Stock:
    """Articles and authors of some sites, and comments on them."""

    service: Service
    sites: list[SiteKit]
    people: int = 3
    """Authors of each site."""
    articles: dict[str, list[str]] = field(default_factory=dict)
    """Site id -> ids of its articles, which are outside called ``story-0``, ``story-1``, …"""
    authors: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        now = self.service.clock()
        with self.service.database.write() as session:
            for site in self.sites:
                articles = [
                    {
                        "id": new_id(),
                        "site_id": site.id,
                        "external_id": f"story-{number}",
                        "state": "open",
                        "approved_count": 0,
                        "public_version": 0,
                        "created_at": now,
                    }
                    for number in range(3)
                ]
                authors = [
                    {
                        "id": new_id(),
                        "site_id": site.id,
                        "kind": AuthorKind.GUEST,
                        "identity": new_id(),
                        "name": f"Reader {number}",
                        "name_key": f"reader {number}",
                        "created_at": now,
                    }
                    for number in range(self.people)
                ]
                session.execute(insert(Article.__table__), articles)
                session.execute(insert(Author.__table__), authors)
                self.articles[site.id] = [article["id"] for article in articles]
                self.authors[site.id] = [author["id"] for author in authors]

    def add(self, comments: Iterable[dict[str, Any]]) -> list[str]:
        """Add comments; ids in their order. Of each may be told:

        ``site``, ``article`` and ``author`` (numbers), ``status``, ``body``, ``posted``,
        ``rank_ms``, ``cluster_id``, ``scores`` (a number for every label, or None: not scored),
        ``reasons``, ``unsupported``, ``report_count``, ``escalated_at``, ``parent_id``.
        """
        rows, judgements = [], []
        approved: Counter[str] = Counter()
        for told in comments:
            site_id = self.sites[told.get("site", 0)].id
            posted: datetime = told.get("posted", self.service.clock())
            score = told.get("scores", 0.5)
            comment_id, judgement_id = new_id(), new_id()
            article_id = self.articles[site_id][told.get("article", 0)]
            status = told.get("status", Status.QUEUED)
            approved[article_id] += status is Status.APPROVED
            rows.append(
                {
                    "id": comment_id,
                    "site_id": site_id,
                    "article_id": article_id,
                    "author_id": self.authors[site_id][told.get("author", 0)],
                    "parent_id": told.get("parent_id"),
                    "body": told.get("body", "The council mends the bridge."),
                    "status": status,
                    "version": 2,
                    "created_at": posted,
                    "score_attempts": 1,
                    "judgement_id": judgement_id,
                    "not_scored": score is None,
                    "fingerprint": told.get("fingerprint", comment_id[-16:]),
                    "cluster_id": told.get("cluster_id"),
                    "rank_ms": told.get("rank_ms", int(posted.timestamp() * 1000)),
                    "report_count": told.get("report_count", 0),
                    "escalated_at": told.get("escalated_at"),
                }
            )
            judgements.append(
                {
                    "id": judgement_id,
                    "comment_id": comment_id,
                    "comment_version": 1,
                    "created_at": posted,
                    "model_version": None if score is None else "fake/1",
                    **dict.fromkeys(LABELS, score),
                    "unsupported": told.get("unsupported"),
                    "action": "queue",
                    "rule": "every_comment_waits",
                    "detail": "Every comment waits for a moderator",
                    "reasons": told.get("reasons", []),
                    "thresholds": {},
                    "policy": "strict",
                    "policy_version": "1",
                }
            )
        with self.service.database.write() as session:
            for start in range(0, len(rows), 500):
                session.execute(insert(Comment.__table__), rows[start : start + 500])
                session.execute(insert(Judgement.__table__), judgements[start : start + 500])
            for article_id, number in approved.items():
                session.execute(
                    update(Article)
                    .where(Article.id == article_id)
                    .values(approved_count=Article.approved_count + number)
                )
        return [row["id"] for row in rows]


def mixed(stock: Stock, number: int, seed: int = 0) -> list[dict[str, Any]]:
    """Comments of every kind, in no order: what ``Stock.add`` is told."""
    chance = random.Random(seed)
    clusters = [[new_id() for _ in range(4)] for _ in stock.sites]
    now = stock.service.clock()
    found = []
    for _ in range(number):
        site = chance.randrange(len(stock.sites))
        status = chance.choice(
            [Status.QUEUED] * 6 + [Status.APPROVED, Status.REJECTED, Status.PENDING]
        )
        posted = now - timedelta(minutes=chance.randrange(6000))
        waits = status is Status.QUEUED
        found.append(
            {
                "site": site,
                "article": chance.randrange(3),
                "author": chance.randrange(3),
                "status": status,
                "body": chance.choice(["A RIVER", "a river 100%", "Straße", "the_bridge", "no"]),
                "posted": posted,
                "rank_ms": int(posted.timestamp() * 1000) - 60_000 * chance.choice([0, 0, 90, 720]),
                "cluster_id": chance.choice([None, *clusters[site]]),
                "scores": chance.choice([None, 0.01, 0.2, 0.5, 0.9]),
                "reasons": chance.choice([[], ["guest"], ["link"], ["suspect_word"]]),
                "unsupported": chance.choice([None, None, "language"]),
                "report_count": chance.choice([0, 1, 3]) if status is Status.APPROVED else 0,
                "escalated_at": now if waits and chance.random() < 0.2 else None,
            }
        )
    return found
