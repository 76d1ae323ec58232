"""The article page's door: posting comments, reading them, counting them, minding one's own."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from flask import Response, g, request

from moderation import posting
from moderation.api.parsing import Blueprint, json_response
from moderation.api.site import (
    add_cors_headers,
    address,
    current_site,
    find_site,
    reader,
    signature,
)
from moderation.domain.comment import Status
from moderation.domain.report import ReporterKind
from moderation.domain.text import InvalidText, clean_body
from moderation.errors import (
    AuthorBanned,
    AuthorSuspended,
    CommentsClosed,
    EditWindowOver,
    ExpiredToken,
    GuestsNotAllowed,
    IdempotencyMismatch,
    Invalid,
    InvalidBody,
    InvalidCursor,
    InvalidParent,
    InvalidSiteKey,
    InvalidToken,
    NotEditable,
    NotYourComment,
    OriginNotAllowed,
    RateLimited,
    Unavailable,
    UnknownArticle,
    UnknownComment,
)
from moderation.gate import public
from moderation.schemas.comment import (
    AcceptedSchema,
    CountsQuery,
    CountsSchema,
    EditSchema,
    IdempotencySchema,
    NewCommentSchema,
    OwnCommentSchema,
    OwnershipSchema,
    PublicListQuery,
    PublicPageSchema,
)
from moderation.schemas.fields import rfc3339
from moderation.schemas.report import NewReportSchema, ReceivedSchema
from moderation.services import authorship, conversations, intake, publication, reports
from moderation.services.authorship import OwnComment, Proof
from moderation.services.publication import PublicComment
from moderation.wiring import wired

COUNTS_CACHED_S = 5

blueprint = Blueprint(
    "Public",
    __name__,
    url_prefix="/api/v1",
    description="For the article page. Every request names its site in `X-Site-Key`.",
)
blueprint.before_request(find_site)
blueprint.after_request(add_cors_headers)

SITE_PROBLEMS = (InvalidSiteKey, OriginNotAllowed)
READER_PROBLEMS = (InvalidToken, ExpiredToken)
OWNER_PROBLEMS = (UnknownComment, NotYourComment)
BARRED_PROBLEMS = (AuthorSuspended, AuthorBanned)
SECURITY = [{"site_key": []}, {"site_key": [], "reader": []}]


@blueprint.route("/comments", methods=["POST"])
@public
@blueprint.doc(security=SECURITY)
@blueprint.problems(
    *SITE_PROBLEMS,
    *READER_PROBLEMS,
    InvalidBody,
    InvalidParent,
    Invalid,
    IdempotencyMismatch,
    UnknownArticle,
    CommentsClosed,
    GuestsNotAllowed,
    *BARRED_PROBLEMS,
    RateLimited,
    Unavailable,
)
@blueprint.arguments(NewCommentSchema())
@blueprint.arguments(IdempotencySchema(), location="headers")
@blueprint.response(202, AcceptedSchema)
def post_comment(new: dict[str, Any], headers: dict[str, Any]) -> Response:
    """Post a comment.

    Answered when it is stored durably, before it is scored. With an `Idempotency-Key`, sending
    the same comment again gives the same answer and makes no second comment.
    """
    wiring, site = wired(), current_site()
    submission = intake.Submission(
        article_id=new["article_id"],
        body=_clean(new["body"]),
        signature=signature(site, new.get("author", {}).get("name")),
        parent_id=new["parent_id"],
        article_url=new.get("article", {}).get("url"),
        article_title=new.get("article", {}).get("title"),
        idempotency_key=headers["idempotency_key"],
        request_id=g.request_id,
        address_key=posting.address_key(site, address()),
        typing_ms=new["typing_ms"],
    )
    accepted = posting.take(site, submission, address())
    return json_response(
        {
            "id": accepted.comment_id,
            "status": Status.PENDING,
            "created_at": rfc3339(accepted.created_at),
            "receipt": wiring.keyring.receipt(accepted.comment_id),
        },
        202,
        Location=f"/api/v1/comments/{accepted.comment_id}",
        Cache_Control="no-store",
    )


@blueprint.route("/comments", methods=["GET"])
@public
@blueprint.doc(security=[{"site_key": []}])
@blueprint.problems(*SITE_PROBLEMS, InvalidCursor)
@blueprint.arguments(PublicListQuery(), location="query")
@blueprint.response(200, PublicPageSchema)
def list_comments(query: dict[str, Any]) -> Response:
    """List an article's approved comments."""
    wiring, site, article_id = wired(), current_site(), query["article_id"]
    order = {"sort": query["sort"], "cursor": query["cursor"], "limit": query["limit"]}
    in_threads = query["threads"] or query["comment_id"] is not None
    with wiring.database.read() as session:
        if query["comment_id"] is not None:
            page = conversations.conversation_of(session, site, article_id, query["comment_id"])
        elif in_threads:
            page = conversations.list_conversations(
                session, wiring.keyring, site, article_id, **order
            )
        else:
            page = publication.list_comments(
                session, wiring.keyring, site, article_id, parent_id=query["parent_id"], **order
            )
    payload = {
        "items": [_listed(article_id, comment) for comment in page.items],
        "next_cursor": page.next_cursor,
        "count": page.count,
        "open": page.is_open,
        "guests_allowed": site.guests_allowed,
    }
    if in_threads:
        payload["replies"] = [_listed(article_id, comment) for comment in page.replies]
    return _cacheable(payload)


