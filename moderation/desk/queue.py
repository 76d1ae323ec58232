"""The queue."""

from __future__ import annotations

from flask import Response

from moderation.desk.door import blueprint, page, staff_page
from moderation.domain.staff import Scope


@blueprint.get("/queue")
@staff_page(Scope.QUEUE)
def show_queue() -> Response:
    """What waits for a moderator."""
    return page("desk/queue.html")
