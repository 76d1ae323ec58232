"""The rate limiter's counting, in memory and in Redis. What clients see is tested at the door."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from factories import settings_for
from processes import free_port

from moderation.adapters import rate_limits
from moderation.adapters.rate_limits import RateLimiter
from moderation.errors import RateLimited
from moderation.settings import Settings, SettingsError


@pytest.fixture(params=["memory", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    broker = "" if request.param == "memory" else request.getfixturevalue("redis_url")
    limits = {"rate_limits": "on", "rate_limit_author": "3/minute; 5/hour"}
    return settings_for(tmp_path, broker_url=broker, **limits)


def hits(limiter: RateLimiter, *key: str, tries: int = 10, purpose: str = "author") -> int:
    """How many of the tries were let through."""
    through = 0
    for _ in range(tries):
        try:
            limiter.hit(purpose, *key)
            through += 1
        except RateLimited:
            pass
    return through


def test_the_limit_is_let_through_and_not_one_more(settings: Settings) -> None:
    limiter = RateLimiter(settings)
    assert hits(limiter, "site", "ada") == 3
    with pytest.raises(RateLimited, match="At most 3 per minute; try again in") as caught:
        limiter.hit("author", "site", "ada")
    assert 1 <= caught.value.retry_after_s <= 60


def test_keys_and_purposes_are_counted_apart(settings: Settings) -> None:
    limiter = RateLimiter(settings)
    assert hits(limiter, "site", "ada") == 3
    assert hits(limiter, "site", "grace") == 3
    assert hits(limiter, "other site", "ada") == 3
    assert hits(limiter, "site", "ada", purpose="address") == 10


def test_switched_off_it_lets_everything_through(tmp_path: Path) -> None:
    limiter = RateLimiter(settings_for(tmp_path, rate_limits="off", rate_limit_author="1/day"))
    assert hits(limiter, "site", "ada") == 10


def test_processes_share_the_count_where_there_is_a_redis(tmp_path: Path, redis_url: str) -> None:
    limits = {"rate_limits": "on", "rate_limit_author": "3/minute"}
    settings = settings_for(tmp_path, broker_url=redis_url, **limits)
    one, other = RateLimiter(settings), RateLimiter(settings)
    assert hits(one, "site", "ada", tries=2) + hits(other, "site", "ada") == 3


def test_a_limit_in_another_notation_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="rate_limit_author: expected something like"):
        RateLimiter(settings_for(tmp_path, rate_limit_author="often"))


def test_comments_are_taken_while_redis_is_down(tmp_path: Path) -> None:
    url = f"redis://127.0.0.1:{free_port()}/0"
    limits = {"rate_limits": "on", "rate_limit_author": "1/day"}
    limiter = RateLimiter(settings_for(tmp_path, broker_url=url, **limits))
    assert hits(limiter, "site", "ada", tries=3) == 3


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield listener.getsockname()[1]


def test_comments_are_taken_soon_while_redis_hangs(tmp_path: Path, silent_port: int) -> None:
    url = f"redis://127.0.0.1:{silent_port}/0"
    limits = {"rate_limits": "on", "rate_limit_author": "1/day"}
    limiter = RateLimiter(settings_for(tmp_path, broker_url=url, **limits))
    started = time.monotonic()
    assert hits(limiter, "site", "ada", tries=20) == 20
    assert time.monotonic() - started < 4


def test_counting_goes_on_when_redis_is_back(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "PAUSE_S", 0.01)
    limits = {"rate_limits": "on", "rate_limit_author": "2/minute"}
    limiter = RateLimiter(settings_for(tmp_path, broker_url=redis_url, **limits))
    assert hits(limiter, "site", "ada", tries=1) == 1
    with redis.Redis.from_url(redis_url) as client:
        client.client_kill_filter(_type="normal", skipme=True)  # as a restart would
    assert hits(limiter, "site", "ada") == 1


TWO_THREADS = """
import sys, threading, time
import limits.storage.redis
from moderation.adapters import rate_limits

begun, failed = threading.Event(), []

class Slow:  # so that the second thread comes while the first still reads the package
    def find_spec(self, name, path=None, target=None):
        if name.startswith("redis"):
            begun.set()
            time.sleep(0.02)

sys.meta_path.insert(0, Slow())

def second():
    begun.wait()
    try:
        rate_limits._storage("redis://127.0.0.1:1/0")
    except Exception as error:
        failed.append(repr(error))

thread = threading.Thread(target=second)
thread.start()
import redis
thread.join()
sys.exit("; ".join(failed) or 0)
"""


def test_the_first_requests_may_come_together() -> None:
    """One thread's import of redis once left the other with a package half read: a 500."""
    ended = subprocess.run([sys.executable, "-c", TWO_THREADS], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
