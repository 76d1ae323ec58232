"""The two elements on a publisher's own page: another origin, under a strict policy of its own."""

from __future__ import annotations

import pytest
from browsing import COUNT, PATIENCE_MS, THREAD, Publish, Served, Visit, findings
from playwright.sync_api import BrowserContext, Page, expect

from moderation.adapters import metrics

expect.set_options(timeout=PATIENCE_MS)


def write(page: Page, body: str) -> None:
    page.get_by_label("Your comment").fill(body)
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Post comment").click()


def test_two_lines_make_comments_on_a_page_of_another_origin(
    served: Served, publish: Publish
) -> None:
    page = publish(COUNT + THREAD + COUNT)
    counts = page.locator("comment-count")
    expect(counts).to_have_text(["0", "0"])
    write(page, "From elsewhere")
    badge = page.locator("li.comment .badge")
    expect(badge).to_have_text("Waiting for review")
    [waiting] = served.waiting()
    served.decide("approve", waiting)
    expect(badge).to_have_text("You")
    expect(counts).to_have_text(["1", "1"])
    page.get_by_role("button", name="Withdraw").click()
    page.get_by_role("button", name="Yes, withdraw it").click()
    expect(page.locator("li.comment")).to_have_count(0)
    expect(counts).to_have_text(["0", "0"])


def test_a_comment_is_edited_within_the_window(served: Served, publish: Publish) -> None:
    page = publish(THREAD)
    write(page, "With a mistaek")
    page.get_by_role("button", name="Edit").click()
    form = page.locator("li.comment form")
    form.get_by_label("Your comment").fill("Without a mistake")
    form.get_by_role("button", name="Save").click()
    expect(page.locator("li.comment .body")).to_have_text("Without a mistake")
    [waiting] = served.waiting()
    assert waiting["body"] == "Without a mistake"


def test_a_comment_is_reported_once(served: Served, publish: Publish) -> None:
    reported = served.publish("Buy my boat", name="Linus")
    page = publish(THREAD)
    page.get_by_role("button", name="Report").click()
    page.get_by_label("What is wrong with it?").select_option("spam")
    page.get_by_label("Anything else?").fill("Third time today")
    page.get_by_role("button", name="Send report").click()
    expect(page.get_by_role("button", name="Reported")).to_be_disabled()
    assert served.service.comment(reported).report_count == 1
    page.reload()
    expect(page.get_by_role("button", name="Reported")).to_be_disabled()


def test_a_signed_in_reader_needs_no_name_and_gets_new_tokens(
    served: Served, publish: Publish
) -> None:
    page = publish(THREAD)
    tokens = iter([served.site.jwt(name="Old", exp=1), served.site.jwt(name="Grace Hopper")])
    page.expose_function("nextToken", lambda: next(tokens))
    page.locator("comment-thread").evaluate(
        "(thread) => { thread.getToken = () => window.nextToken(); }"
    )
    expect(page.get_by_text("Writing as")).to_be_visible()
    expect(page.get_by_label("Your name")).to_be_hidden()
    page.get_by_label("Your comment").fill("Signed")
    page.keyboard.press("Control+Enter")
    expect(page.locator("li.comment .author")).to_have_text("Grace Hopper")
    assert [item["author"]["name"] for item in served.waiting()] == ["Grace Hopper"]


def test_what_was_written_survives_a_reload_and_goes_out_when_the_network_is_back(
    served: Served, publish: Publish
) -> None:
    page = publish(THREAD, may_complain=True)
    page.get_by_label("Your comment").fill("On the train")
    page.reload()
    expect(page.get_by_label("Your comment")).to_have_value("On the train")
    page.get_by_label("Your name").fill("Ada")
    page.context.set_offline(True)
    page.get_by_role("button", name="Post comment").click()
    expect(page.locator(".form-error")).to_contain_text("There is no connection.")
    assert served.waiting() == []
    page.context.set_offline(False)
    expect(page.locator("li.comment .badge")).to_have_text("Waiting for review")
    assert len(served.waiting()) == 1
    expect(page.get_by_label("Your comment")).to_have_value("")


