"""The authors' pages: what they show, and that every act works as a plain form and as JSON."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape

import pytest
from desk_client import Desk
from factories import Service, SiteKit

from moderation.domain.author import Author, AuthorKind, Signature
from moderation.domain.sanction import Sanction
from moderation.domain.staff import Principal, Scope
from moderation.services import authors, intake, sites
from moderation.services.intake import Submission

COLLEAGUE = Principal("staff:c", "Colin", frozenset({Scope.QUEUE, Scope.DECISIONS}))


def post(
    service: Service, site: SiteKit, *bodies: str, name: str = "Ada", guest: bool = False
) -> list[str]:
    """Ids of comments posted a minute apart, and judged."""
    ids = []
    for body in bodies:
        with service.database.write() as session:
            kind = AuthorKind.GUEST if guest else AuthorKind.READER
            submission = Submission("story", body, Signature(kind, f"id of {name}", name))
            found = sites.by_id(session, site.id)
            ids.append(intake.submit(session, found, submission, now=service.clock()).comment_id)
        service.clock.advance(minutes=1)
    service.judge_all()
    return ids


@pytest.fixture
def waiting(service: Service, site: SiteKit) -> list[str]:
    """Three comments of Ada that wait."""
    return post(service, site, "The first", "The second", "The <b>third</b>")


@pytest.fixture
def path(service: Service, waiting: list[str]) -> str:
    """Ada's page."""
    return f"/desk/authors/{service.comment(waiting[0]).author_id}"


def text_of(html: str) -> str:
    """What is read on a page, in one line."""
    without = re.sub(r"<(script|style)\b.*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", without)))


def standing(service: Service, path: str) -> str | None:
    with service.database.read() as session:
        counts = session.get_one(Author, path.rpartition("/")[2]).standing(service.clock())
        return counts and str(counts.kind)


def suspension(**changes: str) -> dict[str, str]:
    return {"kind": "suspend", "reason": "Insults", "term": "d3", "until": ""} | changes


# --- Showing ------------------------------------------------------------------------------------


def test_an_authors_page_tells_what_there_is(
    moderator: Desk, service: Service, path: str, waiting: list[str]
) -> None:
    with service.database.write() as session:
        author_id = path.rpartition("/")[2]
        authors.add_note(session, COLLEAGUE, author_id, "Wrote to us", now=service.clock())
    shown = moderator.get(path)
    assert shown.status_code == 200
    read = text_of(shown.text)
    for told in ("Ada", "Reader", "Nothing approved yet", "Wrote to us", "Colin", "ever 3 3 0 0 –"):
        assert told in read
    assert "The &lt;b&gt;third&lt;/b&gt;" in shown.text
    assert shown.text.index("third") < shown.text.index("The second")
    assert "Delete" not in read  # the note is a colleague's


def test_as_a_drawers_content_it_has_no_page_around_it(moderator: Desk, path: str) -> None:
    piece = moderator.get(f"{path}?fragment=1")
    assert piece.text.lstrip().startswith("<author-panel")
    assert "<html" not in piece.text
    assert f'href="{path}"' in piece.text


def test_comments_are_shown_by_status_and_page(
    moderator: Desk, service: Service, site: SiteKit, path: str
) -> None:
    post(service, site, *(f"number {n}" for n in range(20)))
    first = moderator.get(f"{path}?status=queued")
    assert first.text.count('<p class="text" dir="auto">') == 20
    [older] = re.findall(r'rel="next" href="([^"]+)"', first.text)
    second = moderator.get(unescape(older))
    assert second.text.count('<p class="text" dir="auto">') == 3
    assert "The first" in second.text
    assert "No comments here." in moderator.get(f"{path}?status=approved").text
    assert moderator.get(f"{path}?cursor=nonsense").status_code == 400
    for odd in ("undo=%00", "status=%00", "cursor=%00", "undo=%ff"):
        assert moderator.get(f"{path}?{odd}").status_code in (200, 400, 422)
    assert moderator.get("/desk/authors?name=%00").status_code == 422


