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


OFFICIAL_FAMILIES = ("albert", "roberta", "xlm-r")
"""Besides BERT: the architectures of Detoxify's official models."""

OFFICIAL_CLASSES = [
    "toxicity", "severe_toxicity", "obscene", "identity_attack", "insult", "threat",
    "sexual_explicit",
]  # fmt: skip
"""In the order of ``unbiased`` and ``multilingual``, whose models have 9 more outputs unnamed."""


def make_tiny_official(family: str) -> tuple[Any, Any]:
    """(model, its tokenizer) of an official architecture, with random weights."""
    import torch
    import transformers
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = [*string.ascii_letters, *string.digits, *string.punctuation]
    words = [("▁", -2.0), *((one, -6.0) for one in letters), *(("▁" + one, -3.0) for one in WORDS)]
    first = [(piece, 0.0) for piece in ("<s>", "<pad>", "</s>", "<unk>")]
    sizes: dict[str, Any] = {
        "hidden_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 96,
        "initializer_range": 0.25,
        "max_position_embeddings": 514,
        "num_labels": 16,
    }
    torch.manual_seed(0)
    if family == "albert":
        special = [(piece, 0.0) for piece in ("<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]")]
        tokenizer = transformers.AlbertTokenizer(vocab=[*special, *words])
        sizes |= {"embedding_size": 32, "max_position_embeddings": 512, "pad_token_id": 0}
        config = transformers.AlbertConfig(vocab_size=len(tokenizer), **sizes)
        return transformers.AlbertForSequenceClassification(config).eval(), tokenizer
    if family == "roberta":
        pieces = [piece for piece, _ in first] + ["<mask>", *bytes_to_unicode().values()]
        vocabulary = {piece: number for number, piece in enumerate(pieces)}
        tokenizer = transformers.RobertaTokenizer(vocab=vocabulary, merges=[])
        config = transformers.RobertaConfig(vocab_size=len(tokenizer), type_vocab_size=1, **sizes)
        return transformers.RobertaForSequenceClassification(config).eval(), tokenizer
    tokenizer = transformers.XLMRobertaTokenizer(vocab=[*first, *words, ("<mask>", 0.0)])
    config = transformers.XLMRobertaConfig(vocab_size=len(tokenizer), type_vocab_size=1, **sizes)
    return transformers.XLMRobertaForSequenceClassification(config).eval(), tokenizer


def save_as_official(model: Any, tokenizer: Any, folder: Path) -> Path:
    """Write a checkpoint as Detoxify's authors do, but with ``hf/`` beside it."""
    import torch

    model.config.save_pretrained(folder / "hf")
    tokenizer.save_pretrained(folder / "hf")
    names = {"model_name": type(model).__name__, "tokenizer_name": type(tokenizer).__name__}
    size = {"model_type": str(folder / "hf"), "num_classes": model.config.num_labels}
    config = {
        "arch": {"args": {**names, **size}},
        "dataset": {"args": {"classes": OFFICIAL_CLASSES}},
    }
    torch.save({"config": config, "state_dict": model.state_dict()}, folder / "model.ckpt")
    return folder / "model.ckpt"


@pytest.fixture(scope="session", params=OFFICIAL_FAMILIES)
def official_checkpoint(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A checkpoint of each official architecture but BERT, which ``tiny_checkpoint`` is."""
    return save_as_official(*make_tiny_official(request.param), tmp_path_factory.mktemp("official"))


@pytest.fixture(scope="session")
def tiny_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint in Detoxify's format with ``hf/`` beside it."""
    import torch

    from moderation.scoring.training_checkpoint import save_detoxify_checkpoint

    folder = tmp_path_factory.mktemp("tiny")
    model, tokenizer = make_tiny_encoder()
    span_head = torch.nn.Linear(model.config.hidden_size, 1).state_dict()
    save_detoxify_checkpoint(model, tokenizer, folder, span_head, span_threshold=0.4)
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
