"""How two judges differ on the same texts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from moderation.labels import LABELS
from moderation.scoring.evaluate import LabelledTexts, Scored, label_columns, measures
from moderation.scoring.metrics import AucDifference, auc_difference, rank_correlation


@dataclass(frozen=True, slots=True)
class ColumnComparison:
    """One label column: the measures of both judges, and how sure it is that their AUCs differ.

    ``auc`` is None where there are fewer than two of either label.
    """

    column: str
    label: str
    first: Mapping[str, float]
    second: Mapping[str, float]
    auc: AucDifference | None


@dataclass(frozen=True, slots=True)
class LabelAgreement:
    """One label's two scores, whatever the texts are labelled.

    ``at`` maps each threshold to the share of texts that both judges put on the same side of it.
    """

    label: str
    rank_correlation: float
    mean_difference: float
    max_difference: float
    at: Mapping[float, float]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two judges on the same texts. ``outcomes`` counts (first's, second's) decisions."""

    columns: list[ColumnComparison]
    labels: list[LabelAgreement]
    outcomes: Mapping[tuple[str, str], int]
    outcome_agreement: float

    def as_facts(self) -> dict[str, Any]:
        """The numbers as one table for JSON, rounded to four places."""
        facts: dict[str, Any] = {"outcome_agreement": self.outcome_agreement}
        for column in self.columns:
            facts[column.column] = {"first": column.first, "second": column.second}
            if column.auc:
                facts[column.column]["auc_difference"] = {
                    "difference": column.auc.difference,
                    "low": column.auc.low,
                    "high": column.auc.high,
                    "p_value": column.auc.p_value,
                }
        facts["labels"] = {
            one.label: {
                "rank_correlation": one.rank_correlation,
                "mean_difference": one.mean_difference,
                "max_difference": one.max_difference,
                "agreement": {f"{at:g}": share for at, share in one.at.items()},
            }
            for one in self.labels
        }
        facts["outcomes"] = {f"{one}, {other}": n for (one, other), n in self.outcomes.items()}
        return _rounded(facts)


def compare(
    labelled: LabelledTexts,
    first: Scored,
    second: Scored,
    *,
    thresholds: Mapping[str, Sequence[float]],
    outcomes: tuple[Sequence[str], Sequence[str]],
) -> Comparison:
    """Compare what two judges made of the same texts.

    Args:
        labelled: the texts and labels.
        first: one judge's scores of them.
        second: the other's.
        thresholds: label -> where its scores begin to mean something.
        outcomes: what a policy would do with each text by either judge's scores.

    Raises:
        ValueError: no column holds both kinds of label.
    """
    columns = []
    for one, other in zip(
        label_columns(labelled, first), label_columns(labelled, second), strict=True
    ):
        try:
            auc = auc_difference(one.truth, one.scores, other.scores)
        except ValueError:
            auc = None
        columns.append(
            ColumnComparison(
                one.column,
                one.label,
                measures(one.truth, one.scores),
                measures(other.truth, other.scores),
                auc,
            )
        )
    agreements = []
    for label in LABELS:
        one, other = first.scores[label], second.scores[label]
        gaps = np.abs(one - other)
        same_side = {
            at: float(np.mean((one >= at) == (other >= at))) for at in thresholds.get(label, ())
        }
        agreements.append(
            LabelAgreement(
                label,
                rank_correlation(one, other),
                float(gaps.mean()),
                float(gaps.max()),
                same_side,
            )
        )
    pairs = Counter(zip(*outcomes, strict=True))
    same = sum(number for (one, other), number in pairs.items() if one == other)
    return Comparison(columns, agreements, pairs, same / len(labelled.texts))


def widest_gaps(first: Scored, second: Scored, label: str, count: int = 20) -> list[int]:
    """The rows whose scores of ``label`` differ most, the widest gap first."""
    gaps = np.abs(first.scores[label] - second.scores[label])
    return [int(row) for row in np.argsort(-gaps, kind="stable")[:count] if gaps[row] > 0]


def _rounded(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _rounded(one) for name, one in value.items()}
    return round(value, 4) if isinstance(value, float) else value
