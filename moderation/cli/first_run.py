"""What a fresh installation starts with: a schema, a demo site and an administrator."""

from __future__ import annotations

import click

from moderation.adapters import schema
from moderation.domain.site import DEMO_SITE_KEY
from moderation.domain.staff import Role
from moderation.services import access, passwords, sites
from moderation.wiring import Wiring

ADMIN_EMAIL = "admin@localhost"


def prepare() -> None:
    """Upgrade the schema; on an installation with neither sites nor staff, make the first ones."""
    wiring = Wiring()
    schema.upgrade(wiring.database.url)
    wiring.keyring  # noqa: B018  (made now, so that web and worker find the same one)
    settings, now = wiring.settings, wiring.clock()
    with wiring.database.write() as session:
        if sites.list_sites(session) or access.list_staff(session):
            return
        sites.create_site(
            session,
            wiring.keyring,
            wiring.policies,
            name="Demo",
            site_key=DEMO_SITE_KEY,
            now=now,
            edit_window_s=settings.edit_window_s,
        )
        password = passwords.new_one_time_password()
        access.create_staff(
            session,
            email=ADMIN_EMAIL,
            password=password,
            role=Role.ADMIN,
            now=now,
            name="First administrator",
            one_time=True,
        )
    click.echo(
        "A new installation. Its first administrator, to sign in at the desk, shown this once:\n"
        f"  E-mail             {ADMIN_EMAIL}\n"
        f"  One-time password  {password}"
    )
