"""Stand-ins for what a test must be able to predict."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence

from moderation.labels import LABELS, SPAM
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import Assessment

FAINT = 0.01
"""What every label scores that no word raises."""

WORD_SCORES: Mapping[str, Mapping[str, float]] = {
    "awful": {"toxicity": 0.97, "insult": 0.9},
    "rude": {"toxicity": 0.6, "insult": 0.55},
    "threat": {"toxicity": 0.95, "threat": 0.93},
    "obscene": {"toxicity": 0.9, "obscene": 0.94},
    "hateful": {"toxicity": 0.96, "severe_toxicity": 0.7, "identity_attack": 0.92},
    "spam": {SPAM: 0.98},
    "advert": {SPAM: 0.6},
}
"""Word -> the labels it raises. A text has the highest score that any word of it brings."""

FAILS = "fails"
"""A text with this word makes the whole call fail, as a broken model does."""

UNSUPPORTED: Mapping[str, tuple[str, str]] = {"kissa": ("fi", "language")}
"""Word -> the language a text with it is in, and why it is unsupported. Others are in English."""

SLOW = "slow"
"""A text with this word makes the call wait first."""


class FakeJudge:
    """A judge whose scores follow from words: what a test posts decides what it gets.

    Args:
        slow_s: seconds that each text with the word "slow" takes.
        model_version: what the assessments say.
    """

    def __init__(self, *, slow_s: float = 1.0, model_version: str = "fake/1") -> None:
        self.model_version = model_version
        self.versions_by_language: dict[str, str] = {}
        self.batches: list[list[str]] = []
        """The texts of each call, in the order of the calls; failed ones too."""
        self._slow_s = slow_s

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        """Raises ScoringUnavailable if a text contains the word "fails"."""
        self.batches.append(list(texts))
        words = [set(re.findall(r"\w+", text.lower())) for text in texts]
        if waits := sum(SLOW in found for found in words):
            time.sleep(self._slow_s * waits)
        if any(FAILS in found for found in words):
            raise ScoringUnavailable("The fake judge was told to fail")
        return [self._assessment(text, found) for text, found in zip(texts, words, strict=True)]

    def _assessment(self, text: str, words: set[str]) -> Assessment:
        scores = dict.fromkeys(LABELS, FAINT)
        for word in words & WORD_SCORES.keys():
            for label, score in WORD_SCORES[word].items():
                scores[label] = max(scores[label], score)
        spans = tuple(
            match.span()
            for match in re.finditer(r"\w+", text)
            if WORD_SCORES.get(match.group().lower(), {}).get("toxicity")
        )
        language, unsupported = "en", None
        for word in words & UNSUPPORTED.keys():
            language, unsupported = UNSUPPORTED[word]
        return Assessment(scores, self.model_version, spans, language, unsupported)
