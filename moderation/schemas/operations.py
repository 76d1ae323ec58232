"""What the process says of itself to load balancers."""

from __future__ import annotations

from marshmallow import fields

from moderation.schemas.fields import OpenWire


class HealthSchema(OpenWire):
    status = fields.String(required=True, metadata={"enum": ["ok"]})


class ReadinessSchema(OpenWire):
    status = fields.String(required=True, metadata={"enum": ["ready", "not ready"]})
    checks = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={
            "description": "`database`, `broker`, `model` -> `ok`, or what is wrong with it."
        },
    )
