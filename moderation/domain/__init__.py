"""Things: tables, enums and pure rules. Importing this package makes all tables known."""

from moderation.domain import author, comment, decision, likeness, score, site, spam, staff

__all__ = ["author", "comment", "decision", "likeness", "score", "site", "spam", "staff"]
