"""The queue as pages and forms, without any script: everything it can do, and what it weighs."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from desk_client import Desk
from factories import Service, SiteKit, comment_json
from flask import Flask

from moderation.desk.queue import PAGE_CARDS
from moderation.domain.staff import Staff

MAX_PAGE_BYTES = 150_000


@pytest.fixture
def post(app: Flask, service: Service, site: SiteKit) -> Callable[..., str]:
    """Post a comment and have it judged; returns its id."""

    def make(body: str = "A fine article.", on: SiteKit = site, **told: Any) -> str:
        answer = app.test_client().post(
            "/api/v1/comments", json=comment_json(body, **told), headers=on.headers()
        )
        assert answer.status_code == 202, answer.text
        service.judge_all()
        service.clock.advance(seconds=1)
        return answer.json["id"]

    return make


def babble(number: int, *, words: int) -> str:
    """A text that is like no other number's."""
    chance = random.Random(number)
    return " ".join("".join(chance.sample("abdefgiklmnoprstu", 6)) for _ in range(words))


def reference(service: Service, comment_id: str) -> str:
    return f"{comment_id} {service.comment(comment_id).version}"


def cards(page: Any) -> list[str]:
    """Ids of the cards on a page, in order."""
    return re.findall(r'<article class="card[^"]*" id="c-([^"]+)"', page.text)


def decide(desk: Desk, service: Service, action: str, *ids: str, **fields: Any) -> Any:
    """What the button of a card does."""
    one = {"decide": f"{action} {reference(service, ids[0])}"}
    many = {"decide": action, "comment": [reference(service, i) for i in ids]}
    return desk.post("/desk/decisions", (one if len(ids) == 1 else many) | fields)


def said(desk: Desk, path: str = "/desk/queue") -> list[str]:
    """The notes at the top of the page that comes next."""
    page = desk.get(path).text
    return [
        unescape(note) for note in re.findall(r'<p class="note \w+" role="status">(.*?)</p>', page)
    ]


# --- The page ---------------------------------------------------------------------------------


def test_a_card_tells_what_deciding_needs(moderator: Desk, post: Callable[..., str]) -> None:
    first = post("What do you mean by that?", author={"name": "Ida"})
    post(
        "You are <b>awful</b>, says a friend.",
        parent_id=None,
        article={"url": "https://news.example/ferry", "title": "Winter ferry"},
        article_id="ferry",
    )
    page = moderator.get("/desk/queue")
    assert len(cards(page)) == 2
    assert "You are &lt;b&gt;<mark>awful</mark>&lt;/b&gt;, says a friend." in page.text
    assert 'href="https://news.example/ferry"' in page.text
    for told in ("Winter ferry", "Toxic", "likely", "Every comment waits here.", "first comment"):
        assert told in page.text
    assert f'href="/desk/comments/{first}"' in page.text


def test_a_moderator_sees_only_their_sites(
    desk_of: Callable[..., Desk], service: Service, site: SiteKit, post: Callable[..., str]
) -> None:
    other = service.make_site(name="Elsewhere")
    hidden = post("Not for you.", on=other)
    seen = post("For you.")
    desk = desk_of(site_ids=[site.id])
    assert cards(desk.get("/desk/queue")) == [seen]
    assert desk.get(f"/desk/comments/{hidden}").status_code == 404
    assert desk.post(f"/desk/comments/{hidden}/skip").status_code == 404
    assert desk.post(f"/desk/comments/{hidden}/notes", {"note": "x"}).status_code == 404
    decide(desk, service, "approve", hidden)
    assert service.comment(hidden).status == "queued"
    assert said(desk) == ["This comment is not there any more."]


def test_pages_follow_one_another_without_gaps(moderator: Desk, post: Callable[..., str]) -> None:
    posted = [post(babble(n, words=8)) for n in range(25)]
    first = moderator.get("/desk/queue?sort=oldest")
    assert len(cards(first)) == PAGE_CARDS
    [onwards] = re.findall(r'rel="next" href="([^"]+)"', first.text)
    second = moderator.get(unescape(onwards))
    assert cards(first) + cards(second) == posted
    part = moderator.get(unescape(onwards) + "&part=cards")
    assert cards(part) == cards(second)
    assert "<html" not in part.text


