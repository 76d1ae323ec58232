"""A comment's text as HTML, with the words marked that drove its score."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape


def marked(body: str, spans: Sequence[Sequence[int]]) -> Markup:
    """``body`` escaped, with ``<mark>`` around each span.

    Args:
        spans: ``[start, end]`` pairs, half-open, in code points of ``body``. They may be unsorted,
            touch, overlap or lie outside of it: whatever they say, all of the text is shown once.
    """
    parts: list[Markup] = []
    shown = 0
    for start, end in sorted((int(start), int(end)) for start, end in spans):
        start, end = max(start, shown), min(end, len(body))
        if start >= end:
            continue
        parts += [escape(body[shown:start]), Markup("<mark>{}</mark>").format(body[start:end])]
        shown = end
    return Markup("").join([*parts, escape(body[shown:])])
