"""Toxicity models as ONNX, bundled or registered: onnxruntime and tokenizers only, no torch."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.bundle import read_manifest, version_name
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.judge import ToxicityReadings
from moderation.scoring.normalise import NORMALISER_VERSION, as_written, normalise, normalised_text
from moderation.scoring.spans import telling_spans

MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"

_OVERLAP_TOKENS = 16
"""What two windows of a long text share, so that no phrase is cut in both."""

_MAX_WINDOWS = 16
"""Text beyond this many windows (some 30,000 characters) is not read."""


class OnnxToxicity:
    """Scores each text by itself, several at a time on as many threads.

    By itself because int8 activations are scaled over a whole batch: scored together, a
    comment's numbers would depend on its neighbours. So there is no padding either, and threads
    that take whole texts waste less than threads that share one. A text longer than the model's
    window is read in overlapping windows, and each label takes the worst of them.
    """

    def __init__(self, folder: Path, *, threads: int = 0) -> None:
        """Load the model.

        Args:
            folder: holds model.onnx, tokenizer.json and manifest.json. The manifest's
                ``labels`` name the columns of the model's output; one we do not have is left
                out, one of ours that is missing is 0. With ``normalise`` false the model reads
                texts as they were written.
            threads: processor threads one call may use; 0 for as many as there are cores.

        Raises:
            ScoringUnavailable: a file is missing, damaged or made for another normaliser, or
                the model has other outputs than its manifest says.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        manifest = read_manifest(folder)
        self._readable = normalised_text if manifest.get("normalise", True) else as_written
        made_for = manifest.get("normaliser_version")
        if self._readable is normalised_text and made_for != NORMALISER_VERSION:
            raise ScoringUnavailable(
                f"{folder} was trained on texts of normaliser {made_for},"
                f" this program has {NORMALISER_VERSION}. Train and export the model again."
            )
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False  # the arena keeps the largest text's memory for good
        options.enable_mem_pattern = False
        options.log_severity_level = 3
        self._threads = threads or os.cpu_count() or 1
        self._session = onnxruntime.InferenceSession(
            str(folder / MODEL_FILE), options, providers=["CPUExecutionProvider"]
        )
        labels = list(manifest.get("labels", ()))
        outputs = {output.name: output.shape for output in self._session.get_outputs()}
        # Models exported before version 2 take a mask of the padding, of which there is none.
        self._masked = "attention_mask" in {given.name for given in self._session.get_inputs()}
        if "toxicity" not in labels or outputs["logits"][-1] != len(labels):
            raise ScoringUnavailable(f"{folder} has other labels: {labels}.")
        known = [label for label in TOXICITY_LABELS if label in labels]
        self._outputs = [labels.index(label) for label in known]
        self._columns = [TOXICITY_LABELS.index(label) for label in known]
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._window_tokens = int(manifest["max_tokens"]) - 2
        # What the tokenizer puts around any text: [CLS] and [SEP], or <s> and </s>.
        self._first, self._last = self._tokenizer.encode("").ids
        # Models that were trained to say why have a second output, one logit a token.
        self._span_threshold = float(manifest.get("span_threshold", 0.5))
        self._asked = ["logits", "token_logits"] if "token_logits" in outputs else ["logits"]
        self.version = version_name(manifest.get("name", "compact"), manifest, MODEL_FILE)

    def score(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """An array of shape (texts, 6): probabilities in the order of TOXICITY_LABELS."""
        encoded = self._tokenizer.encode_batch_fast(
            [self._readable(text) for text in texts], add_special_tokens=False
        )
        found = self._run_all([encoding.ids for encoding in encoded])
        return np.stack([six for six, _ in found]) if found else _no_scores()

    def read(self, texts: Sequence[str]) -> ToxicityReadings:
        """The same scores, and the words behind them, from the same pass of the model.

        The words are those that people would mark as toxic, as the second output learnt it;
        there are none where the model has no second output.
        """
        if len(self._asked) == 1:
            return ToxicityReadings(self.score(texts), [()] * len(texts))
        read = [normalise(text) for text in texts]
        encoded = self._tokenizer.encode_batch(
            [normalised.text for normalised in read], add_special_tokens=False
        )
        found = self._run_all([encoding.ids for encoding in encoded])
        spans = [
            telling_spans(normalised, encoding.offsets[: len(tokens)], tokens, self._span_threshold)
            for normalised, encoding, (_, tokens) in zip(read, encoded, found, strict=True)
        ]
        return ToxicityReadings(
            np.stack([six for six, _ in found]) if found else _no_scores(), spans
        )

    def _run_all(
        self, token_ids: Sequence[Sequence[int]]
    ) -> list[tuple[NDArray[np.float32], list[float]]]:
        """For each text its six probabilities, and one for each token that was read.

        Texts that read the same are read once.
        """
        asked = [tuple(ids) for ids in token_ids]
        # Longest first: a long text begun last would leave the other threads idle.
        different = sorted(set(asked), key=lambda ids: (-len(ids), ids))
        threads = min(self._threads, len(different))
        if threads <= 1:
            read = [self._worst_window(ids) for ids in different]
        else:
            with ThreadPoolExecutor(threads) as pool:
                read = list(pool.map(self._worst_window, different))
        found = dict(zip(different, read, strict=True))
        return [found[ids] for ids in asked]

    def _worst_window(self, token_ids: Sequence[int]) -> tuple[NDArray[np.float32], list[float]]:
        worst = np.zeros(len(TOXICITY_LABELS), dtype=np.float32)
        of_tokens: list[float] = []
        for start, part in self._windows(token_ids):
            six, tokens = self._probabilities([self._first, *part, self._last])
            worst = np.maximum(worst, six)
            shared = len(of_tokens) - start
            of_tokens[start:] = np.maximum(of_tokens[start:], tokens[:shared]).tolist()
            of_tokens.extend(tokens[shared:].tolist())
        return worst, of_tokens

    def _windows(self, token_ids: Sequence[int]) -> Iterator[tuple[int, Sequence[int]]]:
        step = self._window_tokens - _OVERLAP_TOKENS
        for number in range(_MAX_WINDOWS):
            start = number * step
            yield start, token_ids[start : start + self._window_tokens]
            if start + self._window_tokens >= len(token_ids):
                return

    def _probabilities(
        self, token_ids: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        ids = np.asarray([token_ids], dtype=np.int64)
        inputs = {"input_ids": ids}
        if self._masked:
            inputs["attention_mask"] = np.ones_like(ids)
        logits, *of_tokens = self._session.run(self._asked, inputs)
        six = np.zeros(len(TOXICITY_LABELS), dtype=np.float32)
        six[self._columns] = _sigmoid(logits[0, self._outputs])
        tokens = _sigmoid(of_tokens[0][0, 1:-1]) if of_tokens else np.zeros(0, dtype=np.float32)
        return six, tokens


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return 1.0 / (1.0 + np.exp(-logits.astype(np.float32)))


def _no_scores() -> NDArray[np.float32]:
    return np.zeros((0, len(TOXICITY_LABELS)), dtype=np.float32)
