"""What tests need to exist: a service over a real database, and sites, staff and comments in it."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import jwt
import pyotp
from argon2 import PasswordHasher
from fakes import FakeJudge
from sqlalchemy import event, select

from moderation.adapters import schema
from moderation.domain.base import Base
from moderation.domain.comment import Comment
from moderation.domain.staff import ApiToken, Role, Scope, Staff
from moderation.services import access, counts, passwords, second_factor, sites
from moderation.settings import Settings, load_settings
from moderation.wiring import Wiring
from workers.judging import judge_batch

ORIGIN = "https://news.example"
PASSWORD = "correct horse battery"

_CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Accounts of tests need no protection; signing in hashes their password anew, as it should."""

_numbers = itertools.count(1)


class HeldClock:
    """A clock that stands still until a test moves it on."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time_passed: float) -> None:
        """Args: as for ``timedelta``: ``seconds=5``, ``hours=1``."""
        self.now += timedelta(**time_passed)


class RecordingAnnouncer:
    """Keeps what was announced, for tests that run the workers' part themselves."""

    def __init__(self) -> None:
        self.announced: list[str] = []

    def announce(self, task: str) -> None:
        self.announced.append(task)


@dataclass(frozen=True)
class SiteKit:
    """A site, and what its publisher holds."""

    id: str
    key: str
    sso_secret: str

    def jwt(self, sub: str = "reader-1", name: str = "Ada", **claims: Any) -> str:
        """A reader's token as the publisher signs it, good for an hour; None leaves a claim out."""
        told = {"sub": sub, "name": name, "exp": int(time.time()) + 3600} | claims
        kept = {claim: value for claim, value in told.items() if value is not None}
        return jwt.encode(kept, self.sso_secret, algorithm="HS256")

    def headers(self, **more: str) -> dict[str, str]:
        """Headers of a page of this site. Keyword names have ``_`` for ``-``."""
        return {"X-Site-Key": self.key} | {name.replace("_", "-"): v for name, v in more.items()}


def settings_for(var_dir: Path, **changed: Any) -> Settings:
    """The default settings with their files in ``var_dir``, and no rate limits but by wish."""
    defaults = {"var_dir": str(var_dir), "secret_key": "a key for tests, and for nothing else"}
    return dataclasses.replace(
        load_settings({}), **(defaults | {"rate_limits": "off", "scoring_retry_s": 5} | changed)
    )


