"""The pages for people: what they tell, what they never tell, and the policy they live under."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from factories import Service, comment_json
from flask.testing import FlaskClient

from moderation.domain.comment import Status
from moderation.errors import problem_types
from moderation.web import create_app

PAGES = ("/", "/docs", "/docs/problems", "/demo", "/demo/news")


class Page(HTMLParser):
    """The tags of a page with their attributes, and the texts inside `script` and `style`."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline = ""
        self._inside = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.inline += data

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.tags if attribute in attrs]


Make = Callable[..., tuple[Service, FlaskClient]]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make an installation with these settings and a client of it."""
    made: list[Service] = []

    def make(**settings: object) -> tuple[Service, FlaskClient]:
        made.append(Service(tmp_path / "var", **settings))
        return made[-1], create_app(made[-1].wiring).test_client()

    yield make
    for service in made:
        service.close()


@pytest.fixture
def client(make: Make) -> FlaskClient:
    service, client = make()
    service.make_site(site_key="demo", origins=[])
    return client


@pytest.mark.parametrize("path", PAGES)
def test_a_page_lives_under_a_strict_policy(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["base-uri"] == policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert policy["img-src"] == ("'self' data:" if path == "/docs" else "'self'")


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_only_this_service_and_holds_no_code(client: FlaskClient, path: str) -> None:
    page = Page(client.get(path).text)
    assert page.inline.strip() == ""
    assert page.values("style") == []
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    links = page.values("src") + page.values("href")
    assert links
    for link in links:
        assert link.startswith("#") or (link.startswith("/") and not link.startswith("//")), link
        if not link.startswith("#"):
            assert client.get(link, follow_redirects=True).status_code == 200, link


def test_files_are_asked_again_by_their_etag(client: FlaskClient) -> None:
    for path in ("/static/demo.css", "/docs/assets/swagger-ui.css"):
        first = client.get(path)
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (first.status_code, again.status_code) == (200, 304)
        assert first.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/static/../pages.py", "/static/%2e%2e/pages.py", "/static/no"])
def test_other_files_are_not_served(client: FlaskClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_the_overview_says_what_runs_and_what_waits(make: Make) -> None:
    service, client = make()
    site = service.make_site()
    for number in range(3):
        client.post("/api/v1/comments", json=comment_json(f"No {number}"), headers=site.headers())
    service.judge_all()
    client.post("/api/v1/comments", json=comment_json("Late"), headers=site.headers())
    service.clock.advance(seconds=90)

    text = " ".join(client.get("/").text.split())

    assert "SQLite" in text
    assert "Embedded" in text
    assert "<strong>1</strong> to be scored" in text
    assert "<strong>3</strong> for a moderator" in text
    assert "moderation worker" in text, "a comment waits for a score, and nobody says why"
    assert "http://localhost/api/v1/comments" in text


def test_the_overview_tells_what_is_broken_and_no_secret(make: Make, tmp_path: Path) -> None:
    service, client = make(
        broker_url="redis://:hunter2@127.0.0.1:1/0", toxicity_engine="detoxify:/srv/private/model"
    )
    with service.database.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE comments")

    answer = client.get("/")

    assert answer.status_code == 200
    assert "Something is missing" in answer.text
    assert "Broken: does not answer" in answer.text
    assert "Unknown while the database does not answer" in answer.text
    for secret in ("hunter2", "/srv/private", str(tmp_path), service.wiring.settings.secret_key):
        assert secret not in answer.text


def test_every_problem_type_has_a_place_of_its_own(client: FlaskClient) -> None:
    page = Page(client.get("/docs/problems").text)
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert {kind.code for kind in problem_types()} <= set(ids)


def test_a_problem_leads_to_its_place(client: FlaskClient) -> None:
    problem = client.get("/api/v1/counts?article_id=a").json
    path, _, anchor = problem["type"].partition("#")
    assert anchor in Page(client.get(path).text).values("id")


def test_the_demo_article_tells_its_count(make: Make) -> None:
    service, client = make()
    site = service.make_site(site_key="demo", origins=[], policy="open")
    sent = comment_json("Ahoy", article_id="winter-ferry")
    posted = client.post("/api/v1/comments", json=sent, headers=site.headers()).json
    service.judge_all()
    assert service.comment(posted["id"]).status == Status.APPROVED
    for path, places in (("/demo", 2), ("/demo/news", 1), ("/demo/heron-count", 1)):
        page = client.get(path)
        assert page.text.count('<comment-count article-id="winter-ferry">1<') == places, path
    assert client.get("/demo/no-such-story").status_code == 404


def test_without_the_demo_site_the_page_says_how_to_make_it(make: Make) -> None:
    service, client = make()
    service.make_site()
    answer = client.get("/demo")
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"
    assert "moderation site create Demo --key demo" in answer.text
