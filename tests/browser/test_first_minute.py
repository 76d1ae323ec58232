"""The first minute of whoever has just started the service, up to the first comment."""

from __future__ import annotations

import pytest
from browsing import Served, Visit, findings
from factories import PASSWORD
from playwright.sync_api import expect

from moderation.desk import examples
from moderation.domain.staff import Role
from moderation.wiring import Wiring

OWN_PASSWORD = "a password of my own"


@pytest.fixture(autouse=True)
def worker(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has scored by the time it is looked for."""

    def are_scored(wiring: Wiring) -> bool:
        served.service.judge_all()
        return True

    monkeypatch.setattr(examples, "_are_scored", are_scored)


def test_from_the_address_to_the_first_comment(served: Served, visit: Visit) -> None:
    served.service.make_staff("admin@localhost", Role.ADMIN, one_time=True)
    page = visit.open("/")
    page.get_by_role("link", name="Desk Where moderators work.").click()
    expect(page.get_by_label("E-mail")).to_be_focused()
    page.keyboard.type("admin@localhost")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_label("New password")).to_be_focused()
    page.keyboard.type(OWN_PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.type(OWN_PASSWORD)
    page.keyboard.press("Enter")

    offer = page.get_by_role("button", name="Post example comments")
    expect(offer).to_be_visible()
    assert findings(page) == []
    offer.click()
    expect(page.get_by_text("14 example comments are here.")).to_be_visible()
    expect(offer).to_be_hidden()

    expect(page.locator(".card.current")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("#toast")).to_be_visible()
    page.goto(served.url + "/demo")
    expect(page.locator("comment-count").first).to_have_text("1")


def test_only_admins_are_offered_examples(served: Served, visit: Visit) -> None:
    page = visit.sign_in(served.staff())
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    expect(page.get_by_role("button", name="Post example comments")).to_have_count(0)