def test_two_sites_on_one_page_are_kept_apart(served: Served, publish: Publish) -> None:
    other = served.service.make_site(site_key="other", origins=[])
    of_other = THREAD.replace('"demo"', '"other"')
    page = publish(
        f"{THREAD}{of_other}{COUNT.replace('article-id', 'site-key=demo article-id')}"
        f"{COUNT.replace('article-id', 'site-key=other article-id')}",
        origins_of=[served.site, other],
    )
    served.publish("Of the first site")
    first, second = page.locator("comment-thread").all()
    expect(first.locator("li.comment .body")).to_have_text("Of the first site")
    expect(page.locator("comment-count")).to_have_text(["1", "0"])
    expect(second.get_by_text("Nobody has commented yet.")).to_be_visible()
    second.get_by_label("Your comment").fill("Of the second")
    second.get_by_label("Your name").fill("Ada")
    second.get_by_role("button", name="Post comment").click()
    expect(second.locator("li.comment .body")).to_have_text("Of the second")
    expect(first.locator("li.comment")).to_have_count(1)
    [waiting] = served.waiting()
    assert waiting["site_id"] == other.id


def test_a_page_of_an_unknown_origin_is_told_that_nothing_comes(
    served: Served, publish: Publish
) -> None:
    served.publish("Not for everybody")
    page = publish(THREAD, may_complain=True, origins_of=[])
    expect(page.get_by_text("The comments cannot be reached just now.")).to_be_visible()
    expect(page.locator("li.comment")).to_have_count(0)


def test_a_link_opens_the_place_of_a_comment(served: Served, publish: Publish) -> None:
    wanted = served.publish("The one")
    for number in range(25):
        served.publish(f"Later {number}")
    page = publish(THREAD)
    expect(page.locator("li.comment")).to_have_count(20)
    page.evaluate(f"location.hash = 'comment-{wanted}'")
    linked = page.locator("li.linked > article")
    expect(linked.locator(".body")).to_have_text("The one")
    expect(linked).to_be_in_viewport()
    expect(linked).to_be_focused()


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>window.hit = 1</script>",
        "<img src=x onerror='window.hit = 1'>",
        "<svg/onload=window.hit=1>",
        'javascript:window.hit=1 https://a.example/"onmouseover=window.hit=1',
        "</textarea></p><iframe srcdoc='<script>parent.hit=1</script>'>",
    ],
)
def test_whatever_is_written_is_text(served: Served, publish: Publish, hostile: str) -> None:
    served.publish(hostile, name="<b onclick=hit()>")
    page = publish(THREAD.replace("site-key", 'links="on" site-key', 1))
    body = page.locator("li.comment .body")
    expect(body).to_have_text(hostile)
    assert page.evaluate("window.hit") is None
    assert body.locator(":not(a)").count() == 0
    for link in body.locator("a").all():
        assert link.get_attribute("href").startswith("https://")
        assert link.get_attribute("rel") == "ugc nofollow noopener"


def test_links_are_plain_text_unless_asked_for(served: Served, publish: Publish) -> None:
    served.publish("See https://ferries.example/table.")
    page = publish(THREAD)
    expect(page.locator("li.comment .body")).to_have_text("See https://ferries.example/table.")
    assert page.locator("li.comment .body a").count() == 0
    page.locator("comment-thread").evaluate("(thread) => thread.setAttribute('links', 'on')")
    link = page.locator("li.comment .body a")
    expect(link).to_have_text("https://ferries.example/table")


def test_it_speaks_the_language_of_the_page(served: Served, publish: Publish) -> None:
    served.publish("Moin", name="Grace")
    page = publish(THREAD, lang="de-AT")
    expect(page.get_by_label("Ihr Kommentar")).to_be_visible()
    page.get_by_role("button", name="Melden").click()
    expect(page.get_by_label("Was stimmt damit nicht?")).to_be_visible()


