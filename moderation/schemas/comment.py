"""Comments as readers and their authors see them."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from moderation.domain.comment import PublicSort, Status
from moderation.schemas.fields import (
    Line,
    OpenWire,
    Text,
    Timestamp,
    article_identifier,
    identifier,
    limit_field,
    url,
)

MAX_NAME_CHARS, MAX_NAME_CODE_POINTS = 60, 100
MAX_TYPING_MS = 7 * 24 * 3_600_000
MAX_TITLE_CHARS, MAX_TITLE_CODE_POINTS = 250, 300


def title_line(**kwargs: Any) -> Line:
    """An article's title."""
    return Line(
        max_chars=MAX_TITLE_CHARS,
        max_code_points=MAX_TITLE_CODE_POINTS,
        what="The title",
        **kwargs,
    )


class GuestSchema(OpenWire):
    name = Line(
        max_chars=MAX_NAME_CHARS,
        max_code_points=MAX_NAME_CODE_POINTS,
        what="The name",
        required=True,
    )


class ArticleHintSchema(OpenWire):
    """What the page knows of the article; used when the comment is the first under it."""

    url = url()
    title = title_line()


class NewCommentSchema(OpenWire):
    article_id = article_identifier(required=True)
    body = fields.String(
        required=True,
        metadata={"description": "At most 300 characters as a reader counts them (UAX #29)."},
    )
    author = fields.Nested(GuestSchema, metadata={"description": "For guests."})
    parent_id = identifier(allow_none=True, load_default=None)
    article = fields.Nested(ArticleHintSchema)
    typing_ms = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(0, MAX_TYPING_MS),
        metadata={
            "description": "Milliseconds from the first to the last change of the text, where the "
            "page measures that: one of the signs by which spam is told."
        },
    )

    website = fields.String(
        load_default="",
        validate=validate.Equal("", error="Leave this field empty."),
        metadata={
            "description": "A trap: a field that readers do not see and programs that fill in "
            "every field do. Whatever stands in it is refused."
        },
    )


class IdempotencySchema(OpenWire):
    """Header of requests that may be repeated safely."""

    idempotency_key = Text(
        data_key="Idempotency-Key", load_default=None, validate=validate.Length(1, 255)
    )


class AcceptedSchema(OpenWire):
    id = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": [str(Status.PENDING)]})
    created_at = Timestamp(required=True, metadata={"format": "date-time"})
    receipt = fields.String(
        required=True,
        metadata={"description": "Proof that the comment is the author's: send it as X-Receipt."},
    )


class PublicQuery(OpenWire):
    """What the public may ask without a header of its own, so that browsers ask without CORS
    preflight, and caches keep the answer by its address."""

    site_key = fields.String(
        metadata={"description": "In place of the header `X-Site-Key`, which goes before it."}
    )


class PublicListQuery(PublicQuery):
    article_id = article_identifier(required=True)
    sort = fields.Enum(PublicSort, by_value=True, load_default=PublicSort.NEWEST)
    parent_id = identifier(
        load_default=None,
        metadata={
            "description": "Only replies to this comment; `none`: only comments that are no reply."
        },
    )
    threads = fields.Boolean(
        load_default=False,
        metadata={
            "description": "List what begins conversations, and beside it in `replies` what stands "
            "under that: all of it, or as much as fits, as each `reply_count` tells."
        },
    )
    comment_id = identifier(
        load_default=None,
        metadata={
            "description": "Only the conversation that this comment stands in, as with `threads`."
        },
    )
    cursor = Text(load_default=None)
    limit = limit_field(50)


class PublicAuthorSchema(OpenWire):
    name = fields.String(required=True)


class PublicCommentSchema(OpenWire):
    id = fields.String(required=True)
    article_id = fields.String(required=True)
    parent_id = fields.String(required=True, allow_none=True)
    author = fields.Nested(PublicAuthorSchema, required=True)
    body = fields.String(required=True)
    created_at = Timestamp(required=True, metadata={"format": "date-time"})
    reply_count = fields.Integer(
        required=True, metadata={"description": "Approved direct replies."}
    )


class PublicPageSchema(OpenWire):
    items = fields.List(fields.Nested(PublicCommentSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    count = fields.Integer(
        required=True, metadata={"description": "All approved comments of the article."}
    )
    open = fields.Boolean(
        required=True, metadata={"description": "Whether the article takes comments."}
    )
    guests_allowed = fields.Boolean(required=True)
    replies = fields.List(
        fields.Nested(PublicCommentSchema),
        metadata={"description": "With `threads` and `comment_id`: below `items`, oldest first."},
    )


class CountsQuery(PublicQuery):
    article_id = fields.List(article_identifier(), required=True, validate=validate.Length(1, 100))


class CountsSchema(OpenWire):
    counts = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class OwnershipSchema(OpenWire):
    """Header with which an author shows that a comment is theirs."""

    receipt = Text(data_key="X-Receipt", load_default=None, validate=validate.Length(max=200))


class EditSchema(OpenWire):
    body = fields.String(required=True)


class StatementSchema(OpenWire):
    """Why a comment was rejected."""

    reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "In words: a code of the site's list as its statement."},
    )
    decided_by = fields.String(required=True)
    decided_at = Timestamp(required=True, metadata={"format": "date-time"})


class OwnCommentSchema(OpenWire):
    id = fields.String(required=True)
    article_id = fields.String(required=True)
    parent_id = fields.String(required=True, allow_none=True)
    body = fields.String(required=True)
    status = fields.String(required=True, metadata={"enum": [str(s) for s in Status]})
    created_at = Timestamp(required=True, metadata={"format": "date-time"})
    edited_at = Timestamp(required=True, allow_none=True, metadata={"format": "date-time"})
    editable_until = Timestamp(required=True, allow_none=True, metadata={"format": "date-time"})
    statement_of_reasons = fields.Nested(StatementSchema, required=True, allow_none=True)
