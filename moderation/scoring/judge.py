"""The judge: texts in, seven probabilities each out. What the rest of the program sees.

``build_judge`` names the models and checks the names; nothing is read from disk before the first
text is judged, so that a process may fork after building its judge.
"""

import os
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import structlog
from numpy.typing import NDArray

from moderation.labels import LABELS, SPAM, TOXICITY_LABELS
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.language import ENGLISH, FOREIGN, LanguageDetector, nothing_to_read
from moderation.scoring.memory import Memory
from moderation.scoring.registry import COMPACT, resolve, unknown_engine
from moderation.scoring.spam_signals import SpamPart

DETOXIFY_PREFIX = "detoxify:"

EXPLAINED_FROM = 0.3
"""From this toxicity on the words behind it are told.

Below, no preset that ships holds a comment for its toxicity, and the words that weigh most in a
harmless text are just words: marking them would accuse them.
"""

MULTILINGUAL = "multilingual"
MULTILINGUAL_LANGUAGES = frozenset({ENGLISH, "fr", "es", "it", "pt", "tr", "ru"})
"""What Detoxify's multilingual model was trained on."""

AUTO, OFF = "auto", "off"

RELOAD_AFTER_S = 300
"""How long a second model that could not be loaded is left alone; trying may take a while."""

REMEMBERED = 2048
"""Texts whose answer is kept: what arrives again does so within minutes, in bursts."""

