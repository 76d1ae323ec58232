"""A policy as the TOML text that describes it: the way back from ``file.py``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from moderation.domain.policy.shape import Policy


def as_toml(policy: Policy, comments: Sequence[str] = ()) -> str:
    """The file that :func:`load_policy` reads back as an equal policy.

    Args:
        comments: lines to stand at the top, without their ``#``.
    """
    tables: dict[str, Mapping[str, Any]] = {
        "": {
            "name": policy.name,
            "preset": str(policy.preset),
            "version": policy.declared_version,
        },
        "thresholds": policy.threshold_table,
        "words": {"blocked": policy.blocked_words, "suspect": policy.suspect_words},
        "links": {} if policy.max_links is None else {"max": policy.max_links},
        "authors": {"trusted_after": policy.trusted_after, "guests_wait": policy.guests_wait},
        "priority": {
            "max_min": policy.priority.max_min,
            "borderline_width": policy.priority.borderline_width,
            "likely_clean_below": policy.priority.likely_clean_below,
        },
        "priority.reason_min": policy.priority.reason_min,
        "priority.score_min": policy.priority.score_min,
    }
    lines = [f"# {comment}".rstrip() for comment in comments]
    for name, table in tables.items():
        lines += ["", f"[{name}]"] if name else [""] if comments else []
        lines += [f"{key} = {_value(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_value(one)}' for key, one in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")  # never as 1e-06: people read this
    # JSON's strings, whole numbers and booleans are TOML's too, once DEL is escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
