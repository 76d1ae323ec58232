"""The moderators' desk: pages under ``/desk``. Importing this package registers all its views."""

from moderation.desk import (
    authors,
    examples,
    insight,
    invitation,
    missing,
    provider,
    queue,
    settings,
    sign_in,
    static_files,
)
from moderation.desk.door import blueprint

__all__ = [
    "authors",
    "blueprint",
    "examples",
    "insight",
    "invitation",
    "missing",
    "provider",
    "queue",
    "settings",
    "sign_in",
    "static_files",
]
