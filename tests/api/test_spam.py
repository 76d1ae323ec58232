"""Spam scores as moderators see them: what they are made of, and how decisions change them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from checked_client import CheckedClient
from factories import Service, SiteKit, Token, comment_json

from moderation.domain.comment import Comment
from moderation.domain.spam import RecentPost, SpamFeedback
from moderation.services.spam_context import MAX_POSTS
from workers.upkeep import forget_traces

TEXT = "A word with all who have an advert to place here: our pens write by themselves."
COPY = "A word with all, who have an advert to place here — our pens write by themselves!!"


class Newsroom:
    """Readers who post on a site, its worker, and its moderator."""

    def __init__(self, service: Service, client: CheckedClient, token: Token) -> None:
        self.service, self.client, self.token = service, client, token
        self.numbers = iter(range(1, 1000))

    def post(self, site: SiteKit, body: str, *, address: str = "", **changes: Any) -> str:
        """Post a comment, by another guest from another address each time; its id."""
        number = next(self.numbers)
        told = {"author": {"name": f"Guest {number}"}} | changes
        answer = self.client.post(
            "/api/v1/comments",
            json=comment_json(body, **told),
            headers=site.headers(),
            environ_base={"REMOTE_ADDR": address or f"192.0.2.{number}"},
        )
        assert answer.status_code == 202, answer.text
        return answer.json["id"]

    def judged(self, site: SiteKit, body: str, **more: Any) -> dict[str, Any]:
        """Post a comment, let the worker judge it; its item in the queue."""
        comment_id = self.post(site, body, **more)
        self.service.judge_all()
        return self.item(comment_id)

    def item(self, comment_id: str) -> dict[str, Any]:
        answer = self.client.get("/api/v1/queue?limit=100", headers=self.token.headers)
        assert answer.status_code == 200, answer.text
        return next(item for item in answer.json["items"] if item["id"] == comment_id)

    def decide(self, item: dict[str, Any], action: str, **more: Any) -> dict[str, Any]:
        order = {"comment_id": item["id"], "version": item["version"], "action": action} | more
        answer = self.client.post(
            "/api/v1/decisions", json={"decisions": [order]}, headers=self.token.headers
        )
        result = answer.json["results"][0]
        assert result["ok"], result
        return result

    def undo(self, decision_id: str) -> str:
        """Undo a decision; the id of the decision that did it."""
        answer = self.client.post(
            f"/api/v1/decisions/{decision_id}/undo", headers=self.token.headers
        )
        assert answer.status_code == 200, answer.text
        return answer.json["decision_id"]


@pytest.fixture
def newsroom(service: Service, client: CheckedClient, token: Token) -> Newsroom:
    return Newsroom(service, client, token)


def part(item: dict[str, Any], name: str) -> float:
    """The log-odds that the named part added; 0 where it had no say."""
    return sum(part["log_odds"] for part in item["spam_parts"] if part["name"] == name)


def value(item: dict[str, Any], name: str) -> float:
    return sum(part["value"] for part in item["spam_parts"] if part["name"] == name)


# --- What is shown ------------------------------------------------------------------------------


def test_queue_and_history_show_what_a_spam_score_is_made_of(
    newsroom: Newsroom, site: SiteKit, client: CheckedClient, token: Token
) -> None:
    item = newsroom.judged(site, "Only an advert, see https://pens.example/buy")
    assert [part["name"] for part in item["spam_parts"]] == [
        "text",
        "links",
        "link_by_new_author",
        "new_author",
    ]
    assert value(item, "text") == 0.6
    assert item["scores"]["spam"] > 0.6

    answer = client.get(f"/api/v1/comments/{item['id']}/history", headers=token.headers)
    (entry,) = answer.json["items"]
    assert entry["spam_parts"] == item["spam_parts"]


def test_a_comment_that_was_not_scored_has_no_parts(newsroom: Newsroom, site: SiteKit) -> None:
    comment_id = newsroom.post(site, "This fails.")
    for _ in range(3):
        newsroom.service.judge_all()
        newsroom.service.clock.advance(minutes=5)
    assert newsroom.item(comment_id)["spam_parts"] == []


# --- Repetition and speed -----------------------------------------------------------------------


def test_near_copies_by_others_raise_the_score_also_within_a_batch(
    newsroom: Newsroom, site: SiteKit, foreign: SiteKit
) -> None:
    newsroom.post(foreign, TEXT)
    first = newsroom.judged(site, TEXT)
    newsroom.service.clock.advance(minutes=1)
    together = []
    for body in (COPY, TEXT):
        together.append(newsroom.post(site, body, article_id="story-2"))
        newsroom.service.clock.advance(seconds=1)
    newsroom.service.judge_all()
    second, third = map(newsroom.item, together)
    assert [value(item, "copies_by_others") for item in (first, second, third)] == [0, 1, 2]
    assert first["scores"]["spam"] < second["scores"]["spam"] < third["scores"]["spam"]


def test_copies_that_came_later_do_not_hide_the_earlier_ones(
    newsroom: Newsroom, site: SiteKit
) -> None:
    newsroom.judged(site, TEXT)
    service = newsroom.service
    service.clock.advance(minutes=1)
    late = newsroom.post(site, TEXT)
    with service.database.write() as session:
        session.get_one(Comment, late).score_due_at += timedelta(hours=2)
    for _ in range(MAX_POSTS + 1):
        service.clock.advance(seconds=1)
        newsroom.post(site, COPY)
    service.judge_all()
    service.clock.advance(hours=2)
    service.judge_all()
    assert value(newsroom.item(late), "copies_by_others") == 1


def test_an_authors_own_copies_are_told_apart_by_article(newsroom: Newsroom, site: SiteKit) -> None:
    grace: dict[str, Any] = {"author": {"name": "Grace"}, "address": "192.0.2.7"}
    newsroom.judged(site, TEXT, **grace)
    newsroom.service.clock.advance(seconds=5)
    item = newsroom.judged(site, TEXT, article_id="story-2", **grace)
    assert value(item, "copies_across_articles") == 1
    assert part(item, "copies_on_the_article") == part(item, "copies_by_others") == 0
    newsroom.service.clock.advance(seconds=5)
    item = newsroom.judged(site, TEXT, article_id="story-2", **grace)
    assert value(item, "copies_across_articles") == value(item, "copies_on_the_article") == 1


def test_copies_of_the_day_before_yesterday_are_forgotten(
    newsroom: Newsroom, site: SiteKit
) -> None:
    newsroom.judged(site, TEXT)
    newsroom.service.clock.advance(hours=30)
    assert part(newsroom.judged(site, TEXT), "copies_by_others") == 0


def test_what_was_judged_together_counts_only_if_it_was_posted_shortly_before(
    newsroom: Newsroom, site: SiteKit
) -> None:
    ada: dict[str, Any] = {"author": {"name": "Ada"}, "address": "192.0.2.9"}
    for number in range(9):
        newsroom.post(site, f"{TEXT} {number}", **ada)
    newsroom.service.clock.advance(hours=30)
    item = newsroom.judged(site, TEXT, **ada)
    assert {part["name"] for part in item["spam_parts"]} == {"text", "new_author"}


def test_posting_fast_raises_the_score_of_the_author_and_of_the_address(
    newsroom: Newsroom, site: SiteKit
) -> None:
    def five(**who: Any) -> dict[str, Any]:
        for number in range(5):
            newsroom.post(site, f"{'x' * number} something else to say about the ferry", **who)
        newsroom.service.clock.advance(seconds=1)
        return newsroom.judged(site, "And a last word on the ferry.", **who)

    item = five(author={"name": "Grace"}, address="192.0.2.7")
    assert (value(item, "author_rate"), part(item, "address_rate")) == (5, 0)
    newsroom.service.clock.advance(minutes=11)
    item = five(address="192.0.2.8")
    assert (part(item, "author_rate"), value(item, "address_rate")) == (0, 5)
    newsroom.service.clock.advance(minutes=11)
    item = five()
    assert part(item, "author_rate") == part(item, "address_rate") == 0


def test_the_page_may_say_how_long_the_typing_took(newsroom: Newsroom, site: SiteKit) -> None:
    assert part(newsroom.judged(site, TEXT, typing_ms=40), "typing_chars_per_s") > 0
    assert part(newsroom.judged(site, TEXT[::-1], typing_ms=40_000), "typing_chars_per_s") == 0
    assert part(newsroom.judged(site, TEXT[::2]), "typing_chars_per_s") == 0


@pytest.mark.parametrize("wrong", [-1, 1.5, "40", True, 10**12])
def test_a_typing_time_that_is_none_is_refused(
    client: CheckedClient, site: SiteKit, wrong: object
) -> None:
    answer = client.post(
        "/api/v1/comments", json=comment_json(typing_ms=wrong), headers=site.headers()
    )
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == ["typing_ms"]


def test_approved_comments_speak_for_their_author(newsroom: Newsroom, site: SiteKit) -> None:
    ada: dict[str, Any] = {"author": {"name": "Ada"}, "address": "192.0.2.9"}
    item = newsroom.judged(site, "The council met on Monday and decided nothing.", **ada)
    assert part(item, "new_author") > 0
    newsroom.decide(item, "approve")
    item = newsroom.judged(site, "They will meet again on Friday, it is said.", **ada)
    assert part(item, "new_author") == 0
    assert part(item, "approved_author") < 0


def test_a_withdrawn_comment_leaves_no_address(
    newsroom: Newsroom, service: Service, client: CheckedClient, site: SiteKit
) -> None:
    judged = newsroom.judged(site, TEXT)["id"]
    service.clock.advance(seconds=1)
    waiting = newsroom.post(site, COPY)
    for comment_id in (judged, waiting):
        receipt = service.wiring.keyring.receipt(comment_id)
        answer = client.delete(
            f"/api/v1/comments/{comment_id}", headers=site.headers(X_Receipt=receipt)
        )
        assert answer.status_code == 204, answer.text
    service.judge_all()
    with service.database.read() as session:
        assert session.query(RecentPost).count() == 0
    assert service.comment(judged).address_key is service.comment(waiting).address_key is None


def test_a_comment_that_waits_for_days_is_judged_without_its_address(
    newsroom: Newsroom, service: Service, site: SiteKit
) -> None:
    old = newsroom.post(site, TEXT)
    service.clock.advance(hours=23)
    new = newsroom.post(site, TEXT)
    forget_traces(service.wiring)
    assert service.comment(old).address_key is not None
    service.clock.advance(hours=2)
    forget_traces(service.wiring)
    assert service.comment(old).address_key is None
    assert service.comment(new).address_key is not None
    service.judge_all()
    assert newsroom.item(old)["spam_parts"]


# --- Feedback -----------------------------------------------------------------------------------


def later(newsroom: Newsroom, site: SiteKit, body: str = COPY) -> dict[str, Any]:
    """A near copy judged when repetition is forgotten, and feedback is not."""
    newsroom.service.clock.advance(hours=30)
    return newsroom.judged(site, body)


def test_a_spam_decision_raises_later_near_copies_on_this_site_at_once(
    newsroom: Newsroom, site: SiteKit, foreign: SiteKit
) -> None:
    first = newsroom.judged(site, TEXT)
    newsroom.decide(first, "reject", reason="Spam")
    copy = newsroom.judged(site, COPY)
    assert part(copy, "feedback") > 0
    assert copy["scores"]["spam"] > first["scores"]["spam"]
    assert part(later(newsroom, site), "feedback") > 0
    assert part(later(newsroom, foreign), "feedback") == 0
    assert part(later(newsroom, site, "Quite another thing to say here."), "feedback") == 0


def test_feedback_is_heard_for_copies_with_other_words_in_them(
    newsroom: Newsroom, site: SiteKit
) -> None:
    newsroom.decide(newsroom.judged(site, TEXT), "reject", reason="spam")
    padded = f"Hello Anna! {TEXT.replace('all who', 'everyone, yes all who')} See you soon"
    assert part(later(newsroom, site, padded), "feedback") > 0


def test_withdrawing_does_not_silence_what_was_said_of_a_text(
    newsroom: Newsroom, site: SiteKit, client: CheckedClient
) -> None:
    item = newsroom.judged(site, TEXT)
    newsroom.decide(item, "reject", reason="spam")
    receipt = newsroom.service.wiring.keyring.receipt(item["id"])
    answer = client.delete(
        f"/api/v1/comments/{item['id']}", headers=site.headers(X_Receipt=receipt)
    )
    assert answer.status_code == 204, answer.text
    assert part(later(newsroom, site), "feedback") > 0


def test_an_approval_lowers_later_near_copies(newsroom: Newsroom, site: SiteKit) -> None:
    first = newsroom.judged(site, TEXT)
    newsroom.decide(first, "approve")
    copy = later(newsroom, site)
    assert part(copy, "feedback") < 0
    assert copy["scores"]["spam"] < first["scores"]["spam"]


def test_another_reason_says_nothing_of_spam_and_takes_back_what_was_said(
    newsroom: Newsroom, site: SiteKit
) -> None:
    newsroom.decide(newsroom.judged(site, TEXT), "reject", reason="Insulting")
    assert part(later(newsroom, site), "feedback") == 0
    item = later(newsroom, site)
    approved = newsroom.decide(item, "approve")
    assert part(later(newsroom, site), "feedback") < 0
    newsroom.decide(item | {"version": approved["version"]}, "reject")
    assert part(later(newsroom, site), "feedback") == 0


def test_undone_feedback_is_gone_and_a_redone_one_is_back(
    newsroom: Newsroom, site: SiteKit
) -> None:
    item = newsroom.judged(site, TEXT)
    rejected = newsroom.decide(item, "reject", reason="spam")
    undone = newsroom.undo(rejected["decision_id"])
    assert part(later(newsroom, site), "feedback") == 0
    newsroom.undo(undone)
    assert part(later(newsroom, site), "feedback") > 0


def test_undoing_a_second_decision_brings_the_first_ones_word_back(
    newsroom: Newsroom, site: SiteKit
) -> None:
    item = newsroom.judged(site, TEXT)
    approved = newsroom.decide(item, "approve")
    second = newsroom.decide(item | {"version": approved["version"]}, "reject", reason="spam")
    assert part(later(newsroom, site), "feedback") > 0
    newsroom.undo(second["decision_id"])
    assert part(later(newsroom, site), "feedback") < 0


def test_decisions_on_near_copies_are_each_heard(newsroom: Newsroom, site: SiteKit) -> None:
    for _ in range(3):
        item = newsroom.judged(site, TEXT)
    newsroom.decide(item, "reject", reason="spam", include_similar=True)
    assert value(later(newsroom, site), "feedback") == 3


def test_feedback_expires(newsroom: Newsroom, site: SiteKit) -> None:
    newsroom.decide(newsroom.judged(site, TEXT), "reject", reason="spam")
    newsroom.service.clock.advance(days=181)
    assert part(newsroom.judged(site, COPY), "feedback") == 0


# --- What is kept -------------------------------------------------------------------------------


def test_what_is_remembered_is_forgotten_in_time(
    newsroom: Newsroom, service: Service, site: SiteKit
) -> None:
    def rows(table: Any) -> int:
        with service.database.read() as session:
            return session.query(table).count()

    newsroom.decide(newsroom.judged(site, TEXT), "reject", reason="spam")
    forget_traces(service.wiring)
    assert (rows(RecentPost), rows(SpamFeedback)) == (1, 1)
    service.clock.advance(hours=25)
    forget_traces(service.wiring)
    assert (rows(RecentPost), rows(SpamFeedback)) == (0, 1)
    service.clock.advance(days=180)
    forget_traces(service.wiring)
    assert rows(SpamFeedback) == 0


def test_no_address_is_kept_and_its_hash_only_with_what_is_forgotten_soon(
    newsroom: Newsroom, service: Service, site: SiteKit
) -> None:
    comment_id = newsroom.post(site, TEXT, address="192.0.2.77")
    waiting = service.comment(comment_id).address_key
    assert waiting is not None
    service.judge_all()
    assert service.comment(comment_id).address_key is None
    with service.database.read() as session:
        assert session.get_one(RecentPost, comment_id).address_key == waiting
    assert "192.0.2.77" not in str(service.snapshot())


def test_an_edit_while_waiting_keeps_the_address_for_the_day_only(
    newsroom: Newsroom, service: Service, client: CheckedClient, site: SiteKit
) -> None:
    comment_id = newsroom.post(site, TEXT, address="192.0.2.78")
    service.judge_all()
    receipt = service.wiring.keyring.receipt(comment_id)
    headers = site.headers(X_Receipt=receipt)
    answer = client.patch(
        f"/api/v1/comments/{comment_id}", json={"body": "Something else now."}, headers=headers
    )
    assert answer.status_code == 200, answer.text
    service.judge_all()
    with service.database.read() as session:
        kept = session.get_one(RecentPost, comment_id)
        assert kept.address_key is not None
        assert kept.likeness == session.get_one(Comment, comment_id).cluster_id
