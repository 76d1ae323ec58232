"""Measure a judge on labelled comments."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from moderation.labels import SPAM
from moderation.scoring.judge import Assessment, Judge
from moderation.scoring.metrics import average_precision, calibration_error, roc_auc
from moderation.scoring.training_data import open_text

LABEL_COLUMNS = {"toxic": "toxicity", SPAM: SPAM}
"""Column of a labelled file -> the score it is compared with."""

_BATCH_TEXTS = 256


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts, and for each label column of the file one 0/1 label a text."""

    texts: list[str]
    labels: dict[str, list[int]]


def read_labelled(path: Path, *, text_column: str = "text", rows: int = 0) -> LabelledTexts:
    """Read a CSV (gzip when its name ends in .gz) with texts and ``toxic`` or ``spam`` in 0/1.

    Args:
        path: the file.
        text_column: the column that holds the texts.
        rows: read this many at most; 0 for all.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a column is missing, or a label is neither 0 nor 1; the message says which.
    """
    columns, found = labelled_rows(path, text_column=text_column)
    texts: list[str] = []
    labels: dict[str, list[int]] = {name: [] for name in columns}
    for text, marks in islice(found, rows or None):
        texts.append(text)
        for name, mark in marks.items():
            labels[name].append(mark)
    return LabelledTexts(texts, labels)


def labelled_rows(
    path: Path, *, text_column: str = "text"
) -> tuple[list[str], Iterator[tuple[str, Mapping[str, int]]]]:
    """The label columns of a labelled CSV, and its rows one by one: text, and 0/1 by column.

    Arguments and errors are those of :func:`read_labelled`; what is wrong with a row is told when
    it is reached.
    """
    file = open_text(path)
    try:
        reader = csv.DictReader(file)
        there = reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        file.close()
        raise ValueError(f"{path} is no CSV in UTF-8: {error}") from error
    columns = [name for name in LABEL_COLUMNS if name in there]
    if text_column not in there or not columns:
        file.close()
        raise ValueError(
            f"{path} needs a column {text_column!r} and one of {', '.join(LABEL_COLUMNS)}; "
            f"it has {', '.join(there) or 'none'}"
        )

    def rows() -> Iterator[tuple[str, Mapping[str, int]]]:
        with file:
            try:
                for row in reader:
                    for name in columns:
                        if row[name] not in {"0", "1"}:
                            raise ValueError(
                                f"{path}, line {reader.line_num}: "
                                f"{name} is {row[name]!r}, not 0 or 1"
                            )
                    yield row[text_column] or "", {name: int(row[name]) for name in columns}
            except (UnicodeDecodeError, csv.Error) as error:
                raise ValueError(f"{path}, after line {reader.line_num}: {error}") from error

    return columns, rows()


def assess_all(
    judge: Judge, texts: Sequence[str], report: Callable[[int], None] = lambda done: None
) -> Iterator[Assessment]:
    """Assess any number of ``texts``, batch by batch; ``report`` hears how many are done.

    Raises:
        ScoringUnavailable: the judge's model cannot be loaded.
    """
    for first in range(0, len(texts), _BATCH_TEXTS):
        batch = texts[first : first + _BATCH_TEXTS]
        yield from judge.assess(batch)
        report(first + len(batch))


def evaluate(judge: Judge, labelled: LabelledTexts) -> dict[str, Any]:
    """ROC AUC, average precision, expected calibration error, and decisions at 0.5 and 0.8.

    Raises:
        ValueError: a column holds only one kind of label.
        ScoringUnavailable: the judge's model cannot be loaded.
    """
    scores: dict[str, list[float]] = {label: [] for label in LABEL_COLUMNS.values()}
    for assessment in assess_all(judge, labelled.texts):
        for label, values in scores.items():
            values.append(assessment.scores[label])
    report: dict[str, Any] = {"model_version": judge.model_version, "rows": len(labelled.texts)}
    for column, truth in labelled.labels.items():
        report[column] = measures(truth, scores[LABEL_COLUMNS[column]])
    return report


def measures(truth: Sequence[int], scores: Sequence[float]) -> dict[str, float]:
    """The measures of one label column; precision is 0 where nothing is above the threshold."""
    labels, given = np.array(truth, dtype=bool), np.array(scores)
    found: dict[str, float] = {
        "positives": int(labels.sum()),
        "roc_auc": roc_auc(labels, given),
        "average_precision": average_precision(labels, given),
        "calibration_error": calibration_error(labels, given),
    }
    for at in (0.5, 0.8):
        above = given > at
        hits = float((above & labels).sum())
        found[f"precision_at_{at}"] = hits / max(1, int(above.sum()))
        found[f"recall_at_{at}"] = hits / int(labels.sum())
    return {name: round(value, 4) for name, value in found.items()}
