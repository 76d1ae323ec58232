"""Turn a model that Detoxify loaded into the form that serves: ONNX, tokenizer, manifest.

Both steps are held to what came before: the fp32 ONNX to Detoxify's own predictions, the int8
to the fp32. BERT, ALBERT, RoBERTa and XLM-R, the architectures of the official models, are taken
alike. Needs the extras ``detoxify`` and ``train``.
"""

import csv
import random
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.bundle import write_manifest
from moderation.scoring.detoxify_model import HF_FOLDER, DetoxifyToxicity
from moderation.scoring.disguise import disguise
from moderation.scoring.graph_rewrites import vectorise_layer_norms
from moderation.scoring.made_up import made_up_examples
from moderation.scoring.metrics import rank_correlation
from moderation.scoring.normalise import NORMALISER_VERSION, as_written, normalised_text
from moderation.scoring.onnx_model import MODEL_FILE, TOKENIZER_FILE, OnnxToxicity
from moderation.scoring.smoothing import quantise_embeddings, smooth_activations
from moderation.scoring.training_data import open_text

MAX_FP32_DIFFERENCE = 1e-3
DECISION_THRESHOLDS = (0.5, 0.8)
_COMPARED_CHARS = 300


class ExportMismatch(RuntimeError):
    """The exported model does not say what the checkpoint says."""


def read_texts(path: Path, count: int) -> list[str]:
    """The first ``count`` values of the column ``text``, cut to the length of a comment.

    Raises:
        FileNotFoundError: no such file.
        KeyError: no such column.
    """
    with open_text(path) as file:
        return [row["text"][:_COMPARED_CHARS] for row in islice(csv.DictReader(file), count)]


def made_up_texts(count: int = 200) -> list[str]:
    """Sentences to compare models on where no real comments are at hand."""
    rng = random.Random(0)
    return [
        disguise(example.text, {"am", "point", "proud"}, rng)
        for example in made_up_examples(count, rng)
    ]


def export(
    checkpoint: Path,
    output_dir: Path,
    *,
    version: str,
    texts: Sequence[str],
    max_tokens: int = 512,
    fp32_layers: int = 2,
) -> dict[str, Any]:
    """Export the checkpoint that training wrote; returns the manifest.

    Args:
        checkpoint: in Detoxify's format, its ``hf/`` beside it.
        output_dir: made if missing; model.onnx (int8), tokenizer.json and manifest.json are
            replaced.
        version: what the manifest calls this model.
        texts: real comments on which the forms are compared.
        max_tokens: the window the model reads at once; Detoxify's is 512.
        fp32_layers: see :func:`export_detoxify`.

    Raises:
        ScoringUnavailable: the checkpoint cannot be loaded.
        ExportMismatch: the fp32 ONNX differs from Detoxify by more than 1e-3 anywhere.
    """
    detoxify = DetoxifyToxicity(checkpoint=checkpoint, config_folder=checkpoint.parent / HF_FOLDER)
    facts = {
        "version": version,
        "made": time.strftime("%Y-%m-%d", time.gmtime()),
        "made_by": "moderation models export",
        "max_tokens": max_tokens,
    }
    return export_detoxify(detoxify, output_dir, facts, texts=texts, fp32_layers=fp32_layers)


def export_detoxify(
    detoxify: DetoxifyToxicity,
    output_dir: Path,
    facts: Mapping[str, Any],
    *,
    texts: Sequence[str],
    fp32_layers: int = 2,
    quantise: bool = True,
) -> dict[str, Any]:
    """Write model.onnx, tokenizer.json and manifest.json; returns the manifest.

    Args:
        detoxify: a loaded model; its attention is set to the plain implementation.
        output_dir: made if missing; files of those names are replaced. It is touched only when
            everything has gone well.
        facts: what the manifest says besides what is found here; ``version`` and ``max_tokens``
            are needed.
        texts: comments on which the forms are compared.
        fp32_layers: this many of the second feed-forward matrices, those that suffer most from
            quantising (their inputs have a few huge values), stay 32-bit.
        quantise: write int8; else the fp32 form.

    Raises:
        ScoringUnavailable: the model has no output that we know, or its tokenizer no JSON form.
        ExportMismatch: the fp32 ONNX differs from Detoxify by more than 1e-3 anywhere.
    """
    facts = {**facts, "labels": list(detoxify.labels), "normalise": detoxify.normalises}
    if detoxify.normalises:
        facts["normaliser_version"] = NORMALISER_VERSION
    if detoxify.span_head:
        facts["span_threshold"] = detoxify.span_threshold
    if detoxify.torch_model.config.model_type == "bert":
        facts["architecture"] = detoxify.torch_model.config.to_diff_dict()
    with tempfile.TemporaryDirectory() as scratch:
        plain = _folder(Path(scratch) / "fp32", detoxify)
        _export_fp32(detoxify, plain / MODEL_FILE)
        write_manifest(plain, [MODEL_FILE, TOKENIZER_FILE], facts)
        fp32_scores = OnnxToxicity(plain).score(texts)
        difference = float(np.abs(fp32_scores - detoxify.score(texts)).max())
        if difference > MAX_FP32_DIFFERENCE:
            raise ExportMismatch(
                f"the fp32 ONNX differs from Detoxify by {difference:.2g} "
                f"(allowed: {MAX_FP32_DIFFERENCE:.0e}) on these texts"
            )
        facts["compared_texts"] = len(texts)
        facts["fp32_to_detoxify"] = {"max_difference": float(f"{difference:.2g}")}
        made = plain
        if quantise:
            made = _folder(Path(scratch) / "int8", detoxify)
            seen = _some_token_ids(plain, texts, normalises=detoxify.normalises)
            smooth_activations(plain / MODEL_FILE, seen)
            quantise_embeddings(plain / MODEL_FILE)
            kept = _touchiest_layers(plain, made, facts, texts, fp32_scores, fp32_layers)
            _quantise(plain / MODEL_FILE, made / MODEL_FILE, kept)
            write_manifest(made, [MODEL_FILE, TOKENIZER_FILE], facts)
            facts["fp32_matrices"] = kept
            facts["int8_to_fp32"] = compare(fp32_scores, OnnxToxicity(made).score(texts))
        facts["size_mb"] = round((made / MODEL_FILE).stat().st_size / 1e6, 1)
        output_dir.mkdir(parents=True, exist_ok=True)
        for name in (MODEL_FILE, TOKENIZER_FILE):
            shutil.copyfile(made / name, output_dir / name)
    return write_manifest(output_dir, [MODEL_FILE, TOKENIZER_FILE], facts)


