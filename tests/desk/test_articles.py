"""The articles' pages: what they show, and who may open, close and choose the policy."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from desk_client import Desk
from factories import Service, SiteKit
from sqlalchemy import select

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.site import Article
from moderation.services import intake, sites
from moderation.services.intake import Submission


def post(service: Service, site: SiteKit, external_id: str, body: str, title: str) -> str:
    """The path of the article's page."""
    with service.database.write() as session:
        told = Submission(
            external_id,
            body,
            Signature(AuthorKind.READER, "id", "Ada"),
            article_title=title,
            article_url="https://news.example/ferry",
        )
        found = sites.by_id(session, site.id)
        intake.submit(session, found, told, now=service.clock())
    service.judge_all()
    with service.database.read() as session:
        wanted = select(Article.id).where(Article.external_id == external_id)
        return f"/desk/articles/{session.scalars(wanted).one()}"


@pytest.fixture
def path(service: Service, site: SiteKit) -> str:
    return post(service, site, "2026/ferry", "The <i>first</i>", "Ferry & <b>baths</b>")


def article(service: Service, path: str) -> Article:
    with service.database.read() as session:
        return session.get_one(Article, path.rpartition("/")[2])


def test_articles_are_listed_searched_and_filtered(
    moderator: Desk, service: Service, site: SiteKit, path: str
) -> None:
    post(service, site, "2026/bus", "a body", "Bus line 12")
    shown = moderator.get("/desk/articles").text
    assert "Ferry &amp; &lt;b&gt;baths&lt;/b&gt;" in shown
    assert f'href="{path}"' in shown
    assert "1 waiting" in shown
    found = moderator.get("/desk/articles?text=bus&state=&sort=active").text
    assert "Bus line 12" in found
    assert "Ferry" not in found
    assert "No such article." in moderator.get("/desk/articles?state=closed").text
    assert moderator.get("/desk/articles?sort=newest&cursor=nonsense").status_code == 400
    assert moderator.get("/desk/articles?text=%00").status_code == 422


def test_the_list_goes_on_over_pages(moderator: Desk, service: Service, site: SiteKit) -> None:
    for number in range(35):
        service.make_article(site, f"story {number}")
        service.clock.advance(minutes=1)
    shown = moderator.get("/desk/articles?sort=newest").text
    [more] = re.findall(r'rel="next" href="([^"]+)"', shown)
    rest = moderator.get(unescape(more)).text
    assert [t in rest for t in ("story 4<", "story 0<", "story 5<")] == [True, True, False]


def test_an_articles_page_leads_to_its_queue_and_to_the_article(moderator: Desk, path: str) -> None:
    shown = moderator.get(path).text
    assert 'href="/desk/queue?site_id=' in shown
    assert "article_id=2026%2Fferry" in shown
    assert 'href="https://news.example/ferry"' in shown
    assert "Nothing was decided here yet." in shown


def test_a_moderator_closes_and_opens(moderator: Desk, service: Service, path: str) -> None:
    done = moderator.post(f"{path}/state", {"state": "closed", "next": path})
    assert (done.status_code, done.location) == (303, path)
    assert article(service, path).state == "closed"
    assert "The article is closed for comments." in moderator.get(path).text
    assert moderator.ask(f"{path}/state", {"state": "open"}).json == {
        "message": "The article is open for comments."
    }
    assert article(service, path).state == "open"


def test_the_policy_is_for_admins(
    moderator: Desk, admin: Desk, service: Service, path: str
) -> None:
    assert f"{path}/policy" not in moderator.get(path).text
    assert moderator.post(f"{path}/policy", {"policy": "open"}).status_code == 403
    assert article(service, path).policy is None
    assert f"{path}/policy" in admin.get(path).text
    assert admin.post(f"{path}/policy", {"policy": "open", "next": path}).status_code == 303
    assert article(service, path).policy == "open"
    assert admin.post(f"{path}/policy", {"policy": ""}).status_code == 303
    assert article(service, path).policy is None


@pytest.mark.parametrize(
    ("act", "fields"),
    [("state", {"state": "ajar"}), ("state", {}), ("policy", {"policy": "no such"})],
)
def test_what_is_not_right_changes_nothing(
    admin: Desk, service: Service, path: str, act: str, fields: dict[str, str]
) -> None:
    before = service.snapshot(without=["staff_sessions"])
    assert admin.post(f"{path}/{act}", fields).status_code == 422
    assert service.snapshot(without=["staff_sessions"]) == before


def test_a_moderator_of_another_site_sees_none(
    desk_of: Callable[..., Desk], service: Service, path: str
) -> None:
    elsewhere = desk_of("eve@news.example", site_ids=[service.make_site().id])
    assert elsewhere.get(path).status_code == 404
    assert elsewhere.post(f"{path}/state", {"state": "closed"}).status_code == 404
    assert "Ferry" not in elsewhere.get("/desk/articles?sort=newest").text
    assert article(service, path).state == "open"
