"""The `moderation` command in this process, over an installation of the test's own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import servers
from click.testing import CliRunner, Result

from moderation.cli import cli
from moderation.settings import load_settings
from moderation.wiring import Wiring


class Shell:
    """Runs `moderation` commands with an environment."""

    def __init__(self, **settings: object) -> None:
        self.environ = {f"MODERATION_{name.upper()}": str(v) for name, v in settings.items()}

    def run(self, *words: str, stdin: str = "") -> Result:
        result = CliRunner().invoke(cli, words, input=stdin, env=self.environ)
        # What click does not turn into an exit would be a traceback.
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def ok(self, *words: str, stdin: str = "") -> str:
        """What a command that works prints."""
        result = self.run(*words, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str, stdin: str = "") -> Any:
        return json.loads(self.ok(*words, "--json", stdin=stdin))

    def refused(self, *words: str, stdin: str = "") -> str:
        """What a command that must not work says; it changes nothing and is no traceback."""
        result = self.run(*words, stdin=stdin)
        assert result.exit_code in (1, 2), result.output
        assert "Traceback" not in result.output
        assert result.stderr
        return result.stderr

    def wiring(self) -> Wiring:
        return Wiring(load_settings(self.environ))


@pytest.fixture
def bare(tmp_path: Path) -> Shell:
    """A folder with nothing in it."""
    return Shell(var_dir=tmp_path / "var")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(var_dir=tmp_path_factory.mktemp("cli") / "var")
    shell.ok("db", "upgrade")
    return shell


@pytest.fixture
def shell(migrated: Shell) -> Shell:
    """An installation with a schema; shared, so tests name what they make apart."""
    return migrated


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shell]:
    """An installation on a database of each kind, without a schema."""
    if request.param == "sqlite":
        yield Shell(var_dir=tmp_path / "var")
        return
    server: servers.Postgres = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield Shell(var_dir=tmp_path / "var", database_url=url)
    server.drop_database(url)
