"""Measure a judge on labelled comments."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from moderation.labels import LABELS, SPAM, TOXICITY_LABELS
from moderation.scoring.judge import Assessment, Judge
from moderation.scoring.metrics import average_precision, calibration_error, roc_auc
from moderation.scoring.training_data import open_text

_SOFT_COLUMNS = {f"gold_{label}": label for label in TOXICITY_LABELS}
LABEL_COLUMNS = {"toxic": "toxicity", SPAM: SPAM, **_SOFT_COLUMNS}
"""Column of a labelled file -> the score it is compared with."""

CUT_OFF = 0.5
"""A soft label, the share of people who said yes, counts as yes from here on."""

_BATCH_TEXTS = 256


class NotLabelled(ValueError):
    """A file that is no labelled CSV; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """Texts, and for each label column of the file one 0/1 label a text.

    A label is None where the file has none for the text. ``sources`` says where each text came
    from, where the file tells.
    """

    texts: list[str]
    labels: dict[str, list[int | None]]
    sources: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """What a judge made of some texts.

    ``scores`` has for each of LABELS an array of shape (texts,); ``unsupported`` says, in the
    same order, which texts no model at hand was made for.
    """

    model_version: str
    scores: dict[str, NDArray[np.float64]]
    unsupported: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """One label column beside the score it is compared with, for the rows that have a label.

    ``rows``, ``truth`` and ``scores`` have the shape (rows with a label,).
    """

    column: str
    label: str
    rows: NDArray[np.int64]
    truth: NDArray[np.bool_]
    scores: NDArray[np.float64]

    @property
    def has_both_kinds(self) -> bool:
        return bool(self.truth.any()) and not bool(self.truth.all())


def read_labelled(
    path: Path, *, text_column: str = "text", rows: int = 0, cut_off: float = CUT_OFF
) -> LabelledTexts:
    """Read a CSV (gzip when its name ends in .gz) with texts and at least one label column.

    ``toxic`` and ``spam`` hold 0 or 1; ``gold_toxicity`` … ``gold_identity_attack`` 0..1, or
    nothing where nobody said. A column ``source`` is kept.

    Args:
        path: the file.
        text_column: the column that holds the texts.
        rows: read this many at most; 0 for all.
        cut_off: a soft label counts as 1 from here on.

    Raises:
        FileNotFoundError: no such file.
        NotLabelled: a column is missing, a label is none, or there are no rows; the message
            says which.
    """
    columns, with_source, found = _labelled_rows(path, text_column, cut_off)
    texts: list[str] = []
    labels: dict[str, list[int | None]] = {name: [] for name in columns}
    sources: list[str] = []
    for text, marks, source in islice(found, rows or None):
        texts.append(text)
        sources.append(source)
        for name in columns:
            labels[name].append(marks.get(name))
    if not texts:
        raise NotLabelled(f"{path} has no rows.")
    return LabelledTexts(texts, labels, sources if with_source else None)


def labelled_rows(
    path: Path, *, text_column: str = "text"
) -> tuple[list[str], Iterator[tuple[str, Mapping[str, int]]]]:
    """The 0/1 columns of a labelled CSV, and its rows one by one: text, and 0/1 by column.

    Soft labels are left aside. Arguments and errors are those of :func:`read_labelled`; what is
    wrong with a row is told when it is reached.
    """
    columns, _, found = _labelled_rows(path, text_column, None)
    return columns, ((text, marks) for text, marks, _ in found)


