"""Problem details (RFC 9457): what every error looks like."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from moderation.errors import ModerationError
from moderation.schemas.fields import OpenWire

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
    return problem
