"""Pages for people: what runs here, the API's documentation, and a demo article.

They work under a strict Content-Security-Policy: everything comes from this service, and no page
holds a script or a style of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flask_swagger_ui
from flask import Blueprint, Response, make_response, render_template, request, send_from_directory

from moderation.domain.site import DEMO_SITE_KEY
from moderation.embed.facts import gather_facts, list_problems
from moderation.embed.stories import BY_ID, FERRY
from moderation.errors import InvalidSiteKey, NotFound
from moderation.gate import public
from moderation.services import publication, sites
from moderation.wiring import wired

STATIC = Path(__file__).parent / "static"
SWAGGER_UI = Path(flask_swagger_ui.__file__).parent / "dist"

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
# Swagger UI's style sheet draws its icons from data: URLs.
DOCS_POLICY = SECURITY_HEADERS["Content-Security-Policy"].replace(
    "img-src 'self'", "img-src 'self' data:"
)
# Where there are no scripts, its comments come in a frame.
DEMO_POLICY = SECURITY_HEADERS["Content-Security-Policy"] + "; frame-src 'self'"

blueprint = Blueprint("pages", __name__, template_folder="templates")


@blueprint.after_request
def add_security_headers(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


@blueprint.get("/")
@public
def overview() -> Response:
    """What runs here, how it is, and the first steps."""
    return _page("overview.html", facts=gather_facts(wired()), base_url=request.host_url)


@blueprint.get("/docs")
@public
def docs() -> Response:
    """The OpenAPI document, to read and to try."""
    response = _page("docs.html")
    response.headers["Content-Security-Policy"] = DOCS_POLICY
    return response


@blueprint.get("/docs/problems")
@public
def problems() -> Response:
    """Every problem type; the ``type`` of a problem links to its place here."""
    return _page("problems.html", problems=list_problems())


@blueprint.get("/demo")
@blueprint.get("/demo/<id:story_id>")
@public
def demo(story_id: str = FERRY.id) -> Response:
    """An article of an invented newspaper, with its comments as any publisher would have them."""
    if story_id not in BY_ID:
        raise NotFound
    return _newspaper("demo.html", story=BY_ID[story_id])


@blueprint.get("/demo/news")
@public
def demo_news() -> Response:
    """The newspaper's list of headlines, each with its number of comments."""
    return _newspaper("demo_news.html")


@blueprint.get("/static/<path:name>")
@public
def static_file(name: str) -> Response:
    """A script, style sheet or picture of these pages; asked again each time, by its ETag."""
    return send_from_directory(STATIC, name)


@blueprint.get("/docs/assets/<path:name>")
@public
def swagger_ui_file(name: str) -> Response:
    """A file of Swagger UI, as the package bundles it."""
    return send_from_directory(SWAGGER_UI, name)


def _newspaper(template: str, **values: Any) -> Response:
    wiring = wired()
    with wiring.database.read() as session:
        try:
            site = sites.by_key(session, DEMO_SITE_KEY)
        except InvalidSiteKey:
            return _page("demo_missing.html", 404, site_key=DEMO_SITE_KEY)
        counts = publication.counts(session, site, list(BY_ID))
    response = _page(
        template, site_key=site.site_key, counts=counts, stories=BY_ID.values(), **values
    )
    response.headers["Content-Security-Policy"] = DEMO_POLICY
    return response


def _page(template: str, status: int = 200, **values: Any) -> Response:
    response = make_response(render_template(f"pages/{template}", **values), status)
    # They show the present state, and with the next version other scripts.
    response.headers["Cache-Control"] = "no-store"
    return response
