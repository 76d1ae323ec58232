"""The queue: its views, what is new in them, and what stands around one comment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from flask import Response, jsonify, redirect, request
from flask import session as cookie
from sqlalchemy.orm import Session

from moderation.desk import card, presenting
from moderation.desk.card import Card
from moderation.desk.door import back, blueprint, flash_note, page, staff_page
from moderation.desk.text import catalogue, language, say
from moderation.domain import reason
from moderation.domain.comment import QueueSort
from moderation.domain.desk import SavedView
from moderation.domain.queue import QueueFilter, View
from moderation.domain.reason import Reason
from moderation.domain.site import Site
from moderation.domain.staff import Scope
from moderation.errors import Invalid
from moderation.gate import principal, staff
from moderation.schemas import queue_filter
from moderation.schemas.fields import MAX_ID_CHARS, rfc3339
from moderation.services import queue, saved_views, sites
from moderation.services.queue import Count
from moderation.wiring import wired

PAGE_CARDS = 20
"""Cards on a page: what somebody decides in a few minutes, and all the browser has to hold."""

LAST_BATCH = "last_batch"
"""In the cookie: the batch that a form has just decided, for the one button that undoes it."""

AGES_H = (1, 6, 24, 72, 168)


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a view."""

    cards: list[Card]
    next_cursor: str | None
    searched: int

    @property
    def reasons(self) -> Mapping[str, tuple[Reason, ...]]:
        return card.reasons_by_site(self.cards)


def listing(
    session: Session, wanted: QueueFilter, *, cursor: str | None, gather: bool, limit: int
) -> Listing:
    """The cards of one page, for whoever asks.

    Raises:
        InvalidCursor, UnknownComment: as ``services.queue.page``.
    """
    wiring = wired()
    now = wiring.clock()
    found = queue.page(
        session,
        wiring.keyring,
        principal(),
        wanted,
        now=now,
        report_threshold=wiring.settings.report_threshold,
        cursor=cursor,
        limit=limit,
        gather=gather,
    )
    shown = card.cards(session, principal(), found.items, now=now)
    return Listing(shown, found.next_cursor, found.searched)


def url_of(wanted: QueueFilter, path: str = "/desk/queue", **more: str) -> str:
    """The address of a view under a filter, in its canonical form."""
    query = queue_filter.written(wanted)
    extra = "&".join(f"{name}={value}" for name, value in more.items())
    return f"{path}?{'&'.join(filter(None, (query, extra)))}".rstrip("?")


def visible_sites(session: Session) -> list[Site]:
    return [site for site in sites.list_sites(session) if principal().sees(site.id)]


@blueprint.get("/queue")
@staff_page(Scope.QUEUE)
def show_queue() -> Response:
    """One view: the page, or with ``part=cards`` only its cards, for a script to add."""
    wiring = wired()
    wanted = queue_filter.read(request.args)
    if any(not value.strip() for value in request.args.values()):
        return redirect(url_of(wanted), 303)  # a form sends its empty fields too
    now = wiring.clock()
    cursor = request.args.get("cursor")
    with wiring.database.read() as session:
        found = listing(
            session, wanted, cursor=cursor, gather=wanted.similar_to is None, limit=PAGE_CARDS
        )
        if request.args.get("part") == "cards":
            return page("desk/queue/more.html", listing=found, wanted=wanted, url_of=url_of)
        known = visible_sites(session)
        counts = _counts(session, wanted, now)
        views = saved_views.visible(session, principal())
    return page(
        "desk/queue.html",
        listing=found,
        wanted=wanted,
        tabs=_tabs(wanted, counts),
        sites=known,
        views=views,
        current_view=_current(views, wanted),
        filters=_filters_in_force(wanted, known),
        ages_h=AGES_H,
        sorts=list(QueueSort),
        since=rfc3339(now),
        last_batch=cookie.pop(LAST_BATCH, None),
        url_of=url_of,
        is_first_page=cursor is None,
    )


@blueprint.get("/queue/news")
@staff_page(Scope.QUEUE)
def tell_news() -> Response:
    """What a page that is open should know: how many are new, and what became of its cards.

    Query: the view's own, ``since`` (when the page was made) and ``shown`` (ids, by commas).
    """
    wiring = wired()
    wanted = queue_filter.read(request.args)
    now = wiring.clock()
    since = _moment(request.args.get("since"), now)
    ids = [one for one in request.args.get("shown", "").split(",") if is_id(one)][: 5 * PAGE_CARDS]
    me = principal()
    with wiring.database.read() as session:
        new = queue.new_since(
            session,
            me,
            wanted,
            since,
            now=now,
            report_threshold=wiring.settings.report_threshold,
        )
        shown = [one for one in queue.items(session, ids) if me.sees(one.comment.site_id)]
        counts = _counts(session, wanted, now)
    return jsonify(
        counts={view: counted(count) for view, count in counts.items()},
        new=new.number,
        told=told_new(new),
        cards={
            one.comment.id: {
                "version": one.comment.version,
                "holder": one.comment.claimed_name
                if one.comment.claim_expires_at
                and one.comment.claim_expires_at > now
                and one.comment.claimed_by != me.key
                else None,
                "told": moved_on(one),
            }
            for one in shown
        },
    )


def counted(count: Count | None) -> str:
    """How many there are, for a tab; empty where there are none."""
    if count is None or not count.number:
        return ""
    return presenting.number(count.number) + ("+" if count.or_more else "")