def compare(before: NDArray[np.float32], after: NDArray[np.float32]) -> dict[str, Any]:
    """How far two tables of scores (texts, 6) agree: by rank, by decision, by distance."""
    return {
        "max_difference": round(float(np.abs(after - before).max()), 4),
        "mean_difference": round(float(np.abs(after - before).mean()), 5),
        "rank_correlation": {
            label: round(rank_correlation(before[:, column], after[:, column]), 4)
            for column, label in enumerate(TOXICITY_LABELS)
        },
        "decision_agreement": {
            str(at): round(float(np.mean((before > at) == (after > at))), 4)
            for at in DECISION_THRESHOLDS
        },
    }


def _folder(folder: Path, detoxify: DetoxifyToxicity) -> Path:
    folder.mkdir()
    detoxify.save_tokenizer(folder / TOKENIZER_FILE)
    return folder


def _export_fp32(detoxify: DetoxifyToxicity, path: Path) -> None:
    import torch

    model, columns = detoxify.torch_model, len(detoxify.labels)
    model.set_attn_implementation("eager")  # the plainest graph, and the easiest to quantise

    span_head = None
    if detoxify.span_head:
        span_head = torch.nn.Linear(model.config.hidden_size, 1)
        span_head.load_state_dict(detoxify.span_head)

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.span_head = span_head

        def forward(self, input_ids: "torch.Tensor") -> tuple["torch.Tensor", ...]:
            # No mask: a text is read by itself, so there is no padding to hide.
            output = self.model(
                input_ids=input_ids, output_hidden_states=self.span_head is not None
            )
            logits = output.logits[:, :columns]  # some have more, for identities, without a name
            if self.span_head is None:
                return (logits,)
            return logits, self.span_head(output.hidden_states[-1]).squeeze(-1)

    ids = torch.ones((2, 8), dtype=torch.long)
    shape = {
        0: torch.export.Dim("batch", min=1, max=512),
        1: torch.export.Dim("tokens", min=2, max=512),
    }
    torch.onnx.export(
        Logits().eval(),
        (ids,),
        str(path),
        input_names=["input_ids"],
        output_names=["logits", "token_logits"][: 1 + (span_head is not None)],
        dynamic_shapes={"input_ids": shape},
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    vectorise_layer_norms(path)


def _some_token_ids(
    folder: Path, texts: Sequence[str], *, normalises: bool
) -> list[NDArray[np.int64]]:
    """Every so many of ``texts`` as the model gets them, 64 at most."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    tokenizer.no_padding()
    tokenizer.enable_truncation(512)
    readable = normalised_text if normalises else as_written
    some = texts[:: max(1, len(texts) // 64)][:64]
    return [np.asarray([tokenizer.encode(readable(text)).ids], dtype=np.int64) for text in some]


def _quantise(source: Path, target: Path, keep_fp32: Sequence[str]) -> None:
    """Dynamic int8 with a scale for each output channel, of the products alone.

    What is read once a text, pooler and heads, stays 32-bit.

    Seven bits of each weight are used: processors without VNNI add pairs of products in 16 bits,
    and eight would overflow there, giving other scores than elsewhere (ONNX Runtime's guide,
    "Quantize ONNX models", on ``reduce_range``).
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        target,
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=["MatMul"],
        nodes_to_exclude=list(keep_fp32),
    )


def _touchiest_layers(
    plain: Path,
    scratch: Path,
    facts: dict[str, Any],
    texts: Sequence[str],
    fp32_scores: NDArray[np.float32],
    count: int,
) -> list[str]:
    """The ``count`` narrowing feed-forward products whose quantising moves scores most."""
    if count == 0:
        return []
    some = texts[:200]
    moved = {}
    for name in _narrowing_products(plain / MODEL_FILE):
        _quantise(plain / MODEL_FILE, scratch / MODEL_FILE, [name])
        write_manifest(scratch, [MODEL_FILE, TOKENIZER_FILE], facts)
        moved[name] = float(np.abs(OnnxToxicity(scratch).score(some) - fp32_scores[:200]).mean())
    return sorted(moved, key=lambda name: moved[name])[:count]


def _narrowing_products(path: Path) -> list[str]:
    import onnx

    graph = onnx.load(path).graph
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    return [
        node.name
        for node in graph.node
        if node.op_type == "MatMul"
        and len(shape := shapes.get(node.input[1], ())) == 2
        and shape[0] > shape[1]
    ]