log = structlog.get_logger(__name__)

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
    :data:`EXPLAINED_FROM`, and none of what is unsupported."""
    language: str | None = None
    """ISO 639-1 code of the language; None where the text is too short or unclear to say."""
    unsupported: str | None = None
    """Why no model at hand is made for this text; None where one is."""
    spam_parts: tuple[SpamPart, ...] = ()
    """What the spam score is made of, where more than the text had a say."""


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

    @property
    def versions_by_language(self) -> Mapping[str, str]:
        """Language -> what assessments of texts in it say instead of :attr:`model_version`.

        Loads the second model, if there is one and it is not loaded yet.

        Raises:
            ScoringUnavailable: a model cannot be loaded. If it is only the second one, texts are
                assessed without it, as :meth:`assess` says.
        """
        ...

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        """One assessment a text, in the order of ``texts``. Any string is accepted.

        While a second model cannot be loaded, texts in its languages are read by the first one
        and are unsupported.

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
    its own. The same text is judged once while it is remembered.
    """

    def __init__(
        self,
        load_toxicity: Callable[[], ToxicityModel],
        load_spam: Callable[[], SpamModel],
        *,
        languages: Collection[str] = (ENGLISH,),
        load_other: Callable[[], ToxicityModel] | None = None,
        other_languages: Collection[str] = (),
        remembered: int = REMEMBERED,
    ) -> None:
        """Args:
        languages: what the toxicity model was made for, as LanguageDetector gives them.
        load_other: a toxicity model for texts in ``other_languages``.
        remembered: for how many texts the answer is kept; 0 for none.
        """
        self._load_toxicity = load_toxicity
        self._load_spam = load_spam
        self._load_other = load_other
        self._languages = frozenset(languages)
        self._other_languages = frozenset(other_languages if load_other else ()) - self._languages
        self._remembered = remembered
        self._forget()
        os.register_at_fork(after_in_child=self._forget)

    @property
    def model_version(self) -> str:
        toxicity, spam = self._models()
        return f"{toxicity.version} {spam.version}"

    @property
    def versions_by_language(self) -> Mapping[str, str]:
        if not self._other_languages:
            return {}
        _, spam = self._models()
        other = self._other(try_again=True)
        return dict.fromkeys(self._other_languages, f"{other.version} {spam.version}")

    def assess(self, texts: Sequence[str]) -> list[Assessment]:
        known = {text: self._memory.get(text) for text in texts}
        new = [text for text, assessment in known.items() if assessment is None]
        for text, assessment in zip(new, self._assess(new), strict=True):
            known[text] = assessment
            # Where the second model was missing, it may be there next time.
            if not (assessment.unsupported and assessment.language in self._other_languages):
                self._memory.put(text, assessment)
        # Each with scores of its own: whoever changes some changes no other's.
        return [replace(known[text], scores=dict(known[text].scores)) for text in texts]

    def _assess(self, texts: Sequence[str]) -> list[Assessment]:
        if not texts:
            return []
        toxicity, spam = self._models()
        empty = [nothing_to_read(text) for text in texts]
        languages = [
            None if why else self._detector.language(text)
            for text, why in zip(texts, empty, strict=True)
        ]
        others = [row for row, code in enumerate(languages) if code in self._other_languages]
        other = self._other_if_any() if others else None
        supported = self._languages
        if other is None:
            others = []
        else:
            supported |= self._other_languages
        rest = sorted(set(range(len(texts))) - set(others))
        spam_scores = spam.score(texts).tolist()
        assessed: dict[int, Assessment] = {}
        for rows, model in ((rest, toxicity), (others, other)):
            if not rows or model is None:
                continue
            read = model.read([texts[row] for row in rows])
            for row, six, spans in zip(rows, read.scores.tolist(), read.spans, strict=True):
                unsupported = empty[row]
                if languages[row] is not None and languages[row] not in supported:
                    unsupported = FOREIGN
                assessed[row] = Assessment(
                    {**dict(zip(TOXICITY_LABELS, six, strict=True)), SPAM: spam_scores[row]},
                    f"{model.version} {spam.version}",
                    spans if six[0] >= EXPLAINED_FROM and unsupported is None else (),
                    languages[row],
                    unsupported,
                )
        return [assessed[row] for row in range(len(texts))]

    def _models(self) -> tuple[ToxicityModel, SpamModel]:
        loaded = self._loaded
        if loaded is None:
            with self._lock:
                loaded = self._loaded
                if loaded is None:
                    loaded = self._load_toxicity(), self._load_spam()
                    self._loaded = loaded
        return loaded

    def _other_if_any(self) -> ToxicityModel | None:
        try:
            return self._other()
        except ScoringUnavailable:
            return None  # which _other has logged

    def _other(self, *, try_again: bool = False) -> ToxicityModel:
        """Load the second model once.

        Args:
            try_again: also after a failure, if that was RELOAD_AFTER_S ago. Whoever has limited
                time to assess does this before, so that assessing never waits for it.

        Raises:
            ScoringUnavailable: it cannot be loaded, or could not the last time.
        """
        with self._lock:
            if self._loaded_other is not None:
                return self._loaded_other
            if self._other_failed is not None:
                failed_at, why = self._other_failed
                if not try_again or time.monotonic() - failed_at < RELOAD_AFTER_S:
                    raise ScoringUnavailable(why)
            assert self._load_other is not None
            try:
                self._loaded_other = self._load_other()
            except Exception as error:  # libraries raise what they like over a broken file
                is_plain = isinstance(error, ScoringUnavailable)
                why = str(error) if is_plain else f"{type(error).__name__}: {error}"
                self._other_failed = time.monotonic(), why
                log.error(
                    "second_model_not_loaded",
                    error=why,
                    setting="multilingual_engine",
                    then="texts in its languages are marked unsupported and wait for a person",
                )
                raise ScoringUnavailable(why) from error
            self._other_failed = None
            return self._loaded_other

    def _forget(self) -> None:
        # The parent's models are kept, unused: taking them down would wait for their threads,
        # which the child does not have.
        self._of_parent = (getattr(self, "_loaded", None), getattr(self, "_loaded_other", None))
        self._loaded: tuple[ToxicityModel, SpamModel] | None = None
        self._loaded_other: ToxicityModel | None = None
        self._other_failed: tuple[float, str] | None = None
        self._detector = LanguageDetector()
        self._memory = Memory(self._remembered)
        self._lock = threading.Lock()


def build_judge(
    engine: str = COMPACT,
    spam_engine: str = COMPACT,
    *,
    multilingual: str = OFF,
    threads: int = 0,
    models_dir: Path | None = None,
    remembered: int = REMEMBERED,
) -> ModelJudge:
    """The judge that the settings name; its models are loaded at the first use.

    Args:
        engine: ``compact`` (the bundled model), the name of a model that was added,
            ``detoxify:NAME`` (``original``, ``unbiased``, ``multilingual``, ``original-small``,
            ``unbiased-small``) or ``detoxify:PATH`` (a checkpoint, or the folder ``moderation
            models train`` wrote).
        spam_engine: ``compact``.
        multilingual: what reads :data:`MULTILINGUAL_LANGUAGES`, where ``engine`` was not made for
            them: an engine as above; ``auto`` for the one that was added under the name
            ``multilingual``, if any; or ``off``.
        threads: processor threads one call may use; 0 for as many as there are cores.
        models_dir: where added models lie (:attr:`moderation.settings.Settings.models_path`).
        remembered: for how many texts the answer is kept; 0 where each call is to be work.

    Raises:
        ScoringUnavailable: there is no such engine.
    """
    if spam_engine != COMPACT:
        raise ScoringUnavailable(f"No spam engine {spam_engine!r}: use {COMPACT!r}.")

    def load_spam() -> SpamModel:
        from moderation.scoring.spam import load_compact_spam

        return load_compact_spam()

    second = second_engine(multilingual, models_dir)
    return ModelJudge(
        _loader("toxicity_engine", engine, threads, models_dir),
        load_spam,
        languages=_languages_of(engine),
        load_other=second and _loader("multilingual_engine", second, threads, models_dir),
        other_languages=MULTILINGUAL_LANGUAGES,
        remembered=remembered,
    )


def second_engine(multilingual: str, models_dir: Path | None) -> str | None:
    """The engine that the setting ``multilingual_engine`` stands for; None where there is none."""
    if multilingual == AUTO:
        return MULTILINGUAL if resolve(MULTILINGUAL, models_dir) else None
    return None if multilingual == OFF else multilingual


def _loader(
    setting: str, engine: str, threads: int, models_dir: Path | None
) -> Callable[[], ToxicityModel]:
    folder = resolve(engine, models_dir)
    if folder is not None:

        def load() -> ToxicityModel:
            from moderation.scoring.onnx_model import OnnxToxicity

            return OnnxToxicity(folder, threads=threads)

    elif engine.removeprefix(DETOXIFY_PREFIX) not in {"", engine}:

        def load() -> ToxicityModel:
            from moderation.scoring.detoxify_model import load_detoxify

            return load_detoxify(engine.removeprefix(DETOXIFY_PREFIX), threads=threads)

    else:
        raise unknown_engine(engine, setting)
    return load


def _languages_of(engine: str) -> Collection[str]:
    is_multilingual = engine.removeprefix(DETOXIFY_PREFIX) == MULTILINGUAL
    return MULTILINGUAL_LANGUAGES if is_multilingual else (ENGLISH,)


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
