"""The moderators' queue: what waits and what was decided, in which order, and who has what.

=============  ===================================================================================
``page``       one page of a view under a filter, near copies gathered or not
``items``      comments with all that deciding them needs
``copies``     the near copies of a comment that wait
``claims``     who has claimed what
``skips``      what a person has put behind the others
``tabs``       how many there are in each view, and how many are new
=============  ===================================================================================
"""

from moderation.domain.queue import QueueFilter, View
from moderation.services.queue.claims import Focus, claim, focus, release
from moderation.services.queue.copies import equal_ids, similar_counts, similar_ids
from moderation.services.queue.items import (
    AuthorRecord,
    Escalation,
    QueueItem,
    item,
    items,
    records,
)
from moderation.services.queue.paging import QueuePage, page
from moderation.services.queue.skips import MAX_SKIPS, SKIP_FOR, skip, unskip
from moderation.services.queue.tabs import MAX_COUNTED, Count, new_since, tab_counts

__all__ = [
    "MAX_COUNTED",
    "MAX_SKIPS",
    "SKIP_FOR",
    "AuthorRecord",
    "Count",
    "Escalation",
    "Focus",
    "QueueFilter",
    "QueueItem",
    "QueuePage",
    "View",
    "claim",
    "equal_ids",
    "focus",
    "item",
    "items",
    "new_since",
    "page",
    "records",
    "release",
    "similar_counts",
    "similar_ids",
    "skip",
    "tab_counts",
    "unskip",
]
