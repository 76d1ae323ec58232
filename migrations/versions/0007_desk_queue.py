"""Escalations, reports, notes, skips and saved views; an index for every view of the desk

What waits for an admin is not in the indexes of the queue any more, so they are made anew.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

QUEUED = "status = 'queued'"
WAITS = "status = 'queued' AND escalated_at IS NULL"
OLD_QUEUE = {
    "rank": ["rank_ms", "id"],
    "age": ["created_at", "id"],
    "site_rank": ["site_id", "rank_ms", "id"],
    "site_age": ["site_id", "created_at", "id"],
    "article": ["article_id", "rank_ms", "id"],
    "similar": ["site_id", "fingerprint"],
    "cluster": ["cluster_id", "rank_ms", "id"],
    "not_scored": ["not_scored", "rank_ms", "id"],
}
GATHERED = ("rank", "age", "site_rank", "site_age")
VIEWS = {
    "escalated_rank": (["rank_ms", "id"], "status = 'queued' AND escalated_at IS NOT NULL"),
    "reported_count": (["report_count", "id"], "status = 'approved' AND report_count > 0"),
    "approved_age": (["created_at", "id"], "status = 'approved'"),
    "approved_site_age": (["site_id", "created_at", "id"], "status = 'approved'"),
    "rejected_age": (["created_at", "id"], "status = 'rejected'"),
    "rejected_site_age": (["site_id", "created_at", "id"], "status = 'rejected'"),
    "claimed_by": (["claimed_by", "claim_expires_at"], "claimed_by IS NOT NULL"),
    "judged_article": (
        ["article_id", "created_at", "id"],
        "status IN ('queued', 'approved', 'rejected')",
    ),
}
OLD_ACTIONS = "'approve', 'reject', 'queue', 'undo', 'edit', 'withdraw'"
NEW_ACTIONS = f"{OLD_ACTIONS}, 'escalate', 'send_back', 'keep'"


def upgrade() -> None:
    # Not in batch mode, which on SQLite would copy the whole table.
    op.add_column("comments", sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "comments",
        sa.Column("report_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    for name, columns in OLD_QUEUE.items():
        op.drop_index(f"ix_comments_queue_{name}", "comments")
        more = ["cluster_id"] if name in GATHERED else []
        _create_index(f"ix_comments_queue_{name}", "comments", [*columns, *more], WAITS)
    for name, (columns, where) in VIEWS.items():
        _create_index(f"ix_comments_{name}", "comments", columns, where)

    _allow_actions(NEW_ACTIONS)
    _create_index(
        "ix_decisions_actor", "decisions", ["actor", "created_at", "id"], "actor IS NOT NULL"
    )
    _create_index("ix_decisions_batch_id", "decisions", ["batch_id"], "batch_id IS NOT NULL")

    op.create_table(
        "reports",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("comment_id", sa.String(length=32), nullable=False),
        sa.Column("reporter_kind", sa.String(length=10), nullable=False),
        sa.Column("reporter", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("decision_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "reason IN ('spam', 'insult', 'hate', 'obscene', 'threat', 'personal_data', "
            "'false_claim', 'illegal', 'off_topic', 'other')",
            name=op.f("ck_reports_reason"),
        ),
        sa.CheckConstraint(
            "reporter_kind IN ('guest', 'reader')", name=op.f("ck_reports_reporter_kind")
        ),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_reports_comment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index(
        "uq_reports_reporter", "reports", ["comment_id", "reporter_kind", "reporter"], unique=True
    )
    op.create_index("ix_reports_created_at", "reports", ["created_at", "id"])
    op.create_table(
        "comment_notes",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("comment_id", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["comment_id"], ["comments.id"], name=op.f("fk_comment_notes_comment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comment_notes")),
    )
    op.create_index(
        "ix_comment_notes_comment_id", "comment_notes", ["comment_id", "created_at", "id"]
    )
    op.create_table(
        "skips",
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("comment_id", sa.String(length=32), nullable=False),
        sa.Column("cluster_id", sa.String(length=32), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["comment_id"], ["comments.id"], name=op.f("fk_skips_comment_id")),
        sa.PrimaryKeyConstraint("actor", "comment_id", name=op.f("pk_skips")),
    )
    op.create_index("ix_skips_expires_at", "skips", ["actor", "expires_at"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("owner_name", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("owner", "name", name=op.f("uq_saved_views_owner_name")),
    )


def downgrade() -> None:
    for table in ("saved_views", "skips", "comment_notes", "reports"):
        op.drop_table(table)
    op.drop_index("ix_decisions_batch_id", "decisions")
    op.drop_index("ix_decisions_actor", "decisions")
    op.execute("DELETE FROM decisions WHERE action IN ('escalate', 'send_back', 'keep')")
    _allow_actions(OLD_ACTIONS)
    for name in VIEWS:
        op.drop_index(f"ix_comments_{name}", "comments")
    for name, columns in OLD_QUEUE.items():
        op.drop_index(f"ix_comments_queue_{name}", "comments")
        _create_index(f"ix_comments_queue_{name}", "comments", columns, QUEUED)
    op.drop_column("comments", "report_count")
    op.drop_column("comments", "escalated_at")


def _allow_actions(actions: str) -> None:
    name, condition = op.f("ck_decisions_action"), f"action IN ({actions})"
    if op.get_bind().dialect.name == "postgresql":
        op.drop_constraint(name, "decisions", type_="check")
        op.create_check_constraint(name, "decisions", condition)
        return
    # SQLite changes no check of a table that is there: in batch mode the rows are copied.
    with op.batch_alter_table("decisions") as batch:
        batch.drop_constraint(name, type_="check")
        batch.create_check_constraint(name, condition)


def _create_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(
        name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
