"""One comment by itself: what stands around it, all that happened to it, and notes."""

from __future__ import annotations

from flask import Response, request

from moderation.desk import card
from moderation.desk.door import blueprint, page, staff_page
from moderation.domain.staff import Scope
from moderation.gate import principal
from moderation.services import history, queue, surroundings
from moderation.wiring import wired


@blueprint.get("/comments/<comment_id>")
@staff_page(Scope.QUEUE)
def show_comment(comment_id: str) -> Response:
    """The comment's page; ``part=context``: what a card opens in it; ``part=card``: the card."""
    wiring = wired()
    me = principal()
    with wiring.database.read() as session:
        around = surroundings.around(session, me, comment_id)
        events = history.timeline(session, me, comment_id)
        if request.args.get("part") == "context":
            item = queue.item(session, me, comment_id)
            return page("desk/queue/context.html", item=item, around=around, events=events)
        [shown] = card.cards(session, me, [queue.item(session, me, comment_id)], now=wiring.clock())
    if request.args.get("part") == "card":
        return page("desk/queue/one.html", card=shown)
    return page("desk/comment.html", card=shown, around=around, events=events)
