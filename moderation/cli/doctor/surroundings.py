"""What the service stands on: Python, settings, folders, web, rate limits, broker."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from ipaddress import ip_address
from pathlib import Path

from sqlalchemy import make_url

from moderation.adapters.broker import ping_broker
from moderation.adapters.rate_limits import STORAGE_TIMEOUT_S
from moderation.cli.doctor.finding import Finding, good, hint, reason, wrong
from moderation.settings import Settings, SettingsError, load_settings
from moderation.wiring import Wiring

PYTHON = (3, 11)
FREE_AT_LEAST_MB = 100
FREE_BETTER_MB = 1000


def python_version(_wiring: Wiring) -> Iterator[Finding]:
    found, wanted = sys.version_info[:2], ".".join(map(str, PYTHON))
    running = ".".join(map(str, sys.version_info[:3]))
    mend = f"Install Python {wanted}, remove .venv, and run: make install"
    if found < PYTHON:
        yield wrong("Python", f"{running} is too old: {wanted} is needed", mend)
    elif found > PYTHON:
        yield hint("Python", f"{running}; this version was tested on {wanted} only", mend)
    else:
        yield good("Python", running)


def settings(wiring: Wiring) -> Iterator[Finding]:
    usual, found = asdict(load_settings({})), asdict(wiring.settings)
    changed = [name for name, value in found.items() if value != usual[name]]
    yield good("Settings", f"changed: {', '.join(changed)}" if changed else "all at their defaults")


def folders(wiring: Wiring) -> Iterator[Finding]:
    now = wiring.settings
    places = {now.var_path: "var_dir"}
    # `Wiring.database` would make the folder.
    if now.is_sqlite and (file := make_url(now.effective_database_url).database):
        places.setdefault(Path(file).resolve().parent, "the database's folder")
    for folder, role in places.items():
        yield _folder(folder, role)


def _folder(folder: Path, role: str) -> Finding:
    what = "Folders"
    if not folder.exists():
        mend = f"Starting the service makes it; or:\n$ mkdir -p {folder}"
        return hint(what, f"{folder} ({role}) is not there yet", mend)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        mend = (
            f"Give the account that runs the service the right to write in it:\n$ ls -ld {folder}"
        )
        return wrong(what, f"{folder} ({role}) is no folder this account may write in", mend)
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    detail = f"{folder} ({role}): writable, {free_mb / 1000:.1f} GB free"
    mend = f"Make room on its disk:\n$ df -h {folder}"
    if free_mb < FREE_AT_LEAST_MB:
        return wrong(what, f"{folder} ({role}): only {free_mb} MB free", mend)
    return hint(what, detail, mend) if free_mb < FREE_BETTER_MB else good(what, detail)


# --- Web ----------------------------------------------------------------------------------------


def web(wiring: Wiring) -> Iterator[Finding]:
    now = wiring.settings
    if not _is_loopback(now.http_host) and not now.trusted_proxies:
        yield hint(
            "Web",
            f"takes requests on {now.http_host} and trusts no proxy: behind one, all readers "
            "share its address and its rate limit",
            "Behind one proxy set MODERATION_TRUSTED_PROXIES=1; without one leave it.",
        )
        return
    behind = f", behind {now.trusted_proxies} trusted" if now.trusted_proxies else ""
    yield good("Web", f"{now.http_host}:{now.http_port}{behind}, {_processes(now)}")


def _processes(now: Settings) -> str:
    return f"processes x threads: {now.http_workers} x {now.http_threads}"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def rate_limits(wiring: Wiring) -> Iterator[Finding]:
    what, now = "Rate limits", wiring.settings
    try:
        limiter = wiring.rate_limiter
    except SettingsError as error:
        yield wrong(what, str(error), "Write it like 10/minute; 100/hour")
        return
    except Exception as error:  # the library's own, for a URL it does not know
        mend = "Set MODERATION_RATE_LIMIT_STORAGE_URL=redis://host:6379/1 or leave it empty."
        yield wrong(what, f"rate_limit_storage_url is not usable: {reason(error)}", mend)
        return
    if now.rate_limits == "off":
        yield hint(what, "off: anybody may post without end", "Set MODERATION_RATE_LIMITS=on")
        return
    if now.effective_rate_limit_storage_url == "memory://":
        if now.http_workers > 1:
            yield hint(
                what,
                f"each of the {now.http_workers} web processes counts alone, so readers may post "
                f"{now.http_workers} times as much",
                "Set MODERATION_RATE_LIMIT_STORAGE_URL=redis://host:6379/1",
            )
            return
        yield good(what, "on, counted in the web process")
        return
    if not limiter.storage_answers():
        yield wrong(
            what,
            f"the Redis they are counted in does not answer within {STORAGE_TIMEOUT_S} s: "
            "nothing is limited",
            "Start it, or correct MODERATION_RATE_LIMIT_STORAGE_URL.",
        )
        return
    yield good(what, "on, counted for all processes together")


# --- Broker -------------------------------------------------------------------------------------


def broker(wiring: Wiring) -> Iterator[Finding]:
    what, now = "Broker", wiring.settings
    if now.embedded_broker:
        yield _embedded_broker(wiring)
        return
    try:
        ping_broker(now)
    except Exception as error:  # each transport has errors of its own
        yield wrong(
            what,
            f"does not answer: {type(error).__name__}: {_without_password(reason(error), now)}\n"
            "Comments are accepted, and scored once it is back.",
            "Start it, or correct MODERATION_BROKER_URL.",
        )
        return
    kind = now.broker_url.partition(":")[0]
    if kind in ("redis", "rediss"):
        yield _redis(now)
    else:
        yield good(what, f"{kind} answers")


def _embedded_broker(wiring: Wiring) -> Finding:
    what, folder = "Broker", wiring.settings.embedded_broker_path / "messages"
    if not wiring.settings.is_sqlite:
        return hint(
            what,
            "embedded, with a database server: only workers on this machine hear at once of a "
            "comment, those on others find it with the next sweep",
            "For several machines set MODERATION_BROKER_URL=redis://host:6379/0",
        )
    if not folder.exists():
        return good(what, "embedded; its folder is made with the first start")
    if not os.access(folder, os.W_OK | os.X_OK):
        mend = (
            f"Give the account that runs the service the right to write in it:\n$ ls -ld {folder}"
        )
        return wrong(what, f"embedded, but {folder} is not writable", mend)
    return good(what, "embedded, for this machine alone")


def _redis(now: Settings) -> Finding:
    from redis import Redis  # the embedded default does without its memory

    with Redis.from_url(now.broker_url, socket_timeout=5, socket_connect_timeout=4) as client:
        memory, server = client.info("memory"), client.info("server")
    told = f"Redis {server.get('redis_version', '')} answers"
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return wrong(
            "Broker",
            f"{told}, but under maxmemory-policy {policy} it may throw away queues when full",
            "$ redis-cli config set maxmemory-policy noeviction\nand the same in redis.conf",
        )
    return good("Broker", told)


def _without_password(text: str, now: Settings) -> str:
    secret = now.broker_url.partition("://")[2].rpartition("@")[0].partition(":")[2]
    return text.replace(secret, "***") if secret else text
