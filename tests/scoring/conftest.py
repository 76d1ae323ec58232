"""A tiny encoder with random weights: the real code of Detoxify and of the export, in seconds."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest

WORDS = ["you", "are", "a", "fool", "nice", "the", "day", "bridge", "is", "good", "bad", "town"]


def make_tiny_encoder(seed: int = 0) -> tuple[Any, Any]:
    """(BertForSequenceClassification, its tokenizer), small enough to train in a test."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces += letters + [f"##{letter}" for letter in letters] + [w for w in WORDS if len(w) > 1]
    tokenizer = BertTokenizerFast(vocab={piece: number for number, piece in enumerate(pieces)})
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(pieces),
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=512,
        num_labels=6,
        initializer_range=0.25,
        problem_type="multi_label_classification",
    )
    return BertForSequenceClassification(config).eval(), tokenizer


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in Detoxify's format with ``hf/`` beside it."""
    from moderation.scoring.train import save_detoxify_checkpoint

    folder = tmp_path_factory.mktemp("tiny")
    save_detoxify_checkpoint(*make_tiny_encoder(), folder)
    return folder / "model.ckpt"


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """Made-up texts of different lengths, plain and disguised."""
    from moderation.scoring.export import made_up_texts

    return [*made_up_texts(80), "", "ok", "you are a fool " * 12, "f.0.0.l", "ẗhé brïdge 👍🏽"]


@pytest.fixture(scope="session")
def encoder_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for sys.path with a package ``tiny_encoder`` that carries an encoder."""
    root = tmp_path_factory.mktemp("packages")
    package = root / "tiny_encoder"
    package.mkdir()
    (package / "__init__.py").touch()
    model, tokenizer = make_tiny_encoder()
    model.save_pretrained(package / "model")
    tokenizer.save_pretrained(package / "model")
    return root
