"""What the models said of a comment besides scores, as staff see it."""

from __future__ import annotations

from marshmallow import fields, validate

from moderation.domain.policy import UNSUPPORTED
from moderation.schemas.fields import OpenWire


class SpamPartSchema(OpenWire):
    """One part of a spam score."""

    name = fields.String(required=True)
    value = fields.Float(required=True, metadata={"description": "What was seen."})
    log_odds = fields.Float(
        required=True, metadata={"description": "What it added; their sum makes the score."}
    )


class ToldSchema(OpenWire):
    spans = fields.List(
        fields.List(fields.Integer(validate=validate.Range(min=0)), validate=validate.Length(2, 2)),
        required=True,
        metadata={
            "description": "The words that drove the toxicity score: [start, end) in Unicode code "
            "points of the body (JavaScript: of Array.from(body), not of body itself), in order. "
            "Empty where the toxicity is below 0.3, and where the text is unsupported."
        },
    )
    language = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "ISO 639-1 code; null where the text is too short to say."},
    )
    unsupported = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "enum": [*UNSUPPORTED, None],
            "description": "Why no model here is made for this text; null where one is.",
        },
    )
    spam_parts = fields.List(
        fields.Nested(SpamPartSchema),
        required=True,
        metadata={
            "description": "What the spam score is made of: the text model's part first, then what "
            "else had a say. Empty where nothing was scored."
        },
    )
