"""Re-scoring for comparison

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("judgements", sa.Column("compares_with", sa.String(length=32), nullable=True))
    op.create_index(
        "ix_judgements_compares_with",
        "judgements",
        ["compares_with"],
        sqlite_where=sa.text("compares_with IS NOT NULL"),
        postgresql_where=sa.text("compares_with IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_judgements_compares_with", table_name="judgements")
    op.drop_column("judgements", "compares_with")