def test_authors_are_listed_and_found(
    moderator: Desk, service: Service, site: SiteKit, path: str
) -> None:
    post(service, site, "a body", name="Grace", guest=True)
    read = text_of(moderator.get("/desk/authors").text)
    assert read.index("Ada") < read.index("Grace")
    found = moderator.get("/desk/authors?name=gra&standing=&site_id=").text
    assert "Grace" in found
    assert ">Ada<" not in found
    moderator.post(f"{path}/sanctions", suspension())
    suspended = moderator.get("/desk/authors?standing=suspend").text
    assert "Ada" in suspended
    assert "Grace" not in suspended
    assert "Nobody is called that." in moderator.get("/desk/authors?standing=ban").text


def test_a_moderator_of_another_site_sees_nobody(
    desk_of: Callable[..., Desk], service: Service, path: str
) -> None:
    elsewhere = desk_of("eve@news.example", site_ids=[service.make_site().id])
    assert elsewhere.get(path).status_code == 404
    assert "There is no such author." in elsewhere.get(path).text
    assert "Nobody is called that." in elsewhere.get("/desk/authors").text
    before = service.snapshot(without=["staff_sessions"])
    for act in ("sanctions", "notes", "reject-waiting", "undo-rejection", "sanctions/x/lift"):
        assert elsewhere.post(f"{path}/{act}", suspension(body="a note")).status_code == 404
    assert service.snapshot(without=["staff_sessions"]) == before


# --- Sanctions ----------------------------------------------------------------------------------


def test_a_suspension_is_imposed_and_lifted_by_plain_forms(
    moderator: Desk, service: Service, path: str
) -> None:
    done = moderator.post(f"{path}/sanctions", suspension(next=f"{path}?status=queued"))
    assert (done.status_code, done.location) == (303, f"{path}?status=queued")
    read = text_of(moderator.get(done.location).text)
    assert "Ada is suspended." in read
    assert "in 3 days" in read
    assert standing(service, path) == "suspend"
    with service.database.read() as session:
        [row] = session.query(Sanction).all()
    assert row.ends_at == service.clock() + timedelta(days=3)

    done = moderator.post(f"{path}/sanctions/{row.id}/lift", {"next": path})
    assert (done.status_code, done.location) == (303, path)
    read = text_of(moderator.get(path).text)
    assert "Lifted." in read
    assert "lifted by mona" in read
    assert standing(service, path) is None


@pytest.mark.parametrize("kind", ["trust", "always_review", "ban"])
def test_each_kind_may_stand_until_it_is_lifted(
    moderator: Desk, service: Service, path: str, kind: str
) -> None:
    done = moderator.ask(f"{path}/sanctions", suspension(kind=kind, term="none"))
    assert done.status_code == 200
    assert "Ada" in done.json["message"]
    service.clock.advance(days=10)
    assert standing(service, path) == kind


def test_until_a_day_means_its_end_where_the_moderator_lives(
    moderator: Desk, service: Service, path: str
) -> None:
    day = (service.clock() + timedelta(days=5)).date()
    moderator.post(f"{path}/sanctions", suspension(term="until", until=day.isoformat()))
    with service.database.read() as session:
        [row] = session.query(Sanction).all()
    assert row.ends_at.replace(tzinfo=None) == datetime.combine(
        day + timedelta(days=1), datetime.min.time()
    )


def test_something_milder_is_kept_and_says_that_it_waits(
    moderator: Desk, service: Service, path: str
) -> None:
    moderator.post(f"{path}/sanctions", suspension())
    done = moderator.ask(f"{path}/sanctions", suspension(kind="trust", term="none"))
    assert "something stricter is in force" in done.json["message"]
    assert standing(service, path) == "suspend"


@pytest.mark.parametrize(
    "wrong",
    [
        {"reason": ""},
        {"reason": "x" * 101},
        {"reason": "a \x00"},
        {"term": "none"},
        {"term": "until", "until": "soon"},
        {"term": "until", "until": "2001-01-01"},
        {"term": "until", "until": "9999-12-31"},
        {"term": "eternity"},
        {"kind": "exile"},
    ],
)
def test_what_is_wrong_is_told_and_what_was_typed_is_kept(
    moderator: Desk, service: Service, path: str, wrong: dict[str, str]
) -> None:
    before = service.snapshot(without=["staff_sessions"])
    answer = moderator.post(f"{path}/sanctions", suspension(note="Kept <this>", **wrong))
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    if "kind" not in wrong:
        assert re.search(r'<details name="author-act" open>\s*<summary[^>]*>Suspend', answer.text)
        assert "Kept &lt;this&gt;" in answer.text
    asked = moderator.ask(f"{path}/sanctions", suspension(**wrong))
    assert (asked.status_code, asked.mimetype) == (422, "application/problem+json")
    assert service.snapshot(without=["staff_sessions"]) == before


