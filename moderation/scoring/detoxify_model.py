"""Toxicity by Detoxify: its official models by name, or a checkpoint in its format by path.

Needs the extra ``detoxify``. Loading and predicting are Detoxify's own code (detoxify 0.5.4).
"""

import os
import re
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.bundle import sha256_of
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import Span, ToxicityReadings
from moderation.scoring.normalise import (
    NORMALISER_VERSION,
    as_written,
    normalise,
    normalised_text,
)

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

_TELLING_SHARE = 0.5
"""A word is told when it weighs at least this much of what the weightiest does."""

_WORD = re.compile(r"\w+(?:['’]\w+)*")


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
    ``normalises`` says whether it reads texts after their disguises were undone. A checkpoint of
    our own training also has a ``span_head`` (``weight``, ``bias``) and its ``span_threshold``,
    which Detoxify does not use and the export takes along.
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
        self._lock = threading.Lock()
        self._watched: threading.local | None = None
        self.normalises = False
        self.span_head: Mapping[str, Any] = {}
        self.span_threshold = 0.5
        self.version = f"detoxify:{model_type}"
        if checkpoint is not None:
            ours = _facts_of_training(checkpoint)
            self.normalises = "normaliser_version" in ours
            self.span_head = ours.get("span_head") or {}
            self.span_threshold = float(ours.get("span_threshold", self.span_threshold))
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

    def read(self, texts: Sequence[str]) -> ToxicityReadings:
        """The same scores, and the words behind them, at most at twice the cost.

        A word's weight is how much the toxicity logit answers to its tokens: the length of the
        gradient by a token's state, where that state speaks for toxicity more than the text's
        average state does, else 0; summed over the tokens. It is taken two thirds up the layers:
        there it found what people had marked better than at the embeddings, and the way back is
        short. (The product of gradient and embedding is all but noise: the normalisation behind
        the embeddings takes no notice of their length.)

        Source: saliency by the gradient's magnitude, Simonyan, Vedaldi and Zisserman, "Deep
        inside convolutional networks" (2014); its sign by gradient times difference from a
        baseline, Shrikumar et al., "Not just a black box" (2016).
        """
        read = [self._readable(text) for text in texts]
        scores = np.zeros((len(texts), len(TOXICITY_LABELS)), dtype=np.float32)
        spans: list[tuple[Span, ...]] = [()] * len(texts)
        by_length = sorted(range(len(texts)), key=lambda row: len(read[row]))
        for first in range(0, len(texts), _BATCH_TEXTS):
            rows = by_length[first : first + _BATCH_TEXTS]
            predicted, weights = self._predict_and_weigh([read[row] for row in rows])
            for number, name in enumerate(self._detoxify.class_names):
                if name in self._columns:
                    scores[rows, self._columns[name]] = predicted[:, number]
            for row, weighed in zip(rows, weights, strict=True):
                found = _telling_words(read[row], weighed)
                spans[row] = self._in_original(texts[row], found)
        return ToxicityReadings(scores, spans)

    def _predict_and_weigh(
        self, texts: Sequence[str]
    ) -> tuple[NDArray[np.float32], list[list[tuple[Span, float]]]]:
        """(probabilities, one column a class; for each text: token span -> weight)."""
        import torch

        model, toxicity = self._detoxify.model, self.labels.index(TOXICITY_LABELS[0])
        watched = self._watched_states()
        encoded = self._detoxify.tokenizer(
            list(texts),
            return_tensors="pt",
            truncation=True,
            padding=True,
            return_offsets_mapping=True,
        )
        offsets = encoded.pop("offset_mapping").tolist()
        with torch.enable_grad():
            watched.states = None
            logits = model(**encoded)[0]
            states = watched.__dict__.pop("states")
            # One backward pass for the batch: no text's logit depends on another's states.
            (gradient,) = torch.autograd.grad(logits[:, toxicity].sum(), states)
        is_token = encoded["attention_mask"][..., None]
        average = (states.detach() * is_token).sum(1, keepdim=True) / is_token.sum(1, keepdim=True)
        speaks_for = ((states.detach() - average) * gradient).sum(-1) > 0
        weights = (gradient.norm(dim=-1) * speaks_for).tolist()
        tokens = [
            [(tuple(span), weight) for span, weight in zip(*row, strict=True) if span[0] < span[1]]
            for row in zip(offsets, weights, strict=True)
        ]
        return torch.sigmoid(logits.detach()).numpy(), tokens

    def _watched_states(self) -> threading.local:
        """Where a pass leaves its tokens' states whose thread has put ``states`` there."""

        def watch(_module: Any, _inputs: Any, output: Any) -> Any:
            if "states" not in watched.__dict__:
                return output
            first, *others = output if isinstance(output, tuple) else (output,)
            watched.states = first.requires_grad_()
            return (watched.states, *others) if isinstance(output, tuple) else watched.states

        with self._lock:
            if self._watched is None:
                watched = self._watched = threading.local()
                # Gradients are wanted of what goes in, never of the weights.
                base = self._detoxify.model.eval().requires_grad_(False).base_model
                # ALBERT has one layer, which it uses again and again.
                layers = getattr(base.encoder, "layer", ())
                place = 2 * len(layers) // 3
                (layers[place - 1] if place else base.embeddings).register_forward_hook(watch)
            return self._watched

    def _in_original(self, text: str, spans: Sequence[Span]) -> tuple[Span, ...]:
        if not self.normalises:
            return tuple(spans)  # what was read has the same length
        origin = normalise(text[:_MAX_CHARS])
        return tuple(origin.original_span(start, end) for start, end in spans)

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


def _telling_words(text: str, tokens: Sequence[tuple[Span, float]]) -> list[Span]:
    """The words of ``text`` whose tokens weigh most, in order."""
    words = [match.span() for match in _WORD.finditer(text)]
    weights = [0.0] * len(words)
    number = 0
    for (start, end), weight in tokens:  # both are in the order of the text
        while number < len(words) and words[number][1] <= start:
            number += 1
        if number < len(words) and words[number][0] < end:
            weights[number] += weight
    least = _TELLING_SHARE * max(weights, default=0.0)
    return [
        word for word, weight in zip(words, weights, strict=True) if weight > 0 and weight >= least
    ]


def _facts_of_training(checkpoint: Path) -> Mapping[str, Any]:
    """What our own training wrote into the checkpoint beside Detoxify's facts, if it did."""
    import torch

    config: dict[str, Any] = torch.load(
        checkpoint, map_location="cpu", weights_only=False, mmap=True
    )["config"]
    ours: Mapping[str, Any] = config.get("moderation", {})
    version = ours.get("normaliser_version")
    if version not in {None, NORMALISER_VERSION}:
        raise ScoringUnavailable(
            f"{checkpoint} was trained on texts of normaliser {version}, "
            f"this program has {NORMALISER_VERSION}. Train the model again."
        )
    return ours


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
