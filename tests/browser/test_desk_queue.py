"""The queue as a moderator works in it: by keys, with colleagues, on a phone, without scripts."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

import httpx
import pytest
from browsing import Served, Visit, findings
from factories import comment_json
from playwright.sync_api import BrowserContext, Locator, Page, expect

from moderation.domain.comment import Status
from moderation.domain.decision import Action
from moderation.domain.staff import Principal, Staff
from moderation.services import access, queue, review
from moderation.services.review import Order

PHONE = {"viewport": {"width": 390, "height": 800}, "has_touch": True, "is_mobile": True}

both_themes = pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme, "reduced_motion": "reduce"} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)


def post(served: Served, bodies: Sequence[str], **told: object) -> list[str]:
    """Post comments by as many authors, and have them judged; returns their ids."""
    ids = []
    with httpx.Client(base_url=served.url, headers=served.site.headers()) as client:
        for number, body in enumerate(bodies):
            author = {"name": f"Reader {number}"}
            answer = client.post(
                "/api/v1/comments", json=comment_json(body, **{"author": author, **told})
            )
            ids.append(answer.raise_for_status().json()["id"])
            served.service.clock.advance(seconds=1)
    served.service.judge_all()
    return ids


def mixed(number: int) -> list[str]:
    """Texts that are not like one another; every third is rude."""
    chance = random.Random(number)

    def babble() -> str:
        return " ".join("".join(chance.sample("abdefgiklmnoprstu", 6)) for _ in range(9))

    return [f"{babble()}{' and awful' if n % 3 == 0 else ''}" for n in range(number)]


def colleague(served: Served, email: str = "ben@news.example") -> Principal:
    staff: Staff = served.service.make_staff(email)
    return access.principal_of(staff)


def current(page: Page) -> Locator:
    return page.locator(".card.current")


def statuses(served: Served, ids: Sequence[str]) -> list[str]:
    return [served.service.comment(one).status for one in ids]


def settled(page: Page) -> None:
    """All that was sent has been answered."""
    page.wait_for_function("() => !Number(document.getElementById('main').dataset.underway)")


# --- Keys -------------------------------------------------------------------------------------


def test_fifty_mixed_comments_are_cleared_by_keys_alone(served: Served, visit: Visit) -> None:
    bodies = mixed(50)
    ids = post(served, bodies)
    page = visit.sign_in(served.staff())
    expect(current(page)).to_be_focused()
    undone = False
    for number in range(50):
        rude = "awful" in current(page).inner_text()
        if rude:
            page.keyboard.press("r")
            page.keyboard.press("2")
        else:
            page.keyboard.press("a")
        if number == 20 and not undone:
            # A slip: the same comment is there again, in focus, and is decided once more.
            undone = True
            page.keyboard.press("u")
            expect(current(page)).to_be_focused()
            assert ("awful" in current(page).inner_text()) is rude
            page.keyboard.press("r" if rude else "a")
            if rude:
                page.keyboard.press("2")
        if number < 49:
            page.wait_for_function(
                "() => document.activeElement?.matches('.card.current') "
                "&& !document.querySelector('dialog[open]')"
            )
    expect(page.get_by_text("Nothing waits. Well done.")).to_be_visible()
    settled(page)
    wanted = ["rejected" if "awful" in body else "approved" for body in bodies]
    assert statuses(served, ids) == wanted


def test_the_next_card_is_in_focus_before_the_server_has_answered(
    served: Served, visit: Visit
) -> None:
    post(served, mixed(3))
    page = visit.sign_in(served.staff())
    held: list = []
    page.route("**/desk/decisions", lambda route: held.append(route))
    first = current(page).get_attribute("data-id")
    page.keyboard.press("a")
    expect(current(page)).to_be_focused()
    assert current(page).get_attribute("data-id") != first
    for route in held:
        route.continue_()
    settled(page)


def test_keys_rest_while_somebody_types_or_holds_a_modifier(served: Served, visit: Visit) -> None:
    ids = post(served, mixed(2))
    page = visit.sign_in(served.staff())
    page.keyboard.press("Control+a")
    page.keyboard.press("c")
    note = page.get_by_role("textbox", name="Note for colleagues")
    note.click()
    page.keyboard.type("aaa rrr ss")
    settled(page)
    assert statuses(served, ids) == ["queued", "queued"]
    page.keyboard.press("Enter")
    expect(page.locator(".context .said")).to_have_text("aaa rrr ss")


def test_who_switched_the_keys_off_has_none(served: Served, visit: Visit) -> None:
    ids = post(served, mixed(1))
    email = served.staff()
    with served.service.database.write() as session:
        session.query(Staff).one().preferences = {"shortcuts": False}
    page = visit.sign_in(email)
    page.keyboard.press("a")
    expect(page.get_by_role("button", name="Keys")).to_be_hidden()
    expect(page.locator("kbd").first).to_be_hidden()
    settled(page)
    assert statuses(served, ids) == ["queued"]


def test_the_help_sheet_opens_and_closes_by_keys(served: Served, visit: Visit) -> None:
    post(served, mixed(1))
    page = visit.sign_in(served.staff())
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator(".card")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()


def test_the_reason_that_the_scores_speak_for_is_one_enter_away(
    served: Served, visit: Visit
) -> None:
    [comment] = post(served, ["This is a threat to you"])
    page = visit.sign_in(served.staff())
    page.keyboard.press("r")
    expect(page.get_by_role("button", name="Threat")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(0)
    settled(page)
    assert served.service.comment(comment).status == Status.REJECTED
    page.goto(f"{served.url}/desk/comments/{comment}")
    expect(page.locator(".events").get_by_text("Threat")).to_be_visible()


def test_escape_leaves_a_comment_undecided(served: Served, visit: Visit) -> None:
    ids = post(served, ["This ferry is fine with me"])
    page = visit.sign_in(served.staff())
    for key in ("r", "e"):
        page.keyboard.press(key)
        expect(page.locator("dialog[open]")).to_be_visible()
        if key == "r":  # no score speaks for any reason
            page.keyboard.press("Enter")
            expect(page.locator("dialog[open]")).to_be_visible()
        page.keyboard.press("Escape")
        expect(current(page)).to_be_focused()
    assert statuses(served, ids) == ["queued"]


def test_escalating_skipping_and_going_about(served: Served, visit: Visit) -> None:
    ids = post(served, mixed(4))
    page = visit.sign_in(served.staff())
    first = current(page).get_attribute("data-id")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert current(page).get_attribute("data-id") == first
    page.keyboard.press("e")
    page.keyboard.type("Is it libel?")
    page.keyboard.press("Enter")
    expect(page.locator(".card")).to_have_count(3)
    skipped = current(page).get_attribute("data-id")
    page.keyboard.press("s")
    expect(page.locator(".card")).to_have_count(2)
    settled(page)
    assert served.service.comment(first).escalated_at is not None
    page.keyboard.press("u")
    assert current(page).get_attribute("data-id") == skipped
    settled(page)
    page.reload()
    assert page.locator(f"#c-{skipped}").count() == 1
    assert set(statuses(served, ids)) == {"queued"}


def test_a_range_is_selected_and_decided_at_once(served: Served, visit: Visit) -> None:
    ids = post(served, mixed(6))
    page = visit.sign_in(served.staff())
    for key in ("j", "x", "j", "j", "Shift+X"):
        page.keyboard.press(key)
    expect(page.locator("#many-count")).to_have_text("3 selected")
    page.keyboard.press("a")
    expect(page.locator(".card")).to_have_count(3)
    expect(page.locator("#toast")).to_contain_text("3 comments approved.")
    assert sorted(statuses(served, ids)) == ["approved"] * 3 + ["queued"] * 3
    page.keyboard.press("u")
    expect(page.locator(".card")).to_have_count(6)
    settled(page)
    assert set(statuses(served, ids)) == {"queued"}


# --- Colleagues -------------------------------------------------------------------------------


def test_a_colleague_s_claim_is_met(served: Served, visit: Visit) -> None:
    ids = post(served, mixed(3))
    ben = colleague(served)
    service = served.service
    page = visit.sign_in(served.staff())
    second = page.locator(".card").nth(1).get_attribute("data-id")
    with service.database.write() as session:
        queue.focus(session, ben, second, now=service.clock(), claim_s=300)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    taken = page.locator(f"#c-{second}")
    expect(taken).to_have_class(re.compile("held"))
    expect(taken).to_contain_text("ben is looking at this")
    # Who goes on is led past it.
    page.keyboard.press("a")
    assert current(page).get_attribute("data-id") not in {second}
    settled(page)
    assert statuses(served, ids).count("approved") == 1


def test_one_s_own_claim_is_seen_by_others(served: Served, visit: Visit) -> None:
    [comment] = post(served, mixed(1))
    page = visit.sign_in(served.staff())
    with page.expect_response("**/claim"):
        pass
    assert served.service.comment(comment).claimed_name == "mona"


def test_losing_a_race_is_told_kindly(served: Served, visit: Visit) -> None:
    post(served, mixed(3))
    ben = colleague(served)
    service = served.service
    page = visit.sign_in(served.staff())
    lost = current(page).get_attribute("data-id")
    version = service.comment(lost).version
    with service.database.write() as session:
        order = Order(lost, Action.REJECT, version, reason="other")
        review.decide(session, ben, [order], now=service.clock())
    page.keyboard.press("a")
    at = current(page).get_attribute("data-id")
    told = page.locator(f"#c-{lost} .told")
    expect(told).to_have_text("ben has rejected this meanwhile. Nothing of yours was changed.")
    expect(page.locator("#status")).to_contain_text("ben has rejected this meanwhile")
    # The card that somebody is at by now stays the one they are at.
    expect(current(page)).to_be_focused()
    assert current(page).get_attribute("data-id") == at
    assert service.comment(lost).status == Status.REJECTED


def test_what_a_colleague_decided_shows_on_a_page_that_is_open(
    served: Served, visit: Visit
) -> None:
    post(served, mixed(3))
    ben = colleague(served)
    service = served.service
    page = visit.sign_in(served.staff())
    last = page.locator(".card").last.get_attribute("data-id")
    service.clock.advance(seconds=1)
    post(served, ["Somebody else comes along and says this"])
    with service.database.write() as session:
        order = Order(last, Action.APPROVE, service.comment(last).version)
        review.decide(session, ben, [order], now=service.clock())
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator(f"#c-{last}")).to_contain_text("ben has approved this meanwhile")
    expect(page.get_by_role("link", name="1 new")).to_be_visible()
    expect(page.locator(".card")).to_have_count(3)
    page.get_by_role("link", name="1 new").click()
    expect(page.locator(".card")).to_have_count(3)
    expect(page.locator("#cards")).to_contain_text("Somebody else comes along")


def test_without_a_connection_the_card_comes_back(served: Served, visit: Visit) -> None:
    ids = post(served, mixed(2))
    page = visit.sign_in(served.staff())
    page.route("**/desk/decisions", lambda route: route.abort())
    first = current(page).get_attribute("data-id")
    page.keyboard.press("a")
    expect(page.locator(f"#c-{first} .told")).to_contain_text("No connection")
    expect(page.locator(".card")).to_have_count(2)
    visit.expect_failed_requests()
    page.unroute("**/desk/decisions")
    page.locator(f"#c-{first}").focus()
    page.keyboard.press("a")
    expect(page.locator(".card")).to_have_count(1)
    settled(page)
    assert sorted(statuses(served, ids)) == ["approved", "queued"]


def test_a_flood_of_200_is_decided_with_one_key(served: Served, visit: Visit) -> None:
    ids = post(served, ["Win money at our spam casino, visit us now and get rich"] * 200)
    [other] = post(served, ["I took this ferry for many years and liked it"])
    page = visit.sign_in(served.staff())
    expect(page.locator(".card")).to_have_count(2)
    expect(page.locator(".card", has_text="with 199 near copies")).to_have_count(1)
    if "casino" not in current(page).inner_text():
        page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator("#toast")).to_contain_text("200 comments approved.")
    assert set(statuses(served, ids)) == {"approved"}
    page.keyboard.press("u")
    expect(page.locator("#toast")).to_contain_text("200 comments put back.")
    assert set(statuses(served, ids)) == {"queued"}
    page.keyboard.press("r")
    page.keyboard.press("1")
    expect(page.locator("#toast")).to_contain_text("200 comments rejected.")
    assert set(statuses(served, ids)) == {"rejected"}
    assert served.service.comment(other).status == Status.QUEUED


# --- Mouse, finger, no script -------------------------------------------------------------------


def test_the_next_card_s_button_comes_to_where_the_mouse_is(served: Served, visit: Visit) -> None:
    ids = post(served, mixed(8))
    page = visit.sign_in(served.staff())
    button = page.locator(".card").nth(1).get_by_role("button", name="Approve")
    box = button.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for left in (7, 6, 5):
        page.mouse.click(x, y)
        expect(page.locator(".card")).to_have_count(left)
    settled(page)
    assert statuses(served, ids).count("approved") == 3


@pytest.mark.parametrize("context", [PHONE], indirect=True, ids=["phone"])
def test_on_a_phone_the_buttons_are_under_the_thumb(served: Served, visit: Visit) -> None:
    ids = post(served, mixed(4))
    page = visit.sign_in(served.staff())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for name in ("Approve", "Reject", "Escalate", "Skip"):
        box = current(page).get_by_role("button", name=name).bounding_box()
        assert box["y"] > 650
        assert box["y"] + box["height"] <= 800
        assert box["height"] >= 44
    current(page).get_by_role("button", name="Approve").tap()
    expect(page.locator(".card")).to_have_count(3)
    current(page).get_by_role("button", name="Reject").tap()
    page.get_by_role("dialog").get_by_role("button", name="Off topic").tap()
    expect(page.locator(".card")).to_have_count(2)
    settled(page)
    assert sorted(statuses(served, ids)) == ["approved", "queued", "queued", "rejected"]


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True, ids=["none"])
def test_every_action_works_without_scripts(served: Served, visit: Visit) -> None:
    ids = post(served, [body for body in mixed(11) if "awful" not in body])
    page = visit.sign_in(served.staff())

    def card() -> Locator:
        return page.locator(".card").first

    card().get_by_role("button", name="Approve").click()
    expect(page.get_by_text("1 comment approved.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("1 comment put back.")).to_be_visible()
    card().get_by_role("button", name="Reject").click()
    page.get_by_role("button", name="Off topic").click()
    expect(page.get_by_text("1 comment rejected.")).to_be_visible()
    card().get_by_role("button", name="Escalate").click()
    page.get_by_label("A word to the admin").fill("Look, please.")
    page.get_by_role("button", name="Escalate").click()
    expect(page.get_by_text("1 comment left to an admin.")).to_be_visible()
    card().get_by_role("button", name="Skip").click()
    expect(page.get_by_text("Skipped: it comes back to you in an hour.")).to_be_visible()
    for place in (0, 1):
        page.locator(".card .pick input").nth(place).check()
    page.locator("#many").get_by_role("button", name="Approve").click()
    expect(page.get_by_text("2 comments approved.")).to_be_visible()
    card().get_by_role("link", name="Context").click()
    page.get_by_label("Note for colleagues").fill("Seen before.")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".events").get_by_text("Seen before.")).to_be_visible()
    page.goto(f"{served.url}/desk/queue/safe-run")
    page.get_by_role("button", name="Approve what is ticked").click()
    expect(page.get_by_text("2 comments approved.")).to_be_visible()
    assert sorted(statuses(served, ids)) == [*["approved"] * 4, "queued", "queued", "rejected"]
    page.goto(f"{served.url}/desk/queue")
    page.get_by_text("Filter", exact=True).click()
    page.get_by_label("Words in the text").fill("nothing like it")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.get_by_text("Nothing here matches.")).to_be_visible()
    assert page.url.endswith("/desk/queue?text=nothing+like+it")


# --- For everybody -------------------------------------------------------------------------------


@both_themes
def test_the_queue_is_accessible(served: Served, visit: Visit, context: BrowserContext) -> None:
    [parent] = post(served, ["Where does it sail from, if I may ask?"])
    service = served.service
    with service.database.write() as session:
        order = Order(parent, Action.APPROVE, service.comment(parent).version)
        review.decide(session, colleague(served), [order], now=service.clock())
    [reply] = post(served, ["From the old quay, says this awful threat"], parent_id=parent)
    post(served, [*mixed(4), *["Win money at our spam casino, visit us now"] * 3])
    page = visit.sign_in(served.staff())
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        page.goto(f"{served.url}/desk/queue")
        assert findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator(f"#c-{reply}").focus()
        page.keyboard.press("c")
        expect(page.locator(f"#c-{reply} .around")).to_be_visible()
        page.keyboard.press("x")
        assert findings(page) == []
        page.keyboard.press("Escape")
        for key in ("r", "e", "?"):
            page.keyboard.press(key)
            expect(page.locator("dialog[open]")).to_be_visible()
            assert findings(page) == []
            page.keyboard.press("Escape")
        page.get_by_text("Filter", exact=True).click()
        page.get_by_text("By score").click()
        assert findings(page) == []
        for path in ("/desk/queue/safe-run", f"/desk/comments/{reply}", "/desk/queue?view=mine"):
            page.goto(served.url + path)
            assert findings(page) == []
            assert page.evaluate("document.documentElement.scrollWidth") <= width
    # At 200 %: half as wide a window shows the same.
    page.set_viewport_size({"width": 640, "height": 400})
    page.goto(f"{served.url}/desk/queue")
    assert page.evaluate("document.documentElement.scrollWidth") <= 640
