"""Addresses under ``/desk`` that are none."""

from __future__ import annotations

from typing import NoReturn

from flask import Response, redirect

from moderation.desk.door import HOME, blueprint
from moderation.errors import NotFound
from moderation.gate import public


@blueprint.get("", strict_slashes=False)
@public
def home() -> Response:
    """The queue is what people come for."""
    return redirect(HOME, 303)


@blueprint.get("/<path:rest>")
@public
def missing(rest: str) -> NoReturn:
    """There is no such page, and the desk says so in its own words."""
    raise NotFound
