"""The moderators' desk: pages under ``/desk``. Importing this package registers all its views."""

from moderation.desk import (
    account,
    articles,
    authors,
    comments,
    deciding,
    examples,
    insight,
    invitation,
    missing,
    own_second_factor,
    provider,
    queue,
    safe_run,
    settings,
    sign_in,
    static_files,
)
from moderation.desk.door import blueprint

__all__ = [
    "account",
    "articles",
    "authors",
    "blueprint",
    "comments",
    "deciding",
    "examples",
    "insight",
    "invitation",
    "missing",
    "own_second_factor",
    "provider",
    "queue",
    "safe_run",
    "settings",
    "sign_in",
    "static_files",
]
