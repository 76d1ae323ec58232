"""Policies changed at the desk, and a site's own reasons

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


IS_VERDICT = "status IN ('approved', 'rejected')"


def upgrade() -> None:
    op.create_table(
        "policy_revisions",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.String(length=60), nullable=True),
        sa.Column("restores", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_policy_revisions")),
        sa.UniqueConstraint("name", "serial", name=op.f("uq_policy_revisions_name_serial")),
    )
    op.create_index(
        "ix_decisions_verdicts",
        "decisions",
        ["created_at", "id"],
        sqlite_where=sa.text(IS_VERDICT),
        postgresql_where=sa.text(IS_VERDICT),
    )
    op.add_column("sites", sa.Column("reasons", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("sites", "reasons")
    op.drop_index("ix_decisions_verdicts", table_name="decisions")
    op.drop_table("policy_revisions")
