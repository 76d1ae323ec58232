"""A filter of the queue in a URL: read from its query string, and written into one.

The same fields serve the API's queue and claims, the desk's pages and saved views.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from marshmallow import ValidationError, fields, validate

from moderation.domain.comment import QueueSort
from moderation.domain.queue import QueueFilter, View
from moderation.errors import Invalid
from moderation.labels import LABELS
from moderation.schemas.fields import (
    OpenWire,
    Text,
    Timestamp,
    article_identifier,
    identifier,
    rfc3339,
)

MAX_TEXT_CHARS = 100
MAX_AGE_H = 24 * 366 * 10


class Moment(Timestamp):
    """A timestamp, or a day alone (``2026-11-24``), which means its beginning in UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except (TypeError, ValueError):
            moment = super()._deserialize(value, attr, data, **kwargs)
        # Some hours are added and taken away later on, and the calendar must not end there.
        if not 1970 <= moment.year < 9999:
            raise ValidationError("Expected a time since 1970.")
        return moment


def _probability(**kwargs: Any) -> fields.Float:
    return fields.Float(validate=validate.Range(0, 1), allow_nan=False, **kwargs)


def _hours(what: str) -> fields.Float:
    return fields.Float(
        validate=validate.Range(0, MAX_AGE_H), allow_nan=False, metadata={"description": what}
    )


def filter_fields() -> dict[str, fields.Field]:
    """Every field of a filter but for ``comment_ids``, which is in no URL; none is required."""
    time = {"format": "date-time"}
    return {
        "view": fields.Enum(
            View,
            by_value=True,
            load_default=View.WAITING,
            metadata={"description": "Which list: see the documentation of the desk."},
        ),
        "sort": fields.Enum(QueueSort, by_value=True, load_default=QueueSort.PRIORITY),
        "site_id": identifier(),
        "article_id": article_identifier(),
        "author_id": identifier(),
        "similar_to": identifier(
            metadata={"description": "Only near-copies of this comment, itself included."}
        ),
        "not_scored": fields.Boolean(
            metadata={"description": "true: only what no model could score; false: only the rest."}
        ),
        **{f"min_{label}": _probability() for label in LABELS},
        **{f"max_{label}": _probability() for label in LABELS},
        "safe_below": _probability(
            metadata={
                "description": "For a safe run: every score is below this, a model is made for the "
                "text, nobody has reported it, and no rule about words or links found anything."
            }
        ),
        "posted_after": Moment(metadata={**time, "description": "At this moment or later."}),
        "posted_before": Moment(metadata=time),
        "older_than_h": _hours("Posted at least so many hours ago."),
        "newer_than_h": _hours("Posted within so many hours."),
        "text": Text(
            validate=validate.Length(1, MAX_TEXT_CHARS),
            metadata={"description": "Stands in the comment, whatever the case of its letters."},
        ),
        "skipped": fields.Boolean(
            load_default=False,
            metadata={"description": "true: only what you have skipped; it is left out otherwise."},
        ),
    }


FilterSchema = OpenWire.from_dict(filter_fields(), name="FilterSchema")


def filter_of(loaded: Mapping[str, Any]) -> QueueFilter:
    """The filter in what a schema with ``filter_fields`` has loaded, whatever else it loaded."""
    names = {field.name for field in fields_of(QueueFilter)}
    return QueueFilter(
        **{name: value for name, value in loaded.items() if name in names},
        min_scores={label: loaded[f"min_{label}"] for label in LABELS if f"min_{label}" in loaded},
        max_scores={label: loaded[f"max_{label}"] for label in LABELS if f"max_{label}" in loaded},
    )


def read(query: str | Mapping[str, str]) -> QueueFilter:
    """The filter in a query string or its fields, such as ``request.args``; empty fields are none.

    Raises:
        Invalid: with ``errors`` for each field that is not right.
    """
    told = dict(parse_qsl(query)) if isinstance(query, str) else dict(query.items())
    try:
        loaded = FilterSchema().load({name: text for name, text in told.items() if text.strip()})
    except ValidationError as error:
        raise Invalid(errors=error.normalized_messages()) from None
    return filter_of(loaded)


def written(wanted: QueueFilter) -> str:
    """The canonical query string of a filter: fixed order, and nothing that is as ever.

    ``read(written(wanted)) == wanted`` for every filter without ``comment_ids``.
    """
    told: list[tuple[str, str]] = []
    as_ever = QueueFilter()
    for name in FilterSchema().fields:
        kind, _, label = name.partition("_")
        if kind in ("min", "max") and label in LABELS:
            scores = wanted.min_scores if kind == "min" else wanted.max_scores
            if label in scores:
                told.append((name, _text(scores[label])))
        elif (value := getattr(wanted, name)) != getattr(as_ever, name):
            told.append((name, _text(value)))
    return urlencode(told)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, float):
        return f"{value:.10g}"
    return str(value)
