"""A real server, a real browser, and a page whose every complaint fails the test."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from browsing import PATIENCE_MS, Publish, Served, Visit
from factories import Service, SiteKit
from flask import Flask, Response
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from moderation.services import sites
from moderation.web import create_app

# A browser that keeps to itself.
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()

TELL_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy violated: ${event.violatedDirective} ${event.blockedURI}`));
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    service = Service(tmp_path)
    site = service.make_site(site_key="demo", origins=[])
    server = make_server("127.0.0.1", 0, create_app(service.wiring), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Served(service, f"http://127.0.0.1:{server.port}", site, service.make_token())
    server.shutdown()
    thread.join()
    server.server_close()
    service.close()


# Not for the whole run: Playwright keeps an event loop running in this thread, and other tests
# could not start one of their own.
@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """A reader's browser without a past; a test may parametrize it with other options."""
    with browser.new_context(**getattr(request, "param", {})) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(TELL_VIOLATIONS)
        yield context


@pytest.fixture
def visit(context: BrowserContext, served: Served) -> Iterator[Visit]:
    """A new page. In the end nothing may have been complained of, and nobody else been asked."""
    visit = Visit(context.new_page(), served.url)

    def note_request(url: str) -> None:
        if not url.startswith((served.url + "/", "data:")):
            visit.complaints.append(f"asked somebody else: {url}")

    visit.page.on("request", lambda request: note_request(request.url))
    visit.page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    visit.page.on(
        "console",
        lambda message: (
            visit.complaints.append(message.text) if message.type in ("error", "warning") else None
        ),
    )
    yield visit
    visit.page.close()
    assert visit.complaints == []


@pytest.fixture
def publish(served: Served, context: BrowserContext) -> Iterator[Publish]:
    """Put up a page of the publisher's, under a policy that allows what it must, and open it."""
    publisher = Flask("publisher")
    held: dict[str, str] = {}
    policy = (
        f"default-src 'none'; script-src {served.url}; connect-src {served.url}; "
        f"frame-src {served.url}; require-trusted-types-for 'script'"
    )

    @publisher.get("/story")
    def story() -> Response:
        answer = Response(held["html"], mimetype="text/html")
        answer.headers["Content-Security-Policy"] = policy
        return answer

    server = make_server("127.0.0.1", 0, publisher, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    origin = f"http://127.0.0.1:{server.port}"
    complaints: list[str] = []
    pages: list[Page] = []

    def publish(
        body: str,
        *,
        lang: str = "en",
        may_complain: bool = False,
        origins_of: Sequence[SiteKit] = (served.site,),
    ) -> Page:
        with served.service.database.write() as session:
            for site in origins_of:
                sites.by_id(session, site.id).origins = [origin]
        held["html"] = (
            f'<!doctype html><html lang="{lang}"><meta charset="utf-8"><title>Story</title>'
            f'<script type="module" src="{served.url}/embed/v1.js"></script><body>{body}</body>'
        )
        page = context.new_page()
        if not may_complain:
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda message: (
                    complaints.append(message.text)
                    if message.type in ("error", "warning")
                    else None
                ),
            )
        page.goto(f"{origin}/story")
        pages.append(page)
        return page

    yield publish
    for page in pages:
        page.close()
    server.shutdown()
    thread.join()
    server.server_close()
    assert complaints == []
