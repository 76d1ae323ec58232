"""The spam score as a sum that a person can read: the text's log-odds and what each part adds.

An additive model in log-odds, as a naive Bayes classifier is (the parts are taken to be
independent given spam or ham), with weights set by hand in config/spam_signals.toml. Pure: it
knows no database; ``moderation.services.spam_context`` gathers what it is told.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

from moderation.scoring.spam_cues import Contacts, contacts

LEAST_PROBABILITY = 1e-6
"""A text model's 0 or 1 is held to be this far from it, so that other parts can still speak."""

TEXT = "text"
"""Name of the part that the text model speaks through."""

MOST_LOG_ODDS = 50.0
"""Of one weight, either way: a part that adds this is certain, whatever the others say."""

NO_LOG_ODDS = frozenset({"author_rate_free", "address_rate_free", "typing_fast_chars_per_s"})
"""Entries of the table of weights that count comments or characters instead."""

MIN_TYPED_CHARS = 30
MOST_PER_KIND = 3


class SpamSignalsError(ValueError):
    """The file of weights cannot be used; the message names everything that is wrong in it."""


@dataclass(frozen=True, slots=True)
class SpamWeightsTable:
    """Log-odds of each part; what they mean stands in config/spam_signals.toml."""

    link: float
    contact_detail: float
    link_by_new_author: float
    copies_by_others: float
    copies_across_articles: float
    copies_on_the_article: float
    author_rate: float
    author_rate_free: float
    author_rate_most: float
    address_rate: float
    address_rate_free: float
    address_rate_most: float
    typing_fast: float
    typing_fast_chars_per_s: float
    new_author: float
    approved_author: float
    approved_author_most: float
    feedback: float


@dataclass(frozen=True)
class SpamSignals:
    """What is looked at, and what it weighs. Made by :func:`load_spam_signals`."""

    posting_window_min: float
    copies_window_h: float
    feedback_days: float
    short_text_letters: float
    weights: SpamWeightsTable


@dataclass(frozen=True, slots=True)
class SpamContext:
    """What is known of a comment besides its text; all of it before that comment, on its site.

    Near copies are told apart by who wrote them and under which article; ``address_recent`` counts
    other authors' comments from the same network address. ``typing_ms`` is what the
    article page measured, None where it did not. Feedback counts moderators' decisions on near
    copies.
    """

    copies_by_others: int = 0
    copies_across_articles: int = 0
    copies_on_the_article: int = 0
    author_recent: int = 0
    address_recent: int = 0
    author_approved: int = 0
    typing_ms: int | None = None
    feedback_spam: int = 0
    feedback_ham: int = 0


class SpamPart(NamedTuple):
    """One part of a score: its name, what it saw, and the log-odds it added."""

    name: str
    value: float
    log_odds: float


@dataclass(frozen=True, slots=True)
class SpamScore:
    """``probability`` is 0..1; the sum of the parts' ``log_odds`` is its log-odds."""

    probability: float
    parts: tuple[SpamPart, ...]


def combine(
    body: str, text_probability: float, context: SpamContext, signals: SpamSignals
) -> SpamScore:
    """The spam score of a comment, and its parts in the order of what they are about.

    The part ``text`` always comes first; others are left out where they add nothing.

    Args:
        text_probability: what the text model says, 0..1.
    """
    sum_up = _Sum(signals, short=sum(map(str.isalpha, body)) < signals.short_text_letters)
    parts = [_text_part(text_probability)]
    found = contacts(body)
    parts += sum_up.of_links_and_contacts(found, context)
    parts += sum_up.of_repetition(context)
    parts += sum_up.of_speed(body, context)
    parts += sum_up.of_the_author(context)
    parts += sum_up.of_feedback(found, context)
    return _score(part for part in parts if part.name == TEXT or part.log_odds)


def exchange_text(text_probability: float, parts: Sequence[SpamPart]) -> SpamScore:
    """The score that ``parts`` make when the text model says something else."""
    others = [part for part in parts if part.name != TEXT]
    return _score([_text_part(text_probability), *others])


