"""Sites, articles, staff and tokens from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import click

from moderation.adapters.logs import configure_logs
from moderation.domain.site import Site
from moderation.domain.staff import OPERATOR, Role, Scope
from moderation.errors import UnknownSite
from moderation.services import access, accounts, identities, invitations, passwords, sites
from moderation.wiring import Wiring


def as_json(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(command)


def wired(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a command its wiring."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        wiring = Wiring()
        configure_logs(wiring.settings, part="cli")  # to stderr: stdout is the command's own
        return command(wiring, *args, **kwargs)

    return run


def show(payload: dict[str, Any] | list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(payload))
        return
    for row in payload if isinstance(payload, list) else [payload]:
        width = max(map(len, row), default=0)
        for name, value in row.items():
            click.echo(f"{name:<{width}}  {value}")
        click.echo()


# --- Sites and articles ------------------------------------------------------------------------


@click.group()
def site() -> None:
    """Sites: create, list, change."""


@site.command("create")
@click.argument("name")
@click.option("--key", "site_key", help="Its key; made up when left out. Pages show it: no secret.")
@click.option("--origin", "origins", multiple=True, help="Origin of its pages; repeatable.")
@click.option("--policy", default="strict", show_default=True)
@click.option("--guests/--no-guests", default=True, show_default=True)
@click.option(
    "--create-articles/--no-create-articles",
    default=True,
    show_default=True,
    help="Whether a first comment makes its article known.",
)
@as_json
@wired
def create_site(
    wiring: Wiring,
    name: str,
    site_key: str | None,
    origins: tuple[str, ...],
    policy: str,
    guests: bool,
    create_articles: bool,
    as_json: bool,
) -> None:
    """Make a site; prints its key and, this once, its SSO secret."""
    with wiring.database.write() as session:
        new = sites.create_site(
            session,
            wiring.keyring,
            wiring.policies,
            name=name,
            site_key=site_key,
            now=wiring.clock(),
            origins=origins,
            policy=policy,
            guests_allowed=guests,
            creates_articles=create_articles,
            edit_window_s=wiring.settings.edit_window_s,
        )
    show(
        {
            "id": new.site.id,
            "name": new.site.name,
            "site_key": new.site.site_key,
            "sso_secret": new.sso_secret,
        },
        as_json,
    )


@site.command("list")
@as_json
@wired
def list_sites(wiring: Wiring, as_json: bool) -> None:
    """List all sites."""
    with wiring.database.read() as session:
        show([_site(found) for found in sites.list_sites(session)], as_json)


@site.command("set")
@click.argument("site")
@click.option("--name")
@click.option("--origin", "origins", multiple=True, help="Replaces all origins; repeatable.")
@click.option("--policy")
@click.option("--guests/--no-guests", "guests_allowed", default=None)
@click.option("--create-articles/--no-create-articles", "creates_articles", default=None)
@click.option("--edit-window-s", type=click.IntRange(0))
@as_json
@wired
def set_site(wiring: Wiring, site: str, as_json: bool, **options: Any) -> None:
    """Change SITE (its id or key); what is not named stays."""
    changes = {k: v for k, v in options.items() if v is not None and v != ()}
    with wiring.database.write() as session:
        found = find_site(session, site)
        sites.change_site(found, wiring.policies, **changes)
        show(_site(found), as_json)


@site.command("rotate-secret")
@click.argument("site")
@as_json
@wired
def rotate_secret(wiring: Wiring, site: str, as_json: bool) -> None:
    """Give SITE a new SSO secret; readers' tokens under the old one stop working at once."""
    with wiring.database.write() as session:
        found = find_site(session, site)
        sso_secret = sites.rotate_sso_secret(found, wiring.keyring)
    show({"id": found.id, "sso_secret": sso_secret}, as_json)


@click.group()
def article() -> None:
    """Articles: open, close, policy of their own."""


