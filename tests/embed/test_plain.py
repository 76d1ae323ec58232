"""The comments without script: the page with its form, the fragment, and the structured data."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from factories import ORIGIN, Service, SiteKit, comment_json
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from moderation.domain.comment import Comment
from moderation.web import create_app


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path)
    yield service
    service.close()


@pytest.fixture
def site(service: Service) -> SiteKit:
    return service.make_site(policy="open")


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return create_app(service.wiring).test_client()


def page_url(site: SiteKit, article_id: str = "story-1", path: str = "thread", **more: str) -> str:
    return f"/embed/{path}?{urlencode({'site_key': site.key, 'article_id': article_id, **more})}"


def publish(client: FlaskClient, service: Service, site: SiteKit, body: str, **told: str) -> str:
    answer = client.post(
        "/api/v1/comments", json=comment_json(body, **told), headers=site.headers()
    )
    service.judge_all()
    service.clock.advance(seconds=1)
    return answer.json["id"]


def stamp(client: FlaskClient, url: str) -> str:
    return re.search(r'name="stamp" value="([^"]+)"', client.get(url).text)[1]


def send(client: FlaskClient, url: str, **told: str) -> TestResponse:
    form = {"name": "Ada", "body": "By a form", "website": ""} | told
    return client.post(url, data=form)


def stored(service: Service) -> list[str]:
    with service.database.read() as session:
        return list(session.scalars(select(Comment.body).order_by(Comment.created_at)))


def test_the_page_lists_and_escapes(client: FlaskClient, service: Service, site: SiteKit) -> None:
    first = publish(client, service, site, "<b>First</b>")
    publish(client, service, site, "Reply", parent_id=first)
    answer = client.get(page_url(site))
    assert answer.status_code == 200
    assert "&lt;b&gt;First&lt;/b&gt;" in answer.text
    assert answer.text.index("First") < answer.text.index("Reply</p>")
    assert "<script" not in answer.text
    assert "2 comments" in answer.text


def test_only_the_sites_own_pages_may_frame_it(client: FlaskClient, site: SiteKit) -> None:
    answer = client.get(page_url(site))
    policy = answer.headers["Content-Security-Policy"]
    assert f"frame-ancestors 'self' {ORIGIN}" in policy
    assert "default-src 'none'" in policy
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_form_makes_one_comment_however_often_it_is_sent(
    client: FlaskClient, service: Service, site: SiteKit
) -> None:
    url = page_url(site)
    mark = stamp(client, url)
    service.clock.advance(seconds=5)
    for _ in range(2):
        answer = send(client, url, stamp=mark)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith(url)
    assert stored(service) == ["By a form"]
    assert "Thank you" in client.get(answer.headers["Location"]).text


@pytest.mark.parametrize(
    ("told", "after_s", "sentence"),
    [
        ({"body": "x" * 301}, 5, "301 characters"),
        ({"name": " "}, 5, "The name"),
        ({"website": "http://spam.example"}, 5, "hidden field"),
        ({}, 1, "very quick"),
        ({}, 90_000, "very quick"),
        ({"parent_id": "no-such-comment"}, 5, "no longer here"),
    ],
)
def test_what_is_not_taken_is_told_and_kept(
    client: FlaskClient,
    service: Service,
    site: SiteKit,
    told: dict[str, str],
    after_s: float,
    sentence: str,
) -> None:
    url = page_url(site)
    mark = stamp(client, url)
    service.clock.advance(seconds=after_s)
    answer = send(client, url, stamp=mark, **told)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert told.get("body", "By a form") in answer.text
    assert stored(service) == []


def test_a_form_of_elsewhere_is_refused(
    client: FlaskClient, service: Service, site: SiteKit
) -> None:
    mark = stamp(client, page_url(site, "another"))
    service.clock.advance(seconds=5)
    for forged in (mark, "", "nonsense"):
        assert send(client, page_url(site), stamp=forged).status_code == 422
    assert stored(service) == []


def test_closed_articles_and_sites_without_guests_have_no_form(
    client: FlaskClient, service: Service, site: SiteKit
) -> None:
    service.make_article(site, "closed", state="closed")
    assert "Comments on this article are closed." in client.get(page_url(site, "closed")).text
    readers = service.make_site(guests_allowed=False)
    text = client.get(page_url(readers)).text
    assert "Only readers who are signed in" in text
    assert "<form" not in text


@pytest.mark.parametrize("path", ["thread", "fragment", "comments.jsonld"])
def test_an_unknown_site_has_nothing(client: FlaskClient, path: str) -> None:
    answer = client.get(f"/embed/{path}?site_key=none&article_id=a")
    assert answer.status_code == 401


def test_the_page_speaks_german(client: FlaskClient, site: SiteKit) -> None:
    assert "Ihr Kommentar" in client.get(page_url(site, lang="de")).text
    asked = client.get(page_url(site), headers={"Accept-Language": "de-AT,en;q=0.5"})
    assert '<html lang="de">' in asked.text


# --- For other pages ------------------------------------------------------------------------------


def test_structured_data_of_what_is_public(
    client: FlaskClient, service: Service, site: SiteKit
) -> None:
    first = publish(client, service, site, "First")
    second = publish(client, service, site, "</script><script>alert(1)</script>", parent_id=first)
    url = page_url(site, path="comments.jsonld", url="https://news.example/story")
    answer = client.get(url)
    assert answer.mimetype == "application/ld+json"
    told = answer.json if answer.is_json else json.loads(answer.data)
    assert told["commentCount"] == 2
    assert [c["@id"] for c in told["comment"]] == [
        f"https://news.example/story#comment-{comment_id}" for comment_id in (first, second)
    ]
    assert told["comment"][1]["parentItem"] == {"@id": told["comment"][0]["@id"]}
    again = client.get(url, headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304

    fragment = client.get(page_url(site, path="fragment"))
    assert "public" in fragment.headers["Cache-Control"]
    assert fragment.text.count("<script") == 1
    assert "alert(1)</script>" not in fragment.text
    embedded = re.search(r'ld\+json">(.*?)</script>', fragment.text, re.DOTALL)[1]
    assert json.loads(embedded)["commentCount"] == 2


def test_no_address_of_anybody_is_given_away(
    client: FlaskClient, service: Service, site: SiteKit
) -> None:
    reader = site.jwt(email="ada@private.example", picture="https://private.example/ada.png")
    client.post(
        "/api/v1/comments",
        json=comment_json("Signed", author=None),
        headers=site.headers(Authorization=f"Bearer {reader}"),
    )
    service.judge_all()
    for path in ("thread", "fragment", "comments.jsonld"):
        text = client.get(page_url(site, path=path)).text
        assert "Signed" in text
        assert "private.example" not in text
