"""What the pages tell of this installation and of its problem types; nothing in it is secret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from itertools import groupby

from sqlalchemy.exc import SQLAlchemyError

from moderation.adapters.waiting import Waiting
from moderation.domain.comment import Status
from moderation.errors import ModerationError, problem_types
from moderation.readiness import OK, readiness
from moderation.settings import Settings
from moderation.wiring import Wiring

LONG_PENDING_S = 60
"""A worker takes a comment at once; one that waits this long says that none is at work."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the installation: its name, which kind it is, and how it is, in a sentence."""

    name: str
    kind: str
    ok: bool
    says: str


@dataclass(frozen=True, slots=True)
class Facts:
    """``waiting`` is None when the database does not answer."""

    version: str
    parts: Sequence[Part]
    waiting: WaitingFacts | None

    @property
    def ready(self) -> bool:
        return all(part.ok for part in self.parts)


@dataclass(frozen=True, slots=True)
class WaitingFacts:
    """Numbers of comments; ``late`` when scoring does not keep up."""

    to_score: int
    to_review: int
    not_scored: int
    late: bool


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """The problem types of one HTTP status."""

    status: int
    phrase: str
    types: Sequence[type[ModerationError]]


def gather_facts(wiring: Wiring) -> Facts:
    """Look at the installation now."""
    settings, answers = wiring.settings, readiness(wiring)
    described = {
        "database": ("Database", _database_kind(wiring), "Answers, and its schema is current."),
        "broker": ("Broker", _broker_kind(settings), "Takes messages."),
        "model": ("Model", _engine_kind(settings.toxicity_engine), "Is there, complete."),
    }
    parts = [
        Part(name, kind, ok, says if ok else f"Broken: {answers[key]}")
        for key, (name, kind, says) in described.items()
        for ok in [answers[key] == OK]
    ]
    try:
        waiting = _waiting(wiring, wiring.waiting.count())
    except SQLAlchemyError:
        waiting = None
    return Facts(version("moderation"), parts, waiting)


def list_problems() -> list[ProblemGroup]:
    """Every problem type once, by HTTP status. A class without a code of its own is its parent."""
    by_code: dict[str, type[ModerationError]] = {}
    for kind in problem_types():
        by_code.setdefault(kind.code, kind)
    ordered = sorted(by_code.values(), key=lambda kind: kind.status)  # stable: parents first
    return [
        ProblemGroup(status, HTTPStatus(status).phrase, list(types))
        for status, types in groupby(ordered, key=lambda kind: kind.status)
    ]


def _waiting(wiring: Wiring, counted: Sequence[Waiting]) -> WaitingFacts:
    pending = [kind for kind in counted if kind.status is Status.PENDING]
    queued = [kind for kind in counted if kind.status is Status.QUEUED]
    now = wiring.clock()
    return WaitingFacts(
        to_score=sum(kind.number for kind in pending),
        to_review=sum(kind.number for kind in queued),
        not_scored=sum(kind.number for kind in queued if kind.not_scored),
        late=any((now - kind.oldest).total_seconds() > LONG_PENDING_S for kind in pending),
    )


def _database_kind(wiring: Wiring) -> str:
    if wiring.database.is_sqlite:
        return "SQLite, a file on this machine"
    return {"postgresql": "PostgreSQL"}.get(name := wiring.database.engine.dialect.name, name)


def _broker_kind(settings: Settings) -> str:
    if settings.embedded_broker:
        return "Embedded, files on this machine"
    scheme = settings.broker_url.partition("://")[0]
    known = {"redis": "Redis", "rediss": "Redis", "amqp": "RabbitMQ", "amqps": "RabbitMQ"}
    return known.get(scheme, scheme)


def _engine_kind(engine: str) -> str:
    kind, _, name = engine.partition(":")
    if kind != "detoxify":
        return "Compact, bundled" if kind == "compact" else kind
    # A path is nobody's business.
    return "Detoxify, a checkpoint of your own" if "/" in name else f"Detoxify, {name}"
