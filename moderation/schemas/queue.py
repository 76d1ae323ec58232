"""The queue and its claims, as staff see them."""

from __future__ import annotations

from marshmallow import fields, validate

from moderation.domain.comment import QueueSort
from moderation.labels import LABELS
from moderation.schemas.assessment import ToldSchema
from moderation.schemas.fields import (
    OpenWire,
    Text,
    Timestamp,
    Wire,
    article_identifier,
    identifier,
    limit_field,
)

_TIME = {"format": "date-time"}


def _filters() -> dict[str, fields.Field]:
    floor = {
        f"min_{label}": fields.Float(validate=validate.Range(0, 1), allow_nan=False)
        for label in LABELS
    }
    return {
        "site_id": identifier(),
        "article_id": article_identifier(),
        "author_id": identifier(),
        "similar_to": identifier(
            metadata={"description": "Only near-copies of this comment, itself included."}
        ),
        "not_scored": fields.Boolean(
            metadata={"description": "true: only what no model could score; false: only the rest."}
        ),
        **floor,
    }


QueueQuery = OpenWire.from_dict(
    {
        "sort": fields.Enum(QueueSort, by_value=True, load_default=QueueSort.PRIORITY),
        "cursor": Text(load_default=None),
        "limit": limit_field(20),
        **_filters(),
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
        **_filters(),
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


class QueuePageSchema(OpenWire):
    items = fields.List(fields.Nested(QueueItemSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
