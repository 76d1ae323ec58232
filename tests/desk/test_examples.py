"""Example comments for a newcomer: once, under the demo article, for admins."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from desk_client import Desk
from factories import Service
from sqlalchemy import select

from moderation.cli import cli
from moderation.desk import examples as desk_examples
from moderation.domain.comment import Comment, Status
from moderation.domain.site import DEMO_ARTICLE_ID, Article
from moderation.domain.text import clean_body
from moderation.services import examples


def texts(service: Service, status: Status) -> list[str]:
    with service.database.read() as session:
        found = select(Comment.body).where(Comment.status == status).order_by(Comment.created_at)
        return list(session.scalars(found))


def offered(service: Service) -> bool:
    with service.database.read() as session:
        return examples.are_offered(session)


@pytest.fixture(autouse=True)
def no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody scores while a request waits: tests do so afterwards."""
    monkeypatch.setattr(desk_examples, "WAIT_S", 0.0)


def test_they_come_once_and_wait_like_any_other(service: Service, admin: Desk) -> None:
    assert not offered(service)
    admin.post("/desk/examples")
    assert texts(service, Status.PENDING) == []  # there is no demo site

    service.make_site(site_key="demo", origins=[])
    assert offered(service)
    for _ in range(2):
        answer = admin.post("/desk/examples", {"next": "/desk/queue"})
        assert (answer.status_code, answer.location) == (303, "/desk/queue")
        service.judge_all()
        assert texts(service, Status.QUEUED) == [e.body for e in examples.EXAMPLES]
    assert not offered(service)
    with service.database.read() as session:
        article = session.scalars(select(Article)).one()
    assert (article.external_id, article.approved_count) == (DEMO_ARTICLE_ID, 0)
    assert "0 example comments are here" in admin.get("/desk/queue").text


def test_where_no_worker_runs_it_says_that_they_are_on_their_way(
    service: Service, admin: Desk
) -> None:
    service.make_site(site_key="demo", origins=[])
    admin.post("/desk/examples")
    assert "14 comments are being scored" in admin.get("/desk/queue").text


def test_it_goes_on_as_soon_as_they_are_scored(
    service: Service, admin: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.make_site(site_key="demo", origins=[])
    monkeypatch.setattr(desk_examples, "WAIT_S", 60.0)
    monkeypatch.setattr(desk_examples.time, "sleep", lambda _: service.judge_all())
    admin.post("/desk/examples")
    assert "14 example comments are here" in admin.get("/desk/queue").text


def test_only_admins_post_them(service: Service, moderator: Desk, stranger: Desk) -> None:
    service.make_site(site_key="demo", origins=[])
    assert moderator.post("/desk/examples").status_code == 403
    assert stranger.post("/desk/examples").status_code == 303
    assert offered(service)


def test_each_could_have_been_posted_by_a_reader() -> None:
    for example in examples.EXAMPLES:
        assert clean_body(example.body) == example.body


def test_the_command_says_what_it_did(service: Service, monkeypatch) -> None:
    monkeypatch.setattr("moderation.cli.people.Wiring", lambda: service.wiring)
    run = lambda: CliRunner().invoke(cli, ["demo", "fill"])  # noqa: E731
    assert "Nothing to do" in run().output
    service.make_site(site_key="demo", origins=[])
    assert f"Posted {len(examples.EXAMPLES)} comments" in run().output
    assert "Nothing to do" in run().output
    service.judge_all()
    assert len(texts(service, Status.QUEUED)) == len(examples.EXAMPLES)
