"""The web process: a Flask application with all its doors mounted."""

from __future__ import annotations

import re
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from flask import Flask, Response, g, request
from flask.sessions import SecureCookieSessionInterface
from flask_smorest import Api
from flask_wtf import CSRFProtect
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import BaseConverter

from moderation.adapters import metrics
from moderation.api import authors, operations, public, queue, sites, tokens
from moderation.api.openapi import OPENAPI, describe
from moderation.api.problems import register_error_handlers
from moderation.desk import blueprint as desk
from moderation.embed import pages, plain, scripts
from moderation.schemas.problem import ProblemSchema
from moderation.wiring import EXTENSION, Wiring

log = structlog.get_logger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Others are counted as one: a caller can invent any number, and each would be a series."""

_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class IdConverter(BaseConverter):
    """A path part that looks like an id of ours; anything else is a 404 without a query."""

    regex = "[0-9A-Za-z_-]{1,64}"


class ArticleIdConverter(BaseConverter):
    """The rest of the path: an article's id may be any text, a path from its first slash on too."""

    regex = ".+"
    part_isolating = False


class ProblemApi(Api):
    """flask-smorest's Api, with this service's errors instead of its own."""

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        register_error_handlers(self._app)

    def handle_http_exception(self, error: HTTPException) -> Any:
        raise AssertionError("problems.py answers errors")


class DeskCookie(SecureCookieSessionInterface):
    """The cookie of somebody at the desk: signed, and for https alone where it came by https.

    By http, as on the own machine, a browser would throw a ``Secure`` cookie away.
    """

    def get_cookie_name(self, app: Flask) -> str:
        # The prefix keeps neighbours under the same domain from planting one (RFC 6265bis).
        return "__Host-moderation" if request.is_secure else "moderation"

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


def create_app(wiring: Wiring) -> Flask:
    """The WSGI application over ``wiring``."""
    app = Flask(
        "moderation",
        root_path=str(Path(__file__).parent),
        instance_path=str(wiring.settings.var_path),
        static_folder=None,
    )
    app.extensions[EXTENSION] = wiring
    wiring.identity_provider  # noqa: B018  (settings that cannot be used are told of now)
    app.config.update(
        MAX_CONTENT_LENGTH=wiring.settings.max_request_bytes,
        MAX_FORM_MEMORY_SIZE=wiring.settings.max_request_bytes,
        PROPAGATE_EXCEPTIONS=False,
        SECRET_KEY=wiring.keyring.cookie_key,
        SESSION_COOKIE_SAMESITE="Lax",
        PERMANENT_SESSION_LIFETIME=timedelta(hours=wiring.settings.desk_session_lifetime_h),
        SESSION_REFRESH_EACH_REQUEST=False,
        # Checked where a cookie says who it is: `gate.check_csrf`. A token lives with its session.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        **OPENAPI,
    )
    app.session_interface = DeskCookie()
    CSRFProtect(app)
    app.url_map.converters["id"] = IdConverter
    app.url_map.converters["article_id"] = ArticleIdConverter
    app.url_map.strict_slashes = False
    # An article's id may begin with a slash; merged with the one before, it would be another's.
    app.url_map.merge_slashes = False
    if hops := wiring.settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    app.before_request(_begin)
    app.after_request(_end)

    api = ProblemApi(app)
    for door in (public, queue, authors, sites, tokens, operations):
        api.register_blueprint(door.blueprint)
    describe(api)
    app.register_blueprint(pages.blueprint)
    app.register_blueprint(plain.blueprint)
    app.register_blueprint(scripts.blueprint)
    app.register_blueprint(desk)
    return app


def _begin() -> None:
    g.started = time.perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _end(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    # What a view does not declare fit for caches may be personal.
    response.headers.setdefault("Cache-Control", "no-store")
    took_s = time.perf_counter() - g.started
    # The rule and not the path: paths are without end, and some carry what is personal.
    route = request.url_rule.rule if request.url_rule else "(none)"
    method = request.method if request.method in _METHODS else "OTHER"
    metrics.REQUESTS.labels(method, route, response.status_code).inc()
    metrics.REQUEST_SECONDS.labels(method, route).observe(took_s)
    if request.path not in _QUIET:
        log.info(
            "request",
            method=request.method,
            path=request.path,
            status=response.status_code,
            ms=round(took_s * 1000, 1),
        )
    return response
