"""The rules, in the order in which they are asked; the first that applies decides.

Each rule is a name, a condition and what follows. A condition is a pure function that returns a
sentence saying what it saw, or None when it does not apply. In every preset the first two rules
send to a moderator what was not scored and what is by an author who is always reviewed, and the
last rule always applies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from moderation.domain.policy.priority import (
    borderline_share,
    head_start_min,
    high_labels,
    is_likely_clean,
)
from moderation.domain.policy.shape import (
    HELD,
    REASONS,
    TRUSTED,
    UNSUPPORTED,
    Context,
    Outcome,
    Policy,
    Preset,
    Verdict,
)
from moderation.domain.policy.words import word_list
from moderation.labels import LABELS


@dataclass(frozen=True, slots=True)
class Evidence:
    """A comment seen through a policy: what the conditions look at."""

    context: Context
    scores: dict[str, float] | None
    why_not_scored: str | None
    blocked_word: str | None
    suspect_word: str | None


Condition = Callable[[Policy, Evidence], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    condition: Condition
    action: Outcome


# --- Conditions ------------------------------------------------------------------------------


def was_not_scored(policy: Policy, seen: Evidence) -> str | None:
    return seen.why_not_scored


def is_by_a_held_author(policy: Policy, seen: Evidence) -> str | None:
    sanction = seen.context.author_sanction
    if sanction is None or sanction == TRUSTED:
        return None
    # What is not known here can only be stricter than being trusted.
    return HELD.get(sanction, f"Its author is under a sanction: {sanction}")


def is_unsupported(policy: Policy, seen: Evidence) -> str | None:
    why = seen.context.unsupported
    if why is None:
        return None
    sentence = UNSUPPORTED.get(why, f"No model here is made for it: {why}")
    return f"{sentence} ({seen.context.language})" if why == "language" else sentence


def was_reported(policy: Policy, seen: Evidence) -> str | None:
    count = seen.context.report_count
    return f"Reported {_times(count)}" if count else None


def has_blocked_word(policy: Policy, seen: Evidence) -> str | None:
    return f"Contains the blocked word “{seen.blocked_word}”" if seen.blocked_word else None


def has_suspect_word(policy: Policy, seen: Evidence) -> str | None:
    return f"Contains the suspect word “{seen.suspect_word}”" if seen.suspect_word else None


def has_too_many_links(policy: Policy, seen: Evidence) -> str | None:
    count, most = seen.context.link_count, policy.max_links
    return f"Links: {count}; allowed: {most}" if most is not None and count > most else None


def is_by_a_guest(policy: Policy, seen: Evidence) -> str | None:
    return "By a guest" if policy.guests_wait and seen.context.is_guest else None


def is_a_first_comment(policy: Policy, seen: Evidence) -> str | None:
    count, needed = seen.context.author_approved_count, policy.trusted_after
    if count >= needed or seen.context.author_sanction == TRUSTED:
        return None
    return f"Approved comments of this author so far: {count}; needed: {needed}"


def is_at_reject_at(policy: Policy, seen: Evidence) -> str | None:
    return _at_or_above(policy, seen, "reject_at")


def is_at_hold_at(policy: Policy, seen: Evidence) -> str | None:
    return _at_or_above(policy, seen, "hold_at")


def is_below_approve_below(policy: Policy, seen: Evidence) -> str | None:
    for label in LABELS:
        limit = policy.thresholds[label].approve_below
        if seen.scores is None or limit is None or not seen.scores[label] < limit:
            return None
    return "Every score is below its approve_below"


def always(sentence: str) -> Condition:
    return lambda policy, seen: sentence


# --- The lists -------------------------------------------------------------------------------

NOT_SCORED = Rule("not_scored", was_not_scored, Outcome.QUEUE)
ALWAYS_REVIEW = Rule("always_review", is_by_a_held_author, Outcome.QUEUE)
UNSUPPORTED_TEXT = Rule("unsupported", is_unsupported, Outcome.QUEUE)
REPORTED = Rule("reported", was_reported, Outcome.QUEUE)
SUSPECT_WORD = Rule("suspect_word", has_suspect_word, Outcome.QUEUE)
LINK = Rule("link", has_too_many_links, Outcome.QUEUE)
GUEST = Rule("guest", is_by_a_guest, Outcome.QUEUE)
FIRST_COMMENT = Rule("first_comment", is_a_first_comment, Outcome.QUEUE)
SCORE_HIGH = Rule("score_high", is_at_hold_at, Outcome.QUEUE)

RULES: Mapping[Preset, tuple[Rule, ...]] = {
    Preset.STRICT: (
        NOT_SCORED,
        ALWAYS_REVIEW,
        UNSUPPORTED_TEXT,
        Rule("every_comment_waits", always("Every comment waits for a moderator"), Outcome.QUEUE),
    ),
    Preset.ASSISTED: (
        NOT_SCORED,
        ALWAYS_REVIEW,
        REPORTED,
        # Before the lists of words: another language has harmless words that are slurs in this.
        UNSUPPORTED_TEXT,
        Rule("blocked_word_rejects", has_blocked_word, Outcome.REJECT),
        Rule("score_rejects", is_at_reject_at, Outcome.REJECT),
        SUSPECT_WORD,
        LINK,
        GUEST,
        FIRST_COMMENT,
        SCORE_HIGH,
        Rule("clear", is_below_approve_below, Outcome.APPROVE),
        Rule("unclear", always("Neither clear enough to publish nor to reject"), Outcome.QUEUE),
    ),
    Preset.OPEN: (
        NOT_SCORED,
        ALWAYS_REVIEW,
        REPORTED,
        UNSUPPORTED_TEXT,
        Rule("blocked_word_waits", has_blocked_word, Outcome.QUEUE),
        SUSPECT_WORD,
        LINK,
        GUEST,
        FIRST_COMMENT,
        SCORE_HIGH,
        Rule("nothing_against_it", always("No rule holds it back"), Outcome.APPROVE),
    ),
}


def decide(policy: Policy, context: Context) -> Verdict:
    """What ``policy`` says about the comment in ``context``. Pure; never raises for its kinds."""
    seen = _look(policy, context)
    for rule in RULES[policy.preset]:
        detail = rule.condition(policy, seen)
        if detail is not None:
            break
    reasons = _reasons(policy, seen)
    return Verdict(
        action=rule.action,
        rule=rule.name,
        detail=detail or "",
        reasons=reasons,
        head_start_min=head_start_min(policy, seen.scores, reasons),
        scores=seen.scores,
        thresholds=policy.threshold_table,
        policy=policy.name,
        policy_version=policy.version,
        model_version=context.model_version,
        spans=context.spans if seen.scores else (),
        spam_parts=context.spam_parts if seen.scores else (),
        language=context.language,
        unsupported=context.unsupported,
    )


def _look(policy: Policy, context: Context) -> Evidence:
    why_not = _why_not_scored(context.scores)
    texts = (context.body, context.folded_body)
    return Evidence(
        context=context,
        scores=None if why_not else {label: float(context.scores[label]) for label in LABELS},
        why_not_scored=why_not,
        blocked_word=word_list(policy.blocked_words).first_in(*texts),
        suspect_word=word_list(policy.suspect_words).first_in(*texts),
    )


def _why_not_scored(scores: Mapping[str, float] | None) -> str | None:
    if scores is None:
        return "Scoring failed"
    for label in LABELS:
        score = scores.get(label)
        if score is None:
            return f"Scoring failed: no score for {label}"
        if not (math.isfinite(score) and 0.0 <= score <= 1.0):
            return f"Scoring failed: {label} is {score}, not a number from 0 to 1"
    return None


def _reasons(policy: Policy, seen: Evidence) -> tuple[str, ...]:
    found = {
        name
        for name, condition in (
            ("not_scored", was_not_scored),
            ("always_review", is_by_a_held_author),
            ("unsupported", is_unsupported),
            ("reported", was_reported),
            ("blocked_word", has_blocked_word),
            ("suspect_word", has_suspect_word),
            ("link", has_too_many_links),
            ("guest", is_by_a_guest),
            ("first_comment", is_a_first_comment),
        )
        if condition(policy, seen) is not None
    }
    if seen.scores is not None:
        found.update(f"{label}_high" for label in high_labels(policy, seen.scores))
        if borderline_share(policy, seen.scores) > 0:
            found.add("borderline")
        if not found - {"guest", "first_comment"} and is_likely_clean(policy, seen.scores):
            found.add("likely_clean")
    return tuple(reason for reason in REASONS if reason in found)


def _at_or_above(policy: Policy, seen: Evidence, threshold: str) -> str | None:
    over = []
    for label in LABELS:
        limit = getattr(policy.thresholds[label], threshold)
        if seen.scores is not None and limit is not None and seen.scores[label] >= limit:
            over.append(f"{label} {seen.scores[label]:.3f}, {threshold} {limit:g}")
    return "; ".join(over) or None


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
