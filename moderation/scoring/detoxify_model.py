"""Toxicity by Detoxify: its official models by name, or a checkpoint in its format by path.

Needs the extra ``detoxify``. Loading and predicting are Detoxify's own code (detoxify 0.5.4).
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.bundle import sha256_of
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.normalise import NORMALISER_VERSION, as_written, normalised_text

CHECKPOINT_FILE = "model.ckpt"
HF_FOLDER = "hf"

_OUR_NAMES = {
    "toxic": "toxicity",
    "severe_toxic": "severe_toxicity",
    "identity_hate": "identity_attack",
}
"""Names of the Jigsaw data -> our labels.

``unbiased`` and ``multilingual`` call two labels as we do, and so does ``original`` after Detoxify
has renamed them; a checkpoint may still use the old names. ``sexual_explicit`` and the identities
have no counterpart here.
"""

NAMES = ("original", "unbiased", "multilingual", "original-small", "unbiased-small")

_BATCH_TEXTS = 32
_MAX_CHARS = 2000
"""Detoxify reads 512 tokens at most; this only bounds the work of tokenising."""


def load_detoxify(name_or_path: str, *, threads: int = 0) -> "DetoxifyToxicity":
    """Load an official model by name, or a checkpoint by path.

    A path is a checkpoint with the folder ``hf/`` (config and tokenizer) beside it, or the
    folder that holds both as ``moderation models train`` writes them.

    Raises:
        ScoringUnavailable: the extra is missing, there is no such name or path, the checkpoint
            cannot be read, or the download failed; the message says what to do.
    """
    if name_or_path in NAMES:
        return DetoxifyToxicity(model_type=name_or_path, threads=threads)
    path = Path(name_or_path)
    checkpoint = path / CHECKPOINT_FILE if path.is_dir() else path
    if not checkpoint.is_file():
        raise ScoringUnavailable(
            f"{name_or_path!r} is neither a Detoxify model ({', '.join(NAMES)}) nor a checkpoint."
        )
    return DetoxifyToxicity(
        checkpoint=checkpoint, config_folder=checkpoint.parent / HF_FOLDER, threads=threads
    )


class DetoxifyToxicity:
    """A Detoxify model behind the interface of the judges.

    ``labels`` names the columns of the model's own output, by our names where we have one;
    ``normalises`` says whether it reads texts after their disguises were undone.
    """

    def __init__(
        self,
        *,
        model_type: str = "original",
        checkpoint: Path | None = None,
        config_folder: Path | None = None,
        threads: int = 0,
    ) -> None:
        """Load the model.

        Args:
            model_type: an official name; it is downloaded once and kept in torch's cache.
            checkpoint: a file in Detoxify's format, instead of a name.
            config_folder: the Hugging Face config and tokenizer that go with ``checkpoint``.
            threads: processor threads torch may use; 0 for as many as there are cores.

        Raises:
            ScoringUnavailable: see :func:`load_detoxify`.
        """
        try:
            import torch
            from detoxify import Detoxify
        except ImportError as error:
            raise ScoringUnavailable(
                f"The Detoxify engine needs the extra 'detoxify' ({error}): "
                "pip install 'moderation[detoxify]', or use the engine 'compact'."
            ) from error
        torch.set_num_threads(threads or os.cpu_count() or 1)
        try:
            if checkpoint is None:
                self._detoxify = Detoxify(model_type)
            else:
                self._detoxify = Detoxify(
                    checkpoint=str(checkpoint), huggingface_config_path=str(config_folder)
                )
        except Exception as error:  # torch, transformers and the network raise all kinds here
            raise ScoringUnavailable(_why_not_loaded(model_type, checkpoint, error)) from error
        self.labels = [_OUR_NAMES.get(name, name) for name in self._detoxify.class_names]
        self._columns = {
            name: TOXICITY_LABELS.index(label)
            for name, label in zip(self._detoxify.class_names, self.labels, strict=True)
            if label in TOXICITY_LABELS
        }
        self.normalises = False
        self.version = f"detoxify:{model_type}"
        if checkpoint is not None:
            self.normalises = _was_trained_on_normalised(checkpoint)
            self.version = f"detoxify:{checkpoint.stem[:40]}+{sha256_of(checkpoint)[:8]}"

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """An array of shape (texts, 6): probabilities in the order of TOXICITY_LABELS.

        A label the model does not know is 0.
        """
        read = [self._readable(text) for text in texts]
        scores = np.zeros((len(texts), len(TOXICITY_LABELS)), dtype=np.float32)
        by_length = sorted(range(len(texts)), key=lambda row: len(read[row]))
        for first in range(0, len(texts), _BATCH_TEXTS):
            rows = by_length[first : first + _BATCH_TEXTS]
            predicted = self._detoxify.predict([read[row] for row in rows])
            for name, column in self._columns.items():
                scores[rows, column] = np.atleast_1d(predicted[name])
        return scores

    @property
    def torch_model(self) -> Any:
        """The transformers model itself, for exporting."""
        return self._detoxify.model

    def save_tokenizer(self, path: Path) -> None:
        """Write the tokenizer as the ``tokenizers`` library's JSON, for exporting.

        Raises:
            ScoringUnavailable: this tokenizer has no such form.
        """
        backend = getattr(self._detoxify.tokenizer, "backend_tokenizer", None)
        if backend is None:
            kind = type(self._detoxify.tokenizer).__name__
            raise ScoringUnavailable(f"{kind} cannot be written as {path.name}.")
        backend.save(str(path))

    def _readable(self, text: str) -> str:
        text = text[:_MAX_CHARS]
        return normalised_text(text) if self.normalises else as_written(text)


def _was_trained_on_normalised(checkpoint: Path) -> bool:
    import torch

    config: dict[str, Any] = torch.load(
        checkpoint, map_location="cpu", weights_only=False, mmap=True
    )["config"]
    version = config.get("moderation", {}).get("normaliser_version")
    if version not in {None, NORMALISER_VERSION}:
        raise ScoringUnavailable(
            f"{checkpoint} was trained on texts of normaliser {version}, "
            f"this program has {NORMALISER_VERSION}. Train the model again."
        )
    return version is not None


def _why_not_loaded(model_type: str, checkpoint: Path | None, error: Exception) -> str:
    if checkpoint is None:
        return (
            f"Detoxify's model {model_type!r} could not be loaded ({error}). The first use "
            "downloads it from GitHub and its configuration from the Hugging Face hub: allow "
            "that once, copy the caches from a machine that has them, name a checkpoint by "
            "path, or use the engine 'compact'."
        )
    return (
        f"{checkpoint} could not be loaded by Detoxify ({error}). It must hold 'config' and "
        f"'state_dict', the folder {HF_FOLDER}/ beside it a config.json and tokenizer, and "
        "config.arch.args.model_type must name that folder or a model in the hub's cache."
    )
