"""The one tree of errors a caller can cause or must hear of.

Each class is one problem type of RFC 9457: ``code`` is the last segment of ``type``, ``status``
the HTTP status, ``title`` the sentence that is the same every time; the message given when
raising is the ``detail`` of this occurrence. Doors translate, nobody else does.

::

    ModerationError
    ├── BadRequest 400            malformed_request  invalid_cursor
    ├── Unauthenticated 401       invalid_site_key  invalid_token  expired_token
    │                             sign_in_required  sign_in_failed  second_factor_failed
    │                             identity_refused
    ├── Forbidden 403             guests_not_allowed  origin_not_allowed  missing_scope
    │                             not_your_comment  password_change_required  comments_closed
    │                             author_suspended  author_banned  not_your_note
    │                             edit_window_over  form_expired  second_factor_required
    │                             beyond_your_sites
    ├── NotFound 404              unknown_comment  unknown_article  unknown_decision  unknown_page …
    ├── MethodNotAllowed 405      NotAcceptable 406  PayloadTooLarge 413  UnsupportedMedia 415
    ├── Conflict 409              stale_version  stale_revision  not_decidable  not_undoable
    │                             claimed_by_another  waits_for_admin  not_editable
    │                             already_exists  last_admin
    ├── Invalid 422               invalid_input  invalid_body  invalid_parent  idempotency_mismatch
    ├── RateLimited 429
    └── Unavailable 503           a dependency is down; nothing was changed, try again
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime


class ModerationError(Exception):
    """Base of everything in the tree; never raised itself.

    Args:
        detail: what happened this time and what the reader can do about it.
        errors: field name -> messages, for problems with several fields.
    """

    status = 500
    code = "internal_error"
    title = "Something failed on our side"

    def __init__(
        self, detail: str | None = None, *, errors: Mapping[str, list[str]] | None = None
    ) -> None:
        self.detail = detail or self.title
        self.errors = dict(errors) if errors else None
        super().__init__(self.detail)


# --- 400 -----------------------------------------------------------------------------------


class BadRequest(ModerationError):
    status, code, title = 400, "malformed_request", "The request could not be read"


class InvalidCursor(BadRequest):
    code, title = "invalid_cursor", "The cursor is not one this service gave out"


# --- 401 -----------------------------------------------------------------------------------


class Unauthenticated(ModerationError):
    status, code, title = 401, "sign_in_required", "This needs a valid sign-in"


class InvalidSiteKey(Unauthenticated):
    code, title = "invalid_site_key", "The site key is missing or unknown"


class InvalidToken(Unauthenticated):
    code, title = "invalid_token", "The token is not valid"


class ExpiredToken(InvalidToken):
    code, title = "expired_token", "The token has expired"


class SignInFailed(Unauthenticated):
    code, title = "sign_in_failed", "E-mail and password do not match"


class SecondFactorFailed(Unauthenticated):
    code, title = "second_factor_failed", "The code of the second factor is not right"


class IdentityRefused(Unauthenticated):
    code, title = "identity_refused", "The sign-in at the identity provider does not count here"


# --- 403 -----------------------------------------------------------------------------------


class Forbidden(ModerationError):
    status, code, title = 403, "forbidden", "This is not allowed"


class GuestsNotAllowed(Forbidden):
    code, title = "guests_not_allowed", "This site takes comments from signed-in readers only"


class OriginNotAllowed(Forbidden):
    code, title = "origin_not_allowed", "This web page may not use this site's comments"


class CommentsClosed(Forbidden):
    code, title = "comments_closed", "Comments on this article are closed"


class AuthorSuspended(Forbidden):
    code, title = "author_suspended", "This author may not comment for a time"

    def __init__(self, detail: str | None = None, *, until: datetime) -> None:
        super().__init__(detail)
        self.until = until


class AuthorBanned(Forbidden):
    code, title = "author_banned", "This author may not comment here any more"


class MissingScope(Forbidden):
    code, title = "missing_scope", "The token lacks the scope this needs"


class FormExpired(Forbidden):
    code, title = "form_expired", "This form is no longer valid; load the page again"


class NotYourNote(Forbidden):
    code, title = "not_your_note", "This note was written by somebody else"


class NotYourComment(Forbidden):
    code, title = "not_your_comment", "This comment belongs to somebody else"


class EditWindowOver(Forbidden):
    code, title = "edit_window_over", "The time for editing this comment is over"


class PasswordChangeRequired(Forbidden):
    code, title = "password_change_required", "The one-time password must be replaced first"


class SecondFactorRequired(Forbidden):
    code, title = "second_factor_required", "A code of the second factor is needed as well"


class BeyondYourSites(Forbidden):
    code, title = "beyond_your_sites", "This reaches further than the sites you work for"


# --- 404, 405, 406, 413, 415 ------------------------------------------------------------------


class NotFound(ModerationError):
    status, code, title = 404, "unknown_page", "There is nothing here"


class UnknownComment(NotFound):
    code, title = "unknown_comment", "There is no such comment"


class UnknownArticle(NotFound):
    code, title = "unknown_article", "There is no such article"


class UnknownSavedView(NotFound):
    code, title = "unknown_saved_view", "There is no such saved view"


class UnknownDecision(NotFound):
    code, title = "unknown_decision", "There is no such decision"


class UnknownAuthor(NotFound):
    code, title = "unknown_author", "There is no such author"


class UnknownSanction(NotFound):
    code, title = "unknown_sanction", "There is no such sanction"


class UnknownNote(NotFound):
    code, title = "unknown_note", "There is no such note"


class UnknownSite(NotFound):
    code, title = "unknown_site", "There is no such site"


class UnknownPolicy(NotFound):
    code, title = "unknown_policy", "There is no such policy, or no such revision of it"


class UnknownStaff(NotFound):
    code, title = "unknown_staff", "There is no such member of staff"


class UnknownApiToken(NotFound):
    code, title = "unknown_api_token", "There is no such API token"


class UnknownSession(NotFound):
    code, title = "unknown_session", "There is no such session"


class UnknownInvitation(NotFound):
    code, title = "unknown_invitation", "There is no such invitation, or it is no longer open"


class MethodNotAllowed(ModerationError):
    status, code, title = 405, "method_not_allowed", "This address does not take that method"


class NotAcceptable(ModerationError):
    status, code, title = 406, "not_acceptable", "This address answers in another format"


class PayloadTooLarge(ModerationError):
    status, code, title = 413, "payload_too_large", "The request is too large"


class UnsupportedMedia(ModerationError):
    status, code, title = 415, "unsupported_media_type", "Send JSON: Content-Type: application/json"


# --- 409 -----------------------------------------------------------------------------------


class Conflict(ModerationError):
    status, code, title = 409, "conflict", "This does not fit the present state"


class StaleVersion(Conflict):
    code, title = "stale_version", "The comment has changed since you saw it"


class StaleRevision(Conflict):
    code, title = "stale_revision", "Somebody else has saved a newer version meanwhile"


class NotDecidable(Conflict):
    code, title = "not_decidable", "This comment cannot be decided in its present state"


class WaitsForAdmin(Conflict):
    code, title = "waits_for_admin", "This comment was escalated and waits for an admin"


class NotUndoable(Conflict):
    code, title = "not_undoable", "This decision cannot be undone"


class NotEditable(Conflict):
    code, title = "not_editable", "This comment cannot be changed any more"


class ClaimedByAnother(Conflict):
    code, title = "claimed_by_another", "Somebody else has claimed this comment"


class AlreadyExists(Conflict):
    code, title = "already_exists", "There is one already"


class LastAdmin(Conflict):
    code, title = "last_admin", "Somebody must remain who administers all of it"


# --- 422 -----------------------------------------------------------------------------------


class Invalid(ModerationError):
    status, code, title = 422, "invalid_input", "Some fields are not right"


class InvalidBody(Invalid):
    code, title = "invalid_body", "The comment cannot be accepted as it is"


class InvalidParent(Invalid):
    code, title = "invalid_parent", "The comment replied to is not open for replies"


class IdempotencyMismatch(Invalid):
    code, title = "idempotency_mismatch", "This Idempotency-Key was used for another request"


# --- 429, 503 ---------------------------------------------------------------------------------


class RateLimited(ModerationError):
    status, code, title = 429, "rate_limited", "Too many requests"

    def __init__(self, detail: str | None = None, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class Unavailable(ModerationError):
    status, code, title = 503, "unavailable", "A part of this service is not available just now"


class IdentityProviderUnavailable(Unavailable):
    code, title = "identity_provider_unavailable", "The identity provider does not answer right"


def problem_types() -> list[type[ModerationError]]:
    """Every class of the tree, parents before children: what the docs and their test list."""
    found: list[type[ModerationError]] = []
    waiting = [ModerationError]
    while waiting:
        current = waiting.pop(0)
        found.append(current)
        waiting.extend(current.__subclasses__())
    return found