class Service:
    """One installation over a migrated database, with a fake judge and a clock that is held."""

    def __init__(self, var_dir: Path, **settings: Any) -> None:
        self.clock = HeldClock()
        self.judge = FakeJudge()
        self.announcer = RecordingAnnouncer()
        self.wiring = Wiring(
            settings_for(var_dir, **settings),
            announcer=self.announcer,
            judge=self.judge,
            clock=self.clock,
        )
        self.database = self.wiring.database
        if self.database.is_sqlite:
            event.listen(self.database.engine, "connect", _do_not_wait_for_the_disk)
        schema.upgrade(self.database.url)

    def close(self) -> None:
        self.database.dispose()

    # --- Things ---------------------------------------------------------------------------

    def make_site(self, **changes: Any) -> SiteKit:
        """A site that takes guests and makes articles, from pages at ``ORIGIN``."""
        given = {"name": f"Site {next(_numbers)}", "origins": [ORIGIN], "edit_window_s": 300}
        with self.database.write() as session:
            new = sites.create_site(
                session,
                self.wiring.keyring,
                self.wiring.policies,
                now=self.clock(),
                **(given | changes),
            )
        return SiteKit(new.site.id, new.site.site_key, new.sso_secret)

    def make_article(self, site: SiteKit, external_id: str, **changes: Any) -> None:
        with self.database.write() as session:
            sites.put_article(
                session,
                sites.by_id(session, site.id),
                external_id,
                self.wiring.policies,
                now=self.clock(),
                **changes,
            )

    def make_staff(
        self,
        email: str | None = None,
        role: Role = Role.MODERATOR,
        *,
        site_ids: Sequence[str] | None = None,
        one_time: bool = False,
    ) -> Staff:
        """An account with ``PASSWORD``."""
        cheap = mock.patch.object(passwords, "_hasher", _CHEAP_HASHER)
        with cheap, self.database.write() as session:
            return access.create_staff(
                session,
                email=email or f"person-{next(_numbers)}@news.example",
                password=PASSWORD,
                role=role,
                now=self.clock(),
                site_ids=site_ids,
                one_time=one_time,
            )

    def make_second_factor(self, staff: Staff) -> Authenticator:
        """Switch on a second factor. The code that did so is from a step that is over."""
        keyring, now = self.wiring.keyring, self.clock()
        with self.database.write() as session:
            second_factor.begin(session, keyring, staff, now=now)
            session.flush()
            told = second_factor.setting_up(session, keyring, staff.id, staff.email)
            authenticator = Authenticator(told.secret, self.clock)
            codes = second_factor.confirm(
                session, keyring, staff.id, authenticator.code(-1), now=now
            )
        authenticator.recovery_codes.extend(codes)
        return authenticator

    def make_token(
        self,
        *scopes: Scope,
        staff: Staff | None = None,
        site_ids: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> Token:
        """A token; of the scopes ``queue`` and ``decisions`` when none is named."""
        with self.database.write() as session:
            new = access.create_token(
                session,
                name=f"token {next(_numbers)}",
                scopes=scopes or (Scope.QUEUE, Scope.DECISIONS),
                now=self.clock(),
                staff=staff,
                site_ids=site_ids,
                expires_at=expires_at,
            )
        return Token(new.row.id, new.token)

    def revoke(self, token: Token) -> None:
        with self.database.write() as session:
            access.revoke_token(session, token.id, now=self.clock())

    def close_account(self, staff: Staff) -> None:
        with self.database.write() as session:
            session.get_one(Staff, staff.id).is_active = False

    # --- Acts -----------------------------------------------------------------------------

    def judge_all(self) -> None:
        """Do what a worker does until nothing is due."""
        while judge_batch(self.wiring):
            pass

    # --- Looks ----------------------------------------------------------------------------

    def snapshot(self, *, without: Collection[str] = ()) -> dict[str, list[tuple[Any, ...]]]:
        """Table -> all its rows, in a fixed order: equal before and after what changed nothing.

        A token's ``last_used_at`` is left out: to be looked at is no change.
        """
        found = {}
        with self.database.engine.connect() as connection:
            for table in Base.metadata.sorted_tables:
                if table.name in without:
                    continue
                columns = [c for c in table.columns if c is not ApiToken.__table__.c.last_used_at]
                rows = connection.execute(select(*columns).order_by(*table.primary_key)).all()
                found[table.name] = [tuple(map(repr, row)) for row in rows]
        return found

    def comment(self, comment_id: str) -> Comment:
        with self.database.read() as session:
            return session.get_one(Comment, comment_id)

    def drift(self) -> list[counts.Drift]:
        """Articles whose count is not exact; empty when all is well."""
        with self.database.read() as session:
            return counts.find_drift(session)

    def wipe(self) -> None:
        """Remove all rows, so that the next test begins with nothing."""
        # Without a look at foreign keys: for each of many comments that is one for its replies.
        raw = self.database.engine.raw_connection()
        is_sqlite = self.database.is_sqlite
        with closing(raw), closing(raw.cursor()) as cursor:
            cursor.execute(
                "PRAGMA foreign_keys = OFF"
                if is_sqlite
                else "SET LOCAL session_replication_role = replica"
            )
            for table in reversed(Base.metadata.sorted_tables):
                cursor.execute(f"DELETE FROM {table.name}")
            raw.commit()
            if is_sqlite:
                cursor.execute("PRAGMA foreign_keys = ON")
        self.wiring.policies_in_force.look_again()
        self.clock.now = datetime.now(UTC)
        self.judge.batches.clear()
        self.announcer.announced.clear()


def _do_not_wait_for_the_disk(connection: Any, _entry: Any) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@dataclass(frozen=True)
class Authenticator:
    """What shows somebody's codes, by the service's clock."""

    secret: str
    clock: HeldClock
    recovery_codes: list[str] = field(default_factory=list)

    def code(self, steps: int = 0) -> str:
        """The code of now, or of so many steps of 30 s later."""
        return pyotp.TOTP(self.secret).at(self.clock.now, counter_offset=steps)


@dataclass(frozen=True)
class Token:
    """A staff token and the header that carries it."""

    id: str
    text: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.text}"}


def comment_json(body: object = "A fine article.", **changes: Any) -> dict[str, Any]:
    """What an article page sends for a guest's comment; None leaves a field out."""
    told = {"article_id": "story-1", "body": body, "author": {"name": "Grace"}} | changes
    return {field: value for field, value in told.items() if value is not None}
