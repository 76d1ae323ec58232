"""Examining an installation: what is wrong with it, and how to mend it.

``examine`` runs an ordered list of checks. Each looks at one thing and yields findings; what a
check raises becomes a finding too, so that one broken part never hides the others. Checks that
need the database are left out while it does not answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from moderation.cli.doctor import contents, database, keys, rules, surroundings
from moderation.cli.doctor.finding import (
    MARKS,
    Check,
    Finding,
    State,
    as_lines,
    hint,
    in_short,
    reason,
    wrong,
)
from moderation.settings import SettingsError
from moderation.wiring import Wiring

__all__ = ["MARKS", "Finding", "State", "as_lines", "examine", "examine_this", "in_short"]

FIRST: dict[str, Check] = {
    "Python": surroundings.python_version,
    "Settings": surroundings.settings,
    "Folders": surroundings.folders,
    "Web": surroundings.web,
    "Rate limits": surroundings.rate_limits,
    "Broker": surroundings.broker,
    "Secret key": keys.secret_key,
    "Policies": rules.policies,
    "Spam signals": rules.spam_signals,
    "Model files": rules.model_files,
    "Model": rules.model,
    "Database": database.answers,
}
ON_A_DATABASE: dict[str, Check] = {
    "Schema": database.is_at_head,
    "SQLite": database.sqlite,
    "Connections": database.connections,
    "Clock": database.clock,
}
ON_A_SCHEMA: dict[str, Check] = {
    "SSO secrets": keys.sso_secrets,
    "Sites": contents.sites,
    "Policies in use": contents.policies_in_use,
    "Staff": contents.staff,
    "Comments": contents.waiting_comments,
    "Counts": contents.count_drift,
}


def examine(wiring: Wiring) -> list[Finding]:
    """Look at everything that commonly goes wrong; changes nothing and raises nothing.

    The model is loaded to score a text, so this takes a second or two.
    """
    findings: list[Finding] = []
    for checks in (FIRST, ON_A_DATABASE, ON_A_SCHEMA):
        for what, check in checks.items():
            findings += _looked(what, check, wiring)
        broken = {finding.what for finding in findings if finding.state is State.WRONG}
        if blocked := broken & {"Database", "Schema"}:
            part = blocked.pop().lower()
            findings.append(
                hint("Contents", f"sites, staff, comments: not looked at, for want of the {part}")
            )
            break
    return findings


def examine_this() -> list[Finding]:
    """``examine`` the installation that files and variables describe, if they can be read."""
    try:
        wiring = Wiring()
    except SettingsError as error:
        return [
            wrong(
                "Settings",
                f"not usable; nothing else was looked at\n{error}",
                "Correct these; config/defaults.toml explains every setting.",
            )
        ]
    return examine(wiring)


def _looked(what: str, check: Check, wiring: Wiring) -> Iterator[Finding]:
    try:
        yield from check(wiring)
    except Exception as error:  # a doctor that falls ill helps nobody
        yield wrong(what, f"could not be looked at: {type(error).__name__}: {reason(error)}")
