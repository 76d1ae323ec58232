"""Settings, for admins: what is set up once and for all comments. A module for each place."""

from moderation.desk.settings import index, policies, sites, words

__all__ = ["index", "policies", "sites", "words"]
