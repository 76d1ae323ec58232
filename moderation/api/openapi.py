"""The OpenAPI document: what flask-smorest cannot read off the views by itself."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from flask_smorest import Api

from moderation.schemas.problem import MEDIA_TYPE

OPENAPI: dict[str, Any] = {
    "API_TITLE": "Moderation",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {
        "info": {
            "version": version("moderation"),
            "description": (
                "Comments of up to 300 characters, scored in the house, decided by people. "
                "Errors are problem details (RFC 9457); times are RFC 3339 in UTC; lists are "
                '`{"items", "next_cursor"}`.'
            ),
        },
        "servers": [{"url": "/"}],
    },
}

SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "site_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Site-Key",
        "description": "Says which site; public.",
    },
    "reader": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A reader signed in with the publisher: HS256 under the site's SSO secret.",
    },
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A staff token, `mod_…`.",
    },
}


def describe(api: Api) -> None:
    """Add the security schemes, and the problem that any operation may answer with."""
    components = api.spec.components
    for name, scheme in SECURITY_SCHEMES.items():
        components.security_scheme(name, scheme)
    # flask-smorest says JSON of its own errors; ours are problems, and any view may give one.
    for name in ("DEFAULT_ERROR", "UNPROCESSABLE_ENTITY"):
        components.responses.get(name, {})["content"] = {
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
    for response in components.responses.values():
        response["description"] = "What went wrong, as problem details (RFC 9457)."
