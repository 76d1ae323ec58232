"""`make screenshots` leaves no page of the desk out."""

from __future__ import annotations

import re

from flask import Flask
from screenshots import PAGES

NO_PICTURE = {
    "desk.home": "leads to the queue",
    "desk.missing": "any other address",
    "desk.static_file": "no page",
    "desk.tell_news": "no page",
    "desk.go_to_provider": "leads elsewhere",
    "desk.return_from_provider": "leads to the queue",
    "desk.sign_in_code": "between two steps of signing in",
    "desk.sign_in_password": "between two steps of signing in",
    "desk.invitation": "needs a link that works once",
    "desk.show_revision": "the same page as a policy's",
}


def test_every_page_has_its_picture(app: Flask) -> None:
    paths = [re.sub(r"{\w+}", "x", path).partition("?")[0] for path in PAGES.values()]
    left_out = []
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("desk.") or "GET" not in (rule.methods or ()):
            continue
        if rule.rule.endswith(".csv"):
            continue  # a file
        pattern = re.sub(r"<[^>]+>", "[^/]+", rule.rule)
        if rule.endpoint not in NO_PICTURE and not any(re.fullmatch(pattern, p) for p in paths):
            left_out.append(rule.rule)
    assert left_out == []
