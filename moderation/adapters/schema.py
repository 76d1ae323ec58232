"""The schema of the database: bringing it up to date, and saying whether it is."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy.engine import URL

from moderation.settings import ROOT


def alembic_config(url: URL) -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["url"] = url
    return config


def upgrade(url: URL, revision: str = "head") -> None:
    """Bring the schema to ``revision``. Nothing to do is fine."""
    command.upgrade(alembic_config(url), revision)


def head(url: URL) -> str:
    """The revision this code is written for."""
    found = ScriptDirectory.from_config(alembic_config(url)).get_current_head()
    assert found is not None
    return found


def is_known(url: URL, revision: str) -> bool:
    """Whether this code has heard of ``revision``; not of one that a later version made."""
    try:
        return ScriptDirectory.from_config(alembic_config(url)).get_revision(revision) is not None
    except CommandError:
        return False
