"""The report of ``moderation models compare``."""

from typing import Any

import numpy as np

from moderation.scoring.compare import Comparison, widest_gaps
from moderation.scoring.evaluate import LabelColumn, LabelledTexts, Scored, label_columns
from moderation.scoring.metrics import curves
from moderation.scoring.report.page import Quoted, quoted, render
from moderation.scoring.report.plots import Axes, Line, line_plot, scatter, thinned

_MOST_DOTS = 1500

_MEASURES = {
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "calibration_error": "calibration error (ECE, 10 bins)",
    "precision_at_0.5": "precision above 0.5",
    "recall_at_0.5": "recall above 0.5",
    "precision_at_0.8": "precision above 0.8",
    "recall_at_0.8": "recall above 0.8",
}


def comparison_page(
    labelled: LabelledTexts,
    judged: tuple[tuple[str, Scored], tuple[str, Scored]],
    comparison: Comparison,
    *,
    policy: str,
    file_name: str,
    file_sha256: str,
    command: str,
) -> str:
    """The whole report as HTML.

    Args:
        labelled: the texts and labels.
        judged: for either judge what the reader calls it, and its scores.
        comparison: what :func:`moderation.scoring.compare.compare` found.
        policy: name of the policy whose thresholds were taken.
        file_name: of the labelled file.
        file_sha256: of its content.
        command: what made the report.

    Raises:
        ValueError: no column holds both kinds of label.
    """
    (name_a, first), (name_b, second) = judged
    pairs = zip(label_columns(labelled, first), label_columns(labelled, second), strict=True)
    plots = {one.column: _plots(one, other, name_a, name_b) for one, other in pairs}
    order = ("approve", "queue", "reject")
    facts = {
        "first": name_a,
        "second": name_b,
        "versions": (first.model_version, second.model_version),
        "file_name": file_name,
        "file_sha256": file_sha256,
        "rows": len(labelled.texts),
        "policy": policy,
        "comparison": comparison,
        "measures": _MEASURES,
        "plots": plots,
        "order": order,
        "outcomes": [
            [comparison.outcomes.get((one, other), 0) for other in order] for one in order
        ],
        "differing": {
            label: _differing(labelled, judged, label)
            for label in dict.fromkeys(column.label for column in comparison.columns)
        },
    }
    return render("comparison.html", command, facts)


def _plots(one: LabelColumn, other: LabelColumn, name_a: str, name_b: str) -> dict[str, Any]:
    lines = []
    for column, look in ((one, "one"), (other, "two")):
        points = curves(column.truth, column.scores)
        roc = thinned(np.append(0.0, points.false_positive_rate), np.append(0.0, points.recall))
        lines.append(Line(roc, look))
    step = max(1, len(one.truth) // _MOST_DOTS)
    groups = [
        (
            list(
                zip(
                    one.scores[one.truth == kind][::step].tolist(),
                    other.scores[one.truth == kind][::step].tolist(),
                    strict=True,
                )
            ),
            look,
        )
        for kind, look in ((False, "pale"), (True, "strong"))
    ]
    return {
        "roc": line_plot(
            Axes("false-positive rate", "recall"),
            lines,
            f"ROC curves of {one.column} by {name_a} and by {name_b}",
            diagonal=True,
        ),
        "scatter": scatter(
            Axes("score by the first", "score by the second"),
            groups,
            f"Scores of {one.label} by {name_a} and by {name_b}, a dot a text",
        ),
    }


def _differing(
    labelled: LabelledTexts,
    judged: tuple[tuple[str, Scored], tuple[str, Scored]],
    label: str,
) -> list[Quoted]:
    (name_a, first), (name_b, second) = judged
    shown = []
    for row in widest_gaps(first, second, label):
        told = f"{name_a} {first.scores[label][row]:.3f}, {name_b} {second.scores[label][row]:.3f}"
        for column, labels in labelled.labels.items():
            if labels[row] is not None:
                told += f" · {column} {labels[row]}"
        shown.append(quoted(labelled.texts[row], f"{told} · row {row + 1}"))
    return shown
