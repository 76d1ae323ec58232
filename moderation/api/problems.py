"""Errors on their way out: every JSON door answers RFC 9457 problems, from one place."""

from __future__ import annotations

import json
from typing import Any

import structlog
from flask import Flask, Response, g
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException

from moderation.errors import (
    BadRequest,
    Invalid,
    MethodNotAllowed,
    ModerationError,
    NotAcceptable,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from moderation.schemas.problem import MEDIA_TYPE, problem_of

log = structlog.get_logger(__name__)

RETRY_AFTER_S = 5

_OF_STATUS: dict[int, type[ModerationError]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodNotAllowed,
    406: NotAcceptable,
    413: PayloadTooLarge,
    415: UnsupportedMedia,
    422: Invalid,
}


def register_error_handlers(app: Flask) -> None:
    app.register_error_handler(ModerationError, answer)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(OperationalError, _answer_database)
    app.register_error_handler(PoolTimeoutError, _answer_database)
    app.register_error_handler(InterfaceError, _answer_database)
    app.register_error_handler(Exception, _answer_bug)


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
    """What Flask, Werkzeug and webargs raise by themselves."""
    status = error.code or 500
    if status < 400:
        return error  # a redirect, raised by routing
    kind = _OF_STATUS.get(status)
    if kind is None:
        return _answer_bug(error) if status >= 500 else answer(BadRequest(error.description))
    if kind is Invalid:
        messages = getattr(error, "data", {}).get("messages", {})
        return answer(Invalid(errors=flat_messages(messages)))
    # Their own descriptions speak of URLs and servers; our titles say what to do.
    response = answer(kind(getattr(error, "data", {}).get("message")))
    if isinstance(error.get_response().headers.get("Allow"), str):
        response.headers["Allow"] = error.get_response().headers["Allow"]
    return response


def _answer_database(error: Exception) -> Response:
    log.error("database_unavailable", error=str(getattr(error, "orig", error)).strip())
    return answer(
        Unavailable("The database did not answer in time; nothing was changed. Please try again.")
    )


def _answer_bug(error: Exception) -> Response:
    log.error("internal_error", exc_info=error)
    return answer(ModerationError("This is our fault and has been noted. Nothing was changed."))


def flat_messages(messages: Any, path: str = "") -> dict[str, list[str]]:
    """Nested validation messages as dotted field -> list of sentences.

    The outermost level of what webargs gives is the place ("json", "query"), and is left out.
    """
    if not path and isinstance(messages, dict):
        flat: dict[str, list[str]] = {}
        for inner in messages.values():
            flat.update(_flat(inner, ""))
        return flat
    return _flat(messages, path)


def _flat(messages: Any, path: str) -> dict[str, list[str]]:
    if isinstance(messages, dict):
        flat: dict[str, list[str]] = {}
        for key, inner in messages.items():
            name = path if key == "_schema" else f"{path}.{key}" if path else str(key)
            for field, sentences in _flat(inner, name).items():
                flat.setdefault(field, []).extend(sentences)
        return flat
    sentences = messages if isinstance(messages, list) else [messages]
    return {path or "request": [str(sentence) for sentence in sentences]}
