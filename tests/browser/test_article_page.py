"""The comments under an article as a reader uses them: writing, waiting, reading, what fails."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from browsing import ARTICLE, PATIENCE_MS, Served, Visit
from playwright.sync_api import Locator, Page, Route, expect

from moderation.domain.comment import Status
from moderation.domain.sanction import SanctionKind
from moderation.domain.staff import Principal
from moderation.services import intake, sanctions

expect.set_options(timeout=PATIENCE_MS)

WAITING = "Waiting for review"


def write(page: Page, body: str, name: str = "Grace") -> None:
    page.get_by_label("Your comment").fill(body)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Post comment").click()


def comment(page: Page, text: str) -> Locator:
    """The list's entry with this text, without its replies."""
    body = page.locator(":scope > article > .body", has_text=text)
    return page.locator("li.comment", has=body).first.locator(":scope > article")


def status(page: Page) -> Locator:
    return page.locator("comment-thread").get_by_role("status")


def expect_counts(page: Page, number: int) -> None:
    counts = page.locator(f"comment-count[article-id={ARTICLE}], comment-thread .count")
    expect(counts).to_have_text([str(number)] * 3)


def test_a_comment_waits_and_appears_once_approved(served: Served, visit: Visit) -> None:
    page = visit.open("/demo")
    expect(page.get_by_text("Nobody has commented yet.")).to_be_visible()
    expect_counts(page, 0)

    write(page, "  A <b>fine</b> article 👍🏽\nreally  ")

    mine = comment(page, "fine")
    expect(mine.locator(".badge")).to_have_text(WAITING)
    expect(mine.locator(".body")).to_have_text("A <b>fine</b> article 👍🏽\nreally")
    expect(status(page)).to_contain_text("waiting for review")
    expect(page.get_by_label("Your comment")).to_have_value("")
    expect_counts(page, 0)

    [waiting] = served.waiting()
    assert waiting["body"] == "A <b>fine</b> article 👍🏽\nreally"
    assert waiting["article"]["id"] == ARTICLE
    assert waiting["article"]["url"] == f"{served.url}/demo"
    served.decide("approve", waiting)

    expect(mine.locator(".badge")).to_have_text("You")
    expect(status(page)).to_have_text("Your comment is published.")
    expect_counts(page, 1)
    expect(page.locator("li.comment")).to_have_count(1)


def test_the_time_that_typing_takes_goes_along(served: Served, visit: Visit) -> None:
    page = visit.open("/demo")
    page.get_by_label("Your name").fill("Grace")
    for body, least, most in (("A slow thought.", 600, 60_000), ("Pasted at once.", 0, 20)):
        if least:
            page.get_by_label("Your comment").press_sequentially(body, delay=60)
        else:
            page.get_by_label("Your comment").fill(body)
        with page.expect_request(lambda request: request.method == "POST") as sent:
            page.get_by_role("button", name="Post comment").click()
        assert least <= sent.value.post_data_json["typing_ms"] <= most
        expect(comment(page, body)).to_be_visible()


def test_what_waits_is_remembered_and_only_here(served: Served, visit: Visit) -> None:
    page = visit.open("/demo")
    write(page, "Remember me", name="Ada")
    expect(comment(page, "Remember me").locator(".badge")).to_have_text(WAITING)

    page.reload()
    expect(comment(page, "Remember me").locator(".badge")).to_have_text(WAITING)
    expect(page.get_by_label("Your name")).to_have_value("Ada")

    with page.context.browser.new_context() as stranger:
        other = stranger.new_page()
        other.goto(f"{served.url}/demo")
        expect(other.get_by_text("Nobody has commented yet.")).to_be_visible()


