"""Problem details (RFC 9457): what every error looks like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import fields

from moderation.errors import AuthorSuspended, ModerationError
from moderation.schemas.fields import OpenWire, Timestamp, rfc3339

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/docs/problems#"
"""Relative to the service: where the type is explained."""


class ProblemSchema(OpenWire):
    type = fields.String(required=True, metadata={"example": f"{TYPE_PREFIX}stale_version"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "Field -> what is wrong with it. With status 422."},
    )
    until = Timestamp(
        metadata={
            "format": "date-time",
            "description": "When it is over. With `author_suspended`.",
        }
    )
    request_id = fields.String(metadata={"description": "Quote it when you ask for help."})


def problem_of(error: ModerationError) -> dict[str, Any]:
    """The members of the problem that ``error`` stands for."""
    problem: dict[str, Any] = {
        "type": TYPE_PREFIX + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.errors:
        problem["errors"] = error.errors
    if isinstance(error, AuthorSuspended):
        problem["until"] = rfc3339(error.until)
    return problem


def problem_responses(kinds: Iterable[type[ModerationError]]) -> dict[str, dict[str, Any]]:
    """Status -> OpenAPI response, naming each problem type that comes with it."""
    told: dict[str, list[str]] = {}
    for kind in kinds:
        told.setdefault(str(kind.status), []).append(f"`{kind.code}`: {kind.title}.")
    return {
        status: {
            "description": "\n".join(sentences),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, sentences in told.items()
    }
