"""Articles and the audit log in a browser: both themes and widths, and without scripts."""

from __future__ import annotations

import pytest
from browsing import Served, Visit, findings
from playwright.sync_api import expect
from sqlalchemy import select

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.site import Article
from moderation.domain.staff import Role
from moderation.services import intake, sites
from moderation.services.intake import Submission

WIDTHS = (390, 1280)
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"

both_themes = pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme, "reduced_motion": "reduce"} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)


@pytest.fixture
def path(served: Served) -> str:
    """The page of an article with a waiting, an approved and a rejected comment."""
    service = served.service
    with service.database.write() as session:
        site = sites.by_id(session, served.site.id)
        for number in range(3):
            signature = Signature(AuthorKind.READER, "id", f"Ada {LONG}")
            told = Submission(LONG, f"{LONG} {number}", signature, article_title=f"Ferry {LONG}")
            intake.submit(session, site, told, now=service.clock())
    waiting = served.waiting()
    served.decide("approve", waiting[0])
    served.decide("reject", waiting[1], reason="spam")
    with service.database.read() as session:
        article_id = session.scalars(select(Article.id).where(Article.external_id == LONG)).one()
    return f"/desk/articles/{article_id}"


@both_themes
def test_the_pages_fit_and_are_accessible(served: Served, visit: Visit, path: str) -> None:
    page = visit.sign_in(served.staff(role=Role.ADMIN))
    visit.open(path)
    page.get_by_role("button", name="Close for comments").click()
    expect(page.get_by_role("status").first).to_have_text("The article is closed for comments.")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for place in ("/desk/articles", path, "/desk/settings/audit"):
            visit.open(place)
            expect(page.get_by_text("Ferry").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, place
            assert findings(page) == [], place


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
def test_all_of_it_works_without_scripts(served: Served, visit: Visit, path: str) -> None:
    page = visit.sign_in(served.staff(role=Role.ADMIN))
    visit.open("/desk/articles")
    page.get_by_label("Title, address or id").fill("ferry")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Ferry").click()
    page.get_by_label("Policy for this article").select_option("open")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("policy of the article is changed")
    page.get_by_role("button", name="Close for comments").click()
    expect(page.get_by_role("button", name="Open for comments")).to_be_visible()
