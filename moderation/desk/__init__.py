"""The moderators' desk: pages under ``/desk``. Importing this package registers all its views."""

from moderation.desk import (
    account,
    authors,
    examples,
    insight,
    invitation,
    missing,
    own_second_factor,
    provider,
    queue,
    settings,
    sign_in,
    static_files,
)
from moderation.desk.door import blueprint

__all__ = [
    "account",
    "authors",
    "blueprint",
    "examples",
    "insight",
    "invitation",
    "missing",
    "own_second_factor",
    "provider",
    "queue",
    "settings",
    "sign_in",
    "static_files",
]
