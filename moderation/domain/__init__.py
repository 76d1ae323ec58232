"""Things: tables, enums and pure rules. Importing this package makes all tables known."""

from moderation.domain import (
    audit,
    author,
    comment,
    decision,
    desk,
    likeness,
    policy_revision,
    report,
    sanction,
    score,
    site,
    spam,
    staff,
    staff_session,
    tally,
)

__all__ = [
    "audit",
    "author",
    "comment",
    "decision",
    "desk",
    "likeness",
    "policy_revision",
    "report",
    "sanction",
    "score",
    "site",
    "spam",
    "staff",
    "staff_session",
    "tally",
]
