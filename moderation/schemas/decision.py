"""Decisions, their results, and the history of a comment."""

from __future__ import annotations

from marshmallow import fields, validate

from moderation.domain.decision import Action
from moderation.domain.text import MAX_BODY_CHARS
from moderation.schemas.assessment import ToldSchema
from moderation.schemas.fields import Line, OpenWire, Text, Timestamp, Wire, identifier
from moderation.schemas.problem import ProblemSchema
from moderation.schemas.report import ReportSchema

MAX_REASON_CHARS, MAX_REASON_CODE_POINTS = 80, 100
MAX_NOTE_CHARS = 2000
assert MAX_NOTE_CHARS >= MAX_BODY_CHARS  # a note can quote the whole comment


class OrderSchema(Wire):
    comment_id = identifier(required=True)
    action = fields.String(
        required=True,
        validate=validate.OneOf(
            [str(a) for a in (Action.APPROVE, Action.REJECT, Action.ESCALATE, Action.SEND_BACK)]
        ),
        metadata={
            "description": "`approve` a public comment that was reported: it stays, and its "
            "reports are dealt with. `escalate` what waits: then only admins decide it, or "
            "`send_back`."
        },
    )
    version = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(min=1),
        metadata={"description": "The comment's version that was looked at."},
    )
    reason = Line(
        max_chars=MAX_REASON_CHARS,
        max_code_points=MAX_REASON_CODE_POINTS,
        what="The reason",
        allow_none=True,
        load_default=None,
    )
    note = Text(
        validate=validate.Length(max=MAX_NOTE_CHARS),
        allow_none=True,
        load_default=None,
        metadata={"description": "For colleagues; authors never see it."},
    )
    include_similar = fields.Boolean(
        load_default=False,
        metadata={
            "description": "Reject (or escalate) waiting near-copies too, at most 500 in a call; "
            "approve those that are the same to the letter."
        },
    )


class DecisionsRequest(Wire):
    decisions = fields.List(
        fields.Nested(OrderSchema), required=True, validate=validate.Length(1, 100)
    )


class DecisionResultSchema(OpenWire):
    comment_id = fields.String(required=True)
    ok = fields.Boolean(required=True)
    decision_id = fields.String()
    status = fields.String()
    version = fields.Integer()
    similar_to = fields.String(
        metadata={"description": "Decided along with this one (include_similar)."}
    )
    similar_left = fields.Integer(
        metadata={"description": "With include_similar: near-copies that still wait."}
    )
    problem = fields.Nested(ProblemSchema)


class DecisionResultsSchema(OpenWire):
    results = fields.List(fields.Nested(DecisionResultSchema), required=True)
    batch_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What to undo all of it by; null where nothing was decided."},
    )


class UndoneSchema(OpenWire):
    comment_id = fields.String(required=True)
    decision_id = fields.String(required=True)
    undoes = fields.String(required=True)
    status = fields.String(required=True)
    version = fields.Integer(required=True)


class HistoryEntrySchema(ToldSchema):
    decision_id = fields.String(required=True)
    action = fields.String(required=True, metadata={"enum": [str(a) for a in Action]})
    decided_by = fields.String(required=True)
    actor = fields.String(required=True, allow_none=True)
    previous_status = fields.String(required=True)
    status = fields.String(required=True)
    version = fields.Integer(required=True)
    reason = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    batch_id = fields.String(required=True, allow_none=True)
    undoes = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True, metadata={"format": "date-time"})
    rule = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True, allow_none=True)
    scores = fields.Dict(
        keys=fields.String(), values=fields.Float(), required=True, allow_none=True
    )
    policy = fields.String(required=True, allow_none=True)
    policy_version = fields.String(required=True, allow_none=True)
    model_version = fields.String(required=True, allow_none=True)


class CommentNoteSchema(OpenWire):
    """What a moderator wrote about a comment, for colleagues."""

    note_id = fields.String(required=True)
    actor = fields.String(required=True)
    text = fields.String(required=True)
    created_at = Timestamp(required=True, metadata={"format": "date-time"})


class NewCommentNoteSchema(Wire):
    text = Text(required=True, validate=validate.Length(1, MAX_NOTE_CHARS))


class HistorySchema(OpenWire):
    items = fields.List(fields.Nested(HistoryEntrySchema), required=True)
    notes = fields.List(fields.Nested(CommentNoteSchema), required=True)
    reports = fields.List(
        fields.Nested(ReportSchema),
        required=True,
        metadata={"description": "Readers' reports, at most the latest hundred."},
    )
    next_cursor = fields.String(required=True, allow_none=True)
