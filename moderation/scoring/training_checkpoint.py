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
        weights = {
            name: torch.tensor(value) for name, value in torch_weights(Path(continue_from)).items()
        }
        for part, module in (("span_head.", heads.span_head), ("", heads.bert)):
            found = {name: weights.pop(name) for name in list(weights) if name.startswith(part)}
            if found:
                module.load_state_dict(
                    {name.removeprefix(part): value for name, value in found.items()}
                )
    return heads


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
