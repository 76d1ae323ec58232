"""Settings, for admins: what is set up once and for all comments. A module for each place."""

from moderation.desk.settings import index, invitations, policies, sites, staff, tokens, words

__all__ = ["index", "invitations", "policies", "sites", "staff", "tokens", "words"]
