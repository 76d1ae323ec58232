"""Authors in a browser: both themes and widths, without scripts, and in a drawer."""

from __future__ import annotations

from datetime import timedelta

import pytest
from browsing import Served, Visit, findings
from playwright.sync_api import Page, expect

from moderation.domain.author import Author, AuthorKind, Signature
from moderation.domain.sanction import SanctionKind
from moderation.domain.staff import Principal, Scope
from moderation.services import authors, intake, sanctions, sites
from moderation.services.intake import Submission

WIDTHS = (390, 1280)
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
COLLEAGUE = Principal("staff:c", "Colin", frozenset({Scope.QUEUE, Scope.DECISIONS}))

both_themes = pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme, "reduced_motion": "reduce"} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)


@pytest.fixture
def path(served: Served) -> str:
    """The page of a guest with four waiting comments, a note, and sanctions past and present."""
    service = served.service
    guest = Signature(AuthorKind.GUEST, "id", "Ada")
    with service.database.write() as session:
        site = sites.by_id(session, served.site.id)
        for number, body in enumerate(("one", "two", LONG, "four")):
            told = Submission("story", f"{body} {number}", guest, article_title=LONG)
            made = intake.submit(session, site, told, now=service.clock())
    service.judge_all()
    author_id = service.comment(made.comment_id).author_id
    with service.database.write() as session:
        now = service.clock()
        act = {"now": now, "reason": "Insults"}
        kinds = SanctionKind
        ban = sanctions.impose(session, COLLEAGUE, author_id, kinds.BAN, note=LONG, **act)
        sanctions.lift(session, COLLEAGUE, author_id, ban.id, now=now)
        ends_at = now + timedelta(days=3)
        sanctions.impose(session, COLLEAGUE, author_id, kinds.SUSPEND, ends_at=ends_at, **act)
        authors.add_note(session, COLLEAGUE, author_id, f"A note {LONG}", now=now)
    return f"/desk/authors/{author_id}"


def standing(served: Served, path: str) -> str | None:
    with served.service.database.read() as session:
        author = session.get_one(Author, path.rpartition("/")[2])
        counts = author.standing(served.service.clock())
        return counts and str(counts.kind)


def fits(page: Page, width: int) -> bool:
    return page.evaluate("document.documentElement.scrollWidth") <= width


@both_themes
def test_the_pages_fit_and_are_accessible(served: Served, visit: Visit, path: str) -> None:
    page = visit.sign_in(served.staff())
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        visit.open("/desk/authors?standing=suspend")
        expect(page.get_by_role("link", name="Ada")).to_be_visible()
        assert fits(page, width)
        assert findings(page) == []
        visit.open(path)
        for act in ("Suspend…", "Reject all 4 waiting…"):
            page.get_by_text(act).click()
            assert fits(page, width)
            assert findings(page) == []


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
def test_all_of_it_works_without_scripts(served: Served, visit: Visit, path: str) -> None:
    page = visit.sign_in(served.staff())
    visit.open(path)
    page.get_by_label("What is in force now").get_by_role("button", name="Lift").click()
    expect(page.get_by_role("status").first).to_have_text("Lifted.")
    assert standing(served, path) is None

    page.get_by_text("Ban…").click()
    page.get_by_label("Reason, which the author is told").locator("visible=true").fill("Threats")
    page.get_by_role("button", name="Ban", exact=True).click()
    expect(page.get_by_role("status").first).to_have_text("Ada is banned.")
    assert standing(served, path) == "ban"

    page.get_by_text("Reject all 4 waiting…").click()
    page.get_by_role("button", name="Reject 4 comments").click()
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("status").first).to_have_text("4 comments are back as they were.")


DRAWER = """
async (path) => {
  const { piece } = await import("/desk/static/net.js");
  await import("/desk/static/authors.js");
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-labelledby", "author-name");
  dialog.append(await piece(`${path}?fragment=1`));
  document.body.append(dialog);
  window.changes = [];
  document.addEventListener("author-changed", (event) => window.changes.push(event.detail));
  dialog.showModal();
}
"""


@both_themes
def test_in_a_drawer_it_changes_and_the_page_stays(served: Served, visit: Visit, path: str) -> None:
    page = visit.sign_in(served.staff())
    page.evaluate(DRAWER, path)
    drawer = page.get_by_role("dialog", name="Ada")
    assert findings(page) == []

    drawer.get_by_text("Always review…").click()
    drawer.get_by_label("Reason", exact=True).locator("visible=true").fill("Insults")
    drawer.get_by_role("button", name="Always review", exact=True).click()
    expect(page.locator("#status")).to_contain_text("something stricter is in force")
    expect(drawer.get_by_role("heading", name="Ada")).to_be_focused()
    drawer.get_by_label("What is in force now").get_by_role("button", name="Lift").click()
    expect(drawer.get_by_label("What is in force now")).to_contain_text("Always reviewed")

    drawer.get_by_text("Reject all 4 waiting…").click()
    drawer.get_by_role("button", name="Reject 4 comments").click()
    expect(drawer.get_by_role("button", name="Take it back")).to_be_visible()
    assert findings(page) == []
    drawer.get_by_role("button", name="Take it back").click()
    expect(page.locator("#status")).to_have_text("4 comments are back as they were.")

    drawer.get_by_role("link", name="Waiting").click()
    expect(drawer.get_by_role("link", name="Waiting")).to_have_attribute("aria-current", "true")
    assert page.url.endswith("/desk/queue")
    changes = page.evaluate("window.changes")
    assert [len(change["rejected"]) for change in changes] == [0, 0, 4, 0]


def test_the_queues_cards_lead_to_it_and_follow_what_it_does(
    served: Served, visit: Visit, path: str
) -> None:
    stranger = Signature(AuthorKind.READER, "other", "Grace")
    with served.service.database.write() as session:
        told = Submission("story", "of somebody else", stranger)
        site = sites.by_id(session, served.site.id)
        intake.submit(session, site, told, now=served.service.clock())
    served.service.judge_all()
    page = visit.sign_in(served.staff())
    cards = page.locator(".card")
    expect(cards).to_have_count(5)
    expect(cards.filter(has_text="Ada").first).to_contain_text("Suspended")
    page.get_by_role("link", name="Ada").first.click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_text("Reject all 4 waiting…").click()
    drawer.get_by_role("button", name="Reject 4 comments").click()
    expect(drawer.get_by_role("button", name="Take it back")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("of somebody else")


def test_what_is_wrong_is_said_in_the_drawers_form(served: Served, visit: Visit, path: str) -> None:
    page = visit.sign_in(served.staff())
    page.evaluate(DRAWER, path)
    drawer = page.get_by_role("dialog", name="Ada")
    drawer.get_by_text("Suspend…").click()
    drawer.get_by_label("Reason, which the author is told").locator("visible=true").fill("x")
    drawer.get_by_label("How long").locator("visible=true").select_option("until")
    drawer.get_by_role("button", name="Suspend", exact=True).click()
    expect(drawer.get_by_role("alert")).to_have_text("Choose how long, or a day.")
    visit.expect_failed_requests()
