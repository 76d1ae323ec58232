"""An index of near copies

Existing comments join no cluster here: the workers see to that afterwards, a few at a time
(`moderation.services.likeness`). Adding an empty column rewrites no rows, and of the new indexes
only the one of what is still to be done has entries at first.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
UNCLUSTERED = "cluster_id IS NULL AND status IN ('queued', 'approved', 'rejected')"


def upgrade() -> None:
    op.create_table(
        "likeness_representatives",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("cluster_id", sa.String(length=32), nullable=False),
        sa.Column("letters", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_likeness_representatives_site_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_likeness_representatives")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_likeness_representatives_site_id", "likeness_representatives", ["site_id", "id"]
    )
    op.create_index(
        "ix_likeness_representatives_cluster_id", "likeness_representatives", ["cluster_id"]
    )
    op.create_table(
        "likeness_keys",
        sa.Column("key", NUMBER, autoincrement=False, nullable=False),
        sa.Column("representative_id", NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key", "representative_id", name=op.f("pk_likeness_keys")),
        sqlite_with_rowid=False,
    )
    # Not in batch mode, which on SQLite would copy the whole table.
    op.add_column("comments", sa.Column("cluster_id", sa.String(length=32), nullable=True))
    _create_index("ix_comments_queue_cluster", ["cluster_id", "rank_ms", "id"], "status = 'queued'")
    _create_index("ix_comments_cluster_id", ["cluster_id"], "cluster_id IS NOT NULL")
    _create_index("ix_comments_unclustered", ["id"], UNCLUSTERED)


def downgrade() -> None:
    op.drop_index("ix_comments_unclustered", "comments")
    op.drop_index("ix_comments_cluster_id", "comments")
    op.drop_index("ix_comments_queue_cluster", "comments")
    op.drop_column("comments", "cluster_id")
    op.drop_table("likeness_keys")
    op.drop_table("likeness_representatives")


def _create_index(name: str, columns: list[str], where: str) -> None:
    op.create_index(
        name,
        "comments",
        columns,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
