"""Authors and the sanctions on them, as staff see them."""

from __future__ import annotations

from marshmallow import fields, validate

from moderation.domain.author import AuthorKind
from moderation.domain.sanction import (
    MAX_NOTE_CHARS,
    MAX_REASON_CHARS,
    SanctionKind,
    SanctionState,
)
from moderation.schemas.fields import Line, OpenWire, Text, Timestamp, Wire

_TIME = {"format": "date-time"}
_KINDS = {"enum": [str(kind) for kind in SanctionKind]}


class NewSanction(Wire):
    kind = fields.Enum(SanctionKind, by_value=True, required=True)
    reason = Line(
        max_chars=MAX_REASON_CHARS,
        max_code_points=MAX_REASON_CHARS,
        what="The reason",
        required=True,
        metadata={"description": "Told to the author with `suspend` and `ban`."},
    )
    ends_at = Timestamp(
        load_default=None,
        allow_none=True,
        metadata={**_TIME, "description": "null: until it is lifted. Needed with `suspend`."},
    )
    note = Text(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=MAX_NOTE_CHARS),
        metadata={"description": "For moderators alone."},
    )


class SanctionSchema(OpenWire):
    id = fields.String(required=True)
    kind = fields.String(required=True, metadata=_KINDS)
    state = fields.String(required=True, metadata={"enum": [str(s) for s in SanctionState]})
    reason = fields.String(required=True)
    note = fields.String(required=True, allow_none=True)
    ends_at = Timestamp(required=True, allow_none=True, metadata=_TIME)
    created_at = Timestamp(required=True, metadata=_TIME)
    created_by = fields.String(required=True, metadata={"description": "A name."})
    lifted_at = Timestamp(required=True, allow_none=True, metadata=_TIME)
    lifted_by = fields.String(required=True, allow_none=True)
    replaced_by = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Id of the later sanction of the same kind."},
    )


class StandingSchema(OpenWire):
    """The sanction that counts now: of those in force the strictest."""

    kind = fields.String(required=True, metadata=_KINDS)
    reason = fields.String(required=True)
    ends_at = Timestamp(required=True, allow_none=True, metadata=_TIME)
    sanction_id = fields.String(required=True)


class PeriodSchema(OpenWire):
    """What became of the comments posted in a span of time."""

    posted = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    queued = fields.Integer(required=True)
    approved = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    withdrawn = fields.Integer(required=True)
    rejected_share = fields.Float(
        required=True,
        allow_none=True,
        metadata={"description": "Of those approved or rejected, 0..1; null while there is none."},
    )


class PeriodsSchema(OpenWire):
    days_7 = fields.Nested(PeriodSchema, required=True)
    days_30 = fields.Nested(PeriodSchema, required=True)
    ever = fields.Nested(PeriodSchema, required=True)


class NoteSchema(OpenWire):
    id = fields.String(required=True)
    body = fields.String(required=True)
    created_at = Timestamp(required=True, metadata=_TIME)
    created_by = fields.String(required=True, metadata={"description": "A name."})


class AuthorSchema(OpenWire):
    id = fields.String(required=True)
    site_id = fields.String(required=True)
    kind = fields.String(required=True, metadata={"enum": [str(kind) for kind in AuthorKind]})
    name = fields.String(required=True)
    created_at = Timestamp(
        required=True, metadata={**_TIME, "description": "When they first commented."}
    )
    standing = fields.Nested(StandingSchema, required=True, allow_none=True)
    records = fields.Nested(PeriodsSchema, required=True)
    sanctions = fields.List(
        fields.Nested(SanctionSchema),
        required=True,
        metadata={"description": "Every one there ever was, the latest first."},
    )
    notes = fields.List(fields.Nested(NoteSchema), required=True)
