"""Policy: what happens to a comment once its scores are known.

Pure: scores and context in, a verdict out; no database, no clock, no file but the TOML that
:func:`load_policy` reads. A :class:`Policy` is data; the rules are an ordered list of named
functions, one list for each preset, in ``rules.py``. ``docs/policy.md`` explains all of it.
"""

from moderation.domain.policy.file import (
    PolicyError,
    load_policies,
    load_policy,
    parse_policy,
    read_policy,
)
from moderation.domain.policy.priority import head_start_min
from moderation.domain.policy.rules import RULES, decide
from moderation.domain.policy.shape import (
    HELD,
    MAX_HEAD_START_MIN,
    REASONS,
    TRUSTED,
    UNSUPPORTED,
    Context,
    Outcome,
    Policy,
    Preset,
    Priority,
    Thresholds,
    Verdict,
)
from moderation.domain.policy.statement import statement

__all__ = [
    "HELD",
    "MAX_HEAD_START_MIN",
    "REASONS",
    "RULES",
    "TRUSTED",
    "UNSUPPORTED",
    "Context",
    "Outcome",
    "Policy",
    "PolicyError",
    "Preset",
    "Priority",
    "Thresholds",
    "Verdict",
    "decide",
    "head_start_min",
    "load_policies",
    "load_policy",
    "parse_policy",
    "read_policy",
    "statement",
]
