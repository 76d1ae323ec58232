"""Taking comments in: what is accepted, what is stored of it, and once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from checked_client import CheckedClient
from factories import Service, SiteKit, comment_json
from flask import Flask
from sqlalchemy import func, select

from moderation.domain.author import Author
from moderation.domain.comment import Comment
from moderation.domain.site import Article
from moderation.jobs import JUDGE_COMMENTS

COMMENTS = "/api/v1/comments"


def number_of(service: Service, table: type) -> int:
    with service.database.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_comment_is_durable_and_due_when_it_is_answered(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    response = client.post(COMMENTS, json=comment_json("Hello."), headers=site.headers())
    told = response.json
    assert response.status_code == 202
    assert set(told) == {"id", "status", "created_at", "receipt"}
    assert told["status"] == "pending"
    assert response.headers["Location"] == f"{COMMENTS}/{told['id']}"
    assert response.headers["Cache-Control"] == "no-store"
    stored = service.comment(told["id"])
    assert (stored.body, stored.status, stored.version) == ("Hello.", "pending", 1)
    assert stored.score_due_at == service.clock()
    assert service.announcer.announced == [JUDGE_COMMENTS]
    assert service.judge.batches == []


TAKEN = {
    "300 thumbs": ("👍🏽" * 300, None),
    "300 letters": ("a" * 300, None),
    "300 letters and the space around them": ("  " + "a" * 300 + "\n\n", "a" * 300),
    "300 times e and an accent": ("e\u0301" * 300, "é" * 300),
    "300 flags": ("🇩🇪" * 300, None),
    "300 families": ("👨‍👩‍👧‍👦" * 300, None),
    "composed": ("cafe\u0301", "café"),
    "line ends": ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
    "tabs, blank lines and runs of spaces": ("a\tb\n\n\n  c", None),
    "compatibility forms are kept": ("ﬁne ① ²", None),
    "invisible characters among others are kept": ("a\u200db\u00adc", None),
    "HTML and quotes": ("<script>alert('x')</script> & \"y\"", None),
    "SQL": ("'; DROP TABLE comments; --", None),
    "right to left": ("مرحبا بالعالم", None),
    "beyond the BMP": ("𝒳 𠮷 🫠", None),
    "the end of Unicode": ("a\U0010fffd", None),
}


@pytest.mark.parametrize(("body", "stored"), TAKEN.values(), ids=TAKEN.keys())
def test_what_is_accepted_comes_back_unchanged_but_for_form(
    client: CheckedClient, site: SiteKit, body: str, stored: str | None
) -> None:
    posted = client.approved(site, body)
    expected = body if stored is None else stored
    listed = client.get(f"{COMMENTS}?article_id=story-1", headers=site.headers()).json
    own = client.get(
        f"{COMMENTS}/{posted['id']}", headers=site.headers(X_Receipt=posted["receipt"])
    ).json
    assert [listed["items"][0]["body"], own["body"]] == [expected, expected]


def test_a_signed_in_readers_comment(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    first = client.post_comment(
        site, jwt=site.jwt(sub="r-1", name=" Ada  Lovelace ", email="ada@news.example", picture="p")
    )
    with service.database.read() as session:
        [author] = session.scalars(select(Author))
    assert (author.kind, author.identity, author.name) == ("reader", "r-1", "Ada Lovelace")
    assert (author.email, author.picture) == ("ada@news.example", "p")
    # The publisher knows best: a new name there is a new name here, for the same author.
    client.post_comment(site, jwt=site.jwt(sub="r-1", name="Countess"))
    with service.database.read() as session:
        [author] = session.scalars(select(Author))
    assert (author.name, author.email) == ("Countess", None)
    assert service.comment(first["id"]).author_id == author.id


def test_a_reader_may_post_where_guests_may_not(client: CheckedClient, service: Service) -> None:
    site = service.make_site(guests_allowed=False)
    client.post_comment(site, jwt=site.jwt())


def test_optional_claims_that_are_no_use_are_left_out(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    client.post_comment(site, jwt=site.jwt(email=17, picture="x" * 3000, aud="somebody"))
    with service.database.read() as session:
        [author] = session.scalars(select(Author))
    assert (author.email, author.picture) == (None, None)


def test_guests_of_one_name_at_one_address_are_one_author_on_one_site(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    for name in ("Grace", "grace", "Hopper"):
        client.post_comment(site, author={"name": name})
    client.post_comment(service.make_site(), author={"name": "Grace"})
    client.post(
        COMMENTS, json=comment_json(), headers=site.headers(),
        environ_overrides={"REMOTE_ADDR": "192.0.2.7"},
    )  # fmt: skip
    with service.database.read() as session:
        authors = list(session.scalars(select(Author)))
    assert len(authors) == 4
    assert not any("192.0.2.7" in author.identity for author in authors)


def test_the_first_comment_makes_the_article_known(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    hint = {"url": "https://news.example/1", "title": "A  title"}
    client.post_comment(site, article=hint)
    client.post_comment(site, article={"url": "https://evil.example", "title": "Another"})
    with service.database.read() as session:
        [article] = session.scalars(select(Article))
    assert (article.external_id, article.url, article.title) == (
        "story-1",
        "https://news.example/1",
        "A title",
    )


def test_a_known_article_takes_comments_where_unknown_ones_do_not(
    client: CheckedClient, service: Service
) -> None:
    site = service.make_site(creates_articles=False)
    service.make_article(site, "story-1")
    client.post_comment(site)


def test_a_reply_to_an_approved_comment(client: CheckedClient, site: SiteKit) -> None:
    parent = client.approved(site)
    reply = client.approved(site, "I agree.", parent_id=parent["id"])
    items = client.get(f"{COMMENTS}?article_id=story-1", headers=site.headers()).json["items"]
    assert {item["id"]: item["parent_id"] for item in items} == {
        parent["id"]: None,
        reply["id"]: parent["id"],
    }


# --- Once ---------------------------------------------------------------------------------------


def test_a_repeated_request_gives_the_same_answer_and_one_comment(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    headers = site.headers(Idempotency_Key="key-1")
    first = client.post(COMMENTS, json=comment_json(), headers=headers)
    service.clock.advance(minutes=5)
    service.judge_all()
    before = service.snapshot()
    # The same comment with another form of the same text is the same request.
    for body in ("A fine article.", "  A fine article.\r\n"):
        again = client.post(COMMENTS, json=comment_json(body), headers=headers)
        assert (again.status_code, again.json) == (202, first.json)
        assert again.headers["Location"] == first.headers["Location"]
    assert service.snapshot() == before


def test_a_repeated_request_is_answered_even_when_the_article_has_closed(
    client: CheckedClient, service: Service, site: SiteKit
) -> None:
    headers = site.headers(Idempotency_Key="key-1")
    first = client.post(COMMENTS, json=comment_json(), headers=headers)
    service.make_article(site, "story-1", state="closed")
    assert client.post(COMMENTS, json=comment_json(), headers=headers).json == first.json


def test_keys_are_each_sites_own(client: CheckedClient, service: Service, site: SiteKit) -> None:
    other = service.make_site()
    ids = {
        client.post(
            COMMENTS, json=comment_json(), headers=which.headers(Idempotency_Key="key-1")
        ).json["id"]
        for which in (site, other)
    }
    assert len(ids) == 2


def at_once(number: int, act: Callable[[int], Any]) -> list[Any]:
    """The results of ``act(0)``, ``act(1)``, … , started together in threads."""
    together, results = threading.Barrier(number), [None] * number

    def run(place: int) -> None:
        together.wait()
        results[place] = act(place)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_the_same_key_at_the_same_time_makes_one_comment(
    app: Flask, service: Service, site: SiteKit
) -> None:
    headers = site.headers(Idempotency_Key="key-1")
    answers = at_once(
        8,
        lambda _: app.test_client().post(COMMENTS, json=comment_json(), headers=headers),
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert number_of(service, Comment) == 1


def test_the_same_key_at_the_same_time_for_different_comments_takes_one(
    app: Flask, service: Service, site: SiteKit
) -> None:
    headers = site.headers(Idempotency_Key="key-1")
    answers = at_once(
        6,
        lambda place: app.test_client().post(
            COMMENTS, json=comment_json(f"Comment {place}"), headers=headers
        ),
    )
    assert sorted(answer.status_code for answer in answers) == [202] + [422] * 5
    assert number_of(service, Comment) == 1


def test_good_and_bad_comments_at_the_same_time_do_not_mind_each_other(
    app: Flask, service: Service, site: SiteKit
) -> None:
    service.make_article(site, "closed", state="closed")

    def post(place: int) -> int:
        article = "closed" if place % 3 == 0 else f"new-{place % 2}"
        return (
            app.test_client()
            .post(
                COMMENTS,
                json=comment_json(f"Comment {place}", article_id=article),
                headers=site.headers(),
            )
            .status_code
        )

    assert at_once(12, post) == [403 if place % 3 == 0 else 202 for place in range(12)]
    assert number_of(service, Comment) == 8
    assert number_of(service, Article) == 3
    assert number_of(service, Author) == 1
