"""The project's own test on hard cases: harmless comments that look abusive, and the reverse.

One kind of comment at a time, because an average hides what a judge cannot do: counter-speech,
quotation, reclaimed words and negation on one side; polite hate, implied threats and sarcasm on
the other. That a classifier should be tested so, function by function, is the idea of Röttger et
al., "HateCheck: Functional Tests for Hate Speech Detection Models" (2021); the kinds and all
sentences, in ``hard_cases.toml``, are this project's own.
"""

import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from moderation.scoring.evaluate import assess_all
from moderation.scoring.judge import Judge
from moderation.scoring.metrics import roc_auc

_MATERIAL = Path(__file__).with_name("hard_cases.toml")


@dataclass(frozen=True, slots=True)
class HardCase:
    """A comment, the kind of difficulty it stands for, and its verdict."""

    text: str
    kind: str
    toxic: bool


@dataclass(frozen=True, slots=True)
class KindMeasured:
    """How a judge did on one kind.

    ``accuracy`` is the share of right verdicts at the threshold. ``roc_auc`` needs none: the
    chance that a sentence of this kind is on the right side of one of the other verdict.
    """

    kind: str
    toxic: bool
    sentences: int
    accuracy: float
    roc_auc: float
    mean_score: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A wrong verdict, and the score that led to it."""

    text: str
    kind: str
    toxic: bool
    score: float


@dataclass(frozen=True, slots=True)
class HardCaseReport:
    """What :func:`measure` found."""

    model_version: str
    label: str
    threshold: float
    accuracy: float
    accuracy_harmless: float
    accuracy_toxic: float
    roc_auc: float
    kinds: tuple[KindMeasured, ...]
    mistakes: tuple[Mistake, ...]
    """In the order of the file."""

    def summary(self) -> dict[str, float]:
        """Over all kinds: number of sentences, accuracies, area under the ROC curve."""
        return {
            "sentences": sum(kind.sentences for kind in self.kinds),
            "accuracy": round(self.accuracy, 4),
            "accuracy_harmless": round(self.accuracy_harmless, 4),
            "accuracy_toxic": round(self.accuracy_toxic, 4),
            "roc_auc": round(self.roc_auc, 4),
        }

    def rows(self) -> list[dict[str, Any]]:
        """One table row a kind, in the order of the file; keys are the columns."""
        return [_rounded(asdict(kind)) for kind in self.kinds]

    def mistake_rows(self) -> list[dict[str, Any]]:
        """One table row a mistake, the furthest from the threshold first."""
        order = sorted(self.mistakes, key=lambda mistake: -abs(mistake.score - self.threshold))
        return [_rounded(asdict(mistake)) for mistake in order]


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()
    }


def hard_cases() -> list[HardCase]:
    """The whole test, always the same and in the same order."""
    with _MATERIAL.open("rb") as file:
        tables = tomllib.load(file)["kind"]
    return [
        HardCase(text, table["name"], table["toxic"])
        for table in tables
        for text in table["sentences"]
    ]


def measure(
    judge: Judge,
    threshold: float = 0.5,
    *,
    label: str = "toxicity",
    report: Callable[[int], None] = lambda done: None,
) -> HardCaseReport:
    """Judge all :func:`hard_cases`; a score above ``threshold`` calls one toxic.

    Args:
        judge: gives one assessment a text.
        threshold: 0..1.
        label: the score that decides.
        report: hears how many sentences are done.

    Raises:
        ScoringUnavailable: the judge's model cannot be loaded.
    """
    cases = hard_cases()
    texts = [case.text for case in cases]
    scores = np.array([assessment.scores[label] for assessment in assess_all(judge, texts, report)])
    toxic = np.array([case.toxic for case in cases])
    kinds = np.array([case.kind for case in cases])
    right = (scores > threshold) == toxic
    measured = []
    for kind, is_toxic in dict.fromkeys((case.kind, case.toxic) for case in cases):
        own = kinds == kind
        against = own | (toxic != is_toxic)
        measured.append(
            KindMeasured(
                kind=kind,
                toxic=is_toxic,
                sentences=int(own.sum()),
                accuracy=float(right[own].mean()),
                roc_auc=roc_auc(toxic[against], scores[against]),
                mean_score=float(scores[own].mean()),
            )
        )
    return HardCaseReport(
        model_version=judge.model_version,
        label=label,
        threshold=threshold,
        accuracy=float(right.mean()),
        accuracy_harmless=float(right[~toxic].mean()),
        accuracy_toxic=float(right[toxic].mean()),
        roc_auc=roc_auc(toxic, scores),
        kinds=tuple(measured),
        mistakes=tuple(
            Mistake(case.text, case.kind, case.toxic, score)
            for case, score, is_right in zip(cases, scores.tolist(), right.tolist(), strict=True)
            if not is_right
        ),
    )
