"""Signing in, the account, and who else may: looked at in a browser, in both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyotp
import pytest
from browsing import Served, Visit, findings
from factories import PASSWORD
from playwright.sync_api import Page, expect

from moderation.domain.staff import Role

NEW = "a new long password"
ADA, MONA = "ada@news.example", "mona@news.example"
THEMES = [
    {"color_scheme": "light"},
    {"color_scheme": "dark", "viewport": {"width": 390, "height": 844}},
]
SETTINGS = ("staff", "invitations", "tokens")


def looks_right(page: Page) -> None:
    """No finding of axe-core, and nothing that reaches over the edge of the window."""
    assert findings(page) == []
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) <= 0


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"#{name}").fill(value)


@pytest.fixture
def password(visit: Visit) -> Callable[[str], Page]:
    """Do the first step of signing in."""

    def show(email: str) -> Page:
        page = visit.open("/desk/sign-in")
        fill(page, email=email, password=PASSWORD)
        page.keyboard.press("Enter")
        return page

    return show


@pytest.mark.parametrize("context", THEMES, indirect=True, ids=["light", "dark, on a phone"])
def test_the_steps_of_signing_in(
    served: Served, visit: Visit, password: Callable[[str], Page]
) -> None:
    page = visit.open("/desk/sign-in")
    looks_right(page)
    fill(page, email=MONA, password="wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("do not match")
    visit.expect_failed_requests()
    looks_right(page)

    served.service.make_staff(MONA, one_time=True)
    page = password(MONA)
    page.wait_for_url("**/sign-in/password")
    looks_right(page)
    fill(page, new_password="short", new_password_again="short")
    page.get_by_role("button", name="Keep it and go on").click()
    expect(page.get_by_label("New password")).to_have_attribute("aria-invalid", "true")
    visit.expect_failed_requests()
    looks_right(page)
    fill(page, new_password=NEW, new_password_again=NEW)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/queue")

    authenticator = served.service.make_second_factor(served.service.make_staff(ADA))
    visit.page.context.clear_cookies()
    page = password(ADA)
    page.wait_for_url("**/sign-in/code")
    looks_right(page)
    fill(page, code=authenticator.code())
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/queue")


@pytest.mark.parametrize("context", THEMES, indirect=True, ids=["light", "dark, on a phone"])
def test_the_account_and_its_second_factor(served: Served, visit: Visit, tmp_path: Path) -> None:
    visit.sign_in(served.staff(MONA))
    page = visit.open("/desk/account")
    looks_right(page)
    looks_right(visit.open("/desk/account/password"))

    page = visit.open("/desk/account")
    page.get_by_role("link", name="Set it up").click()
    looks_right(page)
    fill(page, password=PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    expect(page.get_by_role("img", name="QR code")).to_be_visible()
    looks_right(page)
    page.get_by_text("No camera?").click()
    looks_right(page)
    secret = page.locator(".key").inner_text().replace(" ", "").replace("\n", "")
    fill(page, code=pyotp.TOTP(secret).at(served.service.clock.now))
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    looks_right(page)

    shown = page.locator(".codes").inner_text().split()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as text").click()
    download.value.save_as(tmp_path / "codes")
    assert download.value.suggested_filename == "recovery-codes.txt"
    assert (tmp_path / "codes").read_text().split() == shown
    assert len(shown) == 10
    page.get_by_role("link", name="I have kept them").click()
    looks_right(page)
    page.get_by_role("link", name="Manage").click()
    looks_right(page)


@pytest.mark.parametrize("context", THEMES, indirect=True, ids=["light", "dark, on a phone"])
def test_who_else_may(served: Served, visit: Visit) -> None:
    served.service.make_site(name="Weekend")
    colleague = served.service.make_staff(MONA)
    visit.sign_in(served.staff(ADA, Role.ADMIN))
    for place in SETTINGS:
        looks_right(visit.open(f"/desk/settings/{place}"))
    page = visit.open(f"/desk/settings/staff/{colleague.id}")
    looks_right(page)
    page.get_by_role("button", name="Give a one-time password").click()
    looks_right(page)

    page = visit.open("/desk/settings/tokens")
    page.get_by_label("Weekend").check()
    expect(page.get_by_label("only these:")).to_be_checked()
    page.get_by_label("every site").check()
    expect(page.get_by_label("Weekend")).not_to_be_checked()
    fill(page, name="Export")
    page.get_by_label("queue read the queue").check()
    page.get_by_role("button", name="Make the token").click()
    expect(page.locator(".copied code")).to_contain_text("mod_")
    looks_right(page)

    page = visit.open("/desk/settings/invitations")
    fill(page, email="new@news.example")
    page.get_by_role("button", name="Make the link").click()
    link = page.locator(".copied code").inner_text()
    looks_right(page)
    page.context.clear_cookies()
    page.goto(link)
    assert "token" not in page.url
    looks_right(page)
    fill(page, name="Nora", new_password=NEW, new_password_again=NEW)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/queue")
    expect(page.get_by_role("status").filter(has_text="Welcome, Nora")).to_be_visible()
    page.context.clear_cookies()
    page.goto(link)
    expect(page.get_by_role("heading", name="This invitation is over")).to_be_visible()
    visit.expect_failed_requests()
    looks_right(page)


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
def test_all_of_it_works_without_scripts(served: Served, visit: Visit) -> None:
    visit.sign_in(served.staff(ADA, Role.ADMIN))
    page = visit.open("/desk/account")
    page.get_by_label("Cover severe texts").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("Cover severe texts")).to_be_checked()
    page = visit.open("/desk/settings/invitations")
    fill(page, email="new@news.example")
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator(".copied code")).to_contain_text("/desk/invitation?token=")
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("is taken back")).to_be_visible()
