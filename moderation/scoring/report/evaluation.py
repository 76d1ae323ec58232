"""The report of ``moderation models evaluate``."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from moderation.scoring.breakdown import (
    AT,
    Mistake,
    at_thresholds,
    by_group,
    mentions,
    sources,
    worst_mistakes,
)
from moderation.scoring.evaluate import (
    LabelColumn,
    LabelledTexts,
    Scored,
    label_columns,
    measures,
)
from moderation.scoring.identity_bias import IdentityReport
from moderation.scoring.made_up import IDENTITY_TERMS
from moderation.scoring.metrics import CalibrationBins, auc_interval, calibration_bins, curves
from moderation.scoring.report.page import Quoted, quoted, render
from moderation.scoring.report.plots import (
    Axes,
    Line,
    histograms,
    line_plot,
    round_top,
    thinned,
)

IDENTITY_ROWS = 10
"""A group is listed when so many texts name it."""

_THRESHOLDS = (0.01, 0.02, 0.05, *(round(0.1 * step, 1) for step in range(1, 10)), 0.95, 0.98, 0.99)
_HISTOGRAM_BINS = 20


def evaluation_page(
    labelled: LabelledTexts,
    scored: Scored,
    *,
    engine: str,
    file_name: str,
    file_sha256: str,
    cut_off: float,
    command: str,
    bias: IdentityReport | None = None,
) -> str:
    """The whole report as HTML.

    Args:
        labelled: the texts and labels.
        scored: what the judge made of the same texts.
        engine: what the reader calls the judge.
        file_name: of the labelled file.
        file_sha256: of its content.
        cut_off: from where on soft labels were taken for 1.
        command: what made the report.
        bias: how the judge does on the program's own sentences that name groups.

    Raises:
        ValueError: no column holds both kinds of label.
    """
    columns = label_columns(labelled, scored)
    named = mentions(
        labelled.texts,
        [term for term in IDENTITY_TERMS if term.kind != "contrast"],
        IDENTITY_ROWS,
    )
    facts = {
        "engine": engine,
        "model_version": scored.model_version,
        "file_name": file_name,
        "file_sha256": file_sha256,
        "rows": len(labelled.texts),
        "soft": any(name.startswith("gold_") for name in labelled.labels),
        "cut_off": cut_off,
        "unsupported": int(scored.unsupported.sum()),
        "skipped": sorted(set(labelled.labels) - {column.column for column in columns}),
        "sections": [_section(column, labelled, named) for column in columns],
        "identity_rows": IDENTITY_ROWS,
        "bias": bias,
        "bias_terms": []
        if bias is None
        else sorted(bias.terms, key=lambda term: (-term.false_positive_rate, term.bpsn_auc)),
    }
    return render("evaluation.html", command, facts)


def _section(
    column: LabelColumn, labelled: LabelledTexts, named: Mapping[str, list[int]]
) -> dict[str, Any]:
    found = measures(column.truth, column.scores)
    low, high = auc_interval(column.truth, column.scores)
    bins = calibration_bins(column.truth, column.scores)
    (at_half,) = at_thresholds(column, [AT])
    alarms, misses = worst_mistakes(column)
    by_identity = by_group(column, named) if column.label != "spam" else []
    return {
        "column": column.column,
        "label": column.label,
        "texts": len(column.truth),
        "positives": found["positives"],
        "roc_auc": found["roc_auc"],
        "auc_low": low,
        "auc_high": high,
        "average_precision": found["average_precision"],
        "calibration_error": found["calibration_error"],
        "at_half": at_half,
        **_plots(column, bins, found),
        "bins": _bin_rows(bins),
        "thresholds": at_thresholds(column, _THRESHOLDS),
        "sources": by_group(column, sources(labelled.sources)) if labelled.sources else [],
        "identities": sorted(by_identity, key=lambda group: -(group.false_positive_rate or 0)),
        "false_positives": _quoted(alarms, labelled),
        "false_negatives": _quoted(misses, labelled),
    }


def _plots(
    column: LabelColumn, bins: CalibrationBins, found: Mapping[str, float]
) -> dict[str, Any]:
    name, points = column.column, curves(column.truth, column.scores)
    roc = thinned(np.append(0.0, points.false_positive_rate), np.append(0.0, points.recall))
    precision = thinned(
        np.append(0.0, points.recall), np.append(points.precision[0], points.precision)
    )
    filled = bins.counts > 0
    reliability = list(
        zip(
            bins.mean_scores[filled].tolist(),
            bins.shares_of_positives[filled].tolist(),
            strict=True,
        )
    )
    shares = [
        np.histogram(column.scores[kind], bins=_HISTOGRAM_BINS, range=(0, 1))[0] / kind.sum()
        for kind in (~column.truth, column.truth)
    ]
    return {
        "roc": line_plot(
            Axes("false-positive rate", "recall"),
            [Line(roc)],
            f"ROC curve of {name}: the area under it is {found['roc_auc']:.3f}",
            diagonal=True,
        ),
        "precision_recall": line_plot(
            Axes("recall", "precision"),
            [Line(precision)],
            f"Precision over recall of {name}: average precision {found['average_precision']:.3f}",
        ),
        "calibration": line_plot(
            Axes("mean score", "share positive"),
            [Line(reliability, dots=True)],
            f"Calibration of {name}: the expected error is {found['calibration_error']:.3f}; "
            "the numbers are in the table below",
            diagonal=True,
        ),
        "histogram": histograms(
            Axes("score", "share of the label's texts", round_top(float(np.max(shares)))),
            [(shares[0], "one"), (shares[1], "two")],
            f"How the scores of {name} are spread: {shares[0][:10].sum():.0%} of the negative and "
            f"{shares[1][:10].sum():.0%} of the positive texts score below 0.5",
        ),
    }


def _bin_rows(bins: CalibrationBins) -> list[dict[str, Any]]:
    width = 1 / len(bins.counts)
    return [
        {
            "low": number * width,
            "high": (number + 1) * width,
            "count": int(count),
            "mean_score": mean,
            "share": share,
            "gap": abs(mean - share),
        }
        for number, (count, mean, share) in enumerate(
            zip(
                bins.counts,
                bins.mean_scores.tolist(),
                bins.shares_of_positives.tolist(),
                strict=True,
            )
        )
    ]


def _quoted(mistakes: list[Mistake], labelled: LabelledTexts) -> list[Quoted]:
    shown = []
    for mistake in mistakes:
        about = f"score {mistake.score:.3f} · row {mistake.row + 1}"
        if labelled.sources:
            about += f" · {labelled.sources[mistake.row]}"
        shown.append(quoted(labelled.texts[mistake.row], about))
    return shown
