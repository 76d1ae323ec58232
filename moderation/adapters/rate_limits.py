"""Rate limits, counted by the `limits` library in memory or in Redis."""

from __future__ import annotations

import math
import time
from typing import Any

import structlog
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import Storage, storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from moderation.errors import RateLimited
from moderation.settings import Settings, SettingsError

STORAGE_TIMEOUT_S = 0.5
PAUSE_S = 5
"""How long nothing is counted after the storage failed."""

PURPOSES = ("author", "address", "sign_in", "account", "second_factor", "report")
"""What is counted, each by the setting ``rate_limit_`` + its name."""

log = structlog.get_logger(__name__)


class RateLimiter:
    """Counts hits per purpose and key and refuses those beyond the settings' limits.

    Raises:
        SettingsError: a limit is not in the library's notation.
    """

    def __init__(self, settings: Settings) -> None:
        self._on = settings.rate_limits == "on"
        self._limits: dict[str, list[RateLimitItem]] = {}
        for purpose in PURPOSES:
            text = getattr(settings, f"rate_limit_{purpose}")
            try:
                self._limits[purpose] = parse_many(text)
            except ValueError:
                raise SettingsError(
                    f"rate_limit_{purpose}: expected something like '5/minute; 60/hour', "
                    f"found {text!r}"
                ) from None
        self._limiter = SlidingWindowCounterRateLimiter(
            _storage(settings.effective_rate_limit_storage_url)
        )
        self._paused_until_s = 0.0

    def hit(self, purpose: str, *key: str) -> None:
        """Count one hit for ``key``.

        Raises:
            RateLimited: with the seconds after which a try may succeed.
        """
        if not self._on or time.monotonic() < self._paused_until_s:
            return
        try:
            for limit in self._limits[purpose]:
                if self._limiter.hit(limit, purpose, *key):
                    continue
                reset = self._limiter.get_window_stats(limit, purpose, *key).reset_time
                wait_s = max(1, math.ceil(reset - time.time()))
                raise RateLimited(
                    f"At most {limit.amount} per {limit.multiples} {limit.GRANULARITY.name}; "
                    f"try again in {wait_s} seconds".replace("per 1 ", "per "),
                    retry_after_s=wait_s,
                )
        except StorageError as error:
            # Losing the counter must not lose comments; a person still looks at each of them.
            # Nor may each of them wait for it.
            log.warning("rate_limits_not_counted", error=str(error), for_s=PAUSE_S)
            self._paused_until_s = time.monotonic() + PAUSE_S

    def storage_answers(self) -> bool:
        """Whether the place of the counting is there just now."""
        try:
            return bool(self._limiter.storage.check())
        except StorageError:
            return False


def _storage(url: str) -> Storage:
    options: dict[str, Any] = {}
    if url.startswith(("redis://", "rediss://")):
        # Not at the top: the embedded default does without the library's memory. The package by
        # itself first: two threads that import a module of it and the package at the same moment
        # wait for each other, and Python then hands one of them a package half read.
        import redis  # noqa: F401
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options = {
            "socket_timeout": STORAGE_TIMEOUT_S,
            "socket_connect_timeout": STORAGE_TIMEOUT_S,
            # Once more, for a connection that Redis has closed in the meantime.
            "retry": Retry(NoBackoff(), 1),
        }
    return storage_from_string(url, wrap_exceptions=True, **options)
