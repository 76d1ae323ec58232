"""What spam scores are made of besides the text

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("comments", sa.Column("address_key", sa.String(length=32), nullable=True))
    op.add_column("comments", sa.Column("typing_ms", sa.Integer(), nullable=True))
    # The default is for the rows there are: nobody told their parts.
    parts = sa.Column("spam_parts", sa.JSON(), nullable=False, server_default=sa.text("'[]'"))
    op.add_column("judgements", parts)
    op.create_table(
        "recent_posts",
        sa.Column("comment_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("article_id", sa.String(length=32), nullable=False),
        sa.Column("author_id", sa.String(length=32), nullable=False),
        sa.Column("address_key", sa.String(length=32), nullable=True),
        sa.Column("likeness", sa.String(length=64), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_recent_posts_comment_id")
        ),
        sa.PrimaryKeyConstraint("comment_id", name=op.f("pk_recent_posts")),
    )
    op.create_index("ix_recent_posts_author_id", "recent_posts", ["author_id", "posted_at"])
    op.create_index("ix_recent_posts_address_key", "recent_posts", ["address_key", "posted_at"])
    op.create_index(
        "ix_recent_posts_likeness", "recent_posts", ["site_id", "likeness", "posted_at"]
    )
    op.create_index("ix_recent_posts_posted_at", "recent_posts", ["posted_at"])
    op.create_table(
        "spam_feedback",
        sa.Column("comment_id", sa.String(length=32), nullable=False),
        sa.Column("site_id", sa.String(length=32), nullable=False),
        sa.Column("likeness", sa.String(length=64), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("says", sa.String(length=4), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("says IN ('spam', 'ham')", name=op.f("ck_spam_feedback_says")),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_spam_feedback_comment_id")
        ),
        sa.PrimaryKeyConstraint("comment_id", name=op.f("pk_spam_feedback")),
    )
    op.create_index(
        "ix_spam_feedback_likeness", "spam_feedback", ["site_id", "likeness", "decided_at"]
    )
    op.create_index(
        "ix_spam_feedback_fingerprint", "spam_feedback", ["site_id", "fingerprint", "decided_at"]
    )
    op.create_index("ix_spam_feedback_decided_at", "spam_feedback", ["decided_at"])


def downgrade() -> None:
    op.drop_table("spam_feedback")
    op.drop_table("recent_posts")
    op.drop_column("judgements", "spam_parts")
    op.drop_column("comments", "typing_ms")
    op.drop_column("comments", "address_key")
