"""Errors on their way out: every JSON door answers RFC 9457 problems, from one place."""

from __future__ import annotations

import json

from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from moderation.errors import ModerationError, RateLimited, Unauthenticated, Unavailable
from moderation.failures import as_problem
from moderation.schemas.problem import MEDIA_TYPE, problem_of

RETRY_AFTER_S = 5


def register_error_handlers(app: Flask) -> None:
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, lambda error: answer(as_problem(error)))


def answer(error: ModerationError) -> Response:
    """The HTTP response that ``error`` is."""
    problem = problem_of(error)
    if request_id := g.get("request_id"):
        problem["request_id"] = request_id
    # Not orjson: a message may quote half a surrogate pair, which only plain ASCII can carry.
    response = Response(json.dumps(problem), status=error.status, mimetype=MEDIA_TYPE)
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    elif isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _answer_http(error: HTTPException) -> Response | HTTPException:
    if (error.code or 500) < 400:
        return error  # a redirect, raised by routing
    response = answer(as_problem(error))
    if isinstance(allowed := error.get_response().headers.get("Allow"), str):
        response.headers["Allow"] = allowed
    return response
