"""What the author is told whose comment a policy rejects."""

from __future__ import annotations

from moderation.domain.policy.shape import Outcome, Verdict

FOUND: dict[str, str] = {
    "spam": "spam or advertising",
    "threat": "a threat",
    "identity_attack": "an attack on a group of people",
    "insult": "an insult",
    "obscene": "obscene language",
    "severe_toxicity": "very hostile language",
    "toxicity": "hostile language",
}
"""Label -> what it means in a sentence, the most telling first."""

MAX_FOUND = 2


def statement(verdict: Verdict) -> str | None:
    """The reason given to the author, of at most 100 characters; None unless it is a rejection.

    Without scores and thresholds: who knows them learns how to stay just below.
    """
    if verdict.action is not Outcome.REJECT:
        return None
    if verdict.rule == "blocked_word_rejects":
        return "It contains a word that is not allowed here"
    scores, limits = verdict.scores or {}, verdict.thresholds
    found = [
        words
        for label, words in FOUND.items()
        if label in scores and scores[label] >= limits[label].get("reject_at", float("inf"))
    ]
    return f"An automatic check found {' and '.join(found[:MAX_FOUND]) or 'a reason to reject it'}"
