"""The safe run: what no model and no rule has anything against, as a list to read down at once."""

from __future__ import annotations

from dataclasses import replace

from flask import Response, request

from moderation.desk.door import blueprint, page, staff_page
from moderation.desk.queue import listing, url_of, visible_sites
from moderation.domain.queue import QueueFilter, View
from moderation.domain.staff import Scope
from moderation.schemas import queue_filter
from moderation.wiring import wired

RISKS = (0.02, 0.05, 0.1, 0.2)
"""Every score is below the one that was chosen."""

USUAL_RISK = 0.05
PAGE_LINES = 50


@blueprint.get("/queue/safe-run")
@staff_page(Scope.DECISIONS)
def show_safe_run() -> Response:
    """The list; approving what stays ticked is a form like any other's."""
    asked = queue_filter.read(request.args)
    risk = asked.safe_below or USUAL_RISK
    wanted = replace(QueueFilter(), view=View.WAITING, site_id=asked.site_id, safe_below=risk)
    with wired().database.read() as session:
        found = listing(
            session, wanted, cursor=request.args.get("cursor"), gather=False, limit=PAGE_LINES
        )
        known = visible_sites(session)
    return page(
        "desk/safe_run.html",
        listing=found,
        wanted=wanted,
        risk=risk,
        risks=RISKS,
        sites=known,
        url_of=url_of,
    )
