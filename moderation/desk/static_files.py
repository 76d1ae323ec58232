"""Scripts, style sheets and pictures of the desk."""

from __future__ import annotations

from pathlib import Path

from flask import Response, send_from_directory

from moderation.desk.door import blueprint
from moderation.gate import public

STATIC = Path(__file__).parent / "static"


@blueprint.get("/static/<path:name>")
@public
def static_file(name: str) -> Response:
    """One of them; asked again each time, by its ETag, so that a new version shows at once."""
    return send_from_directory(STATIC, name)