# --- Rejecting all ------------------------------------------------------------------------------


def test_all_that_waits_is_rejected_and_put_back(
    moderator: Desk, service: Service, path: str, waiting: list[str]
) -> None:
    assert "Reject all 3 waiting…" in moderator.get(path).text
    done = moderator.post(f"{path}/reject-waiting", {"reason": "insult"})
    assert done.status_code == 303
    assert [service.comment(i).status for i in waiting] == ["rejected"] * 3
    read = moderator.get(done.location).text
    assert "3 comments rejected." in read
    assert "3 comments were rejected at once." in read
    assert "Insult" in read
    [batch_id] = re.findall(r'name="batch_id" value="([^"]+)"', read)

    back = moderator.post(f"{path}/undo-rejection", {"batch_id": batch_id, "next": path})
    assert (back.status_code, back.location) == (303, path)
    assert [service.comment(i).status for i in waiting] == ["queued"] * 3
    assert "3 comments are back as they were." in moderator.get(path).text
    assert "rejected at once" not in moderator.get(done.location).text


def test_a_script_is_told_which_comments_were_rejected(
    moderator: Desk, waiting: list[str], path: str
) -> None:
    done = moderator.ask(f"{path}/reject-waiting", {"reason": "insult"}).json
    assert sorted(done["rejected"]) == sorted(waiting)
    assert (done["message"], done["left"]) == ("3 comments rejected.", 0)
    assert done["batch_id"]
    again = moderator.ask(f"{path}/reject-waiting", {"reason": "insult"}).json
    assert (again["rejected"], again["batch_id"]) == ([], None)


@pytest.mark.parametrize("reason", ["", "no such reason", "x" * 200, "a\x00"])
def test_without_one_of_the_sites_reasons_nothing_is_rejected(
    moderator: Desk, service: Service, path: str, waiting: list[str], reason: str
) -> None:
    before = service.snapshot(without=["staff_sessions"])
    assert moderator.post(f"{path}/reject-waiting", {"reason": reason}).status_code == 422
    assert service.snapshot(without=["staff_sessions"]) == before


# --- Notes --------------------------------------------------------------------------------------


def test_a_note_is_written_and_deleted_by_its_writer_alone(
    moderator: Desk, desk_of: Callable[..., Desk], service: Service, path: str
) -> None:
    done = moderator.post(f"{path}/notes", {"body": "Called <twice>", "next": path})
    assert done.status_code == 303
    shown = moderator.get(path).text
    assert "Called &lt;twice&gt;" in shown
    [delete] = re.findall(r'action="([^"]+/delete)"', shown)
    other = desk_of("colin@news.example")
    assert "/delete" not in other.get(path).text
    refused = other.post(delete)
    assert refused.status_code == 403
    assert "Somebody else wrote this note" in refused.text
    assert moderator.post(delete).status_code == 303
    assert "twice" not in moderator.get(path).text
    assert moderator.post(delete).status_code == 404


def test_an_empty_note_is_refused(moderator: Desk, service: Service, path: str) -> None:
    before = service.snapshot(without=["staff_sessions"])
    assert moderator.post(f"{path}/notes", {"body": " "}).status_code == 422
    assert service.snapshot(without=["staff_sessions"]) == before


def test_whoever_may_only_look_sees_no_acts(
    moderator: Desk, service: Service, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from moderation.domain import staff

    monkeypatch.setitem(staff.ROLE_SCOPES, staff.Role.MODERATOR, frozenset({Scope.QUEUE}))
    shown = moderator.get(path).text
    assert "/sanctions" not in shown
    assert "/reject-waiting" not in shown
    assert moderator.post(f"{path}/sanctions", suspension()).status_code == 403