@pytest.mark.parametrize("context", [{"color_scheme": "dark"}], indirect=True)
def test_dark_follows_the_page_and_not_the_system(served: Served, publish: Publish) -> None:
    page = publish(THREAD)
    button = page.get_by_role("button", name="Post comment")
    accent = "(element) => getComputedStyle(element).backgroundColor"
    expect(button).to_be_visible()
    light = button.evaluate(accent)
    page.locator("comment-thread").evaluate("(thread) => thread.setAttribute('theme', 'dark')")
    assert button.evaluate(accent) != light


def test_many_counts_are_asked_for_at_once(served: Served, publish: Publish) -> None:
    served.publish("One")
    asked: list[str] = []
    page = publish("")
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate(
        """() => {
          for (let number = 0; number < 150; number += 1) {
            const count = document.createElement("comment-count");
            count.setAttribute("site-key", "demo");
            count.setAttribute("article-id", number === 7 ? "winter-ferry" : `a${number}`);
            document.body.append(count);
          }
        }"""
    )
    expect(page.locator("comment-count[article-id=winter-ferry]")).to_have_text("1")
    expect(page.locator("comment-count[article-id=a149]")).to_have_text("0")
    assert len([url for url in asked if "/counts?" in url]) == 2


def test_first_comments_take_one_request_and_what_is_unchanged_is_only_confirmed(
    served: Served, publish: Publish
) -> None:
    served.publish("Hello")
    asked: list[str] = []
    page = publish("")
    page.on("request", lambda request: asked.append(request.url))
    before = answered("/api/v1/counts", 304)
    page.evaluate(
        """() => {
          const thread = document.createElement("comment-thread");
          thread.setAttribute("site-key", "demo");
          thread.setAttribute("article-id", "winter-ferry");
          document.body.append(thread);
        }"""
    )
    expect(page.locator("li.comment .body")).to_have_text("Hello")
    assert "/api/v1/comments?" in asked[0]
    with page.expect_response(lambda answer: "/counts?" in answer.url):
        pass
    with page.expect_response(lambda answer: "/counts?" in answer.url):
        pass
    assert answered("/api/v1/counts", 304) > before


def answered(route: str, status: int) -> float:
    """How often the service has answered so, since this process began."""
    return metrics.REQUESTS.labels("GET", route, status)._value.get()


# --- Without script -------------------------------------------------------------------------------


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
def test_without_script_comments_are_read_and_written(
    served: Served, context: BrowserContext
) -> None:
    served.publish("Read me", name="Linus")
    page = context.new_page()
    page.goto(f"{served.url}/demo")
    frame = page.frame_locator("iframe")
    frame.get_by_role("link", name="Reply to Linus").click()
    expect(frame.get_by_role("heading", name="Reply to Linus")).to_be_visible()
    served.service.clock.advance(seconds=10)
    frame.get_by_label("Your reply").fill("Without a script")
    frame.get_by_label("Your name").fill("Ada")
    frame.get_by_role("button", name="Post reply").click()
    expect(frame.get_by_text("Thank you.")).to_be_visible()
    [waiting] = served.waiting()
    assert waiting["body"] == "Without a script"
    assert waiting["parent_id"] is not None


def test_the_page_for_no_script_is_accessible(served: Served, visit: Visit) -> None:
    served.publish("Read me", name="Linus")
    page = visit.open("/embed/thread?site_key=demo&article_id=winter-ferry")
    page.get_by_label("Your comment").fill("x" * 301)
    page.get_by_label("Your name").fill("Ada")
    served.service.clock.advance(seconds=10)
    page.get_by_role("button", name="Post comment").click()
    expect(page.get_by_text("301 characters")).to_be_visible()
    expect(page.get_by_label("Your comment")).to_have_value("x" * 301)
    assert findings(page) == []
    visit.expect_failed_requests()
