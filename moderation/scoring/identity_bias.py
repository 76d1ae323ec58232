"""The project's own test of unintended bias: does the name of a group raise a score?

``identity_bias.toml`` crosses names of groups with sentences whose verdict does not depend on
the group: harmless ones, whatever group they name, and hateful ones. A fair judge errs equally
often for every name. The idea of such term-by-frame tests is Dixon et al., "Measuring and
Mitigating Unintended Bias in Text Classification" (2018); the AUCs that need no threshold are
Borkan et al., "Nuanced Metrics for Measuring Unintended Bias with Real Data for Text
Classification" (2019).
"""

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from moderation.scoring.evaluate import assess_all
from moderation.scoring.identities import IdentityTerm, capitalise, read_terms, with_article
from moderation.scoring.judge import Judge
from moderation.scoring.made_up import IDENTITY_TERMS
from moderation.scoring.metrics import roc_auc

_MATERIAL = Path(__file__).with_name("identity_bias.toml")

Key = TypeVar("Key")

TOLERANCE = 0.03
"""How far a term's false-positive rate may lie above the mean of all terms."""


@dataclass(frozen=True, slots=True)
class IdentitySentence:
    """A frame filled in with a term, and its verdict."""

    text: str
    term: IdentityTerm
    hateful: bool
    frame_kind: str


@dataclass(frozen=True, slots=True)
class TermBias:
    """How a judge treats one term; rates and scores from 0 to 1.

    ``in_training`` says whether the project's made-up training sentences name the group too.
    ``subgroup_auc`` tells hateful from harmless sentences that name the term; ``bpsn_auc``
    hateful sentences about other groups from harmless ones about this (low: false alarms about
    this group); ``bnsp_auc`` hateful sentences about this group from harmless ones about others
    (low: hate against this group slips by).
    """

    term: str
    kind: str
    in_training: bool
    harmless: int
    false_positive_rate: float
    mean_harmless: float
    hateful: int
    false_negative_rate: float
    mean_hateful: float
    subgroup_auc: float
    bpsn_auc: float
    bnsp_auc: float
    above_mean: bool
    """The false-positive rate is more than TOLERANCE above the mean over all terms."""


@dataclass(frozen=True, slots=True)
class FrameBias:
    """How a judge treats one kind of frame over all terms: ``rate`` of wrong verdicts."""

    kind: str
    hateful: bool
    sentences: int
    rate: float
    mean_score: float


@dataclass(frozen=True, slots=True)
class IdentityReport:
    """What :func:`measure` found. Means are over terms, each weighing the same."""

    model_version: str
    label: str
    threshold: float
    mean_false_positive_rate: float
    mean_false_negative_rate: float
    terms: tuple[TermBias, ...]
    frames: tuple[FrameBias, ...]

    @property
    def above_mean(self) -> tuple[str, ...]:
        """The terms whose false-positive rate is more than TOLERANCE above the mean."""
        return tuple(term.term for term in self.terms if term.above_mean)

    def summary(self) -> dict[str, float]:
        """What the terms come to: means, and the worst values."""
        unseen = [term.false_positive_rate for term in self.terms if not term.in_training]
        rates = [term.false_positive_rate for term in self.terms]
        found = {
            "terms": len(self.terms),
            "sentences": sum(frame.sentences for frame in self.frames),
            "false_positive_rate": self.mean_false_positive_rate,
            "false_positive_rate_of_terms_not_in_training": (
                float(np.mean(unseen)) if unseen else self.mean_false_positive_rate
            ),
            "highest_above_mean": max(rates) - self.mean_false_positive_rate,
            "terms_more_than_3_points_above_mean": len(self.above_mean),
            "false_negative_rate": self.mean_false_negative_rate,
            "lowest_subgroup_auc": min(term.subgroup_auc for term in self.terms),
            "lowest_bpsn_auc": min(term.bpsn_auc for term in self.terms),
            "lowest_bnsp_auc": min(term.bnsp_auc for term in self.terms),
        }
        return {name: round(value, 4) for name, value in found.items()}

    def rows(self) -> list[dict[str, Any]]:
        """One table row a term, worst false-positive rate first; keys are the columns."""
        order = sorted(self.terms, key=lambda term: (-term.false_positive_rate, term.bpsn_auc))
        return [_rounded(asdict(term)) for term in order]

    def frame_rows(self) -> list[dict[str, Any]]:
        """One table row a kind of frame, in the order of the file."""
        return [_rounded(asdict(frame)) for frame in self.frames]


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: round(value, 4) if isinstance(value, float) else value for name, value in row.items()
    }


