"""An article's comments without script: a page to frame or to link to, which also takes comments,
and for search engines a fragment and structured data for publishers to put into their own pages.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from babel import dates
from flask import Blueprint, Response, make_response, redirect, render_template, request
from markupsafe import Markup

from moderation import posting
from moderation.domain.comment import PublicSort
from moderation.domain.site import Site
from moderation.domain.text import InvalidText, clean_body, clean_line
from moderation.embed.words import WORDS
from moderation.errors import Invalid, ModerationError
from moderation.gate import public
from moderation.keyring import KeyringError
from moderation.schemas.comment import MAX_NAME_CHARS, MAX_NAME_CODE_POINTS
from moderation.schemas.fields import MAX_ARTICLE_ID_CHARS, MAX_ID_CHARS, rfc3339
from moderation.services import conversations, intake, sites
from moderation.services.publication import PublicComment, PublicPage
from moderation.wiring import wired

TOO_QUICK_S = 2
"""Whoever sends the form sooner after it was made did not read it."""

FORM_LASTS = timedelta(hours=24)
CACHED_S = 60
FRAGMENT_CONVERSATIONS = 50

blueprint = Blueprint("plain", __name__, url_prefix="/embed", template_folder="templates")


@dataclass(frozen=True, slots=True)
class Listed:
    """A comment in its place; ``in_reply``: a name, "" for one who is gone, None: as it stands."""

    comment: PublicComment
    in_reply: str | None
    replies: list[Listed]


@dataclass(slots=True)
class Form:
    """What stands in the form, and what is wrong with it."""

    name: str = ""
    body: str = ""
    parent_id: str | None = None
    errors: dict[str, str] | None = None
    general: str | None = None


# --- The page -----------------------------------------------------------------------------------


@blueprint.get("/thread")
@public
def thread() -> Response:
    """The comments of ``article_id`` of ``site_key``, and a form for guests."""
    site, article_id = _site(), _article_id()
    return _thread(site, article_id, Form(parent_id=request.args.get("reply_to")))


@blueprint.post("/thread")
@public
def post_to_thread() -> Response:
    """Take a guest's comment from the page's form; sent twice, it is one comment."""
    site, article_id = _site(), _article_id()
    told = request.form
    form = Form(told.get("name", ""), told.get("body", ""), told.get("parent_id") or None, {})
    assert form.errors is not None
    try:
        body = clean_body(form.body)
    except InvalidText as error:
        form.errors["body"] = error.message
    try:
        name = clean_line(
            form.name, MAX_NAME_CHARS, what="The name", max_code_points=MAX_NAME_CODE_POINTS
        )
    except InvalidText as error:
        form.errors["name"] = error.message
    made_at, key = _stamp_of(site, article_id, told.get("stamp", ""))
    age = wired().clock() - made_at
    if told.get("website"):
        form.general = _say("later.error.trap")
    elif age < timedelta(seconds=TOO_QUICK_S) or age > FORM_LASTS:
        form.general = _say("page.too_quick")
    if form.errors or form.general:
        return _thread(site, article_id, form, 422)
    address = request.remote_addr or "unknown"
    try:
        posting.take(
            site,
            intake.Submission(
                article_id=article_id,
                body=body,
                signature=posting.guest_signature(site, name, address),
                parent_id=form.parent_id,
                idempotency_key=key,
                address_key=posting.address_key(site, address),
            ),
            address,
        )
    except ModerationError as error:
        form.general = _told(error)
        return _thread(site, article_id, form, error.status)
    return redirect(f"{_here(posted='1')}#posted", 303)


def _thread(site: Site, article_id: str, form: Form, status: int = 200) -> Response:
    wiring = wired()
    sort = PublicSort.OLDEST if request.args.get("sort") == "oldest" else PublicSort.NEWEST
    with wiring.database.read() as session:
        page = conversations.list_conversations(
            session,
            wiring.keyring,
            site,
            article_id,
            sort=sort,
            cursor=request.args.get("cursor") or None,
        )
        answered = (
            conversations.conversation_of(session, site, article_id, form.parent_id)
            if form.parent_id and len(form.parent_id) <= MAX_ID_CHARS
            else None
        )
    parent = answered and next(
        (c for c in [*answered.items, *answered.replies] if c.id == form.parent_id), None
    )
    form.parent_id = parent.id if parent else None
    response = make_response(
        render_template(
            "embed/thread.html",
            page=page,
            listed=arrange(page),
            form=form,
            parent=parent,
            sort=sort,
            may_write=page.is_open and site.guests_allowed,
            closed=_say("form.readers_only" if page.is_open else "form.closed"),
            posted=request.args.get("posted") == "1" and request.method == "GET",
            stamp=_stamp(site, article_id),
            here=_here,
            t=_say,
            exact=_exact,
            language=_language(),
        ),
        status,
    )
    # Its form is for one reader only.
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors " + " ".join(["'self'", *site.origins])
    )
    return response


def _here(**changes: str) -> str:
    """The page's own address with other values; empty ones go."""
    names = ("site_key", "article_id", "sort", "lang")
    asked = {name: request.args.get(name, "") for name in names} | changes
    return "/embed/thread?" + urlencode({name: value for name, value in asked.items() if value})


def _stamp(site: Site, article_id: str) -> str:
    """What shows when a form was made, and that it was made here; its key makes it count once."""
    told = [site.id, article_id, wired().clock().isoformat(), secrets.token_hex(16)]
    return wired().keyring.seal(json.dumps(told))


