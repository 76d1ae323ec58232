"""What must stay true of the whole as it grows: each part has its counterpart, and its page."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, make_url

from moderation import jobs
from moderation.adapters import schema
from moderation.adapters.database import make_engine
from moderation.domain.base import Base
from moderation.errors import problem_types
from moderation.settings import PREFIX, Settings, load_settings
from workers.app import TASKS, schedule

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = ROOT / "config" / "defaults.toml"
PROBLEMS = ROOT / "docs" / "problems.md"


# --- Work ---------------------------------------------------------------------------------------


def test_every_task_has_a_queue_and_a_worker() -> None:
    """Whatever the web side may announce travels on a queue that every worker serves."""
    announced = {
        value
        for name, value in vars(jobs).items()
        if name.isupper() and isinstance(value, str) and "." in value
    } - {value for name, value in vars(jobs).items() if name.startswith("QUEUE_")}
    assert announced == set(jobs.QUEUES)
    assert set(TASKS) == set(jobs.QUEUES)


def test_every_queue_carries_a_task() -> None:
    named = {value for name, value in vars(jobs).items() if name.startswith("QUEUE_")}
    assert named == set(jobs.QUEUES.values())


def test_what_is_scheduled_is_a_task() -> None:
    planned = schedule(load_settings({}))
    assert planned
    assert {entry["task"] for entry in planned.values()} <= set(TASKS)


# --- Settings -----------------------------------------------------------------------------------


def test_every_setting_has_a_default() -> None:
    table = tomllib.loads(DEFAULTS.read_text("utf-8"))
    assert set(table) == {field.name for field in fields(Settings)}


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_is_explained(name: str) -> None:
    """In defaults.toml a comment stands above it, or above the few it belongs together with."""
    lines = DEFAULTS.read_text("utf-8").splitlines()
    [place] = [n for n, line in enumerate(lines) if line.startswith(f"{name} =")]
    above = []
    while place and lines[place - 1].strip():
        place -= 1
        above.append(lines[place])
    comment = " ".join(line.lstrip("# ") for line in above if line.startswith("#"))
    assert len(comment) > 15, f"{name} is not explained in {DEFAULTS.name}"


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_can_be_a_variable(name: str) -> None:
    default = getattr(load_settings({}), name)
    urls = {
        "database_url": "postgresql://db/moderation",
        "broker_url": "redis://broker/0",
        "rate_limit_storage_url": "redis://broker/1",
        "oidc_issuer": "https://login.example",
    }
    given = default + 1 if isinstance(default, int) else urls.get(name) or default or "x" * 40
    settings = load_settings({PREFIX + name.upper(): str(given)})
    assert getattr(settings, name) == given


def test_numbers_say_their_unit() -> None:
    """A number with a dimension ends in its unit; the rest are counts of what they name."""
    counts = {
        "http_port",
        "metrics_port",
        "http_workers",
        "http_threads",
        "trusted_proxies",
        "scoring_threads",
        "scoring_batch_size",
        "scoring_max_attempts",
        "report_threshold",
    }
    units = ("_s", "_h", "_bytes", "_min", "_ms", "_mb", "_days")
    wrong = [
        field.name
        for field in fields(Settings)
        if field.type == "int" and field.name not in counts and not field.name.endswith(units)
    ]
    assert wrong == []


# --- Problems -----------------------------------------------------------------------------------


def sections() -> dict[str, str]:
    """Heading -> text of each problem type in docs/problems.md."""
    parts = re.split(r"^### `?([a-z_]+)`?$", PROBLEMS.read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_problem_type_is_explained_and_no_other() -> None:
    assert set(sections()) == {kind.code for kind in problem_types()}


@pytest.mark.parametrize("kind", problem_types(), ids=lambda kind: kind.__name__)
def test_the_explanation_of_a_problem_type(kind) -> None:
    text = sections()[kind.code]
    assert f"**{kind.status}**" in text
    said = re.sub(r"\s+", " ", text)
    assert "What to do:" in said
    own = [k.title for k in problem_types() if k.code == kind.code]
    assert any(title in said for title in own), f"{kind.code}: its title is {own[0]!r}"


def test_problem_types_are_told_apart() -> None:
    """One code, one status; and a title that is a sentence without a full stop."""
    statuses: dict[str, set[int]] = {}
    for kind in problem_types():
        statuses.setdefault(kind.code, set()).add(kind.status)
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.code)
        assert " " in kind.title
        assert not kind.title.endswith(".")
    assert all(len(found) == 1 for found in statuses.values())


# --- Database -----------------------------------------------------------------------------------


def test_there_is_one_head_and_no_gap() -> None:
    script = ScriptDirectory.from_config(schema.alembic_config(make_url("sqlite://")))
    assert len(script.get_heads()) == 1
    assert len(script.get_bases()) == 1
    names = [Path(revision.path).name for revision in script.walk_revisions()]
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.py", name) for name in names), names


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that the migrations have just made."""
    url = (
        f"sqlite:///{tmp_path / 'moderation.db'}"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    schema.upgrade(make_url(url))
    return url


def test_the_migrations_make_what_the_models_describe(migrated: str) -> None:
    engine = make_engine(make_url(migrated))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    # Alembic compares neither checks nor what an index is partial to.
    looked = inspect(engine)
    for table in Base.metadata.sorted_tables:
        checks = {check["name"] for check in looked.get_check_constraints(table.name)}
        described = {
            constraint.name
            for constraint in table.constraints
            if type(constraint).__name__ == "CheckConstraint"
        }
        assert checks == described, table.name
        for index in table.indexes:
            wanted = index.dialect_options[engine.dialect.name]["where"]
            [found] = [i for i in looked.get_indexes(table.name) if i["name"] == index.name]
            where = found.get("dialect_options", {}).get(f"{engine.dialect.name}_where")
            assert (wanted is None) == (where is None), index.name
    engine.dispose()


def test_migrating_twice_is_fine(migrated: str) -> None:
    schema.upgrade(make_url(migrated))