def test_a_rejected_comment_says_why_and_can_be_dismissed(served: Served, visit: Visit) -> None:
    page = visit.open("/demo")
    write(page, "Buy my boat")
    mine = comment(page, "Buy my boat")
    expect(mine).to_be_visible()
    [waiting] = served.waiting()
    served.decide("reject", waiting, reason="Advertising is not allowed here")

    expect(mine.locator(".badge")).to_have_text("Not published")
    expect(mine.locator(".reason")).to_have_text("Reason: Advertising is not allowed here")
    expect_counts(page, 0)
    mine.get_by_role("button", name="Dismiss").click()
    expect(mine).to_have_count(0)
    page.reload()
    expect(page.get_by_text("Nobody has commented yet.")).to_be_visible()


def test_others_comments_come_and_go_without_a_reload(served: Served, visit: Visit) -> None:
    first = served.publish("The first")
    page = visit.open("/demo")
    expect(comment(page, "The first")).to_be_visible()
    expect_counts(page, 1)

    served.publish("The second", name="Linus")
    expect(page.locator("li.comment .body")).to_have_text(["The second", "The first"])
    expect_counts(page, 2)

    gone = served.service.comment(first)
    served.decide("reject", {"id": first, "version": gone.version})
    expect(page.locator("li.comment .body")).to_have_text(["The second"])
    expect_counts(page, 1)


