"""The bundled spam model: hashed TF-IDF and cues read by rule, in one logistic regression.

numpy alone; ``moderation models train-spam`` makes its files with scikit-learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.scoring.bundle import MODELS, read_manifest, version_name
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.normalise import NORMALISER_VERSION
from moderation.scoring.spam_cues import CUES
from moderation.scoring.spam_features import (
    BUCKETS,
    FEATURES_VERSION,
    WORD_BUCKETS,
    Features,
    HashedCounts,
    features,
)

SPAM_FOLDER = MODELS / "spam"
WEIGHTS_FILE = "weights.npz"


def tfidf(counts: HashedCounts, idf: NDArray[np.float32], texts: int) -> NDArray[np.float32]:
    """Weights of the pairs of ``counts``: (1 + log tf) · idf.

    A text's words are scaled to length 1, and so are its character runs: there are many more of
    these, and they would drown the words.
    """
    values = (1.0 + np.log(counts.counts)) * idf[counts.buckets]
    parts = 2 * counts.rows + (counts.buckets >= WORD_BUCKETS)
    squares = np.bincount(parts, weights=values**2, minlength=2 * texts)
    return (values / np.sqrt(np.maximum(squares, 1e-12))[parts]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class SpamWeights:
    """``idf`` and ``bucket_weights`` have BUCKETS elements, the others one for each cue."""

    idf: NDArray[np.float32]
    bucket_weights: NDArray[np.float32]
    cue_weights: NDArray[np.float32]
    cue_means: NDArray[np.float32]
    cue_scales: NDArray[np.float32]
    bias: float

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """An array of shape (texts,), each 0..1."""
        return self.probabilities_of(features(texts))

    def probabilities_of(self, seen: Features) -> NDArray[np.float32]:
        """The same, of texts whose features are known."""
        counts, texts = seen.terms, len(seen.cues)
        values = tfidf(counts, self.idf, texts) * self.bucket_weights[counts.buckets]
        logits = np.bincount(counts.rows, weights=values, minlength=texts)
        # One text's sum must not depend on its neighbours, so no matrix product here.
        scaled = (seen.cues - self.cue_means) / self.cue_scales
        logits = logits + (scaled * self.cue_weights).sum(axis=1, dtype=np.float64) + self.bias
        return (1.0 / (1.0 + np.exp(-np.clip(logits, -60, 60)))).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write a compressed .npz; the weights as 16-bit floats, which is all they need."""
        np.savez_compressed(
            path,
            idf=self.idf.astype(np.float16),
            bucket_weights=self.bucket_weights.astype(np.float16),
            cue_weights=self.cue_weights,
            cue_means=self.cue_means,
            cue_scales=self.cue_scales,
            bias=np.float32(self.bias),
        )

    @classmethod
    def load(cls, path: Path) -> "SpamWeights":
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name].astype(np.float32) for name in stored.files}
        bias = float(arrays.pop("bias"))
        return cls(bias=bias, **arrays)


class CompactSpam:
    """The spam model of a folder with weights.npz and manifest.json."""

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Raises:
            ScoringUnavailable: a file is missing, damaged or made for other features.
        """
        manifest = read_manifest(folder)
        expected = {
            "normaliser_version": NORMALISER_VERSION,
            "features_version": FEATURES_VERSION,
            "buckets": BUCKETS,
            "cues": list(CUES),
        }
        for key, value in expected.items():
            if manifest.get(key) != value:
                raise ScoringUnavailable(
                    f"{folder} was made for {key} {manifest.get(key)}, this program has {value}."
                    " Run `moderation models train-spam` again."
                )
        self._weights = SpamWeights.load(folder / WEIGHTS_FILE)
        self.version = version_name("spam", manifest, WEIGHTS_FILE)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """An array of shape (texts,): the probability that each text is spam."""
        return self._weights.probabilities(texts)


def load_compact_spam() -> CompactSpam:
    """The bundled spam model."""
    return CompactSpam(SPAM_FOLDER)
