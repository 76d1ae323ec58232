"""The moderators' door to authors: their record, and sanctions on them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from moderation.api.parsing import Blueprint
from moderation.domain.sanction import Sanction
from moderation.domain.staff import Scope
from moderation.errors import Invalid, UnknownAuthor, UnknownSanction
from moderation.gate import needs, principal
from moderation.schemas.author import AuthorSchema, NewSanction, SanctionSchema
from moderation.services import authors, sanctions
from moderation.services.authors import AuthorView, Record
from moderation.wiring import wired

blueprint = Blueprint(
    "Authors",
    __name__,
    url_prefix="/api/v1/authors",
    description=(
        "Authors as moderators see them, with the scope `queue`; sanctions on them, bans included, "
        "with the scope `decisions`."
    ),
)


@blueprint.route("/<id:author_id>", methods=["GET"])
@needs(Scope.QUEUE)
@blueprint.problems(UnknownAuthor)
@blueprint.response(200, AuthorSchema)
def get_author(author_id: str) -> dict[str, Any]:
    """Show an author: what counts for them now, their record, sanctions and notes."""
    wiring = wired()
    now = wiring.clock()
    with wiring.database.read() as session:
        view = authors.look(session, principal(), author_id, now=now)
        return _author(view, now)


@blueprint.route("/<id:author_id>/sanctions", methods=["POST"])
@needs(Scope.DECISIONS)
@blueprint.problems(UnknownAuthor, Invalid)
@blueprint.arguments(NewSanction)
@blueprint.response(201, SanctionSchema)
def impose(new: dict[str, Any], author_id: str) -> dict[str, Any]:
    """Trust an author, always review them, suspend them for a time, or ban them.

    Replaces the one of the same kind that is in force. Of different kinds the strictest counts:
    `ban`, `suspend`, `always_review`, `trust`.
    """
    wiring = wired()
    now = wiring.clock()
    with wiring.database.write() as session:
        return _sanction(sanctions.impose(session, principal(), author_id, now=now, **new), now)


@blueprint.route("/<id:author_id>/sanctions/<id:sanction_id>", methods=["DELETE"])
@needs(Scope.DECISIONS)
@blueprint.problems(UnknownAuthor, UnknownSanction)
@blueprint.response(200, SanctionSchema)
def lift(author_id: str, sanction_id: str) -> dict[str, Any]:
    """Lift a sanction. It stays in the history; one that is over already is left as it is."""
    wiring = wired()
    now = wiring.clock()
    with wiring.database.write() as session:
        lifted = sanctions.lift(session, principal(), author_id, sanction_id, now=now)
        return _sanction(lifted, now)


def _author(view: AuthorView, now: datetime) -> dict[str, Any]:
    author = view.author
    return {
        "id": author.id,
        "site_id": author.site_id,
        "kind": author.kind,
        "name": author.name,
        "created_at": author.created_at,
        "standing": view.standing,
        "records": {name: _record(record) for name, record in view.records.items()},
        "sanctions": [_sanction(sanction, now) for sanction in view.sanctions],
        "notes": [
            {
                "id": note.id,
                "body": note.body,
                "created_at": note.created_at,
                "created_by": note.created_by_name,
            }
            for note in view.notes
        ],
    }


def _record(record: Record) -> dict[str, Any]:
    return {**asdict(record), "rejected_share": record.rejected_share}


def _sanction(sanction: Sanction, now: datetime) -> dict[str, Any]:
    return {
        "id": sanction.id,
        "kind": sanction.kind,
        "state": sanction.state(now),
        "reason": sanction.reason,
        "note": sanction.note,
        "ends_at": sanction.ends_at,
        "created_at": sanction.created_at,
        "created_by": sanction.created_by_name,
        "lifted_at": sanction.lifted_at,
        "lifted_by": sanction.lifted_by_name,
        "replaced_by": sanction.replaced_by,
    }
