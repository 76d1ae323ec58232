"""What all pages of the desk share: who may see one, how it is shown, how its errors look.

The pages work under a strict Content-Security-Policy: everything comes from this service, and no
page holds a script or a style of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import (
    Blueprint,
    Response,
    flash,
    g,
    get_flashed_messages,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask import session as cookie
from markupsafe import Markup
from werkzeug.exceptions import HTTPException

from moderation.desk import presenting
from moderation.desk.text import catalogue, language, say, script_text
from moderation.domain.staff import Scope
from moderation.errors import InvalidToken, ModerationError, Unauthenticated
from moderation.failures import as_problem
from moderation.gate import (
    ACCESS_ATTRIBUTE,
    COOKIE_SESSION,
    View,
    authenticate,
    check_csrf,
    require,
    staff,
)
from moderation.schemas.problem import MEDIA_TYPE, problem_of

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

HOME = "/desk/queue"

blueprint = Blueprint("desk", __name__, url_prefix="/desk", template_folder="templates")


# --- Who may see a page -----------------------------------------------------------------------


def staff_page(scope: Scope | None) -> Callable[[View], View]:
    """For views of somebody signed in at the desk, who has ``scope``; None: anybody signed in.

    Others are sent to sign in and come back afterwards, or hear the problem where they asked for
    JSON. A bearer token opens no page.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if COOKIE_SESSION not in cookie:
                return _to_sign_in(Unauthenticated("Sign in at the desk first"))
            try:
                authenticate()
            except InvalidToken as error:
                cookie.clear()
                return _to_sign_in(error)
            if staff() is None:
                return _to_sign_in(Unauthenticated("Sign in at the desk first"))
            require(scope)
            return view(*args, **kwargs)

        setattr(guarded, ACCESS_ATTRIBUTE, scope or "token")
        return guarded

    return decorate


def _to_sign_in(error: ModerationError) -> Response:
    if wants_json():
        raise error
    back = request.full_path.rstrip("?") if request.method == "GET" else HOME
    return redirect(url_for("desk.sign_in", next=back), 303)


@blueprint.before_request
def _check_forms() -> None:
    check_csrf()


# --- Showing ----------------------------------------------------------------------------------


def page(template: str, status: int = 200, **values: Any) -> Response:
    """The answer that shows ``template`` with ``values``; never kept by a cache."""
    response = make_response(render_template(template, **values), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def wants_json() -> bool:
    """Whether a script asks, which wants data, and not a browser, which wants a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json"


def flash_note(key: str, *, kind: str = "good", **values: Any) -> None:
    """Say something on the next page: ``key`` of the catalogue; ``kind``: good, bad or warn."""
    flash({"key": key, "values": values}, kind)


def back(default: str = HOME) -> Response:
    """To where the form says it came from (its field ``next``), after something was done."""
    return redirect(local_path(request.form.get("next"), default), 303)


def local_path(wanted: str | None, default: str = HOME) -> str:
    """``wanted`` if it is a page of the desk, else ``default``: nobody is sent elsewhere."""
    if not wanted or "\\" in wanted or any(ord(c) < 0x21 for c in wanted):
        return default
    try:
        parts = urlsplit(wanted)
    except ValueError:  # such as half an IPv6 address
        return default
    is_ours = parts.path == "/desk" or parts.path.startswith("/desk/")
    return wanted if is_ours and not parts.scheme and not parts.netloc else default


@blueprint.context_processor
def _for_templates() -> dict[str, Any]:
    return {
        "t": say,
        "language": language(),
        "script_text": script_text,
        "staff": staff(),
        "may": lambda scope: staff() is not None and g.principal.may(Scope(scope)),
        "csrf_field": _csrf_field,
        "told": told,
        "notes": _notes,
        "here": request.full_path.rstrip("?"),
        "when": presenting.when,
        "exact": presenting.exact,
        "day": presenting.day,
        "number": presenting.number,
        "percent": presenting.percent,
    }


def _csrf_field() -> Markup:
    from flask_wtf.csrf import generate_csrf

    return Markup('<input type="hidden" name="csrf_token" value="{}">').format(generate_csrf())


def _notes() -> list[dict[str, str]]:
    """What the last page wanted said: ``kind`` and ``text``."""
    return [
        {"kind": kind, "text": say(note["key"], **note["values"])}
        for kind, note in get_flashed_messages(with_categories=True)
    ]


@blueprint.after_request
def _add_security_headers(response: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


# --- Errors -----------------------------------------------------------------------------------


@blueprint.errorhandler(HTTPException)
def _show_http(error: HTTPException) -> Response | HTTPException:
    return error if (error.code or 500) < 400 else show_problem(as_problem(error))


@blueprint.errorhandler(Exception)
def _show_any(error: Exception) -> Response:
    return show_problem(as_problem(error))


def told(error: ModerationError) -> str:
    """What to tell people of an error: in their language where the catalogue has it."""
    key = f"problem.of.{error.code}"
    return say(key) if key in catalogue(language()) else error.detail


def show_problem(error: ModerationError) -> Response:
    """An error as a page, or as a problem (RFC 9457) where a script asks."""
    if wants_json():
        response = jsonify(problem_of(error) | {"request_id": g.get("request_id")})
        response.mimetype = MEDIA_TYPE
        response.status_code = error.status
        response.headers["Cache-Control"] = "no-store"
        return response
    return page("desk/problem.html", error.status, problem=error, request_id=g.get("request_id"))
