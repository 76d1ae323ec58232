"""The operators' door: every command of `moderation`."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

from moderation.errors import ModerationError

COMMANDS = {
    "up": "moderation.cli.run:up",
    "serve": "moderation.cli.run:serve",
    "worker": "moderation.cli.run:worker",
    "db": "moderation.cli.installation:db",
    "config": "moderation.cli.installation:config",
    "doctor": "moderation.cli.installation:doctor",
    "counts": "moderation.cli.installation:counts",
    "openapi": "moderation.cli.installation:openapi",
    "site": "moderation.cli.people:site",
    "article": "moderation.cli.people:article",
    "staff": "moderation.cli.people:staff",
    "demo": "moderation.cli.demo:demo",
    "token": "moderation.cli.people:token",
    "models": "moderation.cli.models:models",
    "score": "moderation.cli.score:score",
    "rescore": "moderation.cli.rescore:rescore",
    "policy": "moderation.cli.policy:policy",
    "likeness": "moderation.cli.likeness:likeness",
}
"""Name -> where it is. Imported when called, so that no command waits for another's libraries."""


class LazyGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        place = COMMANDS.get(name)
        if place is None:
            return None
        module, _, attribute = place.partition(":")
        return getattr(importlib.import_module(module), attribute)

    def invoke(self, ctx: click.Context) -> Any:
        # What goes wrong foreseeably is told in a sentence, not in a traceback.
        try:
            return super().invoke(ctx)
        except ModerationError as error:
            lines = [error.detail]
            for field, messages in (error.errors or {}).items():
                lines += [f"  {field}: {message}" for message in messages]
            raise click.ClickException("\n".join(lines)) from error
        except ValueError as error:
            if type(error) is ValueError:
                raise  # a bug; settings, policies and keys have classes of their own
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            raise click.ClickException(str(error)) from error
        except Exception as error:
            if not type(error).__module__.startswith("sqlalchemy."):
                raise
            cause = str(getattr(error, "orig", None) or error).strip()
            raise click.ClickException(
                f"The database does not do what was asked: {cause}\n"
                "Is its schema up to date (moderation db upgrade)? See also: moderation doctor"
            ) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="moderation")
def cli() -> None:
    """Comment moderation that newsrooms run themselves."""


def main() -> None:
    """Entry point of the `moderation` command."""
    try:
        cli()
    except BrokenPipeError:
        sys.exit(1)