@blueprint.route("/counts", methods=["GET"])
@public
@blueprint.doc(security=[{"site_key": []}])
@blueprint.problems(*SITE_PROBLEMS)
@blueprint.arguments(CountsQuery(), location="query")
@blueprint.response(200, CountsSchema)
def counts(query: dict[str, Any]) -> Response:
    """Count the approved comments of up to a hundred articles."""
    wiring = wired()
    with wiring.database.read() as session:
        found = publication.counts(session, current_site(), query["article_id"])
    return _cacheable({"counts": found})


@blueprint.route("/comments/<id:comment_id>", methods=["GET"])
@public
@blueprint.doc(security=SECURITY)
@blueprint.problems(*SITE_PROBLEMS, *READER_PROBLEMS, *OWNER_PROBLEMS)
@blueprint.arguments(OwnershipSchema(), location="headers")
@blueprint.response(200, OwnCommentSchema)
def own_comment(headers: dict[str, Any], comment_id: str) -> dict[str, Any]:
    """See one's own comment: its status and, when rejected, why."""
    wiring = wired()
    with wiring.database.read() as session:
        own = authorship.look(
            session, wiring.keyring, current_site(), comment_id, _proof(headers, comment_id)
        )
        return _own(own)


@blueprint.route("/comments/<id:comment_id>", methods=["PATCH"])
@public
@blueprint.doc(security=SECURITY)
@blueprint.problems(
    *SITE_PROBLEMS,
    *READER_PROBLEMS,
    *OWNER_PROBLEMS,
    InvalidBody,
    NotEditable,
    EditWindowOver,
    *BARRED_PROBLEMS,
    RateLimited,
)
@blueprint.arguments(EditSchema())
@blueprint.arguments(OwnershipSchema(), location="headers")
@blueprint.response(200, OwnCommentSchema)
def edit_comment(
    change: dict[str, Any], headers: dict[str, Any], comment_id: str
) -> dict[str, Any]:
    """Edit one's own comment within the edit window; it is scored and reviewed again."""
    wiring = wired()
    body, proof = _clean(change["body"]), _proof(headers, comment_id)
    # Each edit costs a scoring and a look, as a new comment does.
    wiring.rate_limiter.hit("address", current_site().id, address())
    with wiring.database.write() as session:
        own = authorship.edit(
            session,
            wiring.keyring,
            current_site(),
            comment_id,
            proof,
            body,
            now=wiring.clock(),
        )
        return _own(own)


