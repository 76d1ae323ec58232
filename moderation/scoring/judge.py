"""The judge: texts in, seven probabilities each out. What the rest of the program sees.

``build_judge`` names the models and checks the names; nothing is read from disk before the first
text is judged, so that a process may fork after building its judge.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from moderation.labels import LABELS, SPAM, TOXICITY_LABELS
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.registry import COMPACT, resolve, unknown_engine

DETOXIFY_PREFIX = "detoxify:"

EXPLAINED_FROM = 0.3
"""From this toxicity on the words behind it are told.

Below, no preset that ships holds a comment for its toxicity, and the words that weigh most in a
harmless text are just words: marking them would accuse them.
"""

Span = tuple[int, int]
"""Half-open, in code points of a text as it was given."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the models said of one text.

    ``scores`` has exactly the keys of :data:`moderation.labels.LABELS`, each 0..1;
    ``model_version`` names every model that had a say, in at most 200 characters.
    """

    scores: Mapping[str, float]
    model_version: str
    spans: tuple[Span, ...] = ()
    """The words that drove the toxicity score, in order, not overlapping; none below
    :data:`EXPLAINED_FROM`."""
    language: str | None = None
    """ISO 639-1 code of the language; None where the text is too short or unclear to say."""
    unsupported: str | None = None
    """Why no model at hand is made for this text; None where one is."""


@dataclass(frozen=True, slots=True)
class ToxicityReadings:
    """What a toxicity model made of some texts.

    ``scores`` has the shape (texts, 6), as :meth:`ToxicityModel.score` returns it; ``spans`` has
    for each text the words that speak most for its toxicity, whatever the score is.
    """

    scores: NDArray[np.float32]
    spans: Sequence[tuple[Span, ...]]


class Judge(Protocol):
    """Scores texts. Safe to call from several threads."""

    @property
    def model_version(self) -> str:
        """Names the models. Loads them when they are not loaded yet.

        Raises:
            ScoringUnavailable: a model cannot be loaded; the message says what to do.
        """
        ...

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        """One assessment a text, in the order of ``texts``. Any string is accepted.

        Raises:
            ScoringUnavailable: a model cannot be loaded; the message says what to do.
        """
        ...


class ToxicityModel(Protocol):
    """Six columns of probabilities, in the order of TOXICITY_LABELS."""

    version: str

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """An array of shape (texts, 6), each value 0..1."""
        ...

    def read(self, texts: Sequence[str]) -> ToxicityReadings:
        """The same scores, and the words behind them."""
        ...


class SpamModel(Protocol):
    """One column of probabilities."""

    version: str

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """An array of shape (texts,), each value 0..1."""
        ...


class ModelJudge:
    """A judge made of a toxicity model and a spam model, loaded at the first use.

    They are loaded once a process: threads of a model do not survive a fork, so a child loads
    its own.
    """

    def __init__(
        self, load_toxicity: Callable[[], ToxicityModel], load_spam: Callable[[], SpamModel]
    ) -> None:
        self._load_toxicity = load_toxicity
        self._load_spam = load_spam
        self._lock = threading.Lock()
        self._loaded: tuple[ToxicityModel, SpamModel] | None = None
        os.register_at_fork(after_in_child=self._forget)

    @property
    def model_version(self) -> str:
        toxicity, spam = self._models()
        return f"{toxicity.version} {spam.version}"

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        if not texts:
            return []
        toxicity, spam = self._models()
        version = f"{toxicity.version} {spam.version}"
        read, spam_scores = toxicity.read(texts), spam.score(texts)
        return [
            Assessment(
                {**dict(zip(TOXICITY_LABELS, six, strict=True)), SPAM: one},
                version,
                spans if six[0] >= EXPLAINED_FROM else (),
            )
            for six, one, spans in zip(
                read.scores.tolist(), spam_scores.tolist(), read.spans, strict=True
            )
        ]

    def _models(self) -> tuple[ToxicityModel, SpamModel]:
        loaded = self._loaded
        if loaded is None:
            with self._lock:
                loaded = self._loaded
                if loaded is None:
                    loaded = self._load_toxicity(), self._load_spam()
                    self._loaded = loaded
        return loaded

    def _forget(self) -> None:
        # The parent's models are kept, unused: taking them down would wait for their threads,
        # which the child does not have.
        self._of_parent = self._loaded
        self._loaded, self._lock = None, threading.Lock()


def build_judge(
    engine: str = COMPACT,
    spam_engine: str = COMPACT,
    *,
    threads: int = 0,
    models_dir: Path | None = None,
) -> ModelJudge:
    """The judge that the settings name; its models are loaded at the first use.

    Args:
        engine: ``compact`` (the bundled model), the name of a model that was added,
            ``detoxify:NAME`` (``original``, ``unbiased``, ``multilingual``, ``original-small``,
            ``unbiased-small``) or ``detoxify:PATH`` (a checkpoint, or the folder ``moderation
            models train`` wrote).
        spam_engine: ``compact``.
        threads: processor threads one call may use; 0 for as many as there are cores.
        models_dir: where added models lie (:attr:`moderation.settings.Settings.models_path`).

    Raises:
        ScoringUnavailable: there is no such engine.
    """
    if spam_engine != COMPACT:
        raise ScoringUnavailable(f"No spam engine {spam_engine!r}: use {COMPACT!r}.")

    def load_spam() -> SpamModel:
        from moderation.scoring.spam import load_compact_spam

        return load_compact_spam()

    folder = resolve(engine, models_dir)
    if folder is not None:

        def load_toxicity() -> ToxicityModel:
            from moderation.scoring.onnx_model import OnnxToxicity

            return OnnxToxicity(folder, threads=threads)

    elif engine.removeprefix(DETOXIFY_PREFIX) not in {"", engine}:

        def load_toxicity() -> ToxicityModel:
            from moderation.scoring.detoxify_model import load_detoxify

            return load_detoxify(engine.removeprefix(DETOXIFY_PREFIX), threads=threads)

    else:
        raise unknown_engine(engine)
    return ModelJudge(load_toxicity, load_spam)


__all__ = [
    "LABELS",
    "Assessment",
    "Judge",
    "ModelJudge",
    "ScoringUnavailable",
    "Span",
    "ToxicityReadings",
    "build_judge",
]
