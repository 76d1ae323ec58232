"""Schema, settings, counts: looking after an installation on the command line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from sqlalchemy import inspect, update
from stacks import MODERATION

from moderation.adapters import schema
from moderation.adapters.database import make_engine
from moderation.cli import COMMANDS
from moderation.domain.base import Base
from moderation.domain.site import Article
from moderation.settings import load_settings

if TYPE_CHECKING:
    from conftest import Shell


# --- Schema ------------------------------------------------------------------------------------


def tables(shell: Shell) -> set[str]:
    engine = make_engine(shell.wiring().database.url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_the_schema_goes_up_from_nothing_down_to_nothing_and_up_again(
    empty_database: Shell,
) -> None:
    wanted = set(Base.metadata.tables) | {"alembic_version"}
    head = schema.head(empty_database.wiring().database.url)
    assert empty_database.ok("db", "upgrade") == f"The schema is at {head} (was: None)\n"
    assert tables(empty_database) == wanted
    # Doing it again is fine.
    assert empty_database.ok("db", "upgrade") == f"The schema is at {head}\n"

    url = empty_database.wiring().database.url
    command.downgrade(schema.alembic_config(url), "base")
    assert tables(empty_database) == {"alembic_version"}
    empty_database.ok("db", "upgrade")
    assert tables(empty_database) == wanted


def test_the_schema_is_what_the_code_says(empty_database: Shell) -> None:
    empty_database.ok("db", "upgrade")
    command.check(schema.alembic_config(empty_database.wiring().database.url))


def test_machines_that_upgrade_at_once_take_turns(bare: Shell, postgres_url: str) -> None:
    bare.environ["MODERATION_DATABASE_URL"] = postgres_url
    running = [
        subprocess.Popen(
            [*MODERATION, "db", "upgrade"],
            env={**os.environ, **bare.environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    for process in running:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0, output
    assert bare.json("site", "list") == []


def test_a_missing_schema_is_told_with_what_to_do(bare: Shell) -> None:
    assert "moderation db upgrade" in bare.refused("site", "list")
    assert "moderation db upgrade" in bare.refused("counts", "check")


def test_a_database_that_is_not_there_is_told(bare: Shell) -> None:
    bare.environ["MODERATION_DATABASE_URL"] = "postgresql://nobody@127.0.0.1:1/none"
    assert "refused" in bare.refused("db", "upgrade")
    assert "refused" in bare.refused("site", "list")


# --- Settings ----------------------------------------------------------------------------------


def test_config_lists_one_variable_a_setting(bare: Shell) -> None:
    bare.environ["MODERATION_HTTP_PORT"] = "9000"
    lines = bare.ok("config").splitlines()
    shown = dict(line.split("=", 1) for line in lines)
    names = {f"MODERATION_{name.upper()}" for name in load_settings({}).__dataclass_fields__}
    assert set(shown) == names
    assert shown["MODERATION_HTTP_PORT"] == "9000"


def test_config_shows_no_secret(bare: Shell) -> None:
    bare.environ |= {
        "MODERATION_SECRET_KEY": "a secret key of more than 32 characters",
        "MODERATION_DATABASE_URL": "postgresql://user:hunter2@db.example/name",
        "MODERATION_BROKER_URL": "redis://:hunter2@broker.example/0",
    }
    shown = bare.ok("config")
    assert "hunter2" not in shown
    assert "a secret key" not in shown
    assert "db.example/name" in shown


def test_wrong_settings_are_all_told_at_once(bare: Shell, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('log_level = "loud"\nhttp_prot = 1\n')
    bare.environ |= {
        "MODERATION_CONFIG": str(file),
        "MODERATION_HTTP_PORT": "many",
        "MODERATION_RATE_LIMIT": "on",
    }
    told = bare.refused("config")
    assert "log_level: expected one of debug, info, warning, error, found 'loud'" in told
    assert "http_prot: unknown setting; did you mean http_port?" in told
    assert "MODERATION_HTTP_PORT: http_port: expected a whole number, found 'many'" in told
    assert "MODERATION_RATE_LIMIT: unknown setting; did you mean rate_limits?" in told


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("CONFIG", "/nowhere/own.toml", "cannot be read"),
        ("SECRET_KEY", "short", "at least 32 characters, this one has 5"),
        ("POLICIES_DIR", "/nowhere", "/nowhere"),
        ("DATABASE_URL", "oracle://x", "DATABASE_URL: database_url: expected a URL with sqlite:"),
        ("DATABASE_URL", "postgres://x", "sqlite://, postgresql://"),
        ("DATABASE_URL", "nonsense", "sqlite://, postgresql://"),
        ("BROKER_URL", "kafka://x", "redis://, rediss://, amqp://, amqps://"),
        ("RATE_LIMIT_STORAGE_URL", "etcd://x", "memory://, redis://, rediss://"),
    ],
)
def test_settings_that_cannot_work_are_told(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str
) -> None:
    monkeypatch.setattr(shell, "environ", {**shell.environ, f"MODERATION_{name}": value})
    assert told in shell.refused("site", "create", "X")


# --- Counts ------------------------------------------------------------------------------------


def test_counts_check_tells_each_difference_and_fails(empty_database: Shell) -> None:
    shell = empty_database
    shell.ok("db", "upgrade")
    site = shell.json("site", "create", "Daily")
    for article in ("right", "wrong"):
        shell.ok("article", "set", site["site_key"], article)
    assert shell.ok("counts", "check") == "All counts are exact: 2 articles\n"

    with shell.wiring().database.write() as session:
        planted = update(Article).where(Article.external_id == "wrong").values(approved_count=3)
        session.execute(planted)
    result = shell.run("counts", "check")
    assert result.exit_code == 1
    assert result.output == f"site {site['id']} article wrong: stored 3, counted 0\n"


# --- The rest ----------------------------------------------------------------------------------


def test_openapi_prints_the_document(shell: Shell) -> None:
    document = json.loads(shell.ok("openapi"))
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/comments" in document["paths"]


def test_every_command_explains_itself(shell: Shell) -> None:
    overview = shell.ok("--help")
    for name in COMMANDS:
        assert f"\n  {name} " in overview
        assert "Usage:" in shell.ok(name, "--help")
    assert "version" in shell.ok("--version")


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, bare: Shell) -> None:
    blocked = tmp_path / "a-file"
    blocked.write_text("")
    bare.environ["MODERATION_VAR_DIR"] = str(blocked / "var")
    for words in (["up"], ["db", "upgrade"], ["site", "list"]):
        assert "a-file" in bare.refused(*words)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["serve", "--port", "0"],
        ["serve", "--port", "many"],
        ["serve", "--workers", "0"],
        ["up", "--port", "65536"],
        ["worker", "--fast"],
        ["counts"],
        ["db", "downgrade"],
    ],
    ids=" ".join,
)
def test_bad_arguments_are_answered_with_usage(shell: Shell, words: list[str]) -> None:
    assert "Usage:" in shell.refused(*words)


def test_parts_that_cannot_start_say_why(bare: Shell) -> None:
    """In processes of their own, as they are started."""
    environ = {
        **os.environ,
        **bare.environ,
        "MODERATION_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    }
    for part in ("worker", "up"):
        done = subprocess.run(
            [*MODERATION, part],
            env=environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1, done.stdout + done.stderr
        assert "refused" in done.stderr
        assert "Traceback" not in done.stderr
