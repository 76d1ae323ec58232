"""Things: tables, enums and pure rules. Importing this package makes all tables known."""

from moderation.domain import (
    audit,
    author,
    comment,
    decision,
    likeness,
    policy_revision,
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
    "likeness",
    "policy_revision",
    "sanction",
    "score",
    "site",
    "spam",
    "staff",
    "staff_session",
    "tally",
]
