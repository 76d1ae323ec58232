"""Pictures of every page of the desk, on a desktop and a phone, in both themes: `make screenshots`.

A page that is new is added to ``PAGES``; a test asks for it.
"""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import httpx
from desk_client import Desk
from factories import PASSWORD, Service, SiteKit, comment_json
from playwright.sync_api import Browser, sync_playwright
from werkzeug.serving import make_server

from moderation.domain.staff import Role
from moderation.web import create_app

FOLDER = Path(__file__).resolve().parents[1] / "var" / "screenshots"
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
ADMIN = "ada@harbour.example"

PAGES: dict[str, str] = {
    "sign-in": "/desk/sign-in",
    "queue": "/desk/queue",
    "queue-escalated": "/desk/queue?view=escalated",
    "queue-reported": "/desk/queue?view=reported",
    "queue-mine": "/desk/queue?view=mine",
    "queue-nothing": "/desk/queue?text=nothing+like+this",
    "safe-run": "/desk/queue/safe-run",
    "comment": "/desk/comments/{comment}",
    "authors": "/desk/authors",
    "author": "/desk/authors/{author}",
    "articles": "/desk/articles",
    "article": "/desk/articles/{article}",
    "insight": "/desk/insight",
    "account": "/desk/account",
    "account-password": "/desk/account/password",
    "account-second-factor": "/desk/account/second-factor",
    "settings": "/desk/settings",
    "settings-sites": "/desk/settings/sites",
    "settings-site": "/desk/settings/sites/{site}",
    "settings-site-new": "/desk/settings/sites/new",
    "settings-reasons": "/desk/settings/sites/{site}/reasons",
    "settings-policies": "/desk/settings/policies",
    "settings-policy": "/desk/settings/policies/strict",
    "settings-words": "/desk/settings/words",
    "settings-words-of": "/desk/settings/words/strict",
    "settings-staff": "/desk/settings/staff",
    "settings-colleague": "/desk/settings/staff/{staff}",
    "settings-invitations": "/desk/settings/invitations",
    "settings-tokens": "/desk/settings/tokens",
    "settings-audit": "/desk/settings/audit",
    "settings-webhooks": "/desk/settings/webhooks",
}
"""Name of the picture -> address. In braces: the id of one that there is."""

STORIES = {
    "winter-ferry": "Winter timetable leaves the islanders stranded",
    "harbour-fees": "Council votes on harbour fees on Thursday",
    "letters": "Letters to the editor",
}

SAID = (
    ("Grace Hopper", "The ferry has been late every winter since I moved here, and nobody at the "
     "council seems to read the timetable they print."),
    ("Tom Aldous", "You people are rude and the whole council is awful. Go back to where you "
     "came from."),
    ("Margaret H.", "Thank you for this piece. I worked on that line for twenty years, and the "
     "last paragraph is exactly right."),
    ("watchdeals", "CHEAP WATCHES, all brands, visit http://watches.example now, spam"),
    ("anon77", "I know where the harbour master lives, and this is a threat."),
    ("Ines Okafor", "Does anybody know whether the 7:40 still runs on Sundays?\n\nI have asked "
     "twice at the counter, and got two answers."),
    ("Lars-Erik Ström", "What a hateful thing to say about our neighbours."),
    ("bus_driver", "A great advert for the mayor, this article. 👍🏽"),
    ("ليلى", "هذا تعليق عن العبارة في الشتاء"),
    ("Ayşe", "The numbers in the second table are from 2019; they have doubled since, as the "
     "report says on page 14. Please correct this."),
)  # fmt: skip


def main() -> int:
    """Take all pictures; exit code 1 if a page could not be shown."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("No browser: install Chromium (Debian's package is called chromium).")
        return 1
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    failed = 0
    logging.disable(logging.CRITICAL)
    with (
        tempfile.TemporaryDirectory() as var,
        served(Path(var)) as (url, ids),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for device in WIDTHS:
            for scheme in SCHEMES:
                failed += _take(browser, url, ids, device, scheme)
        browser.close()
    print(f"{len(list(FOLDER.glob('*.png')))} pictures are in {FOLDER}")
    return int(failed > 0)


def _take(browser: Browser, url: str, ids: dict[str, str], device: str, scheme: str) -> int:
    """Take the pictures of all pages; returns how many could not be shown."""
    width, height = WIDTHS[device]
    failed = 0
    with browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    ) as context:
        page = context.new_page()
        for name, path in PAGES.items():
            answer = page.goto(url + path.format(**ids), wait_until="networkidle")
            if answer is None or answer.status != 200:
                print(f"{path}: {answer and answer.status}")
                failed += 1
            page.screenshot(path=FOLDER / f"{name}-{device}-{scheme}.png", full_page=True)
            if name == "sign-in":
                page.get_by_label("E-mail").fill(ADMIN)
                page.get_by_label("Password").fill(PASSWORD)
                page.get_by_role("button", name="Sign in").click()
                page.wait_for_url("**/desk/queue*")
    return failed


@contextmanager
def served(var_dir: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """A newsroom after a morning's work: its address, and ids of what is in it."""
    service = Service(var_dir)
    site = service.make_site(name="The Harbour Post", site_key="demo", origins=[])
    app = create_app(service.wiring)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.port}"
    try:
        yield url, _fill(service, site, Desk(app), url)
    finally:
        server.shutdown()
        thread.join()
        service.close()


def _fill(service: Service, site: SiteKit, desk: Desk, url: str) -> dict[str, str]:
    """Comments as they come in over some hours; some are decided, reported, left to an admin."""
    service.make_staff(ADMIN, Role.ADMIN)
    colleague = service.make_staff("ben@harbour.example")
    now = service.clock()
    service.clock.advance(hours=-6)
    posted: list[str] = []
    with httpx.Client(base_url=url, headers=site.headers()) as client:

        def post(author: str, body: str, story: str, **more: str) -> None:
            article = {"url": f"https://harbour.example/{story}", "title": STORIES[story]}
            told = comment_json(
                body, article_id=story, article=article, author={"name": author}, **more
            )
            posted.append(
                client.post("/api/v1/comments", json=told).raise_for_status().json()["id"]
            )
            service.clock.advance(minutes=4)

        for story in STORIES:
            for author, body in SAID:
                post(author, body, story)
        for number in range(12):
            post(f"player{number}", "Win money at our casino, an awful lot of spam", "letters")
        service.judge_all()
        service.clock.now = now
        desk.sign_in(ADMIN)
        for number, comment_id in enumerate(posted[:12]):
            version = service.comment(comment_id).version
            action = ("approve", "reject", "approve", "reject", "escalate")[number % 5]
            desk.post(
                "/desk/decisions",
                {
                    "decide": f"{action} {comment_id} {version}",
                    "reason": ("insult", "spam")[number % 2],
                    "note": "A word with the desk first?" if action == "escalate" else "",
                },
            )
        post(
            "Tom Aldous", "Then walk, if the ferry is so bad.", "winter-ferry", parent_id=posted[0]
        )
        client.post(f"/api/v1/comments/{posted[2]}/reports", json={"reason": "false_claim"})
        service.judge_all()
    reply = service.comment(posted[-1])
    return {
        "comment": reply.id,
        "author": reply.author_id,
        "article": reply.article_id,
        "site": site.id,
        "staff": colleague.id,
    }


if __name__ == "__main__":
    sys.exit(main())