@article.command("set")
@click.argument("site")
@click.argument("article_id")
@click.option("--state", type=click.Choice(["open", "closed"]))
@click.option("--policy", help="A preset's name; empty: the site's again.")
@click.option("--title")
@click.option("--url")
@as_json
@wired
def set_article(wiring: Wiring, site: str, article_id: str, as_json: bool, **options: Any) -> None:
    """Change an article of SITE, or make it known in advance."""
    changes = {k: v or None for k, v in options.items() if v is not None}
    with wiring.database.write() as session:
        found = sites.put_article(
            session,
            find_site(session, site),
            article_id,
            wiring.policies,
            now=wiring.clock(),
            **changes,
        )
        show(
            {
                "id": found.external_id,
                "state": found.state,
                "policy": found.policy,
                "count": found.approved_count,
            },
            as_json,
        )


def find_site(session: Any, site: str) -> Site:
    """A site by id or key. Raises UnknownSite."""
    for found in sites.list_sites(session):
        if site in (found.id, found.site_key):
            return found
    raise UnknownSite(f"No site has the id or key {site!r}; moderation site list shows them")


def _site(found: Site) -> dict[str, Any]:
    return {
        "id": found.id,
        "name": found.name,
        "site_key": found.site_key,
        "origins": found.origins,
        "policy": found.policy,
        "guests_allowed": found.guests_allowed,
        "creates_articles": found.creates_articles,
        "edit_window_s": found.edit_window_s,
    }


# --- Staff and tokens --------------------------------------------------------------------------


@click.group()
def staff() -> None:
    """Members of staff."""


