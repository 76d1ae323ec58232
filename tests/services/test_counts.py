"""Public counts are exact, in the end and at every moment in between."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from factories import Service, SiteKit
from sqlalchemy import func, select, update

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.comment import Comment, Status
from moderation.domain.decision import Action, Decision
from moderation.domain.site import Article
from moderation.domain.staff import Principal, Scope
from moderation.errors import NotEditable, StaleVersion
from moderation.services import authorship, counts, intake, judging, review, sites
from moderation.services.authorship import Proof
from moderation.services.counts import Drift
from moderation.services.intake import Submission
from moderation.services.review import Order

ARTICLES = ("one", "two", "three")
MODERATOR = Principal("token:t", "T", frozenset({Scope.QUEUE, Scope.DECISIONS}))
READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
STEPS = 30


@dataclass
class Crowd:
    """Threads that do to a site's comments all that can be done to them, and one that counts."""

    service: Service
    site: SiteKit
    done: Counter[str] = field(default_factory=Counter)
    finished: threading.Event = field(default_factory=threading.Event)

    def post(self, chance: random.Random) -> None:
        with self.service.database.write() as session:
            submission = Submission(chance.choice(ARTICLES), "a fine comment", READER)
            site = sites.by_id(session, self.site.id)
            intake.submit(session, site, submission, now=self.service.clock())

    def judge(self, chance: random.Random) -> None:
        wiring, now = self.service.wiring, self.service.clock()
        with self.service.database.write() as session:
            jobs = judging.take_jobs(session, now=now, limit=chance.randint(1, 20), lease_s=60)
        assessed = list(zip(jobs, wiring.judge.assess([j.body for j in jobs]), strict=True))
        with self.service.database.write() as session:
            judging.record(session, wiring.policies, assessed, now=now)

    def decide(self, chance: random.Random) -> None:
        """Decide up to ten comments in no particular order, as they are seen now."""
        chosen = self._some(chance, 10)
        orders = [
            Order(c.id, chance.choice([Action.APPROVE, Action.REJECT]), c.version) for c in chosen
        ]
        with self.service.database.write() as session:
            results = review.decide(session, MODERATOR, orders, now=self.service.clock())
        self.done["decided"] += sum(result.problem is None for result in results)

    def undo(self, chance: random.Random) -> None:
        with self.service.database.read() as session:
            ids = session.scalars(select(Decision.id).where(Decision.actor == MODERATOR.key)).all()
        if not ids:
            return
        try:
            with self.service.database.write() as session:
                review.undo(session, MODERATOR, chance.choice(ids), now=self.service.clock())
            self.done["undone"] += 1
        except StaleVersion:
            pass

    def edit_or_withdraw(self, chance: random.Random) -> None:
        for comment in self._some(chance, 1):
            keyring, now = self.service.wiring.keyring, self.service.clock()
            proof = Proof(signature=READER)
            try:
                with self.service.database.write() as session:
                    site = sites.by_id(session, self.site.id)
                    if chance.random() < 0.3:
                        authorship.withdraw(session, keyring, site, comment.id, proof, now=now)
                    else:
                        body = f"edited {chance.random()}"
                        authorship.edit(session, keyring, site, comment.id, proof, body, now=now)
                self.done["edited or withdrawn"] += 1
            except NotEditable:
                pass

    def look(self) -> int:
        """Compare counts and comments at one moment after the other; how many moments."""
        looks = 0
        while not self.finished.is_set():
            self.assert_exact_now()
            looks += 1
        return looks

    def assert_exact_now(self) -> None:
        """In one snapshot, every count equals the number of approved comments."""
        engine = self.service.database.engine
        if not self.service.database.is_sqlite:  # there a transaction is a snapshot anyway
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with engine.connect() as connection:
            stored = dict(connection.execute(select(Article.id, Article.approved_count)).all())
            counted = Counter(
                connection.scalars(
                    select(Comment.article_id).where(Comment.status == Status.APPROVED)
                )
            )
        assert stored == {article_id: counted[article_id] for article_id in stored}

    def _some(self, chance: random.Random, most: int) -> list[Comment]:
        with self.service.database.read() as session:
            found = list(session.scalars(select(Comment)))
        return chance.sample(found, min(len(found), chance.randint(1, most)))


