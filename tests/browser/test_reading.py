"""Reading comments on a publisher's page: places in long lists, hidden pages, who may write."""

from __future__ import annotations

from browsing import PATIENCE_MS, THREAD, Publish, Served
from playwright.sync_api import BrowserContext, Page, expect

from moderation.services import sites

expect.set_options(timeout=PATIENCE_MS)

SEE_AS = """(state) => {
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => state });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_link_opens_the_place_of_a_deep_reply_in_a_conversation_of_a_later_page(
    served: Served, publish: Publish
) -> None:
    question = served.publish("Who pays?", name="Ada")
    answer = served.publish("We all do", name="Linus", parent_id=question)
    wanted = served.publish("Speak for yourself", parent_id=answer)
    for number in range(20):
        served.publish(f"Later {number}")
    page = publish(THREAD)
    expect(page.locator("li.comment")).to_have_count(20)
    expect(page.get_by_text("Who pays?")).to_have_count(0)

    page.evaluate("(id) => { location.hash = `comment-${id}`; }", wanted)
    page.reload()
    conversation = page.locator(f"li.comment[data-id='{question}']")
    linked = conversation.locator(".replies > li.linked > article")
    expect(linked.locator(".body")).to_have_text("Speak for yourself")
    expect(linked.locator(".reply-to")).to_have_text("in reply to Linus")
    expect(linked).to_be_in_viewport()
    expect(conversation.locator(".body")).to_have_text(
        ["Who pays?", "We all do", "Speak for yourself"]
    )


def test_replies_that_do_not_come_along_are_shown_when_asked_for(
    served: Served, publish: Publish
) -> None:
    question = served.publish("Who pays?", name="Ada")
    for number in range(22):
        served.publish(f"Answer {number}", parent_id=question)
    page = publish(THREAD)
    answers = page.get_by_role("list", name="Replies").locator(".body")
    expect(answers).to_have_count(20)
    page.get_by_role("button", name="Show 2 more replies").click()
    expect(answers).to_have_text([f"Answer {number}" for number in range(22)])
    expect(page.get_by_role("button", name="more repl")).to_have_count(0)

    served.publish("Answer 22", parent_id=question)
    expect(answers).to_have_count(23)


def test_a_hidden_page_asks_for_nothing_and_catches_up_when_it_is_seen(
    served: Served, publish: Publish, context: BrowserContext
) -> None:
    context.clock.install()
    page = publish(THREAD)
    count = page.locator("comment-thread .count")
    expect(count).to_have_text("0")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    pass_time(page, 30_000)
    assert asked, "a page that is looked at asks"

    page.evaluate(SEE_AS, "hidden")
    page.wait_for_timeout(1_000)
    asked.clear()
    served.publish("While nobody looked")
    for _ in range(5):
        pass_time(page, 120_000)
    assert asked == []
    expect(count).to_have_text("0")

    page.evaluate(SEE_AS, "visible")
    pass_time(page, 2_000)
    expect(count).to_have_text("1")
    expect(page.locator("li.comment .body")).to_have_text("While nobody looked")


def pass_time(page: Page, ms: int) -> None:
    """Let the page's timers run for so long, and what they ask for be answered."""
    page.clock.run_for(ms)
    page.wait_for_load_state("networkidle")


def test_where_only_signed_in_readers_write_the_page_offers_to_sign_in(
    served: Served, publish: Publish
) -> None:
    with served.service.database.write() as session:
        sites.by_id(session, served.site.id).guests_allowed = False
    page = publish(THREAD.replace("></", '><a slot="sign-in" href="/login">Sign in</a></'))
    sign_in, box = page.get_by_role("link", name="Sign in"), page.get_by_label("Your comment")
    told = page.get_by_text("Only readers who are signed in can comment here.")
    expect(told).to_be_visible()
    expect(sign_in).to_be_visible()
    expect(box).to_be_hidden()

    page.locator("comment-thread").evaluate(
        "(thread, token) => { thread.token = token; }", served.site.jwt(name="Grace Hopper")
    )
    expect(box).to_be_visible(timeout=1_000)
    expect(sign_in).to_be_hidden()
    expect(told).to_be_hidden()


def test_where_guests_write_nobody_is_asked_to_sign_in(served: Served, publish: Publish) -> None:
    page = publish(THREAD.replace("></", '><a slot="sign-in" href="/login">Sign in</a></'))
    expect(page.get_by_text("Nobody has commented yet.")).to_be_visible()
    expect(page.get_by_label("Your comment")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_hidden()
