"""Which models there are, and which is in use."""

import importlib.util

import click

from moderation.errors import ModerationError
from moderation.scoring.bundle import read_manifest
from moderation.scoring.detoxify_model import NAMES as DETOXIFY_NAMES
from moderation.scoring.registry import COMPACT_FOLDER
from moderation.scoring.spam import SPAM_FOLDER


@click.command("list")
def list_models() -> None:
    """List the engines that a setting can name, and what the bundled models are."""
    for name, folder in (("compact", COMPACT_FOLDER), ("spam", SPAM_FOLDER)):
        try:
            manifest = read_manifest(folder)
        except ModerationError as error:
            click.echo(f"{name}: not usable. {error}")
            continue
        size_mb = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        click.echo(
            f"{name}: bundled, version {manifest['version']} of {manifest['made']}, "
            f"{size_mb:.1f} MB"
        )
    installed = importlib.util.find_spec("detoxify") is not None
    state = "installed" if installed else "needs the extra 'detoxify'"
    for name in DETOXIFY_NAMES:
        click.echo(f"detoxify:{name}: {state}; downloaded at the first use")
    click.echo(f"detoxify:PATH: {state}; a checkpoint with hf/ beside it")
