"""The demo site from the command line."""

from __future__ import annotations

import click

from moderation.cli.people import wired
from moderation.domain.site import DEMO_SITE_KEY
from moderation.services import examples
from moderation.wiring import Wiring


@click.group()
def demo() -> None:
    """The demo site."""


@demo.command("fill")
@wired
def fill(wiring: Wiring) -> None:
    """Post a dozen example comments under the demo article, to have something to moderate."""
    with wiring.database.read() as session:
        offered = examples.are_offered(session)
    if not offered:
        click.echo(f"Nothing to do: no site has the key {DEMO_SITE_KEY}, or they are there already")
        return
    with wiring.database.write() as session:
        posted = examples.post(session, now=wiring.clock())
    click.echo(f"Posted {posted} comments; they wait in the queue once a worker has scored them")
