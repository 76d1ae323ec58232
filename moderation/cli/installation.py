"""Looking after the installation: schema, settings, counts, health."""

from __future__ import annotations

import json
import shutil
import sys

import click

from moderation.cli.people import wired
from moderation.settings import load_settings, shown
from moderation.wiring import Wiring


@click.group()
def db() -> None:
    """The database's schema."""


@db.command("upgrade")
@wired
def upgrade(wiring: Wiring) -> None:
    """Bring the schema up to date. Run it before starting a new version."""
    from moderation.adapters import schema

    before = wiring.database.revision()
    schema.upgrade(wiring.database.url)
    after = wiring.database.revision()
    click.echo(f"The schema is at {after}" + ("" if before == after else f" (was: {before})"))


@click.command()
def config() -> None:
    """Print the settings in force, and the variable that sets each."""
    for name, value in shown(load_settings()).items():
        click.echo(f"MODERATION_{name.upper()}={value}")


@click.group()
def counts() -> None:
    """The public counts."""


@counts.command("check")
@wired
def check(wiring: Wiring) -> None:
    """Recount every article; print each difference; exit code 1 if there is one."""
    from moderation.services.counts import count_articles, find_drift

    with wiring.database.read() as session:
        drift, number = find_drift(session), count_articles(session)
    for found in drift:
        click.echo(
            f"site {found.site_id} article {found.article_id}: "
            f"stored {found.stored}, counted {found.counted}"
        )
    if drift:
        sys.exit(1)
    click.echo(f"All counts are exact: {number} articles")


@click.command()
@wired
def openapi(wiring: Wiring) -> None:
    """Print the OpenAPI document."""
    from moderation.web import create_app

    with create_app(wiring).test_client() as client:
        click.echo(json.dumps(client.get("/openapi.json").json, indent=2, sort_keys=True))


@click.command()
def doctor() -> None:
    """Say what is wrong with this installation, and how to mend it.

    Exit code 1 if something is wrong; what is only worth knowing does not count.
    """
    from moderation.cli.doctor import MARKS, State, as_lines, examine_this, in_short

    findings = examine_this()
    mark = len(MARKS[State.OK])
    for line, colour in as_lines(findings, width=min(shutil.get_terminal_size().columns, 100)):
        click.echo((click.style(line[:mark], fg=colour) if colour else line[:mark]) + line[mark:])
    click.echo(f"\n{in_short(findings)}")
    if any(finding.state is State.WRONG for finding in findings):
        sys.exit(1)