def test_replies_stand_under_what_they_answer(served: Served, visit: Visit) -> None:
    question = served.publish("Who pays?", name="Ada")
    page = visit.open("/demo")
    comment(page, "Who pays?").get_by_role("button", name="Reply to Ada").click()
    expect(page.get_by_role("heading", name="Reply to Ada")).to_be_visible()
    expect(page.get_by_label("Your reply")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Your reply")).to_have_count(0)
    expect(page.get_by_role("button", name="Reply to Ada")).to_be_focused()

    page.keyboard.press("Enter")
    form = page.locator("li.comment form")
    form.get_by_label("Your reply").fill("We all do")
    form.get_by_label("Your name").fill("Linus")
    form.get_by_role("button", name="Post reply").click()
    replies = page.get_by_role("list", name="Replies")
    expect(replies.locator(".badge")).to_have_text(WAITING)

    [waiting] = served.waiting()
    assert waiting["parent_id"] == question
    served.decide("approve", waiting)
    expect(replies.locator(".badge")).to_have_text("You")
    served.publish("Speak for yourself", name="Grace", parent_id=waiting["id"])
    expect(replies.locator(".body")).to_have_text(["We all do", "Speak for yourself"])
    expect(replies.locator(".reply-to").last).to_have_text("in reply to Linus")
    expect_counts(page, 3)


def test_a_half_written_reply_survives_what_happens_around_it(served: Served, visit: Visit) -> None:
    asked = served.publish("Who pays?", name="Ada")
    page = visit.open("/demo")
    page.get_by_role("button", name="Reply to Ada").click()
    page.keyboard.type("We all")
    served.publish("Another comment")
    expect(page.locator("li.comment")).to_have_count(2)
    expect(page.get_by_label("Your reply")).to_be_focused()

    served.decide("reject", {"id": asked, "version": served.service.comment(asked).version})
    expect_counts(page, 1)
    expect(page.get_by_label("Your reply")).to_have_value("We all")
    page.locator("li.comment form").get_by_label("Your name").fill("Linus")
    page.get_by_role("button", name="Post reply").click()
    expect(page.locator("li.comment .form-error")).to_have_text(
        "The comment you reply to is no longer here."
    )
    visit.expect_failed_requests()


def test_older_comments_are_shown_when_asked_for(served: Served, visit: Visit) -> None:
    for number in range(21):
        served.publish(f"Number {number}")
    page = visit.open("/demo")
    expect(page.locator("li.comment")).to_have_count(20)
    page.get_by_role("button", name="Show more comments").click()
    expect(page.locator("li.comment")).to_have_count(21)
    expect(page.locator("li.comment .body").last).to_have_text("Number 0")
    expect(page.get_by_role("button", name="Show more comments")).to_be_hidden()
    served.publish("One more")
    expect(page.locator("li.comment")).to_have_count(22)


# --- What is not taken ----------------------------------------------------------------------------


def test_the_counter_counts_down_and_the_301st_character_is_not_sent(
    served: Served, visit: Visit
) -> None:
    page = visit.open("/demo")
    body, left = page.get_by_label("Your comment"), page.locator(".counter span").first
    expect(left).to_have_text("300")
    body.fill("👍🏽" * 300)
    expect(left).to_have_text("0")
    body.fill("e\u0301" + "a" * 300)
    expect(left).to_have_text("−1")
    expect(page.get_by_text("The comment is 1 character too long.").first).to_be_visible()
    expect(body).to_have_attribute("aria-invalid", "true")

    page.get_by_label("Your name").fill("Grace")
    page.get_by_role("button", name="Post comment").click()
    expect(body).to_be_focused()
    assert served.waiting() == []

    body.fill("e\u0301" + "a" * 299)
    expect(left).to_have_text("0")
    page.get_by_role("button", name="Post comment").click()
    expect(page.locator(".badge")).to_have_text(WAITING)
    [waiting] = served.waiting()
    assert waiting["body"] == "é" + "a" * 299


def test_missing_fields_are_named_beside_them(served: Served, visit: Visit) -> None:
    page = visit.open("/demo")
    page.get_by_role("button", name="Post comment").click()
    expect(page.get_by_text("Please write a comment.").first).to_be_visible()
    expect(page.get_by_text("Please write your name.").first).to_be_visible()
    expect(page.get_by_label("Your comment")).to_be_focused()
    assert served.waiting() == []


@pytest.mark.parametrize(
    ("body", "name", "field", "sentence"),
    [
        ("z" + "\u0301" * 9, "Grace", "Your comment", "more than 6 accents"),
        ("\u200b\u200d", "Grace", "Your comment", "The comment"),
        ("Hello", "N" * 61, "Your name", "at most 60"),
        ("Hello", "Gra\u202ece", "Your name", "direction of writing"),
    ],
)
def test_what_the_server_refuses_stands_beside_the_field(
    served: Served, visit: Visit, body: str, name: str, field: str, sentence: str
) -> None:
    page = visit.open("/demo")
    write(page, body, name)
    given = page.get_by_label(field)
    expect(given).to_have_attribute("aria-invalid", "true")
    expect(given).to_be_focused()
    expect(given).to_have_accessible_description(re.compile(re.escape(sentence)))
    expect(page.get_by_label("Your comment")).to_have_value(body)
    assert served.waiting() == []
    visit.expect_failed_requests()


def test_a_closed_article_is_told_in_words(served: Served, visit: Visit) -> None:
    served.publish("Early enough")
    served.service.make_article(served.site, ARTICLE, state="closed")
    page = visit.open("/demo")
    expect(page.get_by_text("Comments on this article are closed.")).to_be_visible()
    expect(comment(page, "Early enough")).to_be_visible()
    expect(page.get_by_role("button", name="Post comment")).to_be_hidden()
    expect(page.get_by_role("button", name="Reply to Grace")).to_be_hidden()


@pytest.mark.parametrize(("days", "told"), [(None, "here any more."), (3, "here until ")])
def test_who_is_refused_is_told_in_words_and_until_when(
    served: Served, visit: Visit, days: int | None, told: str
) -> None:
    service = served.service
    page = visit.open("/demo")
    write(page, "The first")
    expect(comment(page, "The first").locator(".badge")).to_have_text(WAITING)
    [waiting] = served.waiting()
    now = service.clock()
    kind = SanctionKind.SUSPEND if days else SanctionKind.BAN
    with service.database.write() as session:
        sanctions.impose(
            session,
            Principal("staff:m", "Mona", frozenset()),
            waiting["author"]["id"],
            kind,
            reason="Insults",
            ends_at=now + timedelta(days=days) if days else None,
            now=now,
        )
    write(page, "The second")
    expect(page.locator(".form-error")).to_contain_text(f"You cannot comment {told}")
    if days:
        expect(page.locator(".form-error")).to_contain_text(str((now + timedelta(days=3)).year))
    visit.expect_failed_requests()


# --- What fails -----------------------------------------------------------------------------------


def test_a_failing_server_is_told_and_the_text_kept(
    served: Served, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("broken on purpose")

    page = visit.open("/demo")
    with monkeypatch.context() as patched:
        patched.setattr(intake, "submit", fail)
        write(page, "Hold on to this")
        expect(page.locator(".form-error")).to_contain_text("Something failed on our side.")
    expect(page.get_by_label("Your comment")).to_have_value("Hold on to this")

    page.get_by_role("button", name="Post comment").click()
    expect(page.locator(".badge")).to_have_text(WAITING)
    expect(page.locator(".form-error")).to_be_hidden()
    assert len(served.waiting()) == 1
    visit.expect_failed_requests()


def test_an_answer_that_got_lost_makes_no_second_comment(served: Served, visit: Visit) -> None:
    page = visit.open("/demo")
    keys: list[str] = []

    def lose_first_answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            return route.continue_()
        route.fetch()
        return route.abort()

    page.route("**/api/v1/comments", lose_first_answer)
    write(page, "Only once")
    expect(page.locator(".badge")).to_have_text(WAITING)
    write(page, "Another one")
    expect(page.locator(".badge")).to_have_count(2)

    assert keys[0] == keys[1] != keys[2]
    assert sorted(item["body"] for item in served.waiting()) == ["Another one", "Only once"]
    visit.expect_failed_requests()


def test_a_list_that_cannot_be_read_says_so_and_recovers(served: Served, visit: Visit) -> None:
    served.publish("Still readable")
    visit.page.route("**/api/v1/comments?*", lambda route: route.abort())
    page = visit.open("/demo")
    trouble = page.get_by_text("The comments cannot be reached just now.")
    expect(trouble).to_be_visible()
    page.unroute("**/api/v1/comments?*")
    expect(comment(page, "Still readable")).to_be_visible(timeout=2 * PATIENCE_MS)
    expect(trouble).to_be_hidden()
    visit.expect_failed_requests()


def test_a_comment_the_service_forgot_is_forgotten(served: Served, visit: Visit) -> None:
    page = visit.open("/demo")
    write(page, "Of a former installation")
    expect(page.locator(".badge")).to_have_text(WAITING)
    with served.service.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM comments")
    expect(page.get_by_text("Nobody has commented yet.")).to_be_visible()
    visit.expect_failed_requests()


# --- By keyboard ----------------------------------------------------------------------------------


def test_everything_can_be_done_by_keyboard(served: Served, visit: Visit) -> None:
    page = visit.open("/demo")
    keyboard = page.keyboard
    keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(page.get_by_role("link", name="Comments 0")).to_be_focused()
    keyboard.press("Enter")
    keyboard.press("Tab")
    expect(page.get_by_label("Your comment")).to_be_focused()
    keyboard.type("By keys alone")
    keyboard.press("Tab")
    keyboard.type("Ada")
    keyboard.press("Tab")
    expect(page.get_by_role("button", name="Post comment")).to_be_focused()
    keyboard.press("Enter")
    expect(page.locator(".badge")).to_have_text(WAITING)

    [waiting] = served.waiting()
    served.decide("approve", waiting)
    expect(page.locator(".badge")).to_have_text("You")
    reply = page.get_by_role("button", name="Reply to Ada")
    for _ in range(3):  # the link to the comment comes before
        keyboard.press("Tab")
        if reply.evaluate("(button) => button.matches(':focus')"):
            break
    expect(reply).to_be_focused()
    keyboard.press("Enter")
    keyboard.type("And a reply")
    keyboard.press("Control+Enter")
    expect(page.get_by_role("list", name="Replies").locator(".badge")).to_have_text(WAITING)
    assert served.service.comment(served.waiting()[0]["id"]).status == Status.QUEUED