def _stamp_of(site: Site, article_id: str, stamp: str) -> tuple[datetime, str]:
    """When the form was made, and its key.

    Raises:
        Invalid: it is none of ours, or of another article.
    """
    try:
        site_id, article, made_at, key = json.loads(wired().keyring.unseal(stamp))
    except KeyringError:
        raise Invalid(errors={"stamp": ["Load the page again and repeat."]}) from None
    if (site_id, article) != (site.id, article_id):
        raise Invalid(errors={"stamp": ["This form is of another article."]})
    return datetime.fromisoformat(made_at), f"page:{key}"


# --- For other pages ------------------------------------------------------------------------------


@blueprint.get("/fragment")
@public
def fragment() -> Response:
    """The latest conversations as plain HTML, for publishers to put into their own pages."""
    page = _latest(_site(), _article_id())
    html = render_template(
        "embed/fragment.html",
        listed=arrange(page),
        t=_say,
        exact=_exact,
        data=Markup(_json_ld(page).replace("<", "\\u003c")),
    )
    return _cacheable(html.encode(), "text/html; charset=utf-8")


@blueprint.get("/comments.jsonld")
@public
def json_ld() -> Response:
    """The same as schema.org data."""
    page = _latest(_site(), _article_id())
    return _cacheable(_json_ld(page).encode(), "application/ld+json")


def _latest(site: Site, article_id: str) -> PublicPage:
    wiring = wired()
    with wiring.database.read() as session:
        return conversations.list_conversations(
            session, wiring.keyring, site, article_id, limit=FRAGMENT_CONVERSATIONS
        )


def _json_ld(page: PublicPage) -> str:
    """https://schema.org/Comment, one for each, under what ``url`` names."""
    url = request.args.get("url", "")
    comments = [_comment_ld(url, comment) for comment in [*page.items, *page.replies]]
    told: dict[str, Any] = {"@context": "https://schema.org", "@type": "NewsArticle"}
    if url:
        told |= {"@id": url, "url": url}
    return orjson.dumps(told | {"commentCount": page.count, "comment": comments}).decode()


def _comment_ld(url: str, comment: PublicComment) -> dict[str, Any]:
    told = {
        "@type": "Comment",
        "@id": f"{url}#comment-{comment.id}",
        "author": {"@type": "Person", "name": comment.author_name},
        "dateCreated": rfc3339(comment.created_at),
        "text": comment.body,
    }
    if comment.parent_id is not None:
        told["parentItem"] = {"@id": f"{url}#comment-{comment.parent_id}"}
    return told


def _cacheable(body: bytes, content_type: str) -> Response:
    etag = hashlib.blake2b(body, digest_size=12).hexdigest()
    unchanged = request.if_none_match.contains_weak(etag)
    response = Response(b"" if unchanged else body, 304 if unchanged else 200)
    response.headers["Content-Type"] = content_type
    response.headers["Cache-Control"] = f"public, max-age={CACHED_S}"
    # It is a part for other pages, and as a page of its own nothing in it does anything.
    response.headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    response.headers["X-Robots-Tag"] = "noindex"
    response.vary.add("Accept-Language")
    response.set_etag(etag)
    return response


# --- Common ------------------------------------------------------------------------------------


def arrange(page: PublicPage) -> list[Listed]:
    """Conversations in two levels: replies by age, deeper ones among them."""
    by_id = {comment.id: comment for comment in [*page.items, *page.replies]}
    beginnings = {comment.id: Listed(comment, _gone(comment), []) for comment in page.items}
    for reply in sorted(page.replies, key=lambda comment: (comment.created_at, comment.id)):
        first = reply
        while first.parent_id in by_id:
            first = by_id[first.parent_id]
        if first.id in beginnings:
            in_reply = None if reply.parent_id == first.id else by_id[reply.parent_id].author_name
            beginnings[first.id].replies.append(Listed(reply, in_reply, []))
    return list(beginnings.values())


def _gone(comment: PublicComment) -> str | None:
    return None if comment.parent_id is None else ""


def _site() -> Site:
    with wired().database.read() as session:
        return sites.by_key(session, request.args.get("site_key"))


def _article_id() -> str:
    article_id = request.args.get("article_id", "")
    if not 0 < len(article_id) <= MAX_ARTICLE_ID_CHARS or "\x00" in article_id:
        raise Invalid(errors={"article_id": ["Name the article."]})
    return article_id


def _language() -> str:
    chosen = request.args.get("lang", "").split("-")[0]
    if chosen in WORDS.languages:
        return chosen
    return WORDS.best(request.accept_languages.values())


def _say(key: str, /, count: int | None = None, **values: Any) -> str:
    return WORDS.say(_language(), key, count, **values)


def _exact(moment: datetime) -> str:
    """In UTC, because nothing here knows where the reader is."""
    return dates.format_datetime(moment, "long", tzinfo=UTC, locale=_language())


_OF_CODE = {
    "author_banned": "later.error.banned",
    "comments_closed": "form.closed",
    "guests_not_allowed": "form.readers_only",
    "invalid_parent": "later.error.parent",
    "unknown_article": "later.error.article",
}


def _told(error: ModerationError) -> str:
    if error.code == "rate_limited":
        return _say("later.error.quick", wait=_say("later.error.moment"))
    if error.status >= 500:
        return _say("error.ours")
    return _say(_OF_CODE[error.code]) if error.code in _OF_CODE else error.detail
