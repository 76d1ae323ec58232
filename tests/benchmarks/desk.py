"""What a moderator waits for: the next card after a key, and the weight of the first page."""

from __future__ import annotations

import shutil
from statistics import median

from filling import queue_up
from ours_side import Installation, install, started
from plan import Plan
from playwright.sync_api import Page, sync_playwright
from processes import free_port
from results import Result, not_measured
from servers import postgres

from moderation.domain.staff import Role
from moderation.services import access

WAITING = 5_000
DECISIONS = 50
MAX_MEDIAN_MS = 100
MAX_PAGE_BYTES = 150_000
PAUSE_MS = 50
"""Between two decisions: nobody reads faster."""

EMAIL, PASSWORD = "mona@news.example", "correct horse battery"

# From the key that decides to the frame in which another card has the focus, as the page sees it.
WATCH = """
window.waits = [];
document.addEventListener("keydown", (event) => {
  if (event.key !== "a" && event.key !== "1") return;
  const [before, start] = [document.querySelector(".card.current"), event.timeStamp];
  const look = () => {
    const card = document.activeElement;
    if (card === before || !card.matches(".card.current")) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => window.waits.push(performance.now() - start)));
  };
  look();
}, true);
"""


def desk(plan: Plan) -> list[Result]:
    """Fifty decisions in Chromium against a local server, every other one with a reason."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return [not_measured("desk", f"<= {MAX_MEDIAN_MS}", "there is no Chromium here")]
    with postgres() as server:
        database = {"MODERATION_DATABASE_URL": server.create_database()}
        installation = install(plan.folder / "desk", database)
        weight_bytes, waits_ms = _work(installation, chromium)
    middle = median(waits_ms)
    return [
        Result(
            "desk",
            f"median ms from a key to the next card, of {len(waits_ms)}",
            f"{middle:.0f}",
            "",
            f"worst {max(waits_ms):.0f}",
            f"<= {MAX_MEDIAN_MS}",
            middle <= MAX_MEDIAN_MS,
        ),
        Result(
            "desk",
            "kB of the first page, all included",
            f"{weight_bytes / 1000:.0f}",
            "",
            "",
            f"< {MAX_PAGE_BYTES // 1000}",
            weight_bytes < MAX_PAGE_BYTES,
        ),
    ]


def _work(installation: Installation, chromium: str) -> tuple[int, list[float]]:
    """Sign in and decide: bytes of the first page, and milliseconds of each decision."""
    wiring = installation.wiring
    queue_up(wiring.database.engine, installation.site, WAITING)
    with wiring.database.write() as session:
        access.create_staff(
            session, email=EMAIL, password=PASSWORD, role=Role.MODERATOR, now=wiring.clock()
        )
    wiring.database.dispose()
    port = free_port()
    with started(installation, port, "serve"), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{port}/desk/sign-in")
        page.get_by_label("E-mail").fill(EMAIL)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/desk/queue*")
        weight_bytes = _weigh(page)
        waits_ms = _decide(page)
        browser.close()
    return weight_bytes, waits_ms


def _weigh(page: Page) -> int:
    """Bytes, uncompressed, of the page and all the files that come with it."""
    page.wait_for_load_state("networkidle")
    # What is asked once the page stands (context, claims, news) is no part of it.
    return page.evaluate(
        """() => [...performance.getEntriesByType("navigation"),
                  ...performance.getEntriesByType("resource")]
          .filter((one) => one.entryType === "navigation" || one.name.includes("/static/"))
          .reduce((sum, one) => sum + one.decodedBodySize, 0)"""
    )


def _decide(page: Page) -> list[float]:
    page.evaluate(WATCH)
    for number in range(DECISIONS):
        for key in ("a",) if number % 2 else ("r", "1"):
            page.keyboard.press(key)
        page.wait_for_function("count => window.waits.length === count", arg=number + 1)
        page.wait_for_timeout(PAUSE_MS)
    return page.evaluate("window.waits")
