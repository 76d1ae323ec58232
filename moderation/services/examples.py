"""Example comments under the demo article, so that a newcomer finds something to moderate."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from moderation.domain.author import AuthorKind, Signature
from moderation.domain.comment import Comment, Status
from moderation.domain.site import DEMO_ARTICLE_ID, DEMO_SITE_KEY, Site
from moderation.jobs import JUDGE_COMMENTS, announce_after_commit
from moderation.services import intake
from moderation.services.intake import Submission

TITLE = "The last ferry stays, for one more winter"
_KEY = "example-{}"


@dataclass(frozen=True, slots=True)
class _Example:
    name: str
    body: str
    minutes_ago: int


EXAMPLES: tuple[_Example, ...] = (
    _Example("Grace", "Nine hundred signatures! Thank you to everybody who stood in the rain.", 95),
    _Example("Tom B.", "My mother works the late shift. Without the 22:40 she sleeps there.", 88),
    _Example("harbour_light", "Who pays for it, and for how long? The article does not say.", 81),
    _Example("Grumbler", "What an idiot wrote this? You have never stood on that quay, fool.", 74),
    _Example("Ines", "Does the last bus wait for the ferry, or is it the long walk again?", 66),
    _Example(
        "easy.money", "Earn 500 a day from home!!! Start now: https://easy-money.example/", 52
    ),
    _Example("easy.m0ney", "EARN 500 a day from home! Start now: https://easy-money.example/a", 51),
    _Example("ez_money", "earn 500 a day from home!!! start now: https://easy-money.example/b", 50),
    _Example("Old salt", "The council are a bunch of useless clowns, every one of them.", 43),
    _Example("Margit", "A ship named after me. I am ten and I am going to be her captain.", 37),
    _Example("Nils", "Fährt sie auch an Heiligabend? Wir würden gern zu den Großeltern.", 29),
    _Example("not_amused", "You island people always whine. Shut up and move to the town.", 22),
    _Example("link", "https://timetables.example/nether-quay", 14),
    _Example("Rosa", "Lovely piece 👏 I could smell the diesel and the chips.", 6),
)
"""Kind ones, rude ones, one advertisement three times, one in German, one that is only a link."""


def are_offered(session: Session) -> bool:
    """Whether there is a demo site, and the examples are not on it."""
    site = demo_site(session)
    if site is None:
        return False
    first = select(Comment.id).where(
        Comment.site_id == site.id, Comment.idempotency_key == _KEY.format(0)
    )
    return session.execute(first).first() is None


def are_scored(session: Session) -> bool:
    """Whether no example still waits for its scores."""
    site = demo_site(session)
    keys = [_KEY.format(number) for number in range(len(EXAMPLES))]
    pending = select(Comment.id).where(
        Comment.site_id == (site.id if site else None),
        Comment.idempotency_key.in_(keys),
        Comment.status == Status.PENDING,
    )
    return session.execute(pending.limit(1)).first() is None


def post(session: Session, *, now: datetime, article_url: str | None = None) -> int:
    """Post the examples as guests would have in the last hours; says how many.

    Doing so twice posts nothing more. 0 where there is no demo site.

    Raises:
        CommentsClosed: the demo article takes no comments.
    """
    site = demo_site(session)
    if site is None:
        return 0
    posted = 0
    for number, example in enumerate(EXAMPLES):
        submission = Submission(
            article_id=DEMO_ARTICLE_ID,
            body=example.body,
            signature=Signature(AuthorKind.GUEST, f"example-{example.name}", example.name),
            article_url=article_url,
            article_title=TITLE,
            idempotency_key=_KEY.format(number),
        )
        at = now - timedelta(minutes=example.minutes_ago)
        posted += not intake.submit(session, site, submission, now=at).replayed
    announce_after_commit(session, JUDGE_COMMENTS)
    return posted


def demo_site(session: Session) -> Site | None:
    """The site whose article is at ``/demo``; None where it was not made."""
    return session.scalar(select(Site).where(Site.site_key == DEMO_SITE_KEY))
