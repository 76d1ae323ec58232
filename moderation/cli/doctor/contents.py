"""What is in the database: sites, staff, comments that wait, counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from shlex import quote

from sqlalchemy import select

from moderation.cli.doctor.finding import Finding, amount, good, hint, listed, wrong
from moderation.domain.comment import Status
from moderation.domain.policy import PolicyError
from moderation.domain.site import DEMO_SITE_KEY, Article, Site
from moderation.domain.staff import Role, Scope
from moderation.services import access
from moderation.services.counts import count_articles, find_drift
from moderation.services.judging import FALLBACK_POLICY
from moderation.services.policies import Book
from moderation.services.sites import list_sites
from moderation.settings import SettingsError
from moderation.wiring import Wiring

SCORED_WITHIN = timedelta(minutes=1)


def sites(wiring: Wiring) -> Iterator[Finding]:
    what = "Sites"
    with wiring.database.read() as session:
        found = list_sites(session)
    if not found:
        mend = "$ moderation site create NAME --origin https://news.example"
        yield hint(what, "there is none yet", mend)
        return
    # The demo article comes from this service itself, so its page has the same origin.
    closed = [
        site.site_key for site in found if not site.origins and site.site_key != DEMO_SITE_KEY
    ]
    if closed:
        yield hint(
            what,
            f"without an origin, so that no browser can post from their pages: {listed(closed)}",
            f"$ moderation site set {closed[0]} --origin https://news.example",
        )
        return
    yield good(what, listed([site.site_key for site in found]))


def policies_in_use(wiring: Wiring) -> Iterator[Finding]:
    what = "Policies in use"
    try:
        book = wiring.policies_in_force.current()
    except (PolicyError, SettingsError):
        return  # told already
    known = {*book.policies, *book.broken}
    for _, error in sorted(book.broken.items()):
        yield wrong(
            what,
            f"{error}\nUntil then its comments wait for a person",
            "Restore an earlier revision at the desk, or go back to the file: Settings, Policies.",
        )
    with wiring.database.read() as session:
        of_sites = session.execute(select(Site.site_key, Site.policy)).all()
        of_articles = session.execute(
            select(Site.site_key, Article.external_id, Article.policy)
            .join(Site, Site.id == Article.site_id)
            .where(Article.policy.is_not(None), Article.policy.not_in(list(known)))
        ).all()
    astray = [
        (f"site {key}: {policy}", f"$ moderation site set {key} --policy {FALLBACK_POLICY}")
        for key, policy in of_sites
        if policy not in known
    ] + [
        (
            f"article {article} of {key}: {policy}",
            f"$ moderation article set {key} {quote(article)} --policy ''",
        )
        for key, article, policy in of_articles
    ]
    if astray:
        yield wrong(
            what,
            f"not there any more: {listed([told for told, _ in astray])}. "
            f"Until then {FALLBACK_POLICY} is used",
            f"Bring the policy back, or:\n{astray[0][1]}",
        )
    elif of_sites:
        used = sorted({policy for _, policy in of_sites})
        yield good(what, listed([f"{name} ({_origin(book, name)})" for name in used]))


def _origin(book: Book, name: str) -> str:
    revision = book.revision_in_force(name)
    return f"revision {revision.serial} of the desk" if revision else "its file"


def staff(wiring: Wiring) -> Iterator[Finding]:
    what, now = "Staff", wiring.clock()
    with wiring.database.read() as session:
        active = [person for person in access.list_staff(session) if person.is_active]
        tokens = [
            token
            for token in access.list_tokens(session)
            if token.staff_id is None
            and token.revoked_at is None
            and (token.expires_at is None or token.expires_at > now)
            and {Scope.DECISIONS, Scope.ADMIN} & set(token.scopes)
        ]
    admins = sum(person.role == Role.ADMIN for person in active)
    mend = "$ moderation staff create you@news.example --role admin"
    if not active and not tokens:
        yield wrong(what, "there is nobody: comments would wait for ever", mend)
    elif not admins:
        yield hint(what, "nobody is an admin", mend)
    else:
        yield good(what, f"{amount(len(active), 'account')}, of which admins: {admins}")


def waiting_comments(wiring: Wiring) -> Iterator[Finding]:
    what, now = "Comments", wiring.clock()
    waiting = wiring.waiting.count()
    pending = [kind for kind in waiting if kind.status is Status.PENDING]
    number = sum(kind.number for kind in pending)
    oldest = min((kind.oldest for kind in pending), default=now)
    if now - oldest > SCORED_WITHIN:
        yield wrong(
            what,
            f"{amount(number, 'comment')} not scored yet, the oldest for "
            f"{_duration(now - oldest)}: is a worker running?",
            "Start one, or read what its log says:\n$ moderation worker",
        )
    not_scored = sum(kind.number for kind in waiting if kind.not_scored)
    if not_scored:
        yield hint(
            what,
            f"{amount(not_scored, 'comment')} in the queue that no model could score",
            "A moderator decides on them. Why, says the worker's log under scoring_failed.",
        )
    if now - oldest <= SCORED_WITHIN and not not_scored:
        queued = sum(kind.number for kind in waiting if kind.status is Status.QUEUED)
        yield good(what, f"{queued} in the queue, {number} being scored")


def count_drift(wiring: Wiring) -> Iterator[Finding]:
    what = "Counts"
    with wiring.database.read() as session:
        drift, number = find_drift(session), count_articles(session)
    if drift:
        yield wrong(
            what,
            f"not exact: {amount(len(drift), 'article')} of {number}. Somebody changed rows by "
            "hand, or this service has a bug",
            "See which, and please report it:\n$ moderation counts check",
        )
    else:
        yield good(what, f"exact: {amount(number, 'article')}")


def _duration(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return amount(minutes, "minute")
    return amount(minutes // 60, "hour") if minutes < 48 * 60 else amount(minutes // 1440, "day")
