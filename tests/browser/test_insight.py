"""The page of insight in a browser: both themes, narrow and wide, with and without scripts."""

from __future__ import annotations

import pytest
from browsing import Served, Visit, findings
from playwright.sync_api import expect

from moderation.domain.staff import Role

WIDTHS = (390, 1280)

both_themes = pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme, "reduced_motion": "reduce"} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)


def fill(served: Served) -> None:
    """Some comments decided on two sites, and some that wait."""
    served.service.make_site(name="The other site")
    served.publish("A fine article")
    served.publish("rude, but so what")
    served.publish("This one waits no longer")
    served.service.clock.advance(hours=1)


@both_themes
def test_it_fits_and_is_accessible(served: Served, visit: Visit) -> None:
    fill(served)
    page = visit.sign_in(served.staff("ada@news.example", Role.ADMIN))
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 800})
        for period in ("24h", "30d", "own"):
            page = visit.open(f"/desk/insight?period={period}")
            expect(page.get_by_role("heading", name="Insight", level=1)).to_be_visible()
            for numbers in page.locator(".plot details").all():
                numbers.locator("summary").click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert findings(page) == []


@pytest.mark.parametrize("context", [{"java_script_enabled": False}], indirect=True)
def test_period_site_and_score_are_chosen_without_scripts(served: Served, visit: Visit) -> None:
    fill(served)
    page = visit.sign_in(served.staff("ada@news.example", Role.ADMIN))
    page.get_by_role("link", name="Insight").click()
    page.get_by_role("link", name="30 days").click()
    expect(page.get_by_role("link", name="30 days")).to_have_attribute("aria-current", "page")
    page.get_by_label("By the score of").select_option("insult")
    page.locator("section", has=page.locator("#bands")).get_by_role("button").click()
    assert "period=30d" in page.url
    assert "label=insult" in page.url
    page.get_by_label("Site", exact=True).select_option(label="The other site")
    page.get_by_role("button", name="Show").first.click()
    tile = page.locator(".tiles > div", has_text="Comments came in")
    expect(tile).to_contain_text("0")
    page.get_by_role("link", name="Other days").click()
    page.get_by_label("First day").fill("2026-01-05")
    page.get_by_label("Last day").fill("2026-01-02")
    page.get_by_role("button", name="Show").first.click()
    expect(page.get_by_text("The last day comes before the first")).to_be_visible()
    visit.expect_failed_requests()


def test_a_table_is_downloaded_by_keyboard(served: Served, visit: Visit) -> None:
    fill(served)
    page = visit.sign_in(served.staff())
    page = visit.open("/desk/insight?period=7d")
    link = page.get_by_role("link", name="As CSV What came in and what was decided")
    link.focus()
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "insight-flow.csv"
    text = download.value.path().read_text("utf-8-sig")
    assert text.splitlines()[-1].endswith(",3,3,0,0")