def test_the_first_page_is_light(moderator: Desk, post: Callable[..., str]) -> None:
    """All that a browser fetches for it, uncompressed; its comments as long as may be."""
    for n in range(PAGE_CARDS + 1):
        post(
            f"awful rude hateful spam {babble(n, words=60)}"[:300], author={"name": f"Somebody {n}"}
        )
    page = moderator.get("/desk/queue")
    assert len(cards(page)) == PAGE_CARDS
    fetched, todo = {"/desk/queue": len(page.data)}, [page.text]
    while todo:
        text = todo.pop()
        for path in re.findall(r'(?:src|href)="(/desk/static/[^"#]+)', text):
            todo += fetch(moderator, path, fetched)
        for path in re.findall(r'from "(\.[^"]+\.js)"', text):
            name = path.removeprefix("../").removeprefix("./")
            folder = "" if path.startswith("../") else "queue/"
            for place in {folder + name, name}:
                todo += fetch(moderator, f"/desk/static/{place}", fetched)
    assert "/desk/static/queue/list.js" in fetched
    assert "/desk/static/text.js" in fetched
    assert "/desk/static/icons.svg" in fetched
    assert sum(fetched.values()) < MAX_PAGE_BYTES, fetched


def fetch(desk: Desk, path: str, fetched: dict[str, int]) -> list[str]:
    if path in fetched:
        return []
    answer = desk.get(path)
    if answer.status_code != 200:
        return []
    fetched[path] = len(answer.data)
    return [answer.get_data(as_text=True)] if path.endswith(".js") else []


# --- Deciding ---------------------------------------------------------------------------------


