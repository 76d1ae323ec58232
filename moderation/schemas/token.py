"""Signing in for a token."""

from __future__ import annotations

from marshmallow import fields, validate

from moderation.schemas.fields import Text, Timestamp, Wire


class SignInRequest(Wire):
    email = Text(required=True, validate=validate.Length(3, 320))
    password = Text(required=True, validate=validate.Length(1, 256), load_only=True)
    new_password = Text(
        validate=validate.Length(1, 256),
        load_only=True,
        load_default=None,
        metadata={"description": "Replaces the password; needed with a one-time password."},
    )
    code = Text(
        validate=validate.Length(1, 40),
        load_only=True,
        load_default=None,
        metadata={
            "description": "Of the authenticator, or a recovery code; needed where the account "
            "has a second factor."
        },
    )


class SignedInSchema(Wire):
    id = fields.String(required=True)
    token = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    expires_at = Timestamp(required=True, metadata={"format": "date-time"})