@staff.command("create")
@click.argument("email")
@click.option("--role", type=click.Choice([str(r) for r in Role]), required=True)
@click.option("--name")
@click.option("--site", "site_keys", multiple=True, help="Only these sites; repeatable.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@as_json
@wired
def create_staff(
    wiring: Wiring,
    email: str,
    role: str,
    name: str | None,
    site_keys: tuple[str, ...],
    password_stdin: bool,
    as_json: bool,
) -> None:
    """Make an account. Without --password-stdin it gets a one-time password, which is printed."""
    password = _password_from_stdin() if password_stdin else passwords.new_one_time_password()
    with wiring.database.write() as session:
        made = access.create_staff(
            session,
            email=email,
            password=password,
            role=Role(role),
            name=name,
            now=wiring.clock(),
            site_ids=[find_site(session, key).id for key in site_keys] or None,
            one_time=not password_stdin,
        )
    shown = {"id": made.id, "email": made.email, "role": made.role}
    show(shown if password_stdin else {**shown, "one_time_password": password}, as_json)


@staff.command("password")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@as_json
@wired
def reset_password(wiring: Wiring, email: str, password_stdin: bool, as_json: bool) -> None:
    """Give an account a new password; without --password-stdin a one-time one, printed.

    Whoever is signed in with the old one is signed out.
    """
    password = _password_from_stdin() if password_stdin else passwords.new_one_time_password()
    new_hash = passwords.hashed(password)
    with wiring.database.write() as session:
        found = access.staff_by_email(session, email)
        accounts.reset_password(
            session,
            OPERATOR,
            found.id,
            new_hash=new_hash,
            one_time=not password_stdin,
            now=wiring.clock(),
        )
    shown = {"email": found.email}
    show(shown if password_stdin else {**shown, "one_time_password": password}, as_json)


@staff.command("close")
@click.argument("email")
@wired
def close_staff(wiring: Wiring, email: str) -> None:
    """Close an account: its sign-in and tokens stop at once, its decisions stay."""
    with wiring.database.write() as session:
        found = access.staff_by_email(session, email)
        accounts.close(session, OPERATOR, found.id, now=wiring.clock())


@staff.command("reopen")
@click.argument("email")
@wired
def reopen_staff(wiring: Wiring, email: str) -> None:
    """Open a closed account again, with the password it had."""
    with wiring.database.write() as session:
        found = access.staff_by_email(session, email)
        accounts.reopen(session, OPERATOR, found.id, now=wiring.clock())


@staff.command("invite")
@click.argument("email")
@click.option("--role", type=click.Choice([str(r) for r in Role]), required=True)
@click.option("--site", "site_keys", multiple=True, help="Only these sites; repeatable.")
@click.option(
    "--url",
    help="Where people reach this service, if not where it listens; the link begins with it.",
)
@as_json
@wired
def invite_staff(
    wiring: Wiring,
    email: str,
    role: str,
    site_keys: tuple[str, ...],
    url: str | None,
    as_json: bool,
) -> None:
    """Print a link with which EMAIL's owner makes the account; it works once."""
    url = url or f"http://{wiring.settings.http_host}:{wiring.settings.http_port}"
    with wiring.database.write() as session:
        new = invitations.invite(
            session,
            OPERATOR,
            email=email,
            role=Role(role),
            site_ids=[find_site(session, key).id for key in site_keys] or None,
            now=wiring.clock(),
            lifetime=timedelta(hours=wiring.settings.invitation_lifetime_h),
        )
    show(
        {
            "id": new.row.id,
            "email": new.row.email,
            "link": f"{url.rstrip('/')}{invitations.link_path(new.token)}",
            "expires_at": new.row.expires_at.isoformat(),
        },
        as_json,
    )


@staff.command("reset-second-factor")
@click.argument("email")
@wired
def reset_second_factor(wiring: Wiring, email: str) -> None:
    """Switch off the second factor of somebody who lost it; their password stays."""
    with wiring.database.write() as session:
        found = access.staff_by_email(session, email)
        was_on = accounts.reset_second_factor(session, OPERATOR, found.id, now=wiring.clock())
    click.echo("It is off now." if was_on else "It was not on.", err=True)


@staff.command("forget-identity")
@click.argument("email")
@wired
def forget_identity(wiring: Wiring, email: str) -> None:
    """Let the account be opened by whoever next has EMAIL at the identity provider.

    Where somebody got a new identity there: to others their account stays closed.
    """
    with wiring.database.write() as session:
        found = access.staff_by_email(session, email)
        identities.unbind(session, OPERATOR, found, now=wiring.clock())


@staff.command("list")
@as_json
@wired
def list_staff(wiring: Wiring, as_json: bool) -> None:
    """List all accounts."""
    with wiring.database.read() as session:
        show(
            [
                {
                    "id": found.id,
                    "email": found.email,
                    "role": found.role,
                    "active": found.is_active,
                    "site_ids": found.site_ids,
                }
                for found in access.list_staff(session)
            ],
            as_json,
        )


@click.group()
def token() -> None:
    """API tokens."""


@token.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([str(s) for s in Scope]),
    help="What it may do; repeatable.",
)
@click.option("--site", "site_keys", multiple=True, help="Only these sites; repeatable.")
@click.option("--staff", "email", help="Act for this member of staff.")
@click.option("--days", type=click.IntRange(1), help="Let it expire.")
@as_json
@wired
def create_token(
    wiring: Wiring,
    name: str,
    scopes: tuple[str, ...],
    site_keys: tuple[str, ...],
    email: str | None,
    days: int | None,
    as_json: bool,
) -> None:
    """Make a token; prints it this once."""
    now = wiring.clock()
    with wiring.database.write() as session:
        new = access.create_token(
            session,
            name=name,
            scopes=scopes,
            now=now,
            staff=access.staff_by_email(session, email) if email else None,
            site_ids=[find_site(session, key).id for key in site_keys] or None,
            expires_at=now + timedelta(days=days) if days else None,
        )
    show({"id": new.row.id, "token": new.token}, as_json)


@token.command("list")
@as_json
@wired
def list_tokens(wiring: Wiring, as_json: bool) -> None:
    """List tokens, without their texts: those are kept nowhere."""
    with wiring.database.read() as session:
        show(
            [
                {
                    "id": found.id,
                    "name": found.name,
                    "scopes": found.scopes,
                    "last_used_at": found.last_used_at and found.last_used_at.isoformat(),
                    "expires_at": found.expires_at and found.expires_at.isoformat(),
                    "revoked_at": found.revoked_at and found.revoked_at.isoformat(),
                }
                for found in access.list_tokens(session)
            ],
            as_json,
        )


@token.command("revoke")
@click.argument("token_id")
@wired
def revoke_token(wiring: Wiring, token_id: str) -> None:
    """Revoke a token at once."""
    with wiring.database.write() as session:
        access.revoke_token(session, token_id, now=wiring.clock())


def _password_from_stdin() -> str:
    return sys.stdin.readline().rstrip("\r\n")
