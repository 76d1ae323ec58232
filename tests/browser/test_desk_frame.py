"""The desk's frame in a browser: signing in, the menu, errors; in both themes and widths."""

from __future__ import annotations

import pytest
from browsing import Served, Visit, findings
from playwright.sync_api import expect

WIDTHS = (390, 1280)

both_themes = pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme, "reduced_motion": "reduce"} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)


@both_themes
def test_signing_in_fits_and_is_accessible(served: Served, visit: Visit) -> None:
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 800})
        page = visit.open("/desk/sign-in")
        page.get_by_label("E-mail").fill("nobody@news.example")
        page.get_by_label("Password").fill("not the password")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_be_visible()
        visit.expect_failed_requests()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert findings(page) == []


@both_themes
def test_the_menu_of_the_account_works_by_keyboard(served: Served, visit: Visit) -> None:
    page = visit.sign_in(served.staff())
    menu = page.locator("details.menu")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    assert findings(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status").first).to_have_text("You are signed out.")
