"""Alembic's environment: migrations run on the database that the settings name."""

from alembic import context
from sqlalchemy import text

from moderation.adapters.database import make_engine
from moderation.domain.base import Base, UtcDateTime

LOCK_TIMEOUT_S = 5
"""A migration that cannot get its lock gives up rather than hold up every reader behind it."""

STATEMENT_TIMEOUT_S = 600


def render_item(kind: str, item: object, _autogen: object) -> str | bool:
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    engine = make_engine(context.config.attributes["url"], pool_size=1)
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # The limits are for statements, not for the wait until another machine is done.
            connection.execute(text("SET lock_timeout = 0"))
            connection.execute(text("SET statement_timeout = 0"))
            # Two machines that start at once: the second waits, then finds nothing to do.
            connection.execute(text("SELECT pg_advisory_lock(7265831)"))
            connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT_S}s'"))
            connection.execute(text(f"SET statement_timeout = '{STATEMENT_TIMEOUT_S}s'"))
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            render_item=render_item,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


run()