def test_counts_stay_exact_while_everything_happens_at_once(service: Service) -> None:
    site = service.make_site(policy="open")
    for article in ARTICLES:
        service.make_article(site, article)
    crowd = Crowd(service, site)
    for number in range(30):
        crowd.post(random.Random(number))
    crowd.judge(random.Random(0))

    def act(number: int, acts: list[Callable[[random.Random], None]]) -> None:
        chance = random.Random(number)
        for _ in range(STEPS):
            chance.choice(acts)(chance)

    with ThreadPoolExecutor(10) as pool:
        looking = pool.submit(crowd.look)
        working = [
            pool.submit(act, number, acts)
            for number, acts in enumerate(
                [[crowd.decide]] * 3
                + [[crowd.undo, crowd.decide]] * 2
                + [[crowd.edit_or_withdraw]] * 2
                + [[crowd.post, crowd.judge]] * 2
            )
        ]
        try:
            for one in working:
                one.result()  # raises what it raised: a deadlock, a lock's timeout, anything
        finally:
            crowd.finished.set()
        assert looking.result() > 3

    crowd.assert_exact_now()
    assert service.drift() == []
    # It was a crowd: all of it did happen.
    assert crowd.done["decided"] > 20
    assert crowd.done["undone"] > 0
    assert crowd.done["edited or withdrawn"] > 5


def test_orders_that_overlap_the_other_way_round_do_not_deadlock(service: Service) -> None:
    site = service.make_site()
    crowd = Crowd(service, site)
    for number in range(40):
        crowd.post(random.Random(number))
    service.judge_all()
    with service.database.read() as session:
        ids = list(session.scalars(select(Comment.id)))
    start = threading.Barrier(4)

    def decide(number: int) -> int:
        ordered = ids if number % 2 else ids[::-1]
        orders = [Order(comment_id, Action.APPROVE, 2) for comment_id in ordered]
        start.wait()
        with service.database.write() as session:
            results = review.decide(session, MODERATOR, orders, now=service.clock())
        return sum(result.problem is None for result in results)

    with ThreadPoolExecutor(4) as pool:
        approved = list(pool.map(decide, range(4)))
    # One of them was first; to the others everything was stale.
    assert sorted(approved) == [0, 0, 0, 40]
    with service.database.read() as session:
        assert session.scalar(select(func.sum(Article.approved_count))) == 40


def test_two_moderators_who_saw_the_same_version_cannot_both_decide(service: Service) -> None:
    site = service.make_site()
    Crowd(service, site).post(random.Random(0))
    service.judge_all()
    with service.database.read() as session:
        comment_id = session.scalars(select(Comment.id)).one()
    start = threading.Barrier(6)

    def decide(number: int) -> str:
        action = Action.APPROVE if number % 2 else Action.REJECT
        start.wait()
        with service.database.write() as session:
            order = Order(comment_id, action, 2)
            (result,) = review.decide(session, MODERATOR, [order], now=service.clock())
        return result.problem.code if result.problem else "ok"

    with ThreadPoolExecutor(6) as pool:
        answers = Counter(pool.map(decide, range(6)))
    assert answers == {"ok": 1, "stale_version": 5}


@pytest.mark.parametrize("stored", [0, 2])
def test_drift_is_found_in_both_directions(service: Service, stored: int) -> None:
    site = service.make_site(policy="open")
    Crowd(service, site).post(random.Random(0))
    service.judge_all()
    assert service.drift() == []
    with service.database.write() as session:
        session.execute(update(Article).values(approved_count=stored))
        article = session.scalars(select(Article)).one()
        found = counts.find_drift(session)
        assert found == [Drift(site.id, article.external_id, stored=stored, counted=1)]
        session.execute(update(Article).values(approved_count=1))
