"""Fields that all wire shapes are made of. No text with NUL or a lone surrogate passes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import marshmallow as ma
from marshmallow import ValidationError, fields, validate

from moderation.domain.text import InvalidText, clean_line

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

MAX_ID_CHARS = 64
MAX_ARTICLE_ID_CHARS = 255


class Text(fields.String):
    """Text as it came, but for characters that no database or UTF-8 can hold."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if _UNSTORABLE.search(text):
            raise ValidationError("Contains a NUL character or half a surrogate pair.")
        return text


class Line(Text):
    """One line for people, such as a name or a title: trimmed, without control characters.

    ``max_chars`` counts as a reader does; ``max_code_points`` is what the column holds.
    """

    def __init__(self, *, max_chars: int, max_code_points: int, what: str, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {})["maxLength"] = max_code_points
        super().__init__(**kwargs)
        self._max_chars = max_chars
        self._max_code_points = max_code_points
        self._what = what

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return clean_line(
                text, self._max_chars, what=self._what, max_code_points=self._max_code_points
            )
        except InvalidText as error:
            raise ValidationError(error.message) from None


class Timestamp(fields.Field):
    """RFC 3339 in UTC, as in 2026-11-24T08:00:00.123456Z; read with any offset."""

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any):
        return rfc3339(value) if value is not None else None

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            parsed = datetime.fromisoformat(value)
            if parsed.tzinfo is None:
                raise ValueError
            return parsed.astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            raise ValidationError(
                "Expected a time with its offset, as in 2026-11-24T08:00:00Z."
            ) from None


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def identifier(**kwargs: Any) -> Text:
    """An id of ours, as it was given out."""
    return Text(validate=validate.Length(1, MAX_ID_CHARS), **kwargs)


def article_identifier(**kwargs: Any) -> Text:
    """The publisher's own id of an article; any text, often a path or a number."""
    return Text(validate=validate.Length(1, MAX_ARTICLE_ID_CHARS), **kwargs)


def url(**kwargs: Any) -> fields.Url:
    return fields.Url(
        schemes={"http", "https"}, require_tld=False, validate=validate.Length(max=2048), **kwargs
    )


def limit_field(default: int) -> fields.Integer:
    """How many items a page has."""
    return fields.Integer(load_default=default, validate=validate.Range(1, 100), strict=False)


class Wire(ma.Schema):
    """Base of every shape; what it does not know is refused, so that a slip is noticed."""

    class Meta:
        unknown = ma.RAISE


class OpenWire(ma.Schema):
    """Base of shapes that the public or a query string fills: unknown fields are passed over."""

    class Meta:
        unknown = ma.EXCLUDE
