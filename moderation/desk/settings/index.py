"""What can be set, and where."""

from __future__ import annotations

from flask import Response

from moderation.desk.door import blueprint, page, staff_page
from moderation.domain.staff import Scope


@blueprint.get("/settings")
@staff_page(Scope.ADMIN)
def show_settings() -> Response:
    """All places, with what each is for."""
    return page("desk/settings/index.html")


@blueprint.get("/settings/webhooks")
@staff_page(Scope.ADMIN)
def show_webhooks() -> Response:
    """That there are none yet, so that nobody looks further."""
    return page("desk/settings/webhooks.html")