def _labelled_rows(
    path: Path, text_column: str, cut_off: float | None
) -> tuple[list[str], bool, Iterator[tuple[str, Mapping[str, int], str]]]:
    """Columns, whether there are sources, and the rows; soft labels only with a ``cut_off``."""
    file = open_text(path)
    try:
        reader = csv.DictReader(file)
        there = reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        file.close()
        raise NotLabelled(f"{path} is no CSV in UTF-8: {error}") from error
    possible = [name for name in LABEL_COLUMNS if cut_off or name not in _SOFT_COLUMNS]
    columns = [name for name in possible if name in there]
    if text_column not in there or not columns:
        file.close()
        raise NotLabelled(
            f"{path} needs a column {text_column!r} and one of {', '.join(possible)}; "
            f"it has {', '.join(there) or 'none'}"
        )

    def rows() -> Iterator[tuple[str, Mapping[str, int], str]]:
        with file:
            try:
                for row in reader:
                    marks = {}
                    for name in columns:
                        try:
                            mark = _label(row[name], cut_off if name in _SOFT_COLUMNS else None)
                        except ValueError as error:
                            raise NotLabelled(
                                f"{path}, line {reader.line_num}: {name} is {row[name]!r}, {error}"
                            ) from None
                        if mark is not None:
                            marks[name] = mark
                    yield row[text_column] or "", marks, row.get("source") or ""
            except (UnicodeDecodeError, csv.Error) as error:
                raise NotLabelled(f"{path}, after line {reader.line_num}: {error}") from error

    return columns, "source" in there, rows()


def _label(value: str | None, cut_off: float | None) -> int | None:
    """0 or 1; with a ``cut_off`` the value is soft, and empty where nobody said."""
    if cut_off is None:
        if value not in {"0", "1"}:
            raise NotLabelled("not 0 or 1")
        return int(value)
    if not value:
        return None
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise NotLabelled("not a number from 0 to 1")
    return int(share >= cut_off)


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


def score_all(
    judge: Judge, texts: Sequence[str], report: Callable[[int], None] = lambda done: None
) -> Scored:
    """All seven scores of ``texts``; ``report`` hears how many are done.

    Raises:
        ScoringUnavailable: the judge's model cannot be loaded.
    """
    table = np.zeros((len(texts), len(LABELS)))
    unsupported = np.zeros(len(texts), dtype=bool)
    for row, assessment in enumerate(assess_all(judge, texts, report)):
        table[row] = [assessment.scores[label] for label in LABELS]
        unsupported[row] = assessment.unsupported is not None
    by_label = {label: table[:, column] for column, label in enumerate(LABELS)}
    return Scored(judge.model_version, by_label, unsupported)


def label_columns(labelled: LabelledTexts, scored: Scored) -> list[LabelColumn]:
    """The label columns that can be measured: those with both kinds of label.

    Raises:
        ValueError: there is none.
    """
    columns = []
    for column, labels in labelled.labels.items():
        rows = np.array([row for row, one in enumerate(labels) if one is not None], dtype=np.int64)
        truth = np.array([bool(labels[row]) for row in rows], dtype=bool)
        label = LABEL_COLUMNS[column]
        columns.append(LabelColumn(column, label, rows, truth, scored.scores[label][rows]))
    usable = [column for column in columns if column.has_both_kinds]
    if not usable:
        names = ", ".join(labelled.labels)
        raise ValueError(f"labels must hold both kinds, yes and no, in one of: {names}")
    return usable


def evaluate(
    judge: Judge, labelled: LabelledTexts, report: Callable[[int], None] = lambda done: None
) -> dict[str, Any]:
    """ROC AUC, average precision, expected calibration error, and decisions at 0.5 and 0.8.

    Raises:
        ValueError: no column holds both kinds of label.
        ScoringUnavailable: the judge's model cannot be loaded.
    """
    return summary(labelled, score_all(judge, labelled.texts, report))


def summary(labelled: LabelledTexts, scored: Scored) -> dict[str, Any]:
    """The measures of each label column, and how many texts no model was made for.

    Raises:
        ValueError: no column holds both kinds of label.
    """
    found: dict[str, Any] = {
        "model_version": scored.model_version,
        "rows": len(labelled.texts),
        "unsupported": int(scored.unsupported.sum()),
    }
    for column in label_columns(labelled, scored):
        found[column.column] = measures(column.truth, column.scores)
    return found


def measures(truth: ArrayLike, scores: ArrayLike) -> dict[str, float]:
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
