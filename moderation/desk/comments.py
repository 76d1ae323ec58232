"""One comment by itself: what stands around it, all that happened to it, and notes."""

from __future__ import annotations

from flask import Response, jsonify, request

from moderation.desk import card
from moderation.desk.deciding import note_of
from moderation.desk.door import back, blueprint, flash_note, page, staff_page, wants_json
from moderation.desk.text import say
from moderation.domain.staff import Scope
from moderation.errors import Invalid
from moderation.gate import principal
from moderation.services import history, notes, queue, surroundings
from moderation.wiring import wired


@blueprint.get("/comments/<id:comment_id>")
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


@blueprint.post("/comments/<id:comment_id>/notes")
@staff_page(Scope.QUEUE)
def add_comment_note(comment_id: str) -> Response:
    """Write a note on a comment, for colleagues."""
    wiring = wired()
    text = note_of(request.form)
    if not text:
        raise Invalid(errors={"note": [say("queue.note_needed")]})
    with wiring.database.write() as session:
        notes.add(session, principal(), comment_id, text, now=wiring.clock())
    if wants_json():
        return jsonify(told=say("queue.done.note"))
    flash_note("queue.done.note")
    return back(f"/desk/comments/{comment_id}")


@blueprint.post("/comments/notes/<id:note_id>/delete")
@staff_page(Scope.QUEUE)
def delete_comment_note(note_id: str) -> Response:
    """Take a note away again."""
    with wired().database.write() as session:
        notes.remove(session, principal(), note_id)
    flash_note("queue.done.note_deleted")
    return back()
