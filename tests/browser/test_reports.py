"""Reports about models in a real browser: they fit, read well in both schemes, ask nobody."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page

from moderation.labels import LABELS
from moderation.scoring.compare import compare
from moderation.scoring.evaluate import LabelledTexts, Scored
from moderation.scoring.report import comparison_page, evaluation_page

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
WIDTHS = (390, 1280)
LONG_WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamter" * 4


def scored(seed: int, toxic: list[int]) -> Scored:
    values = np.clip(np.random.default_rng(seed).normal(0.3, 0.2, len(toxic)) + toxic, 0, 1)
    values[:4] = (0.01, 0.99, 0.02, 0.98)  # mistakes on both sides
    by_label = dict.fromkeys(LABELS, values * 0.5) | {"toxicity": values}
    return Scored("house/1+0123abcd", by_label, np.zeros(len(toxic), dtype=bool))


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Kind of report -> where it lies, as an address for the browser."""
    toxic = [int(row % 2 == 0) for row in range(80)]
    texts = [f"<b>Comment</b> {row} about Muslim readers {LONG_WORD}" for row in range(80)]
    labelled = LabelledTexts(texts, {"toxic": toxic}, [f"source {row % 3}" for row in range(80)])
    first, second = scored(0, toxic), scored(1, toxic)
    data = {"file_name": f"{LONG_WORD}.csv", "file_sha256": "ab" * 32}
    evaluation = evaluation_page(
        labelled, first, engine="compact", cut_off=0.5, command="models evaluate", **data
    )
    found = compare(
        labelled,
        first,
        second,
        thresholds={label: [0.1, 0.5, 0.97] for label in LABELS},
        outcomes=(["queue"] * 80, ["approve", "queue"] * 40),
    )
    judged = (("compact", first), ("house", second))
    comparison = comparison_page(
        labelled, judged, found, policy="assisted 1", command="models compare", **data
    )
    folder = tmp_path_factory.mktemp("reports")
    written: dict[str, str] = {}
    for kind, page in (("evaluation", evaluation), ("comparison", comparison)):
        path = Path(folder / f"{kind}.html")
        path.write_text(page, encoding="utf-8")
        written[kind] = path.as_uri()
    return written


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Page]:
    """A page that may complain of nothing, and whose every request is for the report itself."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith(("file:", "data:"))
            else complaints.append(f"asked somebody: {request.url}")
        ),
    )
    yield page
    assert complaints == []


@pytest.mark.parametrize("kind", ["evaluation", "comparison"])
@pytest.mark.parametrize(
    "context",
    [{"color_scheme": scheme} for scheme in ("light", "dark")],
    indirect=True,
    ids=["light", "dark"],
)
def test_a_report_fits_and_is_accessible(watched: Page, pages: dict[str, str], kind: str) -> None:
    for width in WIDTHS:
        watched.set_viewport_size({"width": width, "height": 800})
        watched.goto(pages[kind])
        assert not watched.locator("ol.texts").first.is_visible()
        watched.locator("summary").first.click()
        assert watched.locator("ol.texts").first.is_visible()
        assert watched.evaluate("document.documentElement.scrollWidth") <= width
        for picture in watched.locator("svg").all():
            box = picture.bounding_box()
            assert box
            assert box["width"] > 200
            assert box["x"] + box["width"] <= width
        watched.evaluate(AXE)
        found = watched.evaluate("axe.run(document)")["violations"]
        assert [f"{one['id']}: {one['nodes'][0]['html']}" for one in found] == []


def test_a_report_can_be_printed_without_its_abuse(watched: Page, pages: dict[str, str]) -> None:
    watched.emulate_media(media="print", color_scheme="dark")
    watched.goto(pages["evaluation"])
    assert not watched.locator("ol.texts").first.is_visible()
    paper = watched.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
