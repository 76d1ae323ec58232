"""Sanctions on authors, and notes about them

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

from moderation.domain.author import name_key

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

AUTHORS_AT_ONCE = 1000


def upgrade() -> None:
    key = sa.String(length=300).with_variant(sa.String(length=300, collation="C"), "postgresql")
    op.add_column("authors", sa.Column("name_key", key, nullable=False, server_default=""))
    op.add_column("authors", sa.Column("sanctions", sa.JSON(), nullable=True))
    _fill_name_keys()
    op.create_index("ix_authors_name_key", "authors", ["name_key", "id"])
    op.create_table(
        "sanctions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("author_id", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=100), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_by_name", sa.String(length=200), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=64), nullable=True),
        sa.Column("lifted_by_name", sa.String(length=200), nullable=True),
        sa.Column("replaced_by", sa.String(length=32), nullable=True),
        sa.CheckConstraint(
            "kind IN ('trust', 'always_review', 'suspend', 'ban')", name=op.f("ck_sanctions_kind")
        ),
        sa.CheckConstraint(
            "kind <> 'suspend' OR ends_at IS NOT NULL", name=op.f("ck_sanctions_suspended_until")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["authors.id"], name=op.f("fk_sanctions_author_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanctions")),
    )
    op.create_index("ix_sanctions_author_id", "sanctions", ["author_id", "id"])
    op.create_index("ix_sanctions_kind", "sanctions", ["kind", "author_id"])
    op.create_table(
        "author_notes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("author_id", sa.String(length=32), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(length=64), nullable=False),
        sa.Column("created_by_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["author_id"], ["authors.id"], name=op.f("fk_author_notes_author_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_author_notes")),
    )
    op.create_index("ix_author_notes_author_id", "author_notes", ["author_id", "id"])
    op.create_index("ix_comments_author", "comments", ["author_id", "status", "created_at", "id"])
    op.drop_index("ix_comments_author_id_status", table_name="comments")
    op.create_index("ix_articles_created_at", "articles", ["created_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_articles_created_at", table_name="articles")
    op.create_index("ix_comments_author_id_status", "comments", ["author_id", "status"])
    op.drop_index("ix_comments_author", table_name="comments")
    op.drop_table("author_notes")
    op.drop_table("sanctions")
    op.drop_index("ix_authors_name_key", table_name="authors")
    op.drop_column("authors", "sanctions")
    op.drop_column("authors", "name_key")


def _fill_name_keys() -> None:
    """Of the authors there are: SQL's own lower() knows ASCII alone on SQLite."""
    authors = sa.table("authors", sa.column("id"), sa.column("name"), sa.column("name_key"))
    connection, last = op.get_bind(), ""
    update = (
        authors.update()
        .where(authors.c.id == sa.bindparam("of"))
        .values(name_key=sa.bindparam("key"))
    )
    while rows := connection.execute(
        sa.select(authors.c.id, authors.c.name)
        .where(authors.c.id > last)
        .order_by(authors.c.id)
        .limit(AUTHORS_AT_ONCE)
    ).all():
        connection.execute(update, [{"of": row.id, "key": name_key(row.name)} for row in rows])
        last = rows[-1].id
