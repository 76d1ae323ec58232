"""Gathering what people decided: from the database, or from a labelled file scored now."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from moderation.cli.progress import progress
from moderation.domain.policy.paths import Sample
from moderation.labels import LABELS, SPAM, TOXICITY_LABELS
from moderation.services import policy_studies
from moderation.wiring import Wiring

if TYPE_CHECKING:
    from moderation.scoring.judge import Assessment, Judge

PAGE = 500


@dataclass
class ByModel:
    """Comments as one model scored them; near copies count once unless they are kept."""

    labels: tuple[str, ...]
    keep_copies: bool = False
    copies: int = 0
    _scores: array[float] = field(default_factory=lambda: array("d"))
    _harmful: bytearray = field(default_factory=bytearray)
    _waits: bytearray = field(default_factory=bytearray)
    _seen: set[bytes] = field(default_factory=set)

    def add(self, likeness: str, assessment: Assessment, harmful: bool) -> None:
        key = blake2b(likeness.encode("utf-8", "replace"), digest_size=8).digest()
        if key in self._seen and not self.keep_copies:
            self.copies += 1
            return
        self._seen.add(key)
        self._scores.extend(assessment.scores[label] for label in LABELS)
        self._harmful.append(harmful)
        self._waits.append(assessment.unsupported is not None)

    def __len__(self) -> int:
        return len(self._harmful)

    def sample(self) -> Sample:
        return Sample(
            np.array(self._scores).reshape(-1, len(LABELS)),
            np.frombuffer(bytes(self._harmful), dtype=np.bool_),
            np.frombuffer(bytes(self._waits), dtype=np.bool_),
            self.labels,
        )


@dataclass
class Gathered:
    """All that was found, model by model."""

    source: str
    by_model: dict[str, ByModel] = field(default_factory=dict)
    not_scored: int = 0
    by_policy_alone: int | None = None
    """Comments that no person decided; None where that cannot be (a labelled file)."""

    def most_used(self) -> str | None:
        return max(self.by_model, key=lambda version: len(self.by_model[version]), default=None)


def from_decisions(wiring: Wiring, wanted: policy_studies.Wanted) -> Gathered:
    """What moderators decided, with the stored scores of every model that read the texts."""
    since = f"{wanted.since:%Y-%m-%d} to " if wanted.since else "until "
    gathered = Gathered(f"decisions of moderators, {since}{wanted.until:%Y-%m-%d %H:%M}")
    with wiring.database.read() as session:
        total = policy_studies.count_people_decisions(session, wanted)
        gathered.by_policy_alone = policy_studies.count_decided_by_policy(session, wanted)
    after = None
    with progress("read", total) as advance:
        while True:
            with wiring.database.read() as session:
                page, after = policy_studies.people_decisions(
                    session, wanted, after=after, limit=PAGE
                )
            for decision in page:
                gathered.not_scored += not decision.readings
                for assessment in decision.readings:
                    by_model = gathered.by_model
                    of_model = by_model.setdefault(assessment.model_version, ByModel(LABELS))
                    of_model.add(decision.likeness, assessment, decision.rejected)
            advance(len(page))
            if after is None:
                return gathered


@dataclass(frozen=True)
class Labelled:
    """A text of a labelled file, as a model scored it."""

    text: str
    harmful: bool
    assessment: Assessment


@dataclass(frozen=True)
class LabelledFile:
    """A labelled CSV: its label columns, how many rows it has, and its texts, scored as they come.

    ``texts`` can be gone through once.
    """

    columns: tuple[str, ...]
    rows: int
    texts: Iterator[Labelled]


def open_labelled(judge: Judge, file: Path, text_column: str) -> LabelledFile:
    """Look through a labelled CSV, then score it batch by batch.

    Raises:
        NotLabelled: the file is not as :func:`moderation.scoring.evaluate.read_labelled` says.
    """
    from moderation.scoring.evaluate import labelled_rows

    # Read to the end first: a mistake in the last row is told before an hour of scoring.
    columns, rows = labelled_rows(file, text_column=text_column)
    total = sum(1 for _ in rows)

    def scored() -> Iterator[Labelled]:
        _, rows = labelled_rows(file, text_column=text_column)
        while batch := list(islice(rows, PAGE)):
            assessments = judge.assess([text for text, _ in batch])
            for (text, marks), assessment in zip(batch, assessments, strict=True):
                yield Labelled(text, any(marks.values()), assessment)

    return LabelledFile(tuple(columns), total, scored())


def from_file(judge: Judge, file: Path, text_column: str, *, keep_copies: bool = False) -> Gathered:
    """What a labelled file says, with the scores the judge gives now."""
    from moderation.scoring.similarity import fingerprint

    found = open_labelled(judge, file, text_column)
    marked = {"toxic": TOXICITY_LABELS, SPAM: (SPAM,)}
    labels = tuple(label for column in found.columns for label in marked[column])
    gathered = Gathered(f"{file.name}, where harmful is {' or '.join(found.columns)}")
    with progress("scored", found.rows) as advance:
        for one in found.texts:
            # All by one judge, however many models it asks.
            of_judge = gathered.by_model.setdefault(
                judge.model_version, ByModel(labels, keep_copies)
            )
            of_judge.add(fingerprint(one.text), one.assessment, one.harmful)
            advance(1)
    return gathered
