"""Rate limits, counted by the `limits` library in memory or in Redis."""

from __future__ import annotations

import math
import time

import structlog
from limits import RateLimitItem, parse_many
from limits.errors import StorageError
from limits.storage import storage_from_string
from limits.strategies import SlidingWindowCounterRateLimiter

from moderation.errors import RateLimited
from moderation.settings import Settings, SettingsError

log = structlog.get_logger(__name__)


class RateLimiter:
    """Counts hits per purpose and key and refuses those beyond the settings' limits.

    Raises:
        SettingsError: a limit is not in the library's notation.
    """

    def __init__(self, settings: Settings) -> None:
        self._on = settings.rate_limits == "on"
        self._limits: dict[str, list[RateLimitItem]] = {}
        for purpose in ("author", "address", "sign_in"):
            text = getattr(settings, f"rate_limit_{purpose}")
            try:
                self._limits[purpose] = parse_many(text)
            except ValueError:
                raise SettingsError(
                    f"rate_limit_{purpose}: expected something like '5/minute; 60/hour', "
                    f"found {text!r}"
                ) from None
        storage = storage_from_string(
            settings.effective_rate_limit_storage_url, wrap_exceptions=True
        )
        self._limiter = SlidingWindowCounterRateLimiter(storage)

    def hit(self, purpose: str, *key: str) -> None:
        """Count one hit for ``key``.

        Raises:
            RateLimited: with the seconds after which a try may succeed.
        """
        if not self._on:
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
            log.warning("rate_limits_not_counted", error=str(error))