def told_new(new: Count) -> str:
    """How many are new, in words; empty where none is."""
    if not new.number:
        return ""
    return say("queue.n_new_or_more" if new.or_more else "queue.n_new", count=new.number)


def moved_on(item: queue.QueueItem) -> str:
    """What became of a comment, as one tells somebody who was about to decide it."""
    decision = item.decision
    if decision is None:
        return ""
    if decision.actor == principal().key:
        return say(f"queue.by_me.{decision.action}")
    if decision.decided_by == "policy":
        return say("queue.by_policy.told")
    return say(f"queue.by_other.{decision.action}", name=decision.actor_name or say("queue.nobody"))


@blueprint.context_processor
def _for_cards() -> dict[str, Any]:
    return {
        "knows": lambda key: key in catalogue(language()),
        "reason_name": _reason_name,
        "preferences": preferences(),
    }


def _reason_name(site: Site, code: str) -> str:
    found = reason.find(site.reasons, code)
    return found.name if found else code


# --- How the desk is to be for one person ------------------------------------------------------


def preferences() -> dict[str, bool]:
    """``shortcuts``: whether keys do anything; ``veil``: whether severe texts are covered."""
    signed_in = staff()
    chosen = signed_in.preferences if signed_in else {}
    return {"shortcuts": chosen.get("shortcuts", True), "veil": chosen.get("veil", False)}


# --- Saved views -------------------------------------------------------------------------------


@blueprint.post("/views")
@staff_page(Scope.QUEUE)
def save_view() -> Response:
    """Keep the filter of the page that was looked at under a name."""
    wiring = wired()
    name = " ".join(request.form.get("name", "").split())
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise Invalid(errors={"name": [say("queue.name_needed")]})
    wanted = queue_filter.read(request.form.get("query", ""))
    with wiring.database.write() as session:
        saved_views.save(
            session,
            principal(),
            name,
            wanted,
            shared="shared" in request.form,
            now=wiring.clock(),
        )
    flash_note("queue.view_saved", name=name)
    return redirect(url_of(wanted), 303)


@blueprint.post("/views/<id:view_id>/share")
@staff_page(Scope.QUEUE)
def share_view(view_id: str) -> Response:
    """Share a view with everybody, or no longer."""
    wiring = wired()
    with wiring.database.write() as session:
        saved_views.change(
            session,
            principal(),
            view_id,
            shared=request.form.get("shared") == "true",
            now=wiring.clock(),
        )
    flash_note("queue.view_changed")
    return back()


@blueprint.post("/views/<id:view_id>/delete")
@staff_page(Scope.QUEUE)
def delete_view(view_id: str) -> Response:
    """Delete a view; what it showed stays."""
    with wired().database.write() as session:
        saved_views.delete(session, principal(), view_id)
    flash_note("queue.view_deleted")
    return back()


# --- Parts of the page -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tab:
    view: View
    url: str
    count: str
    is_current: bool


def _counts(session: Session, wanted: QueueFilter, now: datetime) -> Mapping[View, Count]:
    return queue.tab_counts(
        session,
        principal(),
        now=now,
        site_id=wanted.site_id,
        report_threshold=wired().settings.report_threshold,
    )


def _tabs(wanted: QueueFilter, counts: Mapping[View, Count]) -> list[Tab]:
    """Changing the view keeps the site and drops the rest, which was meant for one view."""
    return [
        Tab(
            view,
            url_of(QueueFilter(view=view, site_id=wanted.site_id)),
            counted(counts.get(view)),
            view is wanted.view,
        )
        for view in View
    ]


def _current(views: Any, wanted: QueueFilter) -> SavedView | None:
    query = queue_filter.written(wanted)
    return next((view for view in views if view.query == query), None)


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition in force. ``url``: the same view without it."""

    name: str
    value: Any
    url: str


def _filters_in_force(wanted: QueueFilter, known: list[Site]) -> list[Filter]:
    names = {site.id: site.name for site in known}
    found: list[Filter] = []
    for name in (
        "site_id",
        "article_id",
        "author_id",
        "text",
        "posted_after",
        "posted_before",
        "older_than_h",
        "newer_than_h",
        "safe_below",
        "similar_to",
        "not_scored",
        "skipped",
    ):
        value = getattr(wanted, name)
        if value is None or (value is False and name == "skipped"):
            continue
        without = replace(wanted, **{name: False if name == "skipped" else None})
        found.append(Filter(name, names.get(value, value), url_of(without)))
    for kind in ("min", "max"):
        scores = getattr(wanted, f"{kind}_scores")
        for label in scores:
            fewer = {one: score for one, score in scores.items() if one != label}
            without = replace(wanted, **{f"{kind}_scores": fewer})
            found.append(Filter(kind, (label, scores[label]), url_of(without)))
    return found


def _moment(text: str | None, now: datetime) -> datetime:
    """A moment with its offset; ``now`` where it is none, or too early or late for a calendar."""
    try:
        found = datetime.fromisoformat(text or "")
        return found.astimezone(now.tzinfo) if found.tzinfo else now
    except (ValueError, OverflowError):
        return now


def is_id(text: str) -> bool:
    """Whether it can be an id of ours; what cannot is not asked of a database."""
    return text.isascii() and text.isalnum() and len(text) <= MAX_ID_CHARS
