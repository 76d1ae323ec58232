"""Every view says who may call it."""

from __future__ import annotations

from pathlib import Path

from factories import Service

from moderation.domain.staff import Scope
from moderation.gate import ACCESS_ATTRIBUTE, PUBLIC
from moderation.web import create_app

NOT_OURS = {"api-docs.openapi_json"}
"""flask-smorest's own view of the OpenAPI document, which anybody may read."""


def test_every_view_says_who_may_call_it(tmp_path: Path) -> None:
    service = Service(tmp_path)
    app = create_app(service.wiring)
    service.close()
    access = {
        endpoint: getattr(view, ACCESS_ATTRIBUTE, None)
        for endpoint, view in app.view_functions.items()
        if endpoint not in NOT_OURS
    }
    assert len(access) > 20
    known = {PUBLIC, "token", *Scope}
    assert {name: told for name, told in access.items() if told not in known} == {}
