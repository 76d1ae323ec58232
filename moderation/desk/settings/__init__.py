"""Settings, for admins: what is set up once and for all comments. A module for each place."""

from moderation.desk.settings import (
    audit,
    index,
    invitations,
    policies,
    sites,
    staff,
    tokens,
    words,
)

__all__ = ["audit", "index", "invitations", "policies", "sites", "staff", "tokens", "words"]
