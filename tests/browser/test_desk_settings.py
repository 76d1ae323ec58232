"""Settings of sites, policies and words in a browser: both themes and widths, keys, no script."""

from __future__ import annotations

import pytest
from browsing import Served, Visit, findings
from playwright.sync_api import Page, expect

from moderation.domain.site import Site
from moderation.domain.staff import Role

WIDTHS = (390, 1280)

both_themes = pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme, "reduced_motion": "reduce"} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)
without_script = pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)


def fill(served: Served) -> None:
    """Some decided comments: of two that a moderator approved, one is rude."""
    served.publish("The ferry is fine, thank you.")
    served.publish("A rude word about the council that was right.")


def admin(served: Served, visit: Visit) -> Page:
    return visit.sign_in(served.staff("ada@news.example", Role.ADMIN))


def assert_fine(page: Page, where: str) -> None:
    """Nothing for axe to find, nothing wider than the window, at both widths."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (where, width)
        assert findings(page) == [], (where, width)


@both_themes
def test_every_page_fits_and_is_accessible(served: Served, visit: Visit) -> None:
    fill(served)
    page = admin(served, visit)
    site = f"/sites/{served.site.id}"
    places = ("", "/webhooks", "/sites", "/sites/new", site, f"{site}/reasons", "/policies")
    for place in (*places, "/policies/assisted", "/policies/strict", "/words/assisted"):
        visit.open(f"/desk/settings{place}")
        for details in page.locator("#main details").all():
            details.locator("summary").click()
        assert_fine(page, place)


@both_themes
def test_a_policy_is_previewed_saved_and_its_revision_shown(served: Served, visit: Visit) -> None:
    fill(served)
    page = admin(served, visit)
    visit.open("/desk/settings/policies/assisted")
    limits = page.get_by_role("group", name="Hostile", exact=True)
    slider = limits.get_by_role("slider", name="Slider: Hostile: reject at")
    slider.focus()
    for _ in range(37):
        page.keyboard.press("ArrowLeft")
    expect(limits.get_by_label("Hostile: reject at", exact=True)).to_have_value("0.6")
    page.get_by_role("button", name="Preview", exact=True).click()
    expect(page.get_by_text("Of 2 that moderators approved, 1 would be rejected.")).to_be_visible()
    assert_fine(page, "preview")
    page.get_by_label("Note for colleagues").fill("Tried in a browser.")
    page.get_by_role("button", name="Save and put in force").click()
    expect(page.get_by_role("status").first).to_contain_text("assisted is in force everywhere")
    assert served.service.wiring.policies["assisted"].thresholds["toxicity"].reject_at == 0.6
    page.get_by_role("link", name="1", exact=True).click()
    expect(page.get_by_role("heading", name="assisted, revision 1")).to_be_visible()
    assert_fine(page, "revision")


def test_a_slider_at_its_end_is_never(served: Served, visit: Visit) -> None:
    page = admin(served, visit)
    visit.open("/desk/settings/policies/assisted")
    number = page.get_by_label("Spam: reject at", exact=True)
    slider = page.get_by_role("slider", name="Slider: Spam: reject at")
    slider.press("End")
    expect(number).to_have_value("")
    expect(slider).to_have_attribute("aria-valuetext", "never")
    number.fill("0.75")
    expect(slider).to_have_value("0.75")
    bar = page.get_by_role("group", name="Spam", exact=True).locator("rect.reject")
    expect(bar).to_have_attribute("x", "0.75")


@without_script
def test_words_are_tried_and_saved_without_a_script(served: Served, visit: Visit) -> None:
    fill(served)
    page = admin(served, visit)
    visit.open("/desk/settings/words/assisted")
    page.get_by_label("Blocked").fill("ferry\nfool")
    page.get_by_label("Try a text").fill("You f00l")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("in disguise")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("1 entry is in more than 1 %")
    page.get_by_role("button", name="Save and put in force").click()
    expect(page.get_by_label("Blocked")).to_have_value("ferry\nfool")
    assert served.service.wiring.policies["assisted"].blocked_words == ("ferry", "fool")


@both_themes
def test_words_with_results_are_accessible(served: Served, visit: Visit) -> None:
    fill(served)
    page = admin(served, visit)
    visit.open("/desk/settings/words/assisted")
    page.get_by_label("Suspect").fill("ferry")
    page.get_by_label("Try a text").fill("The ferry again")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("heading", name="The text you tried")).to_be_visible()
    assert_fine(page, "words")


def test_reasons_are_ordered_by_keyboard(served: Served, visit: Visit) -> None:
    page = admin(served, visit)
    visit.open(f"/desk/settings/sites/{served.site.id}/reasons")
    second = page.get_by_role("group", name="Reason 2")
    expect(second.get_by_label("Name")).to_have_value("Insult")
    second.get_by_role("button", name="Move up").press("Enter")
    expect(page.get_by_role("status").last).to_have_text("Insult: now at place 1")
    third = page.get_by_role("listitem").nth(2)
    third.get_by_role("button", name="Remove").press("Enter")
    last = page.get_by_role("listitem").last
    last.get_by_label("Name").fill("Rude to Zoë!")
    expect(last.get_by_label("Code")).to_have_value("rude_to_zoe")
    last.get_by_label("What the author is told").fill("Please be kind to Zoë.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_have_text("The reasons are saved.")
    with served.service.database.read() as session:
        codes = [one["code"] for one in session.get_one(Site, served.site.id).reasons]
    assert codes[:2] == ["insult", "spam"]
    assert "hate" not in codes[:9]
    assert codes[8] == "rude_to_zoe"


@without_script
def test_a_site_is_made_and_its_secret_shown_without_a_script(served: Served, visit: Visit) -> None:
    page = admin(served, visit)
    visit.open("/desk/settings/sites")
    page.get_by_role("link", name="New site").click()
    page.get_by_label("Name").fill("Gazette")
    page.get_by_label("Origins").fill("https://gazette.example")
    page.get_by_role("button", name="Create site").click()
    expect(page.get_by_text("It is shown this once.")).to_be_visible()
    page.get_by_label("I have noted").check()
    page.get_by_role("button", name="Make a new secret").click()
    expect(page.get_by_role("heading", name="This is the new SSO secret")).to_be_visible()


def test_the_key_can_be_copied(served: Served, visit: Visit) -> None:
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = admin(served, visit)
    visit.open(f"/desk/settings/sites/{served.site.id}")
    page.get_by_role("button", name="Copy").first.click()
    assert page.evaluate("navigator.clipboard.readText()") == served.site.key