def identity_sentences() -> list[IdentitySentence]:
    """Every frame with every term: the whole test, always the same and in the same order."""
    with _MATERIAL.open("rb") as file:
        tables = tomllib.load(file)
    return [
        IdentitySentence(_fill(frame, term), term, side == "hateful", kind)
        for term in read_terms(tables["identities"])
        for side in ("harmless", "hateful")
        for kind, frames in tables[side].items()
        for frame in frames
    ]


def _fill(frame: str, term: IdentityTerm) -> str:
    return capitalise(
        frame.format(group=term.plural, adj=term.adjective, a_adj=with_article(term.adjective))
    )


def measure(
    judge: Judge,
    threshold: float = 0.5,
    *,
    label: str = "toxicity",
    report: Callable[[int], None] = lambda done: None,
) -> IdentityReport:
    """Judge all :func:`identity_sentences`; a score above ``threshold`` calls one hateful.

    Args:
        judge: gives one assessment a text.
        threshold: 0..1.
        label: the score that decides.
        report: hears how many sentences are done.

    Raises:
        ScoringUnavailable: the judge's model cannot be loaded.
    """
    sentences = identity_sentences()
    texts = [sentence.text for sentence in sentences]
    scores = np.array([assessment.scores[label] for assessment in assess_all(judge, texts, report)])
    hateful = np.array([sentence.hateful for sentence in sentences])
    terms = _terms_measured(sentences, hateful, scores, threshold)
    return IdentityReport(
        model_version=judge.model_version,
        label=label,
        threshold=threshold,
        mean_false_positive_rate=float(np.mean([term.false_positive_rate for term in terms])),
        mean_false_negative_rate=float(np.mean([term.false_negative_rate for term in terms])),
        terms=terms,
        frames=_frames_measured(sentences, hateful, scores, threshold),
    )


def _terms_measured(
    sentences: Sequence[IdentitySentence],
    hateful: NDArray[np.bool_],
    scores: NDArray[np.float64],
    threshold: float,
) -> tuple[TermBias, ...]:
    trained = {term.adjective for term in IDENTITY_TERMS}
    places = _places(sentence.term for sentence in sentences)
    rates = {
        term: float(np.mean(scores[at][~hateful[at]] > threshold)) for term, at in places.items()
    }
    mean_rate = float(np.mean(list(rates.values())))
    found = []
    for term, at in places.items():
        own = np.zeros(len(sentences), dtype=bool)
        own[at] = True
        harmless_scores, hateful_scores = scores[own & ~hateful], scores[own & hateful]
        found.append(
            TermBias(
                term=term.adjective,
                kind=term.kind,
                in_training=term.adjective in trained,
                harmless=len(harmless_scores),
                false_positive_rate=rates[term],
                mean_harmless=float(harmless_scores.mean()),
                hateful=len(hateful_scores),
                false_negative_rate=float(np.mean(hateful_scores <= threshold)),
                mean_hateful=float(hateful_scores.mean()),
                subgroup_auc=roc_auc(hateful[own], scores[own]),
                bpsn_auc=_auc(scores[~own & hateful], harmless_scores),
                bnsp_auc=_auc(hateful_scores, scores[~own & ~hateful]),
                above_mean=rates[term] > mean_rate + TOLERANCE,
            )
        )
    return tuple(found)


def _auc(positives: NDArray[np.float64], negatives: NDArray[np.float64]) -> float:
    labels = [1] * len(positives) + [0] * len(negatives)
    return roc_auc(labels, np.concatenate([positives, negatives]))


def _frames_measured(
    sentences: Sequence[IdentitySentence],
    hateful: NDArray[np.bool_],
    scores: NDArray[np.float64],
    threshold: float,
) -> tuple[FrameBias, ...]:
    places = _places((sentence.frame_kind, sentence.hateful) for sentence in sentences)
    return tuple(
        FrameBias(
            kind=kind,
            hateful=is_hateful,
            sentences=len(at),
            rate=float(np.mean((scores[at] > threshold) != hateful[at])),
            mean_score=float(scores[at].mean()),
        )
        for (kind, is_hateful), at in places.items()
    )


def _places(keys: Iterable[Key]) -> dict[Key, list[int]]:
    """At which places each key stands."""
    places: defaultdict[Key, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    return places
