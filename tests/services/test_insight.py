"""Insight: numbers that can be counted by hand, and that stay the same once they are tallied."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from factories import Service, SiteKit
from sqlalchemy import delete, select

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.decision import Action, DecidedBy, Decision
from moderation.domain.staff import Principal, Scope
from moderation.domain.tally import HIGHEST, WAIT_EDGES_S, Tally, TallyMark, wait_bin
from moderation.errors import UnknownSite
from moderation.services import insight, intake, review, sites, tallies
from moderation.services.insight import Insight, Wanted
from moderation.services.intake import Submission
from moderation.services.review import Order
from workers import upkeep

READER = Signature(AuthorKind.READER, identity="reader-1", name="Ada")
MODERATORS = frozenset({Scope.QUEUE, Scope.DECISIONS})
MO = Principal("staff:mo", "Mo", MODERATORS)
FLO = Principal("staff:flo", "Flo", MODERATORS)
ADMIN = Principal("staff:admin", "Admin", frozenset(Scope))
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass
class Desk:
    """A day at a desk: what readers and moderators do, and what insight says of it."""

    service: Service
    site: SiteKit

    def post(self, body: str = "fine", site: SiteKit | None = None, article: str = "story") -> str:
        with self.service.database.write() as session:
            found = sites.by_id(session, (site or self.site).id)
            new = intake.submit(
                session, found, Submission(article, body, READER), now=self.service.clock()
            )
        self.service.judge_all()
        return new.comment_id

    def decide(self, who: Principal, comment_id: str, action: Action, reason: str | None = None):
        order = Order(comment_id, action, self.service.comment(comment_id).version, reason=reason)
        with self.service.database.write() as session:
            (result,) = review.decide(session, who, [order], now=self.service.clock())
        assert result.problem is None
        return result.decision

    def undo(self, who: Principal, comment_id: str) -> None:
        with self.service.database.write() as session:
            last = session.scalars(
                select(Decision.id)
                .where(Decision.comment_id == comment_id)
                .order_by(Decision.version.desc())
                .limit(1)
            ).one()
            review.undo(session, who, last, now=self.service.clock())

    def later(self, **time: float) -> None:
        self.service.clock.advance(**time)

    def look(self, who: Principal = ADMIN, site: SiteKit | None = None) -> Insight:
        wanted = Wanted(NOON - timedelta(days=1), NOON + timedelta(days=30), site and site.id)
        with self.service.database.read() as session:
            return insight.insight(session, who, wanted)

    def waiting(self, who: Principal = ADMIN, site: SiteKit | None = None) -> insight.Now:
        with self.service.database.read() as session:
            return insight.waiting(session, who, site and site.id, now=self.service.clock())

    def tally(self) -> None:
        upkeep.tally_decisions(self.service.wiring)

    def forget_tallies(self) -> None:
        with self.service.database.write() as session:
            session.execute(delete(Tally))
            session.execute(delete(TallyMark))

    def mark(self) -> datetime | None:
        with self.service.database.read() as session:
            return session.scalar(select(TallyMark.until))


@pytest.fixture
def desk(service: Service) -> Desk:
    service.clock.now = NOON
    return Desk(service, service.make_site(name="Gazette"))


def overturned(seen: Insight, by: DecidedBy, action: Action) -> tuple[int, int, int]:
    (found,) = (o for o in seen.overturned if (o.decided_by, o.action) == (by, action))
    return found.number, found.by_another, found.by_themselves


def test_an_empty_installation_has_no_numbers_and_no_shares(desk: Desk) -> None:
    seen, now = desk.look(), desk.waiting()
    assert (seen.flow.arrived, seen.hours, seen.reasons, seen.articles) == (0, {}, [], [])
    assert seen.agreement.share is None
    assert seen.waits.within_s(0.5) is None
    assert (now.all.number, now.all.oldest, now.all.median) == (0, None, None)
    assert now.ages == [0, 0, 0, 0, 0]


def test_what_waits_and_for_how_long(desk: Desk) -> None:
    other = desk.service.make_site(name="Herald")
    for _ in range(2):
        desk.post()
    desk.later(hours=2)
    desk.post()
    desk.later(hours=3)
    desk.post(site=other)
    desk.decide(MO, desk.post(), Action.APPROVE)  # waits no longer

    now = desk.waiting()
    assert (now.all.number, now.all.oldest, now.all.median) == (4, NOON, NOON)
    told = [(w.site.name, w.number, w.median) for w in now.sites]
    assert told == [("Gazette", 3, NOON), ("Herald", 1, NOON + timedelta(hours=5))]
    assert now.ages == [1, 1, 2, 0, 0]

    assert now.escalated == 0

    alone = desk.waiting(site=other)
    assert [w.site.name for w in alone.sites] == ["Herald"]
    assert (alone.all.number, alone.ages) == (1, [1, 0, 0, 0, 0])


def test_what_waits_for_an_admin_is_told_apart(desk: Desk) -> None:
    first, _ = desk.post(), desk.post()
    desk.decide(MO, first, Action.ESCALATE)
    now = desk.waiting()
    assert (now.all.number, now.escalated) == (1, 1)
    assert desk.waiting(site=desk.service.make_site()).escalated == 0


def test_what_came_and_was_decided_hour_by_hour(desk: Desk) -> None:
    first, second = desk.post(), desk.post()
    desk.later(hours=1)
    desk.decide(MO, first, Action.APPROVE)
    desk.decide(MO, second, Action.REJECT)
    desk.post()
    hours = desk.look().hours
    assert hours[NOON] == insight.Flow(arrived=2)
    assert hours[NOON + timedelta(hours=1)] == insight.Flow(arrived=1, approved=1, rejected=1)


def test_an_arrival_belongs_to_the_hour_of_posting(desk: Desk) -> None:
    with desk.service.database.write() as session:
        site = sites.by_id(session, desk.site.id)
        intake.submit(session, site, Submission("story", "fine", READER), now=NOON)
    desk.later(hours=3)  # no worker ran
    desk.service.judge_all()
    assert desk.look().hours[NOON].arrived == 1


def test_the_policys_decisions_are_told_apart(desk: Desk) -> None:
    open_site = desk.service.make_site(policy="open")
    desk.post(site=open_site)
    seen = desk.look()
    assert (seen.flow.by_policy, seen.flow.approved) == (1, 0)
    assert seen.waits.number == 0


def test_how_long_it_took_from_posting_to_the_first_verdict(desk: Desk) -> None:
    ids = [desk.post() for _ in range(10)]
    desk.later(minutes=10)
    for comment_id in ids[:9]:
        desk.decide(MO, comment_id, Action.APPROVE)
    desk.undo(MO, ids[0])
    desk.later(hours=20)
    desk.decide(MO, ids[0], Action.REJECT)  # not its first verdict
    desk.decide(MO, ids[9], Action.APPROVE)
    waits = desk.look().waits
    assert waits.number == 10
    assert waits.within_s(0.5) == pytest.approx(600, rel=0.3)
    assert waits.within_s(1.0) == pytest.approx(20 * 3600 + 600, rel=0.3)


def test_bins_of_waits_hold_what_they_say() -> None:
    assert list(WAIT_EDGES_S) == sorted(set(WAIT_EDGES_S))
    for seconds in (0, 1, 59, 60, 61, 3600, 250_000):
        place = wait_bin(seconds)
        assert WAIT_EDGES_S[place] <= seconds < WAIT_EDGES_S[place + 1]
    assert wait_bin(10**9) == len(WAIT_EDGES_S) - 1
    assert wait_bin(-1) == 0


def test_waits_in_between() -> None:
    waits = insight.Waits({wait_bin(30): 2, wait_bin(600): 5, wait_bin(10**9): 1})
    assert waits.between(0, 60) == 2
    assert waits.between(600, 3600) == 5
    assert waits.between(86_400, float("inf")) == 1
    assert waits.within_s(1.0) == WAIT_EDGES_S[-1]


def test_agreement_with_what_the_scores_suggested(desk: Desk) -> None:
    desk.decide(MO, desk.post("fine"), Action.APPROVE)
    desk.decide(MO, desk.post("a fine thing"), Action.REJECT)
    desk.decide(MO, desk.post("rude"), Action.REJECT)  # toxicity 0.6, insult 0.55
    desk.decide(MO, desk.post("awful"), Action.APPROVE)  # toxicity 0.97
    desk.decide(MO, desk.post("awful spam"), Action.REJECT)
    seen = desk.look()
    assert seen.agreement == insight.Agreement(
        approved_clear=1, rejected_high=2, approved_high=1, rejected_clear=1, not_scored=0
    )
    assert seen.agreement.share == pytest.approx(3 / 5)
    bands = {label: [(b.approved, b.rejected) for b in seen.bands[label]] for label in seen.bands}
    none = (0, 0)
    assert bands["toxicity"] == [(1, 1), *[none] * 5, (0, 1), none, none, (1, 1)]
    assert bands["insult"][5] == (0, 1)
    assert bands[HIGHEST][9] == (1, 1)
    assert seen.bands["toxicity"][6].share == 1.0
    assert seen.bands["toxicity"][3].share is None


def test_what_was_not_scored_neither_agrees_nor_disagrees(desk: Desk) -> None:
    with desk.service.database.write() as session:
        site = sites.by_id(session, desk.site.id)
        submission = Submission("story", "it fails", READER)
        comment_id = intake.submit(session, site, submission, now=NOON).comment_id
    for _ in range(desk.service.wiring.settings.scoring_max_attempts):
        desk.service.judge_all()
        desk.later(minutes=10)
    desk.decide(MO, comment_id, Action.REJECT)
    assert desk.look().agreement == insight.Agreement(0, 0, 0, 0, not_scored=1)


def test_overturning_is_counted_with_the_decision_that_was_overturned(desk: Desk) -> None:
    ids = [desk.post() for _ in range(4)]
    for comment_id in ids:
        desk.decide(MO, comment_id, Action.APPROVE)
    desk.later(days=1)
    desk.undo(MO, ids[0])  # a slip, mended
    desk.undo(FLO, ids[1])
    desk.decide(FLO, ids[2], Action.REJECT)
    seen = desk.look()
    assert overturned(seen, DecidedBy.MODERATOR, Action.APPROVE) == (4, 2, 1)
    assert overturned(seen, DecidedBy.MODERATOR, Action.REJECT) == (1, 0, 0)

    desk.undo(FLO, ids[2])  # so Mo was right after all
    seen = desk.look()
    assert overturned(seen, DecidedBy.MODERATOR, Action.APPROVE) == (4, 1, 1)
    assert overturned(seen, DecidedBy.MODERATOR, Action.REJECT) == (1, 0, 1)

    desk.undo(MO, ids[1])  # and undoing Flo's undoing puts the approval back
    assert overturned(desk.look(), DecidedBy.MODERATOR, Action.APPROVE) == (4, 0, 1)
    with desk.service.database.read() as session:
        day_one = Wanted(NOON, NOON + timedelta(hours=1))
        found = insight.insight(session, ADMIN, day_one)
    assert overturned(found, DecidedBy.MODERATOR, Action.APPROVE) == (4, 0, 1)


def test_the_policys_decisions_that_moderators_overturn(desk: Desk) -> None:
    open_site = desk.service.make_site(policy="open")
    ids = [desk.post(site=open_site) for _ in range(3)]
    desk.later(hours=5)
    desk.decide(MO, ids[0], Action.REJECT)
    assert overturned(desk.look(), DecidedBy.POLICY, Action.APPROVE) == (3, 1, 0)


def test_reasons_the_most_frequent_first(desk: Desk) -> None:
    for reason in ("Insult", "Off topic", "Insult", None):
        desk.decide(MO, desk.post(), Action.REJECT, reason)
    assert desk.look().reasons[0] == ("Insult", 2)
    assert set(desk.look().reasons[1:]) == {("Off topic", 1), ("", 1)}


def test_each_sees_their_own_beside_the_teams_and_admins_see_all(desk: Desk) -> None:
    anna = desk.service.make_staff("anna@news.example")
    own = Principal(f"staff:{anna.id}", anna.name, MODERATORS)
    for who, number in ((own, 3), (FLO, 2)):
        for _ in range(number):
            desk.decide(who, desk.post(), Action.APPROVE)
    wrong = desk.post()
    desk.decide(own, wrong, Action.REJECT)
    desk.undo(FLO, wrong)

    seen = desk.look(own)
    assert [(p.key, p.approved, p.rejected, p.overturned) for p in seen.people] == [
        (own.key, 3, 1, 1)
    ]
    assert (seen.team.approved, seen.team.rejected, seen.team.undone) == (5, 1, 1)
    every = desk.look(ADMIN).people
    assert [(p.name, p.number) for p in every] == [(anna.name, 4), (None, 2)]
    assert [p.number for p in desk.look(MO).people] == [0]


def test_the_busiest_articles(desk: Desk) -> None:
    for number in range(3):
        desk.post(article="busy")
        desk.decide(MO, desk.post(article=f"calm-{number}"), Action.APPROVE)
    desk.decide(MO, desk.post("rude", article="busy"), Action.REJECT)
    first, *others = desk.look().articles
    assert (first.article.external_id, first.arrived, first.rejected) == ("busy", 4, 1)
    assert len(others) == 3


def test_whoever_sees_one_site_hears_of_that_alone(desk: Desk) -> None:
    other = desk.service.make_site(name="Herald")
    desk.post()
    desk.post(site=other)
    desk.later(hours=2)
    for _ in range(2):  # counted by the page itself, then from the tallies
        only = Principal("staff:o", "Otto", MODERATORS, frozenset({other.id}))
        assert desk.look(only).flow.arrived == 1
        assert desk.look(ADMIN, site=other).flow.arrived == 1
        assert desk.look(ADMIN).flow.arrived == 2
        assert [w.site.name for w in desk.waiting(only).sites] == ["Herald"]
        for ask in (desk.look, desk.waiting):
            with pytest.raises(UnknownSite):
                ask(only, site=desk.site)
        desk.tally()


# --- Tallies ------------------------------------------------------------------------------------


def test_a_decision_is_tallied_only_when_it_is_some_minutes_old(desk: Desk) -> None:
    desk.post()
    desk.later(minutes=4)
    desk.post()
    desk.tally()
    assert desk.mark() is None
    desk.later(minutes=2)
    desk.tally()
    assert desk.mark() == NOON + timedelta(minutes=1)
    assert desk.look().flow.arrived == 2
    desk.later(hours=1)
    desk.tally()
    assert desk.look().flow.arrived == 2


def test_of_two_workers_that_counted_the_same_hour_one_writes(desk: Desk) -> None:
    desk.post()
    desk.later(hours=2)
    with desk.service.database.read() as session:
        counted = tallies.look(session, now=desk.service.clock(), limit=10)
    assert counted is not None
    for expected in (True, False):
        with desk.service.database.write() as session:
            assert tallies.settle(session, counted) is expected
    assert desk.look().flow.arrived == 1


def test_a_long_backlog_is_counted_in_turns_and_the_page_says_how_far_it_got(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(15):
        desk.decide(MO, desk.post(), Action.APPROVE)
        desk.later(hours=1)
    monkeypatch.setattr(insight, "MAX_RECENT", 20)
    monkeypatch.setattr(upkeep, "TALLIED_AT_ONCE", 6)
    monkeypatch.setattr(upkeep, "MAX_TALLYINGS", 4)
    seen = desk.look()
    assert (seen.flow.arrived, seen.flow.approved) == (10, 10)
    assert seen.until == NOON + timedelta(hours=10)
    announced = desk.service.announcer.announced
    announced.clear()
    desk.tally()
    assert announced == ["insight.tally"]
    assert desk.mark() == NOON + timedelta(hours=12)
    desk.tally()
    assert announced == ["insight.tally"]
    seen = desk.look()
    assert (seen.flow.arrived, seen.flow.approved, seen.until) == (15, 15, None)


def test_tallied_or_not_the_numbers_are_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two days of a busy desk, tallied every now and then: nothing is lost or counted twice."""
    chance = random.Random(4)
    places = [desk.site, desk.service.make_site(policy="open"), desk.service.make_site()]
    texts = ["fine", "rude", "awful", "spam", "a threat"]
    posted: list[str] = []
    monkeypatch.setattr(upkeep, "TALLIED_AT_ONCE", 9)
    for step in range(220):
        posted.append(desk.post(chance.choice(texts), chance.choice(places), f"a{step % 7}"))
        who = chance.choice([MO, FLO])
        comment_id = chance.choice(posted)
        comment = desk.service.comment(comment_id)
        if chance.random() < 0.3 and comment.version > 2:
            desk.undo(who, comment_id)
        else:
            action = chance.choice([Action.APPROVE, Action.REJECT])
            if comment.status != review.OUTCOME[action]:
                desk.decide(who, comment_id, action, chance.choice([None, "Insult", "Spam"]))
        desk.later(minutes=chance.choice([1, 5, 30]))
        if chance.random() < 0.2:
            desk.tally()
    tallied = {site and site.id: desk.look(site=site) for site in (None, *places)}
    assert desk.mark() is not None
    desk.forget_tallies()
    for site in (None, *places):
        counted, before = desk.look(site=site), tallied[site and site.id]
        assert sorted(counted.reasons) == sorted(before.reasons)
        for name in ("flow", "hours", "agreement", "bands", "overturned", "people", "team"):
            assert getattr(counted, name) == getattr(before, name), name
        assert counted.waits == before.waits
        assert {a.article.id: a.arrived for a in counted.articles} == {
            a.article.id: a.arrived for a in before.articles
        }
