"""Reading requests: strict about JSON, so that nothing odd gets further."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

import orjson
from flask import Request, Response
from flask_smorest import Blueprint as SmorestBlueprint
from marshmallow import Schema
from webargs.core import missing
from webargs.flaskparser import FlaskParser

from moderation.errors import BadRequest, ModerationError, PayloadTooLarge, UnsupportedMedia
from moderation.schemas.problem import problem_responses


class Parser(FlaskParser):
    """Takes JSON only as application/json (or +json), in UTF-8, without NaN and Infinity."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        data = req.get_data(cache=True)
        # A body whose length was not told in advance is cut at the limit, without a word.
        if req.content_length is None and len(data) >= (req.max_content_length or len(data) + 1):
            raise PayloadTooLarge
        if not data:
            return missing
        if not req.is_json:
            raise UnsupportedMedia("Send the body as JSON, with Content-Type: application/json")
        try:
            return json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
        except UnicodeDecodeError as error:
            raise BadRequest(f"The body is not UTF-8: byte {error.start} does not fit") from None
        except json.JSONDecodeError as error:
            raise BadRequest(
                f"The body is not valid JSON: {error.msg}, line {error.lineno}, "
                f"column {error.colno}"
            ) from None
        except (ValueError, RecursionError):
            # Numbers of thousands of digits, brackets nested thousands deep.
            raise BadRequest("The body is JSON beyond any sensible size or depth") from None


def _refuse_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


class Blueprint(SmorestBlueprint):
    """A blueprint whose views read their arguments with ``Parser``."""

    ARGUMENTS_PARSER = Parser()

    @classmethod
    def problems(cls, *kinds: type[ModerationError]) -> Callable[[Any], Any]:
        """Say in the OpenAPI document which problems a view answers with, besides the usual."""
        return cls.doc(responses=problem_responses(kinds))


def json_response(payload: Any, status: int = 200, **headers: str) -> Response:
    """A response without the detour over a schema, for shapes that are built right here.

    Keyword names are header names with ``_`` for ``-``.
    """
    response = Response(orjson.dumps(payload), status=status, mimetype="application/json")
    for name, value in headers.items():
        response.headers[name.replace("_", "-")] = value
    return response
