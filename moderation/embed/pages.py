"""Pages for people: what runs here, the API's documentation, and a demo article."""

from __future__ import annotations

from flask import Blueprint

blueprint = Blueprint("pages", __name__)
