"""Where a judge errs: by source, by group named, at each threshold, and its worst mistakes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moderation.scoring.evaluate import LabelColumn
from moderation.scoring.identities import IdentityTerm
from moderation.scoring.metrics import calibration_error, roc_auc

AT = 0.5
"""The score from which on a text counts as called positive."""


@dataclass(frozen=True, slots=True)
class GroupMeasures:
    """How a judge treats one group of texts; None where the group lacks a kind of label."""

    name: str
    texts: int
    positives: int
    mean_score: float
    roc_auc: float | None
    calibration_error: float | None
    false_positive_rate: float | None
    false_negative_rate: float | None


@dataclass(frozen=True, slots=True)
class ThresholdMeasures:
    """What a threshold would do: ``share`` of all texts lies at or above ``at``."""

    at: float
    precision: float | None
    recall: float
    false_positive_rate: float
    share: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """A text that was scored far from its label; ``row`` counts from 0."""

    row: int
    score: float


def by_group(column: LabelColumn, groups: Mapping[str, Iterable[int]]) -> list[GroupMeasures]:
    """Measures of each group of rows, in the order given; groups without a label are left out.

    Args:
        column: the labels and scores.
        groups: name -> numbers of rows of the labelled file.
    """
    place_of = {int(row): place for place, row in enumerate(column.rows)}
    found = []
    for name, rows in groups.items():
        places = [place_of[row] for row in rows if row in place_of]
        if places:
            found.append(_measured(name, column.truth[places], column.scores[places]))
    return found


def _measured(name: str, truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> GroupMeasures:
    called = scores >= AT
    both = bool(truth.any()) and not bool(truth.all())
    return GroupMeasures(
        name,
        len(truth),
        int(truth.sum()),
        float(scores.mean()),
        roc_auc(truth, scores) if both else None,
        calibration_error(truth, scores) if both else None,
        None if truth.all() else float(called[~truth].mean()),
        None if not truth.any() else float(1 - called[truth].mean()),
    )


def sources(of_rows: Sequence[str]) -> dict[str, list[int]]:
    """Source -> its rows, by name."""
    groups: dict[str, list[int]] = {}
    for row, source in enumerate(of_rows):
        groups.setdefault(source or "(none)", []).append(row)
    return dict(sorted(groups.items()))


def mentions(
    texts: Sequence[str], terms: Sequence[IdentityTerm], at_least: int = 10
) -> dict[str, list[int]]:
    """Group -> the rows that name it, for groups that ``at_least`` so many rows name.

    A row names a group where one of its words stands in the text, whatever is meant by it.
    """
    by_word: dict[str, set[str]] = {}
    for term in terms:
        for word in (term.adjective, term.plural, term.noun):
            by_word.setdefault(word.lower(), set()).add(term.adjective)
    # Longer ones first, so that "Asian Americans" is not taken for "Asian" alone.
    words = sorted(by_word, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)")
    groups: dict[str, list[int]] = {term.adjective: [] for term in terms}
    for row, text in enumerate(texts):
        for name in set().union(*(by_word[word] for word in pattern.findall(text.lower()))):
            groups[name].append(row)
    return {name: rows for name, rows in groups.items() if len(rows) >= at_least}


def at_thresholds(column: LabelColumn, thresholds: Iterable[float]) -> list[ThresholdMeasures]:
    """What each threshold would do; precision is None where nothing reaches it."""
    found = []
    for at in thresholds:
        above = column.scores >= at
        hits = int((above & column.truth).sum())
        found.append(
            ThresholdMeasures(
                at,
                hits / int(above.sum()) if above.any() else None,
                hits / int(column.truth.sum()),
                float(above[~column.truth].mean()),
                float(above.mean()),
            )
        )
    return found


def worst_mistakes(column: LabelColumn, count: int = 15) -> tuple[list[Mistake], list[Mistake]]:
    """(False alarms, highest score first; misses, lowest score first), beyond AT, so many each."""
    order = np.argsort(column.scores, kind="stable")
    misses = [place for place in order if column.truth[place] and column.scores[place] < AT]
    alarms = [
        place for place in order[::-1] if not column.truth[place] and column.scores[place] >= AT
    ]

    def told(places: Sequence[int]) -> list[Mistake]:
        return [
            Mistake(int(column.rows[place]), float(column.scores[place]))
            for place in places[:count]
        ]

    return told(alarms), told(misses)
