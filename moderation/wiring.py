"""The composition root: settings in, the parts of one process out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from moderation.adapters.broker import CeleryNudger
from moderation.adapters.clock import Clock, utc_now
from moderation.adapters.database import Database
from moderation.adapters.policies import PoliciesInForce
from moderation.adapters.rate_limits import RateLimiter
from moderation.adapters.waiting import WaitingComments
from moderation.domain.policy import Policy, load_policies
from moderation.jobs import Announcer
from moderation.keyring import Keyring, load_or_make_secret
from moderation.settings import Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from moderation.adapters.identity_provider import IdentityProvider
    from moderation.scoring.judge import Judge
    from moderation.scoring.spam_signals import SpamSignals

EXTENSION = "moderation"
"""Key under which a Flask application keeps the wiring it was made with."""


class Wiring:
    """The parts of one process, each made when first asked for.

    So a command that only creates a token loads no model, and a model is loaded after any fork.

    Args:
        settings: this installation's; read from files and variables when left out.
        announcer: tells workers of work; Celery's by default.
        judge: scores comments; built from the settings by default.
        clock: says what time it is.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        announcer: Announcer | None = None,
        judge: Judge | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self.settings = settings or load_settings()
        self.clock = clock
        self._announcer = announcer
        self._judge = judge

    @cached_property
    def announcer(self) -> Announcer:
        return self._announcer or CeleryNudger(self.settings)

    @cached_property
    def database(self) -> Database:
        return Database(
            self.settings.effective_database_url,
            self.announcer,
            pool_size=self.settings.http_threads + 2,
        )

    @cached_property
    def keyring(self) -> Keyring:
        """Raises KeyringError when the configured secret key is too short."""
        path = self.settings.var_path / "secret_key"
        return Keyring(self.settings.secret_key or load_or_make_secret(path))

    @cached_property
    def policy_files(self) -> Mapping[str, Policy]:
        """The policies as their files describe them, whatever was changed at the desk.

        Raises PolicyError naming everything that is wrong in the files.
        """
        policies = load_policies(self.settings.policies_path)
        if "strict" not in policies:
            raise SettingsError(
                f"policies_dir: {self.settings.policies_path} has no policy named strict"
            )
        return policies

    @cached_property
    def policies_in_force(self) -> PoliciesInForce:
        """The files' policies and what was changed at the desk, kept up to date."""
        return PoliciesInForce(self.database, self.policy_files)

    @property
    def policies(self) -> Mapping[str, Policy]:
        """The policies in force now; looked up anew where that was done seconds ago.

        Best asked for before a transaction begins: it may have to read the database.
        """
        return self.policies_in_force.current().policies

    @cached_property
    def spam_signals(self) -> SpamSignals:
        """Raises SettingsError naming everything that is wrong in the file."""
        from moderation.scoring.spam_signals import SpamSignalsError, load_spam_signals

        try:
            return load_spam_signals(self.settings.spam_signals_path)
        except SpamSignalsError as error:
            raise SettingsError(f"spam_signals_file: {error}") from error

    @cached_property
    def rate_limiter(self) -> RateLimiter:
        return RateLimiter(self.settings)

    @cached_property
    def identity_provider(self) -> IdentityProvider | None:
        """Raises SettingsError when one is named, but not as whom to ask it."""
        if not self.settings.oidc_issuer:
            return None
        # Not at the top: workers and most installations have no need of it.
        from moderation.adapters.identity_provider import IdentityProvider

        return IdentityProvider(self.settings)

    @cached_property
    def waiting(self) -> WaitingComments:
        return WaitingComments(self.database)

    @cached_property
    def judge(self) -> Judge:
        if self._judge is not None:
            return self._judge
        from moderation.scoring.judge import build_judge

        return build_judge(
            self.settings.toxicity_engine,
            multilingual=self.settings.multilingual_engine,
            threads=self.settings.scoring_threads,
            models_dir=self.settings.models_path,
        )


def wired() -> Wiring:
    """The wiring of the Flask application that answers the present request."""
    from flask import current_app  # workers and most commands have no need of it

    return current_app.extensions[EXTENSION]
