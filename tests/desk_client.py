"""Somebody at the desk, as their browser without scripts sees it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape
from typing import Any

from factories import PASSWORD
from flask import Flask
from werkzeug.test import TestResponse

_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"|name="csrf_token" value="([^"]+)"')


class Desk:
    """A browser of its own: cookies, forms with their CSRF token, redirects followed by hand."""

    def __init__(self, app: Flask) -> None:
        self.client = app.test_client()

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, **more)

    def post(
        self, path: str, fields: Mapping[str, Any] | None = None, *, csrf: str | None = None, **more
    ) -> TestResponse:
        """Send a form. ``csrf``: another token than that of the page one is on."""
        token = self.csrf() if csrf is None else csrf
        return self.client.post(path, data={"csrf_token": token, **(fields or {})}, **more)

    def ask(self, path: str, fields: Mapping[str, Any] | None = None) -> TestResponse:
        """Send a form as a script does, for an answer in JSON."""
        return self.post(path, fields, headers={"Accept": "application/json"})

    def csrf(self) -> str:
        """The token that pages shown to this browser carry."""
        found = _CSRF.search(self.get("/desk/sign-in").text)
        assert found is not None
        return unescape(found[1] or found[2])

    def sign_in(self, email: str, password: str = PASSWORD, **more: str) -> TestResponse:
        return self.post("/desk/sign-in", {"email": email, "password": password, **more})
