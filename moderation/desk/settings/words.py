"""The word lists of the policies, and a place to try them on a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from flask import Response, redirect, request

from moderation.desk.door import blueprint, page, staff_page
from moderation.desk.settings import policy_form
from moderation.desk.settings.policies import (
    Preview,
    needs_all_sites,
    newest_book,
    policy_to_edit,
    preview_values,
    try_out,
)
from moderation.domain.policy import Policy, PolicyError, Verdict, decide
from moderation.domain.staff import Scope
from moderation.scoring.judge import Assessment
from moderation.services import policies, policy_trials
from moderation.services.judging import FALLBACK_POLICY
from moderation.services.policies import Book
from moderation.services.policy_studies import context_of
from moderation.services.policy_trials import Frequency, Hit
from moderation.wiring import wired

log = structlog.get_logger(__name__)

MAX_TEXT_CHARS = 2000
LISTS = ("blocked", "suspect")


@dataclass(frozen=True, slots=True)
class Tried:
    """What the lists find in a text, and what the policy says of it."""

    text: str
    hits: Mapping[str, list[Hit]]
    verdict: Verdict


@blueprint.get("/settings/words")
@staff_page(Scope.ADMIN)
def show_some_words() -> Response:
    """The lists of the policy that most sites are under."""
    book = wired().policies_in_force.current()
    with wired().database.read() as session:
        uses = {name: len(policies.used_by(session, name)[0]) for name in book.policies}
    name = max(sorted(uses), key=lambda name: (uses[name], name != FALLBACK_POLICY))
    return redirect(f"/desk/settings/words/{name}", 303)


@blueprint.get("/settings/words/<name>")
@staff_page(Scope.ADMIN)
def show_words(name: str) -> Response:
    """The lists of one policy."""
    book = newest_book()
    return _words_page(book, name, policy_form.values_of(policy_to_edit(book, name)))


@blueprint.post("/settings/words/<name>")
@staff_page(Scope.ADMIN)
def try_words(name: str) -> Response:
    """The same page, with what the lists find: in a text, in comments approved last. Saves
    nothing."""
    needs_all_sites()
    book = newest_book()
    present = policy_to_edit(book, name)
    values = policy_form.given_in(request.form, present)
    text = request.form.get("text", "")[:MAX_TEXT_CHARS]
    try:
        policy = policy_form.policy_of(values, present)
    except PolicyError as error:
        errors = policy_form.errors_of(error)
        return _words_page(book, name, values, errors=errors, text=text, status=422)
    tried = _tried(policy, text) if text.strip() else None
    if request.form.get("act") != "preview":
        return _words_page(book, name, values, tried=tried, text=text)
    entries = (*policy.blocked_words, *policy.suspect_words)
    with wired().database.read() as session:
        frequencies = policy_trials.frequencies(session, entries, now=wired().clock())
    return _words_page(
        book,
        name,
        values,
        tried=tried,
        text=text,
        preview=try_out(book, policy),
        base=request.form.get("base", 0, type=int),
        frequencies=frequencies,
    )


def _words_page(
    book: Book,
    name: str,
    values: Mapping[str, str],
    *,
    preview: Preview | None = None,
    base: int | None = None,
    frequencies: list[Frequency] | None = None,
    status: int = 200,
    **more: Any,
) -> Response:
    return page(
        "desk/settings/words.html",
        status,
        name=name,
        names=sorted(book.policies),
        policy=policy_to_edit(book, name),
        values=values,
        lists=LISTS,
        frequencies=frequencies,
        **preview_values(book, preview, book.serial(name) if base is None else base),
        **more,
    )


def _tried(policy: Policy, text: str) -> Tried:
    """Scored as a worker would, for a reader whose comments need no look."""
    context = context_of(
        text, _assessed(text), fold=True, author_approved_count=policy.trusted_after
    )
    entries = {"blocked": policy.blocked_words, "suspect": policy.suspect_words}
    found = {name: policy_trials.hits(entries[name], text) for name in LISTS}
    return Tried(text, found, decide(policy, context))


def _assessed(text: str) -> Assessment | None:
    try:
        return wired().judge.assess([text])[0]
    except Exception as error:  # whatever failed, the words can be tried without it
        log.warning("trying_not_scored", error=f"{type(error).__name__}: {error}")
        return None
