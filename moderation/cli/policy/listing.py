"""`moderation policy list` and `show`: what is in force, and where it comes from."""

from __future__ import annotations

import click

from moderation.cli.people import as_json, show, wired
from moderation.cli.policy.options import find_policy, origin, policies_in_force
from moderation.domain.policy.written import as_toml
from moderation.wiring import Wiring


@click.command("list")
@as_json
@wired
def list_policies(wiring: Wiring, as_json: bool) -> None:
    """List the policies in force: by their files, or as changed at the desk."""
    book = policies_in_force(wiring)
    told = [
        {
            "name": name,
            "preset": str(policy.preset),
            "version": policy.version,
            "from": origin(book, name),
        }
        for name, policy in sorted(book.policies.items())
    ]
    show(told, as_json)


@click.command("show")
@click.argument("name")
@wired
def show_policy(wiring: Wiring, name: str) -> None:
    """Print the policy NAME that is in force, as the file that would describe it."""
    click.echo(as_toml(find_policy(wiring, name)), nl=False)