def _text_part(probability: float) -> SpamPart:
    likely = min(max(probability, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
    return SpamPart(TEXT, probability, math.log(likely / (1 - likely)))


def _score(parts: Iterable[SpamPart]) -> SpamScore:
    told = tuple(
        SpamPart(part.name, round(float(part.value), 4), round(part.log_odds, 4)) for part in parts
    )
    total = math.fsum(part.log_odds for part in told)
    return SpamScore(_probability(total), told)


def _probability(log_odds: float) -> float:
    """The logistic function. Of the two ways to write it each overflows on one side."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    odds = math.exp(log_odds)
    return odds / (1 + odds)


@dataclass(frozen=True, slots=True)
class _Sum:
    signals: SpamSignals
    short: bool

    @property
    def _repeated(self) -> float:
        return 1 / 3 if self.short else 1.0

    def of_links_and_contacts(self, found: Contacts, context: SpamContext) -> list[SpamPart]:
        weights = self.signals.weights
        links, details = min(found.links, MOST_PER_KIND), min(found.details, MOST_PER_KIND)
        newcomer = bool(links or details) and context.author_approved == 0
        return [
            SpamPart("links", found.links, weights.link * links),
            SpamPart("contact_details", found.details, weights.contact_detail * details),
            SpamPart("link_by_new_author", newcomer, weights.link_by_new_author * newcomer),
        ]

    def of_repetition(self, context: SpamContext) -> list[SpamPart]:
        return [
            SpamPart(
                name,
                getattr(context, name),
                getattr(self.signals.weights, name)
                * math.log1p(getattr(context, name))
                * self._repeated,
            )
            for name in ("copies_by_others", "copies_across_articles", "copies_on_the_article")
        ]

    def of_speed(self, body: str, context: SpamContext) -> list[SpamPart]:
        weights = self.signals.weights
        author = weights.author_rate * max(0, context.author_recent - weights.author_rate_free)
        address = weights.address_rate * max(0, context.address_recent - weights.address_rate_free)
        speed = fast = 0.0
        if context.typing_ms is not None and len(body) >= MIN_TYPED_CHARS:
            speed = len(body) / max(context.typing_ms / 1000, 0.001)
            limit = weights.typing_fast_chars_per_s
            fast = 1.0 if speed >= limit else 0.5 if speed >= limit / 2 else 0.0
        return [
            SpamPart("author_rate", context.author_recent, min(author, weights.author_rate_most)),
            SpamPart(
                "address_rate", context.address_recent, min(address, weights.address_rate_most)
            ),
            SpamPart("typing_chars_per_s", speed, weights.typing_fast * fast),
        ]

    def of_the_author(self, context: SpamContext) -> list[SpamPart]:
        weights, approved = self.signals.weights, context.author_approved
        if approved == 0:
            return [SpamPart("new_author", 1, weights.new_author)]
        least = weights.approved_author_most
        added = max(least, weights.approved_author * math.log1p(approved))
        return [SpamPart("approved_author", approved, added)]

    def of_feedback(self, found: Contacts, context: SpamContext) -> list[SpamPart]:
        spam, ham = context.feedback_spam, context.feedback_ham
        if found.links or found.details:
            # Near copies may lead elsewhere, and nobody has approved that.
            ham = min(ham, spam)
        leaning = (spam - ham) / (spam + ham + 0.5)
        return [
            SpamPart(
                "feedback", spam - ham, self.signals.weights.feedback * leaning * self._repeated
            )
        ]


def load_spam_signals(path: Path) -> SpamSignals:
    """Read a file such as config/spam_signals.toml.

    Raises:
        SpamSignalsError: it cannot be read, or a key is missing, unknown, or no usable number.
    """
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SpamSignalsError(f"{path}: {error}") from error
    wrong: list[str] = []
    weights = table.pop("weights", {})
    if not isinstance(weights, dict):
        wrong.append("weights: expected a table")
        weights = {}
    named = [field.name for field in fields(SpamSignals) if field.name != "weights"]
    clean = _numbers(table, named, "", wrong, positive=True)
    clean_weights = _numbers(
        weights, [field.name for field in fields(SpamWeightsTable)], "weights.", wrong
    )
    for name, weight in clean_weights.items():
        if name not in NO_LOG_ODDS and abs(weight) > MOST_LOG_ODDS:
            wrong.append(
                f"weights.{name}: {weight:g} is out of range, "
                f"from -{MOST_LOG_ODDS:g} to {MOST_LOG_ODDS:g}"
            )
    for name in ("typing_fast_chars_per_s",):
        if clean_weights.get(name, 1.0) <= 0:
            wrong.append(f"weights.{name}: expected more than 0")
    if wrong:
        raise SpamSignalsError("\n".join(f"{path}: {sentence}" for sentence in wrong))
    return SpamSignals(weights=SpamWeightsTable(**clean_weights), **clean)


def _numbers(
    table: Mapping[str, object],
    names: list[str],
    prefix: str,
    wrong: list[str],
    *,
    positive: bool = False,
) -> dict[str, float]:
    clean = {}
    wrong += [f"{prefix}{name}: unknown" for name in table if name not in names]
    for name in names:
        value = table.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            wrong.append(f"{prefix}{name}: {'missing' if value is None else 'expected a number'}")
        elif not math.isfinite(value) or abs(value) > 100_000 or (positive and value <= 0):
            wrong.append(f"{prefix}{name}: {value} is out of range")
        else:
            clean[name] = float(value)
    return clean
