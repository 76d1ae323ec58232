"""The things a policy is made of, what it is asked about, and what it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property

from moderation.labels import LABELS


class Preset(StrEnum):
    """Which ordered list of rules a policy follows."""

    STRICT = "strict"
    ASSISTED = "assisted"
    OPEN = "open"


class Outcome(StrEnum):
    """What is to be done with a comment: let a moderator decide, publish it, refuse it."""

    QUEUE = "queue"
    APPROVE = "approve"
    REJECT = "reject"


REASONS: tuple[str, ...] = (
    "not_scored",
    "always_review",
    "unsupported",
    "reported",
    "blocked_word",
    "suspect_word",
    *(f"{label}_high" for label in LABELS),
    "borderline",
    "link",
    "guest",
    "first_comment",
    "likely_clean",
)
"""Every code that can stand in :attr:`Verdict.reasons`, in the order they stand there."""

MAX_HEAD_START_MIN = 720
"""Twelve hours: the longest head start there can be, so that nothing waits much longer."""

UNSUPPORTED: Mapping[str, str] = {
    "language": "Written in another language than any model here is made for",
    "links": "Nothing but links: what they lead to was not read",
    "no_words": "There are no words in it",
}
"""Why no model is made for a text -> what moderators are told."""


TRUSTED = "trust"
"""The sanction with which an author counts as one with enough approved comments."""

HELD: Mapping[str, str] = {
    "always_review": "Every comment of this author waits for a moderator",
    "suspend": "Its author is suspended",
    "ban": "Its author is banned",
}
"""Sanctions with which an author's comments wait, whatever else is known -> what is told of it."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where the score of one label, 0..1, begins to mean something.

    ``approve_below`` and ``reject_at`` are set in ``assisted`` only; there
    ``approve_below <= hold_at <= reject_at``.
    """

    hold_at: float
    """From here on the score is high: the comment is held for a moderator."""
    approve_below: float | None = None
    """Below this, in every label, a comment is clear enough to be published."""
    reject_at: float | None = None
    """From here on the comment is rejected. None: never for this label."""


@dataclass(frozen=True)
class Priority:
    """How many minutes' head start in the queue each thing about a comment is worth."""

    max_min: int = 720
    """No comment gets more than this, so none waits for ever behind newer ones."""
    borderline_width: float = 0.15
    """A score nearer than this to its ``hold_at`` is borderline."""
    likely_clean_below: float = 0.05
    """Below this, in every label, a comment is likely clean."""
    reason_min: Mapping[str, int] = field(
        default_factory=lambda: {
            "not_scored": 240,
            "always_review": 0,
            "unsupported": 60,
            "reported": 360,
            "blocked_word": 120,
            "suspect_word": 60,
            "borderline": 90,
            "link": 0,
            "guest": 0,
            "first_comment": 0,
            "likely_clean": 45,
        }
    )
    score_min: Mapping[str, int] = field(
        default_factory=lambda: {
            "toxicity": 30,
            "severe_toxicity": 120,
            "obscene": 0,
            "threat": 300,
            "insult": 30,
            "identity_attack": 240,
            "spam": 0,
        }
    )
    """By label, for a high score of 1.0; a lower one gets its share."""


@dataclass(frozen=True)
class Policy:
    """One policy, as a TOML file describes it. Made by :func:`parse_policy`, which checks it.

    ``thresholds`` has one entry for each of :data:`moderation.labels.LABELS`.
    """

    name: str
    preset: Preset
    declared_version: str
    thresholds: Mapping[str, Thresholds]
    blocked_words: tuple[str, ...] = ()
    suspect_words: tuple[str, ...] = ()
    max_links: int | None = None
    """More links than this are worth a look. None: any number is fine."""
    trusted_after: int = 0
    """Approved comments an author needs before theirs stop being a first comment. 0: none."""
    guests_wait: bool = False
    priority: Priority = field(default_factory=Priority)

    @property
    def has_words(self) -> bool:
        """Whether a text must be looked at with its disguises undone."""
        return bool(self.blocked_words or self.suspect_words)

    @cached_property
    def version(self) -> str:
        """The version the file declares and 8 hex digits of what is in it: ``1+0a1b2c3d``.

        Two policies that could decide differently have different versions, even when somebody
        forgot to raise the declared one.
        """
        content = json.dumps(asdict(self), sort_keys=True)
        return f"{self.declared_version}+{hashlib.sha256(content.encode()).hexdigest()[:8]}"

    @cached_property
    def threshold_table(self) -> dict[str, dict[str, float]]:
        """Label -> name of the threshold -> its value; what is not set is left out."""
        return {
            label: {name: at for name, at in asdict(limits).items() if at is not None}
            for label, limits in self.thresholds.items()
        }


@dataclass(frozen=True, slots=True)
class Context:
    """What is known about a comment when it is decided.

    ``folded_body`` is the body with look-alike letters and similar disguises undone, empty where
    nobody did that; words are looked for in both. ``scores`` is label -> 0..1, or None when
    scoring failed. ``spans`` are the words behind the toxicity, half-open in code points of
    ``body``, for the record only. ``language`` is an ISO 639-1 code, None where nobody can say;
    ``unsupported`` a code of :data:`UNSUPPORTED`, None where a model is made for the text.
    ``spam_parts`` are what the spam score is made of, for the record only: name, what was seen,
    and the log-odds it added. ``author_sanction`` is what counts for its author,
    :data:`TRUSTED` or a code of :data:`HELD`; None for an author like any other.
    """

    body: str
    folded_body: str = ""
    scores: Mapping[str, float] | None = None
    model_version: str | None = None
    spans: tuple[tuple[int, int], ...] = ()
    language: str | None = None
    unsupported: str | None = None
    spam_parts: tuple[tuple[str, float, float], ...] = ()
    author_approved_count: int = 0
    author_sanction: str | None = None
    is_guest: bool = False
    link_count: int = 0
    report_count: int = 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says, and everything needed to explain it later."""

    action: Outcome
    rule: str
    """Name of the rule that decided; each is explained in ``docs/policy.md``."""
    detail: str
    """What the rule saw, a sentence for moderators."""
    reasons: tuple[str, ...]
    """What is noteworthy about the comment, whatever decided: codes of :data:`REASONS`."""
    head_start_min: int
    """Minutes by which it goes ahead of its age in the queue."""
    scores: dict[str, float] | None
    """The seven scores; None unless all seven were there and usable."""
    thresholds: dict[str, dict[str, float]]
    """Label -> name of the threshold -> its value, as they were in force."""
    policy: str
    policy_version: str
    model_version: str | None
    spans: tuple[tuple[int, int], ...] = ()
    language: str | None = None
    unsupported: str | None = None
    spam_parts: tuple[tuple[str, float, float], ...] = ()
    """These four as in :class:`Context`; no spans and no parts without usable scores."""
