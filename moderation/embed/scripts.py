"""`/embed/v1.js` and what it fetches later, for pages of any origin."""

from __future__ import annotations

from flask import Blueprint, Response, request

from moderation.embed.bundle import script
from moderation.errors import NotFound
from moderation.gate import public

KEPT_S = 300
"""How long a browser keeps a script before it asks again. Every article page loads it."""

blueprint = Blueprint("embed", __name__, url_prefix="/embed")


@blueprint.get("/<path:name>")
@public
def embedded_script(name: str) -> Response:
    """One of the scripts; nothing in it depends on who asks."""
    found = script(name)
    if found is None:
        raise NotFound
    compressed = request.accept_encodings["gzip"] > 0
    # By RFC 9110, 8.8.3: two encodings are two representations, unless the tag is a weak one.
    unchanged = request.if_none_match.contains_weak(found.etag)
    body = b"" if unchanged else found.compressed if compressed else found.body
    response = Response(body, 304 if unchanged else 200, mimetype="text/javascript")
    response.set_etag(found.etag, weak=True)
    response.headers["Cache-Control"] = (
        f"public, max-age={KEPT_S}, stale-while-revalidate=86400, stale-if-error=86400"
    )
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.vary.add("Accept-Encoding")
    if compressed and not unchanged:
        response.headers["Content-Encoding"] = "gzip"
    return response
