"""The model that is trained, and the checkpoint it is written to.

torch and transformers are imported inside functions: the service that scores has neither.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moderation.labels import TOXICITY_LABELS
from moderation.scoring.bundle import read_manifest
from moderation.scoring.detoxify_model import CHECKPOINT_FILE, HF_FOLDER
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.from_onnx import torch_weights
from moderation.scoring.normalise import NORMALISER_VERSION
from moderation.scoring.onnx_model import TOKENIZER_FILE

if TYPE_CHECKING:
    import torch


def two_heads(source: Path, continue_from: str) -> "torch.nn.Module":
    """An encoder with Detoxify's head (six logits a text) and ours (one logit a token)."""
    import torch
    from transformers import BertForSequenceClassification

    class TwoHeads(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bert = BertForSequenceClassification.from_pretrained(
                source, num_labels=len(TOXICITY_LABELS), problem_type="multi_label_classification"
            )
            self.span_head = torch.nn.Linear(self.bert.config.hidden_size, 1)

        def forward(
            self, input_ids: "torch.Tensor", attention_mask: "torch.Tensor"
        ) -> tuple["torch.Tensor", "torch.Tensor"]:
            encoded = self.bert.bert(input_ids=input_ids, attention_mask=attention_mask)
            pooled = self.bert.dropout(encoded.pooler_output)
            return (
                self.bert.classifier(pooled),
                self.span_head(encoded.last_hidden_state).squeeze(-1),
            )

    heads = TwoHeads()
    if continue_from:
        load_weights(heads, weights_of(Path(continue_from)))
    return heads


def weights_of(model: Path) -> "dict[str, torch.Tensor]":
    """All weights of an exported model's folder, or of a checkpoint that training wrote.

    Those of the second head, where there is one, are named ``span_head.…``.

    Raises:
        FileNotFoundError: there is no such file.
        ScoringUnavailable: see :func:`torch_weights`.
    """
    import torch

    if model.suffix != Path(CHECKPOINT_FILE).suffix:
        return {name: torch.tensor(value) for name, value in torch_weights(model).items()}
    checkpoint = torch.load(model, weights_only=True)
    head = checkpoint["config"]["moderation"]["span_head"]
    return checkpoint["state_dict"] | {f"span_head.{name}": value for name, value in head.items()}


def averaged_weights(models: Mapping[Path, float]) -> "dict[str, torch.Tensor]":
    """The weighted mean of models' weights; one the others lack is the mean of those that have it.

    Raises:
        FileNotFoundError, ScoringUnavailable: as for :func:`weights_of`.
        ValueError: two of them differ in a weight's shape, or no share is above 0.
    """
    sums: dict[str, torch.Tensor] = {}
    shares: dict[str, float] = {}
    for path, share in models.items():
        for name, value in weights_of(path).items():
            if not value.is_floating_point():
                continue
            if name in sums and sums[name].shape != value.shape:
                raise ValueError(
                    f"{path}: {name} has the shape {tuple(value.shape)}, not the "
                    f"{tuple(sums[name].shape)} of the model before it"
                )
            sums[name] = sums.get(name, 0) + share * value
            shares[name] = shares.get(name, 0.0) + share
    if min(models.values(), default=0.0) <= 0:
        raise ValueError("each model needs a share above 0")
    return {name: total / shares[name] for name, total in sums.items()}


def load_weights(heads: "torch.nn.Module", weights: "Mapping[str, torch.Tensor]") -> None:
    """Give ``heads`` weights as :func:`weights_of` names them; without a second head's, its own."""
    for part, module in (("span_head.", heads.span_head), ("", heads.bert)):
        found = {
            name.removeprefix(part): value
            for name, value in weights.items()
            if name.startswith("span_head.") == bool(part)
        }
        if found:
            module.load_state_dict(found)


def save_detoxify_checkpoint(
    model: Any,
    tokenizer: Any,
    output_dir: Path,
    span_head: Mapping[str, Any] | None = None,
    span_threshold: float = 0.5,
) -> None:
    """Write ``model.ckpt`` and ``hf/`` so that ``detoxify.Detoxify`` loads them offline.

    ``span_head`` has ``weight`` (1, hidden) and ``bias`` (1,); a token counts as telling from a
    probability of ``span_threshold`` on.

    Detoxify reads ``config.arch.args`` (class names, a folder with ``config.json``) and
    ``config.dataset.args.classes`` (detoxify 0.5.4, ``detoxify/detoxify.py``).
    """
    import torch

    folder = output_dir / HF_FOLDER
    model.config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    checkpoint = {
        "config": {
            "arch": {
                "type": "BERT",
                "args": {
                    "model_type": str(folder.resolve()),
                    "model_name": "BertForSequenceClassification",
                    "tokenizer_name": "BertTokenizerFast",
                    "num_classes": len(TOXICITY_LABELS),
                },
            },
            "dataset": {"args": {"classes": list(TOXICITY_LABELS)}},
            "moderation": {
                "normaliser_version": NORMALISER_VERSION,
                "span_head": {
                    name: value.detach().clone() for name, value in (span_head or {}).items()
                },
                "span_threshold": span_threshold,
            },
        },
        "state_dict": {name: value.detach().clone() for name, value in model.state_dict().items()},
    }
    part = output_dir / (CHECKPOINT_FILE + ".part")
    torch.save(checkpoint, part)
    part.replace(output_dir / CHECKPOINT_FILE)


def checkpoint_of(folder: Path, output_dir: Path) -> Path:
    """Write ``model.ckpt`` and ``hf/`` in Detoxify's format, from an exported model.

    Args:
        folder: the exported model; its manifest says how it is built.
        output_dir: made if missing.

    Returns:
        The path of the checkpoint.

    Raises:
        ScoringUnavailable: see :func:`torch_weights`.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    manifest = read_manifest(folder)
    weights = {name: torch.tensor(value) for name, value in torch_weights(folder).items()}
    span_head = {
        name: weights.pop(f"span_head.{name}")
        for name in ("weight", "bias")
        if f"span_head.{name}" in weights
    }
    model = BertForSequenceClassification(BertConfig(**manifest["architecture"]))
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if unexpected or set(missing) - {"bert.embeddings.position_ids"}:
        raise ScoringUnavailable(f"{folder}: {missing or unexpected} do not fit its architecture.")
    tokenizer = BertTokenizerFast(tokenizer_file=str(folder / TOKENIZER_FILE))
    save_detoxify_checkpoint(
        model,
        tokenizer,
        output_dir,
        span_head=span_head,
        span_threshold=manifest.get("span_threshold", 0.5),
    )
    return output_dir / CHECKPOINT_FILE
