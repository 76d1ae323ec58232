"""Whatever a view may raise, as one of our own errors: the doors then only have to show it."""

from __future__ import annotations

from typing import Any

import structlog
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
    Unavailable,
    UnsupportedMedia,
)

log = structlog.get_logger(__name__)

DATABASE_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError)

_OF_STATUS: dict[int, type[ModerationError]] = {
    400: BadRequest,
    404: NotFound,
    405: MethodNotAllowed,
    406: NotAcceptable,
    413: PayloadTooLarge,
    415: UnsupportedMedia,
    422: Invalid,
}


def as_problem(error: Exception) -> ModerationError:
    """What to tell of ``error``, which is logged if it is a failure of ours.

    A redirect, which routing raises as an HTTPException, is for the caller to let through.
    """
    if isinstance(error, ModerationError):
        return error
    if isinstance(error, DATABASE_ERRORS):
        log.error("database_unavailable", error=str(getattr(error, "orig", error)).strip())
        return Unavailable(
            "The database did not answer in time; nothing was changed. Please try again."
        )
    if isinstance(error, HTTPException) and (error.code or 500) < 500:
        return _of_http(error)
    log.error("internal_error", exc_info=error)
    return ModerationError("This is our fault and has been noted. Nothing was changed.")


def _of_http(error: HTTPException) -> ModerationError:
    """What Flask, Werkzeug and webargs raise by themselves."""
    kind = _OF_STATUS.get(error.code or 500)
    if kind is None:
        return BadRequest(error.description)
    if kind is Invalid:
        messages = getattr(error, "data", {}).get("messages", {})
        return Invalid(errors=flat_messages(messages))
    # Their own descriptions speak of URLs and servers; our titles say what to do.
    return kind(getattr(error, "data", {}).get("message"))


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