@blueprint.route("/comments/<id:comment_id>", methods=["DELETE"])
@public
@blueprint.doc(security=SECURITY)
@blueprint.problems(*SITE_PROBLEMS, *READER_PROBLEMS, *OWNER_PROBLEMS)
@blueprint.arguments(OwnershipSchema(), location="headers")
@blueprint.response(204)
def withdraw_comment(headers: dict[str, Any], comment_id: str) -> None:
    """Take one's own comment back, for good."""
    wiring = wired()
    with wiring.database.write() as session:
        authorship.withdraw(
            session,
            wiring.keyring,
            current_site(),
            comment_id,
            _proof(headers, comment_id),
            now=wiring.clock(),
        )


@blueprint.route("/comments/<id:comment_id>/reports", methods=["POST"])
@public
@blueprint.doc(security=SECURITY)
@blueprint.problems(*SITE_PROBLEMS, *READER_PROBLEMS, UnknownComment, RateLimited)
@blueprint.arguments(NewReportSchema())
@blueprint.response(202, ReceivedSchema)
@blueprint.alt_response(204, description="This reader had reported this comment before.")
def report_comment(new: dict[str, Any], comment_id: str) -> Response:
    """Report a public comment to the moderators. It stays public until they have looked."""
    wiring, site = wired(), current_site()
    signed_in = reader(site)
    wiring.rate_limiter.hit("report", site.id, address())
    if signed_in is not None:
        reporter = (ReporterKind.READER, signed_in.identity)
    else:
        reporter = (ReporterKind.GUEST, wiring.keyring.pseudonym("report", site.id, address()))
    is_new = wiring.database.write_together(
        lambda session: reports.report(
            session,
            site,
            comment_id,
            reporter,
            new["reason"],
            new["note"],
            now=wiring.clock(),
        )
    )
    return json_response({"received": True}, 202) if is_new else Response(status=204)


def _listed(article_id: str, comment: PublicComment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "article_id": article_id,
        "parent_id": comment.parent_id,
        "author": {"name": comment.author_name},
        "body": comment.body,
        "created_at": rfc3339(comment.created_at),
        "reply_count": comment.reply_count,
    }


def _clean(body: str) -> str:
    try:
        return clean_body(body)
    except InvalidText as error:
        raise InvalidBody(error.message, errors={"body": [error.message]}) from None


def _proof(headers: dict[str, Any], comment_id: str) -> Proof:
    # Whoever has the receipt needs no sign-in, so one that has expired meanwhile is no matter.
    receipt = headers["receipt"]
    if receipt is not None and wired().keyring.is_receipt(comment_id, receipt):
        return Proof(receipt=receipt)
    return Proof(receipt=receipt, signature=reader(current_site()))


def _own(own: OwnComment) -> dict[str, Any]:
    comment, rejection = own.comment, own.rejection
    return {
        "id": comment.id,
        "article_id": own.article_external_id,
        "parent_id": comment.parent_id,
        "body": comment.body,
        "status": comment.status,
        "created_at": comment.created_at,
        "edited_at": comment.edited_at,
        "editable_until": own.editable_until,
        "statement_of_reasons": rejection
        and {
            "reason": own.statement,
            "decided_by": rejection.decided_by,
            "decided_at": rejection.created_at,
        },
    }


def _cacheable(payload: dict[str, Any]) -> Response:
    """A public answer with an ETag; 304 when the client has it already."""
    body = orjson.dumps(payload)
    etag = hashlib.blake2b(body, digest_size=12).hexdigest()
    # Not Werkzeug's `make_conditional`: that one answers If-Match with a 412 that is no problem.
    unchanged = request.if_none_match.contains_weak(etag)
    response = Response(
        b"" if unchanged else body, 304 if unchanged else 200, mimetype="application/json"
    )
    response.headers["Cache-Control"] = f"public, max-age={COUNTS_CACHED_S}"
    response.set_etag(etag)
    return response
