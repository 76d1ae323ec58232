"""What the judges say besides scores: spans, language, why a text is unsupported

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The default is for the rows there are: nobody told their words.
    spans = sa.Column("spans", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
    op.add_column("judgements", spans)
    op.add_column("judgements", sa.Column("language", sa.String(length=8), nullable=True))
    op.add_column("judgements", sa.Column("unsupported", sa.String(length=20), nullable=True))


def downgrade() -> None:
    for name in ("unsupported", "language", "spans"):
        op.drop_column("judgements", name)
