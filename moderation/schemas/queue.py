"""The queue and its claims, as staff see them."""

from __future__ import annotations

from marshmallow import fields, validate

from moderation.domain.report import ReportReason
from moderation.labels import LABELS
from moderation.schemas.assessment import ToldSchema
from moderation.schemas.fields import (
    OpenWire,
    Text,
    Timestamp,
    Wire,
    identifier,
    limit_field,
)
from moderation.schemas.queue_filter import filter_fields

_TIME = {"format": "date-time"}


QueueQuery = OpenWire.from_dict(
    {
        "cursor": Text(load_default=None),
        "limit": limit_field(20),
        "gather": fields.Boolean(
            load_default=False,
            metadata={
                "description": "List each cluster of near-copies once; `similar_count` tells of "
                "the others. Only in the views `waiting` and `not_scored`."
            },
        ),
        **filter_fields(),
    },
    name="QueueQuery",
)

ClaimRequest = Wire.from_dict(
    {
        "limit": limit_field(1),
        "comment_ids": fields.List(
            identifier(),
            validate=validate.Length(1, 100),
            metadata={"description": "Claim, or renew the claim of, these."},
        ),
        **filter_fields(),
    },
    name="ClaimRequest",
)


class ArticleSummarySchema(OpenWire):
    id = fields.String(required=True)
    title = fields.String(required=True, allow_none=True)
    url = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True, metadata={"description": "Approved comments."})


class RecordSchema(OpenWire):
    approved = fields.Integer(required=True)
    rejected = fields.Integer(required=True)


class AuthorSummarySchema(OpenWire):
    id = fields.String(required=True)
    name = fields.String(required=True)
    kind = fields.String(required=True, metadata={"enum": ["guest", "reader"]})
    record = fields.Nested(RecordSchema, required=True)


class VerdictSchema(OpenWire):
    """What the policy made of the scores, and under which versions."""

    action = fields.String(required=True, metadata={"enum": ["queue", "approve", "reject"]})
    rule = fields.String(required=True)
    detail = fields.String(required=True)
    thresholds = fields.Dict(
        keys=fields.String(), values=fields.Dict(keys=fields.String(), values=fields.Float())
    )
    policy = fields.String(required=True)
    policy_version = fields.String(required=True)
    model_version = fields.String(required=True, allow_none=True)


class ClaimSchema(OpenWire):
    by = fields.String(required=True)
    mine = fields.Boolean(required=True)
    expires_at = Timestamp(required=True, metadata=_TIME)


class EscalationSchema(OpenWire):
    by = fields.String(required=True, allow_none=True)
    note = fields.String(required=True, allow_none=True)
    at = Timestamp(required=True, metadata=_TIME)


class LastDecisionSchema(OpenWire):
    """What put a comment where it is."""

    decision_id = fields.String(required=True)
    action = fields.String(required=True)
    decided_by = fields.String(required=True)
    actor = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    created_at = Timestamp(required=True, metadata=_TIME)


class QueueItemSchema(ToldSchema):
    id = fields.String(required=True)
    site_id = fields.String(required=True)
    parent_id = fields.String(required=True, allow_none=True)
    body = fields.String(required=True)
    created_at = Timestamp(required=True, metadata=_TIME)
    edited_at = Timestamp(required=True, allow_none=True, metadata=_TIME)
    status = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "Send it when deciding."})
    scored = fields.Boolean(required=True)
    scores = fields.Dict(
        keys=fields.String(validate=validate.OneOf(LABELS)),
        values=fields.Float(),
        required=True,
        allow_none=True,
        metadata={"description": "Label -> probability, 0..1; null when not scored."},
    )
    reasons = fields.List(fields.String(), required=True)
    verdict = fields.Nested(VerdictSchema, required=True, allow_none=True)
    article = fields.Nested(ArticleSummarySchema, required=True)
    author = fields.Nested(AuthorSummarySchema, required=True)
    claim = fields.Nested(ClaimSchema, required=True, allow_none=True)
    similar_count = fields.Integer(
        required=True, metadata={"description": "Other waiting comments that are near-copies."}
    )
    cluster_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What near-copies share; null where not compared yet."},
    )
    decision = fields.Nested(LastDecisionSchema, required=True, allow_none=True)
    escalation = fields.Nested(
        EscalationSchema,
        required=True,
        allow_none=True,
        metadata={"description": "While it waits for an admin."},
    )
    report_count = fields.Integer(
        required=True, metadata={"description": "Readers' reports nobody has dealt with yet."}
    )
    reports = fields.Dict(
        keys=fields.String(validate=validate.OneOf([str(reason) for reason in ReportReason])),
        values=fields.Integer(),
        required=True,
        metadata={"description": "Reason -> how many of these reports give it."},
    )


class QueueCountsQuery(OpenWire):
    site_id = identifier(load_default=None)


class CountSchema(OpenWire):
    number = fields.Integer(required=True)
    or_more = fields.Boolean(
        required=True, metadata={"description": "Counted up to `number`; there are more."}
    )


class QueueCountsSchema(OpenWire):
    counts = fields.Dict(keys=fields.String(), values=fields.Nested(CountSchema), required=True)


class QueuePageSchema(OpenWire):
    items = fields.List(fields.Nested(QueueItemSchema), required=True)
    next_cursor = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "null on the last page. A page may have fewer items than `limit`, or "
            "none, and a cursor: a search that has not come to its end."
        },
    )
