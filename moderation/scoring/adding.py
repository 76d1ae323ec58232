"""Bring a Detoxify model into this installation: load, export, hold to the original, register.

Loading is Detoxify's own, so an official model comes from where Detoxify takes it; what is kept
serves without torch. Needs the extras ``detoxify`` and ``train``.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from moderation.labels import SPAM
from moderation.scoring.bundle import sha256_of, write_manifest
from moderation.scoring.detoxify_model import (
    CHECKPOINT_FILE,
    NAMES,
    DetoxifyToxicity,
    load_detoxify,
)
from moderation.scoring.evaluate import LabelledTexts, label_columns, score_all, summary
from moderation.scoring.export import export_detoxify
from moderation.scoring.judge import ModelJudge
from moderation.scoring.onnx_model import MODEL_FILE, TOKENIZER_FILE, OnnxToxicity
from moderation.scoring.registry import registering

_MOST_TOKENS = 512
"""What Detoxify reads at once, where the model's positions reach that far."""


def add_model(
    source: str,
    name: str,
    models_dir: Path,
    *,
    texts: Sequence[str],
    quantise: bool = True,
    measure_on: tuple[Path, LabelledTexts] | None = None,
    tell: Callable[[str], None] = lambda step: None,
) -> dict[str, Any]:
    """Register a Detoxify model as ``name``; returns its manifest.

    The model appears in ``models_dir`` whole, or not at all.

    Args:
        source: an official name, a checkpoint in Detoxify's format with ``hf/`` beside it, or the
            folder that holds both.
        name: what the model is to be called here.
        models_dir: where added models lie.
        texts: comments on which the exported forms are compared with the original.
        quantise: keep it as int8, a quarter of the size and faster; else fp32.
        measure_on: a labelled file, and what was read from it; its measures go into the manifest.
        tell: hears each step in a few words.

    Raises:
        RegistryError: the name cannot be used.
        ScoringUnavailable: the model cannot be loaded; the message says what to do.
        ExportMismatch: the exported form does not say what Detoxify says.
        ValueError: the labelled file has no toxicity label of both kinds.
        OSError: the files cannot be written.
    """
    with registering(name, models_dir) as folder:
        tell(f"loading {source} by Detoxify")
        detoxify = load_detoxify(source)
        facts = {
            "name": name,
            **_origin(source),
            "made": time.strftime("%Y-%m-%d", time.gmtime()),
            "made_by": "moderation models add",
            "max_tokens": _window_tokens(detoxify),
        }
        tell(f"exporting, and comparing on {len(texts)} texts")
        manifest = export_detoxify(detoxify, folder, facts, texts=texts, quantise=quantise)
        del detoxify  # large, and measured is what was exported
        if measure_on is not None:
            file, labelled = measure_on
            tell(f"measuring on {len(labelled.texts)} rows of {file.name}")
            manifest["measured"] = _measured(folder, labelled) | {
                "file": file.name,
                "file_sha256": sha256_of(file),
            }
            manifest = write_manifest(folder, [MODEL_FILE, TOKENIZER_FILE], manifest)
        return manifest


def _origin(source: str) -> dict[str, str]:
    """Where the model comes from, and which version of it that is."""
    if source in NAMES:
        from importlib.metadata import version

        from detoxify.detoxify import MODEL_URLS

        # …/releases/download/v0.3-alpha/toxic_debiased-c7548aa0.ckpt
        *_, release, file = MODEL_URLS[source].split("/")
        origin = f"Detoxify's {source!r}, {file}, loaded by detoxify {version('detoxify')}"
        return {"version": release.removeprefix("v"), "origin": origin}
    path = Path(source)
    checkpoint = path / CHECKPOINT_FILE if path.is_dir() else path
    digest = sha256_of(checkpoint)
    return {"version": digest[:8], "origin": f"the checkpoint {checkpoint.name}, SHA-256 {digest}"}


def _window_tokens(detoxify: DetoxifyToxicity) -> int:
    """How many tokens fit: RoBERTa and XLM-R number their positions from the padding's on."""
    config = detoxify.torch_model.config
    first = config.pad_token_id + 1 if "roberta" in config.model_type else 0
    return min(_MOST_TOKENS, config.max_position_embeddings - first)


def _measured(folder: Path, labelled: LabelledTexts) -> dict[str, Any]:
    from moderation.scoring.spam import load_compact_spam

    judge = ModelJudge(lambda: OnnxToxicity(folder), load_compact_spam)
    of_toxicity = {name: labels for name, labels in labelled.labels.items() if name != SPAM}
    only = LabelledTexts(labelled.texts, of_toxicity, labelled.sources)
    scored = score_all(judge, only.texts)
    found = summary(only, scored)
    columns = [column.column for column in label_columns(only, scored)]
    return {"rows": found["rows"], **{column: found[column] for column in columns}}
