"""Settings, for admins: what is set up once and for all comments. A module for each place."""

from moderation.desk.settings import index, sites

__all__ = ["index", "sites"]