def test_approving_comes_back_to_where_one_was(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    comment = post()
    answer = decide(moderator, service, "approve", comment, next="/desk/queue?sort=newest")
    assert (answer.status_code, answer.location) == (303, "/desk/queue?sort=newest")
    assert service.comment(comment).status == "approved"
    assert said(moderator) == ["1 comment approved."]


def test_rejecting_asks_for_a_reason_of_the_site_first(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    comment = post()
    asked = decide(moderator, service, "reject", comment)
    assert asked.status_code == 200
    assert service.comment(comment).status == "queued"
    for field in ("decide", "comment"):
        assert f'name="{field}"' in asked.text
    assert 'name="reason" value="off_topic"' in asked.text
    refused = decide(moderator, service, "reject", comment, reason="made_up")
    assert refused.status_code == 422
    assert service.comment(comment).status == "queued"
    decide(moderator, service, "reject", comment, reason="off_topic", note="Again.")
    assert service.comment(comment).status == "rejected"
    page = moderator.get(f"/desk/comments/{comment}").text
    assert "Off topic" in page
    assert "Again." in page


def test_many_are_decided_each_by_itself(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    comments = [post(f"Opinion number {n}, quite apart") for n in range(3)]
    stale = [f"{comments[0]} 99", *(reference(service, one) for one in comments[1:])]
    moderator.post("/desk/decisions", {"decide": "approve", "comment": stale})
    assert [service.comment(one).status for one in comments] == ["queued", "approved", "approved"]
    assert said(moderator)[0] == "2 comments approved."


def test_what_was_decided_is_undone_by_the_button_on_the_next_page(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    comments = [post(f"Opinion number {n}, quite apart") for n in range(2)]
    decide(moderator, service, "reject", *comments, reason="other")
    page = moderator.get("/desk/queue").text
    [batch] = re.findall(r'name="batch" value="([^"]+)"', page)
    assert 'name="batch"' not in moderator.get("/desk/queue").text
    assert moderator.post("/desk/decisions/undo", {"batch": batch}).status_code == 303
    assert [service.comment(one).status for one in comments] == ["queued", "queued"]
    assert said(moderator) == ["2 comments put back."]


def test_any_decision_of_one_s_own_is_undone_from_the_view_of_them(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    kept, undone = post("Opinion one, quite apart"), post("And now something else entirely")
    decide(moderator, service, "approve", kept, undone)
    page = moderator.get("/desk/queue?view=mine").text
    [button] = re.findall(rf'id="c-{undone}".*?name="decision" value="(\w+)"', page, re.DOTALL)
    moderator.post("/desk/decisions/undo", {"decision": button})
    assert [service.comment(one).status for one in (kept, undone)] == ["approved", "queued"]
    before = service.snapshot()
    for given in ({}, {"decision": "none"}, {"batch": "none"}, {"decision": "a\x00"}):
        assert moderator.post("/desk/decisions/undo", given).status_code == 404
    assert service.snapshot() == before


def test_losing_a_race_is_told_with_the_name(
    desk_of: Callable[..., Desk], service: Service, post: Callable[..., str]
) -> None:
    mona, ben = desk_of(), desk_of("ben@news.example")
    comment = post()
    seen = reference(service, comment)
    decide(ben, service, "reject", comment, reason="other")
    mona.post("/desk/decisions", {"decide": f"approve {seen}"})
    assert service.comment(comment).status == "rejected"
    assert said(mona) == ["ben has rejected this meanwhile. Nothing of yours was changed."]
    [result] = mona.ask("/desk/decisions", {"decide": f"approve {seen}"}).json["results"]
    assert (result["ok"], result["problem"]["status"]) == (False, 409)
    assert result["told"].startswith("ben has rejected")


@pytest.mark.parametrize(("action", "reason"), [("approve", None), ("reject", "spam")])
def test_a_flood_is_one_card_and_one_decision(
    moderator: Desk,
    service: Service,
    post: Callable[..., str],
    action: str,
    reason: str | None,
) -> None:
    flood = [
        post("Win money at our casino, visit us now and get rich", author={"name": f"P{n}"})
        for n in range(8)
    ]
    page = moderator.get("/desk/queue")
    [shown] = cards(page)
    assert "with 7 near copies" in page.text
    fields = {"similar": shown} | ({"reason": reason} if reason else {})
    answer = decide(moderator, service, action, shown, **fields)
    assert answer.status_code == 303
    assert len({service.comment(one).status for one in flood}) == 1
    assert service.comment(flood[0]).status != "queued"
    assert said(moderator)[0].startswith("8 comments")


def test_escalating_asks_for_a_word_and_only_an_admin_decides_then(
    moderator: Desk, admin: Desk, service: Service, post: Callable[..., str]
) -> None:
    comment = post()
    assert 'name="note"' in decide(moderator, service, "escalate", comment).text
    decide(moderator, service, "escalate", comment, note="Is this libel?")
    assert cards(moderator.get("/desk/queue")) == []
    theirs = moderator.get("/desk/queue?view=escalated")
    assert cards(theirs) == [comment]
    assert "An admin decides this one." in theirs.text
    decide(moderator, service, "approve", comment)
    assert "It was left to an admin, who decides it." in said(moderator)
    page = admin.get("/desk/queue?view=escalated").text
    assert "Is this libel?" in page
    decide(admin, service, "send_back", comment)
    assert cards(moderator.get("/desk/queue")) == [comment]


def test_skipping_is_for_oneself_and_can_be_taken_back(
    desk_of: Callable[..., Desk], post: Callable[..., str]
) -> None:
    mona, ben = desk_of(), desk_of("ben@news.example")
    comment = post()
    assert mona.post(f"/desk/comments/{comment}/skip").status_code == 303
    assert cards(mona.get("/desk/queue")) == []
    assert cards(mona.get("/desk/queue?skipped=true")) == [comment]
    assert cards(ben.get("/desk/queue")) == [comment]
    mona.post(f"/desk/comments/{comment}/unskip")
    assert cards(mona.get("/desk/queue")) == [comment]


def test_a_claim_is_shown_to_others_and_ends_by_itself(
    desk_of: Callable[..., Desk], service: Service, post: Callable[..., str]
) -> None:
    mona, ben = desk_of(), desk_of("ben@news.example")
    comment = post()
    assert ben.ask(f"/desk/comments/{comment}/claim").json["is_mine"]
    assert "ben is looking at this" in mona.get("/desk/queue").text
    assert mona.ask(f"/desk/comments/{comment}/claim").json["holder"] == "ben"
    assert "ben is looking at this" not in ben.get("/desk/queue").text
    service.clock.advance(seconds=service.wiring.settings.claim_s + 1)
    assert "ben is looking at this" not in mona.get("/desk/queue").text
    assert cards(mona.get("/desk/queue")) == [comment]


def test_turning_away_gives_back_one_s_own_claim_and_nobody_else_s(
    desk_of: Callable[..., Desk], admin: Desk, service: Service, post: Callable[..., str]
) -> None:
    ben = desk_of("ben@news.example")
    one, two = post("Opinion one, quite apart"), post("And now something else entirely")
    ben.ask(f"/desk/comments/{one}/claim")
    admin.ask(f"/desk/comments/{one}/release")
    admin.ask(f"/desk/comments/{two}/claim", {"leave": one})
    assert service.comment(one).claimed_name == "ben"
    ben.ask(f"/desk/comments/{two}/claim", {"leave": one})
    assert service.comment(one).claimed_name is None


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"decide": "approve"},
        {"decide": "destroy x 1"},
        {"decide": "approve x"},
        {"decide": "approve x one"},
        {"decide": "approve", "comment": ["x"]},
        {"decide": "approve", "comment": [f"x{n} 1" for n in range(101)]},
    ],
    ids=str,
)
def test_a_form_that_says_nothing_sensible_changes_nothing(
    moderator: Desk, service: Service, post: Callable[..., str], fields: dict[str, Any]
) -> None:
    post()
    before = service.snapshot()
    assert moderator.post("/desk/decisions", fields).status_code == 422
    assert service.snapshot() == before


def test_a_note_that_is_too_long_changes_nothing(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    comment = post()
    before = service.snapshot()
    for note in ("", " ", "x" * 2001, "a\x00b"):
        answer = moderator.post(f"/desk/comments/{comment}/notes", {"note": note})
        assert answer.status_code == 422
    assert service.snapshot() == before


# --- Views, filters, saved views -----------------------------------------------------------------


def test_each_view_shows_what_it_says(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    waiting, approved, rejected, unscored = (
        post(text)
        for text in (
            "This one waits its turn",
            "Very well said by the author",
            "Nothing to do with the ferry",
            "This one fails somehow",
        )
    )
    for _ in range(12):
        service.clock.advance(minutes=1)
        service.judge_all()
    decide(moderator, service, "approve", approved)
    decide(moderator, service, "reject", rejected, reason="off_topic")
    shown = {
        view: set(cards(moderator.get(f"/desk/queue?view={view}")))
        for view in ("waiting", "approved", "rejected", "mine", "not_scored", "reported")
    }
    assert shown == {
        "waiting": {waiting, unscored},
        "approved": {approved},
        "rejected": {rejected},
        "mine": {approved, rejected},
        "not_scored": {unscored},
        "reported": set(),
    }


def test_a_filter_lives_in_the_address(moderator: Desk, post: Callable[..., str]) -> None:
    wanted = post("The timetable of the ferry is wrong")
    post("Something else altogether", article_id="story-2")
    sent = moderator.get("/desk/queue?view=waiting&text=timetable&site_id=&min_spam=")
    assert (sent.status_code, sent.location) == (303, "/desk/queue?text=timetable")
    page = moderator.get(sent.location)
    assert cards(page) == [wanted]
    assert 'value="timetable"' in page.text
    assert cards(moderator.get("/desk/queue?min_toxicity=0.5")) == []
    assert moderator.get("/desk/queue?min_toxicity=lots").status_code == 422


def test_views_are_saved_shared_and_deleted(
    desk_of: Callable[..., Desk], post: Callable[..., str]
) -> None:
    mona, ben = desk_of(), desk_of("ben@news.example")
    saved = mona.post("/desk/views", {"name": "Ferry", "query": "text=ferry"})
    assert saved.location == "/desk/queue?text=ferry"
    assert "Ferry" in mona.get("/desk/queue").text
    assert "Ferry" not in ben.get("/desk/queue").text
    [view] = set(re.findall(r"/desk/views/(\w+)/share", mona.get("/desk/queue").text))
    mona.post(f"/desk/views/{view}/share", {"shared": "true"})
    assert "shared by mona" in ben.get("/desk/queue").text
    assert ben.post(f"/desk/views/{view}/delete").status_code == 403
    mona.post(f"/desk/views/{view}/delete")
    assert "Ferry" not in ben.get("/desk/queue").text
    assert mona.post("/desk/views", {"name": " ", "query": ""}).status_code == 422


def test_the_safe_run_offers_what_nothing_speaks_against(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    calm = [post(f"Well argued on page {n}") for n in (3, 40)]
    post("You awful person")
    page = moderator.get("/desk/queue/safe-run?safe_below=0.05").text
    offered = re.findall(r'name="comment" value="(\S+) \d+" checked', page)
    assert set(offered) == set(calm)
    decide(moderator, service, "approve", *calm, next="/desk/queue/safe-run")
    assert {service.comment(one).status for one in calm} == {"approved"}


# --- News and one comment's page ---------------------------------------------------------------


def test_an_open_page_hears_what_is_new_and_what_became_of_its_cards(
    desk_of: Callable[..., Desk], service: Service, post: Callable[..., str]
) -> None:
    mona, ben = desk_of(), desk_of("ben@news.example")
    shown, held = post("Opinion one, quite apart"), post("And now something else entirely")
    [since] = re.findall(r'data-since="([^"]+)"', mona.get("/desk/queue").text)
    service.clock.advance(seconds=5)
    post("A third voice joins in here")
    decide(ben, service, "approve", shown)
    ben.ask(f"/desk/comments/{held}/claim")
    told = mona.get(f"/desk/queue/news?since={since}&shown={shown},{held}").json
    assert told["told"] == "1 new"
    assert (told["counts"]["waiting"], told["counts"]["approved"]) == ("2", "1")
    assert told["cards"][held]["holder"] == "ben"
    assert told["cards"][shown]["version"] > 1
    assert told["cards"][shown]["told"].startswith("ben has approved this")


@pytest.mark.parametrize(
    "since", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-24", "x"]
)
def test_news_since_what_is_no_moment_of_ours_is_news_since_now(
    moderator: Desk, post: Callable[..., str], since: str
) -> None:
    post()
    answer = moderator.get("/desk/queue/news", query_string={"since": since})
    assert (answer.status_code, answer.json["new"]) == (200, 0)


def test_the_page_of_a_comment_has_context_history_and_notes(
    moderator: Desk, service: Service, post: Callable[..., str]
) -> None:
    parent = post("Where does it sail from?", author={"name": "Ida"})
    decide(moderator, service, "approve", parent)
    reply = post("From the old quay.", parent_id=parent)
    moderator.post(f"/desk/comments/{reply}/notes", {"note": "Known to us."})
    page = moderator.get(f"/desk/comments/{reply}").text
    for told in ("Where does it sail from?", "In reply to Ida", "Put in the queue", "Known to us."):
        assert told in page
    part = moderator.get(f"/desk/comments/{reply}?part=context").text
    assert "Where does it sail from?" in part
    assert "<html" not in part
    assert moderator.get("/desk/comments/nothing").status_code == 404


def test_severe_texts_are_veiled_for_who_wishes_so(
    desk_of: Callable[..., Desk], service: Service, post: Callable[..., str]
) -> None:
    desk = desk_of()
    post("This is a threat.")
    assert '<details class="veil">' not in desk.get("/desk/queue").text
    with service.database.write() as session:
        session.query(Staff).one().preferences = {"veil": True}
    assert '<details class="veil">' in desk.get("/desk/queue").text


def test_who_is_not_signed_in_decides_nothing(stranger: Desk) -> None:
    for path in ("/desk/decisions", "/desk/decisions/undo", "/desk/views"):
        assert stranger.ask(path).status_code == 401
