"""Every page: no complaint of the browser, nothing to scroll sideways, nothing axe-core finds."""

from __future__ import annotations

import pytest
from browsing import PATIENCE_MS, Served, Visit, findings
from playwright.sync_api import expect

PLAIN = "/embed/thread?site_key=demo&article_id=winter-ferry"
PAGES = ("/", "/docs/problems", "/demo", "/demo/news", PLAIN)
WIDTHS = (390, 1280)

# Two comments, one of them a word that no line can hold, one written from right to left.
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter" * 4
HEBREW = "תודה לכל מי שחתם."


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme, "reduced_motion": "reduce"} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)
def test_a_page_fits_and_is_accessible(served: Served, visit: Visit, path: str) -> None:
    served.publish(LONG_WORD, name="N" * 60)
    served.publish(HEBREW, name="ליאור", parent_id=served.publish("Hello"))
    for width in WIDTHS:
        visit.page.set_viewport_size({"width": width, "height": 800})
        page = visit.open(path)
        if path == "/demo":
            expect(page.locator("li.comment")).to_have_count(3, timeout=PATIENCE_MS)
            page.get_by_role("button", name="Reply").first.click()
            page.get_by_role("button", name="Post comment").click()
            expect(page.get_by_text("Please write a comment.").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert findings(page) == []


@pytest.mark.parametrize(
    "context", [{"has_touch": True, "viewport": {"width": 390, "height": 844}}], indirect=True
)
def test_what_is_touched_is_large_enough(served: Served, visit: Visit) -> None:
    served.publish("Hello")
    page = visit.open("/demo")
    page.get_by_role("button", name="Report").click()
    expect(page.get_by_label("What is wrong with it?")).to_be_focused()
    page.get_by_role("button", name="Reply").click()
    small = page.evaluate(
        """() => [...document.querySelectorAll(".to-comments"),
          ...document.querySelector("comment-thread").shadowRoot.querySelectorAll(
            "button, input:not([name=website]), textarea, select")]
          .map((element) => [element.outerHTML, element.getBoundingClientRect()])
          .filter(([, box]) => box.width > 0 && (box.height < 44 || box.width < 44))
          .map(([html, box]) => `${html}: ${box.width} x ${box.height}`)"""
    )
    assert small == []


@pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)
def test_the_api_can_be_read_and_tried(served: Served, visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 390, "height": 800})
    page = visit.open("/docs")
    alive = page.get_by_text("This process is alive.")
    expect(alive).to_be_visible(timeout=PATIENCE_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # Around Swagger UI, whose own markup is not ours.
    assert findings(page, without="#swagger-ui") == []

    alive.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table").get_by_text('"ok"')).to_be_visible(
        timeout=PATIENCE_MS
    )


def test_a_problem_type_is_pointed_out(visit: Visit) -> None:
    page = visit.open("/docs/problems#stale_version")
    expect(page.locator("li:target")).to_contain_text("The comment has changed since you saw it")
    expect(page.locator("li:target")).to_be_in_viewport()
