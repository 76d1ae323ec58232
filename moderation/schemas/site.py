"""Sites and articles, as staff and the publisher's CMS steer them."""

from __future__ import annotations

from marshmallow import fields, validate

from moderation.domain.reason import MAX_CODE_CHARS, MAX_REASONS
from moderation.domain.site import ArticleState
from moderation.schemas.comment import title_line
from moderation.schemas.fields import Line, OpenWire, Text, Wire, url


class ReasonSchema(Wire):
    """A reason for rejecting; decisions name it by its code."""

    code = Text(required=True, validate=validate.Length(1, MAX_CODE_CHARS))
    name = Text(required=True, metadata={"description": "For moderators."})
    statement = Text(required=True, metadata={"description": "For the author."})
    key = Text(
        load_default=None,
        allow_none=True,
        metadata={"description": "Picks it at the desk: a digit or a small letter."},
    )


class SiteSchema(OpenWire):
    id = fields.String(required=True)
    name = fields.String(required=True)
    site_key = fields.String(required=True)
    origins = fields.List(fields.String(), required=True)
    policy = fields.String(required=True)
    guests_allowed = fields.Boolean(required=True)
    creates_articles = fields.Boolean(
        required=True, metadata={"description": "Whether a first comment makes an article known."}
    )
    edit_window_s = fields.Integer(required=True)
    reasons = fields.List(
        fields.Nested(ReasonSchema),
        required=True,
        attribute="listed_reasons",
        metadata={"description": "For rejecting, in order; the defaults where it has no own."},
    )


class SiteListSchema(OpenWire):
    items = fields.List(fields.Nested(SiteSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class SiteChange(Wire):
    name = Line(max_chars=100, max_code_points=200, what="The name")
    origins = fields.List(Text(validate=validate.Length(1, 300)), validate=validate.Length(max=100))
    policy = Text(validate=validate.Length(1, 64))
    guests_allowed = fields.Boolean()
    creates_articles = fields.Boolean()
    edit_window_s = fields.Integer(strict=True, validate=validate.Range(0, 7 * 86400))
    reasons = fields.List(
        fields.Nested(ReasonSchema),
        allow_none=True,
        validate=validate.Length(1, MAX_REASONS),
        metadata={"description": "The whole list; null: the defaults."},
    )


class ArticleSchema(OpenWire):
    id = fields.String(required=True)
    site_id = fields.String(required=True)
    url = fields.String(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    state = fields.String(required=True, metadata={"enum": [str(s) for s in ArticleState]})
    policy = fields.String(
        required=True, allow_none=True, metadata={"description": "null: the site's."}
    )
    count = fields.Integer(required=True)


class ArticleChange(Wire):
    url = url(allow_none=True)
    title = title_line(allow_none=True)
    state = fields.String(validate=validate.OneOf([str(s) for s in ArticleState]))
    policy = Text(validate=validate.Length(1, 64), allow_none=True)
