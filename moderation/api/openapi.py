"""The OpenAPI document: what flask-smorest cannot read off the views by itself."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from flask_smorest import Api

from moderation.api.problems import MEDIA_TYPE

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
    """Add security schemes and the problem response that any operation may give."""
    components = api.spec.components
    for name, scheme in SECURITY_SCHEMES.items():
        components.security_scheme(name, scheme)
    components.response(
        "Problem",
        {
            "description": "What went wrong, as problem details (RFC 9457).",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        },
    )
    # Every operation: the errors it names itself and any other have the same shape.
    for path in api.spec._paths.values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                for status, response in list(operation["responses"].items()):
                    if (
                        status.isdigit() and int(status) >= 400
                    ) or response == "UNPROCESSABLE_ENTITY":
                        operation["responses"][status] = {"$ref": "#/components/responses/Problem"}
                operation["responses"]["default"] = {"$ref": "#/components/responses/Problem"}
