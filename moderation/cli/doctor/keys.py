"""The secret key, and what was sealed with it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from moderation.cli.doctor.finding import Finding, amount, good, hint, listed, reason, wrong
from moderation.keyring import KeyringError
from moderation.services.sites import list_sites
from moderation.wiring import Wiring

NEW_KEY = "$ python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


def secret_key(wiring: Wiring) -> Iterator[Finding]:
    what, path = "Secret key", _key_file(wiring)
    if not _has_key(wiring):
        # Asking for the keyring would make one.
        yield hint(what, f"none yet; the first start makes one in {path}")
        return
    try:
        wiring.keyring  # noqa: B018
    except KeyringError as error:
        mend = f"Set MODERATION_SECRET_KEY to what this prints:\n{NEW_KEY}"
        if not wiring.settings.secret_key:
            mend = f"Restore {path} from a backup, or remove it: then the next start makes one."
        yield wrong(what, reason(error), mend)
        return
    except (OSError, UnicodeDecodeError) as error:
        yield wrong(what, f"{path} cannot be read: {reason(error)}", f"$ ls -l {path}")
        return
    if wiring.settings.secret_key:
        yield good(what, "set, and long enough")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        mend = f"$ chmod 600 {path}"
        yield wrong(what, f"others on this machine may read {path} (mode {mode:04o})", mend)
    elif not wiring.settings.is_sqlite:
        yield hint(
            what,
            f"kept in {path}; with a database server there may be other machines, and all need "
            "the same",
            f"On each set MODERATION_SECRET_KEY to what this prints:\n$ cat {path}",
        )
    else:
        yield good(what, f"in {path}, for its owner only")


def sso_secrets(wiring: Wiring) -> Iterator[Finding]:
    what = "SSO secrets"
    with wiring.database.read() as session:
        sites = list_sites(session)
    if not sites:
        return
    if not _has_key(wiring):
        mend = (
            "Restore the key these sites were made under: MODERATION_SECRET_KEY, or the file\n"
            f"{_key_file(wiring)}"
        )
        yield wrong(what, f"{amount(len(sites), 'site')} and no secret key to read them", mend)
        return
    try:
        keyring = wiring.keyring
    except (KeyringError, OSError, UnicodeDecodeError):
        return  # told already
    unreadable = []
    for site in sites:
        try:
            keyring.unseal(site.sealed_sso_secret)
        except (KeyringError, UnicodeDecodeError):
            unreadable.append(site.site_key)
    if unreadable:
        yield wrong(
            what,
            f"sealed under another secret key: {listed(unreadable)}. Their readers cannot sign in",
            "Restore the key they were made under (MODERATION_SECRET_KEY), or give each a new "
            f"secret:\n$ moderation site rotate-secret {unreadable[0]}",
        )
        return
    yield good(what, f"readable: {amount(len(sites), 'site')}")


def _key_file(wiring: Wiring) -> Path:
    return wiring.settings.var_path / "secret_key"


def _has_key(wiring: Wiring) -> bool:
    return bool(wiring.settings.secret_key) or os.path.lexists(_key_file(wiring))
