"""What browser tests work with: a served installation, and a page somebody looks at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import httpx
from factories import PASSWORD, Service, SiteKit, Token
from playwright.sync_api import Page

from moderation.domain.staff import Role

AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
ARTICLE = "winter-ferry"
THREAD = '<comment-thread site-key="demo" article-id="winter-ferry"></comment-thread>'
COUNT = '<comment-count article-id="winter-ferry"></comment-count>'
PATIENCE_MS = 15_000
"""How long a page may take to show what it asks for every few seconds."""


Publish = Callable[..., Page]
"""Puts up a page of a publisher's with this in its body, and opens it."""


@dataclass
class Served:
    """An installation that answers at ``url``, with the demo site and a moderator's token."""

    service: Service
    url: str
    site: SiteKit
    token: Token

    def staff(self, email: str = "mona@news.example", role: Role = Role.MODERATOR) -> str:
        """Make an account with ``PASSWORD``; returns its e-mail."""
        return self.service.make_staff(email, role).email

    def waiting(self) -> list[dict[str, Any]]:
        """What is in the queue, after the workers' part is done."""
        self.service.judge_all()
        answer = httpx.get(f"{self.url}/api/v1/queue", headers=self.token.headers)
        return answer.raise_for_status().json()["items"]

    def decide(self, action: str, comment: dict[str, Any], **more: str) -> None:
        decision = {"comment_id": comment["id"], "action": action, "version": comment["version"]}
        answer = httpx.post(
            f"{self.url}/api/v1/decisions",
            headers=self.token.headers,
            json={"decisions": [{**decision, **more}]},
        )
        assert answer.raise_for_status().json()["results"][0]["ok"]

    def publish(self, body: str, name: str = "Grace", parent_id: str | None = None) -> str:
        """Post a comment past the page, and approve it. Returns its id."""
        answer = httpx.post(
            f"{self.url}/api/v1/comments",
            headers=self.site.headers(),
            json={
                "article_id": ARTICLE,
                "body": body,
                "author": {"name": name},
                "parent_id": parent_id,
            },
        )
        posted = answer.raise_for_status().json()["id"]
        [comment] = [item for item in self.waiting() if item["id"] == posted]
        self.decide("approve", comment)
        # The next comment is younger.
        self.service.clock.advance(seconds=1)
        return posted


@dataclass
class Visit:
    """A page somebody looks at. ``complaints``: what the browser found wrong with it so far."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        return self.page

    def sign_in(self, email: str, password: str = PASSWORD) -> Page:
        """Sign in at the desk, as people do."""
        page = self.open("/desk/sign-in")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/desk/queue*")
        return page

    def expect_failed_requests(self) -> None:
        """Forget that requests failed, where the test made them fail; nothing else."""
        self.complaints = [
            text for text in self.complaints if not text.startswith("Failed to load resource")
        ]


def findings(page: Page, without: str = "") -> list[str]:
    """What axe-core finds, as `rule: element` lines."""
    # By the debugger, which the page's own policy does not bind.
    page.evaluate(AXE)
    found = page.evaluate(
        "(without) => axe.run(without ? { exclude: [without] } : document)", without
    )
    return [
        f"{violation['id']}: {node['html']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
