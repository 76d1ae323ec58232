"""The ONNX form, held to Detoxify: fp32 by value, int8 by rank and decision."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moderation.labels import TOXICITY_LABELS
from moderation.scoring import export as export_module
from moderation.scoring.bundle import write_manifest
from moderation.scoring.detoxify_model import load_detoxify
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.export import ExportMismatch, compare, export, export_detoxify
from moderation.scoring.metrics import rank_correlation
from moderation.scoring.onnx_model import OnnxToxicity


@pytest.fixture(scope="module")
def exported(
    tiny_checkpoint: Path, texts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export(tiny_checkpoint, folder, version="7", texts=texts)
    return folder


def test_fp32_says_what_detoxify_says(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["fp32_to_detoxify"]["max_difference"] <= 1e-3


def test_int8_keeps_order_and_decisions(
    exported: Path, tiny_checkpoint: Path, texts: list[str]
) -> None:
    int8 = OnnxToxicity(exported).score(texts)
    detoxify = load_detoxify(str(tiny_checkpoint)).score(texts)
    assert int8.shape == (len(texts), len(TOXICITY_LABELS))
    for column in range(len(TOXICITY_LABELS)):
        assert rank_correlation(int8[:, column], detoxify[:, column]) > 0.98
    assert np.mean((int8 > 0.5) == (detoxify > 0.5)) > 0.97


def test_the_manifest_says_what_was_measured(exported: Path, texts: list[str]) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    assert manifest["version"] == "7"
    assert manifest["compared_texts"] == len(texts)
    assert set(manifest["int8_to_fp32"]["rank_correlation"]) == set(TOXICITY_LABELS)
    assert set(manifest["int8_to_fp32"]["decision_agreement"]) == {"0.5", "0.8"}


def test_an_export_that_differs_is_refused(
    tiny_checkpoint: Path, texts: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_export = export_module._export_fp32

    def export_of_other_weights(detoxify: Any, path: Path) -> None:
        import torch

        with torch.no_grad():
            detoxify.torch_model.classifier.bias += 0.1
        real_export(detoxify, path)
        with torch.no_grad():
            detoxify.torch_model.classifier.bias -= 0.1

    monkeypatch.setattr(export_module, "_export_fp32", export_of_other_weights)
    with pytest.raises(ExportMismatch, match="differs from Detoxify"):
        export(tiny_checkpoint, tmp_path / "out", version="1", texts=texts)
    assert not (tmp_path / "out").exists()


def test_every_official_architecture_can_be_exported(
    official_checkpoint: Path, texts: list[str], tmp_path: Path
) -> None:
    detoxify = load_detoxify(str(official_checkpoint))
    facts = {"name": "house", "version": "1", "max_tokens": 512}
    odd = ["F.0.0.L", "Ẽ\ud800 👍🏽", "x" * 300]
    manifest = export_detoxify(detoxify, tmp_path, facts, texts=texts + odd, quantise=False)
    assert manifest["fp32_to_detoxify"]["max_difference"] <= 1e-3
    model = OnnxToxicity(tmp_path)
    assert model.version.startswith("house/1+")
    # Read as written, in our columns though the model has others; neighbours do not matter.
    expected = np.vstack([detoxify.score([text]) for text in odd])
    assert model.score(odd) == pytest.approx(expected, abs=1e-3)
    assert len(np.unique(model.score(texts)[:, 0].round(4))) > 60


def test_a_score_depends_on_the_text_alone(exported: Path, texts: list[str]) -> None:
    model = OnnxToxicity(exported, threads=1)
    together = model.score(texts)
    assert np.array_equal(model.score(texts[::-1])[::-1], together)
    assert np.array_equal(np.vstack([model.score([text]) for text in texts]), together)


def test_texts_that_read_the_same_are_read_once(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = OnnxToxicity(exported, threads=2)
    runs: list[int] = []
    real = OnnxToxicity._probabilities

    def counted(self: OnnxToxicity, token_ids: Any) -> Any:
        runs.append(len(token_ids))
        return real(self, token_ids)

    monkeypatch.setattr(OnnxToxicity, "_probabilities", counted)
    scores = model.score(["you fool", "nice day", "You  f.o.o.l", "you fool"])
    assert len(runs) == 2
    assert np.array_equal(scores[[2, 3]], scores[[0, 0]])
    assert not np.array_equal(scores[0], scores[1])


def test_no_texts_give_an_empty_table(exported: Path) -> None:
    assert OnnxToxicity(exported).score([]).shape == (0, len(TOXICITY_LABELS))


def test_a_long_text_takes_the_worst_of_its_windows(exported: Path) -> None:
    model = OnnxToxicity(exported)
    first_window = "nice day " * 255  # 510 tokens and the two marks are one window
    long_text = first_window + "you are a fool " * 130 + "nice day " * 600
    first, whole = model.score([first_window])[0], model.score([long_text])[0]
    assert (whole >= first).all()
    assert (whole > first + 0.01).any()


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused(exported: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(exported, tmp_path / "copy")
    with (tmp_path / "copy" / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ScoringUnavailable, match=rf"{name} is not what its manifest says"):
        OnnxToxicity(tmp_path / "copy")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json", "manifest.json"])
def test_a_missing_file_is_refused(exported: Path, tmp_path: Path, name: str) -> None:
    shutil.copytree(exported, tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    with pytest.raises(ScoringUnavailable, match=f"{name} is missing"):
        OnnxToxicity(tmp_path / "copy")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [("normaliser_version", 99, "normaliser 99"), ("labels", ["toxicity"], "other labels")],
)
def test_a_model_made_for_another_program_is_refused(
    exported: Path, tmp_path: Path, key: str, value: Any, message: str
) -> None:
    shutil.copytree(exported, tmp_path / "copy")
    manifest_file = tmp_path / "copy" / "manifest.json"
    manifest_file.write_text(json.dumps(json.loads(manifest_file.read_text()) | {key: value}))
    with pytest.raises(ScoringUnavailable, match=message):
        OnnxToxicity(tmp_path / "copy")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sha256": 3}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(ScoringUnavailable, match="cannot be read"):
        OnnxToxicity(tmp_path)


def test_comparing_sees_a_lost_order_and_a_changed_decision() -> None:
    before = np.linspace(0, 1, 60, dtype=np.float32).reshape(10, 6)
    same, turned = compare(before, before), compare(before, before[::-1])
    assert same["max_difference"] == 0
    assert set(same["rank_correlation"].values()) == {1.0}
    assert set(turned["rank_correlation"].values()) == {-1.0}
    assert turned["decision_agreement"]["0.5"] < 0.2


def test_layer_norms_are_rewritten_and_say_the_same(
    tiny_checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx
    import onnxruntime

    detoxify = load_detoxify(str(tiny_checkpoint))
    export_module._export_fp32(detoxify, tmp_path / "fast.onnx")
    monkeypatch.setattr(export_module, "vectorise_layer_norms", lambda path: 0)
    export_module._export_fp32(detoxify, tmp_path / "plain.onnx")
    kinds = [node.op_type for node in onnx.load(tmp_path / "fast.onnx").graph.node]
    assert "LayerNormalization" not in kinds
    assert kinds.count("InstanceNormalization") == 5  # the embeddings', and two in each layer
    ids = np.arange(2 * 9, dtype=np.int64).reshape(2, 9) + 5
    fast, plain = (
        onnxruntime.InferenceSession(tmp_path / name).run(None, {"input_ids": ids})
        for name in ("fast.onnx", "plain.onnx")
    )
    for ours, theirs in zip(fast, plain, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-4)


def test_a_model_that_asks_for_a_mask_is_still_read(
    exported: Path, texts: list[str], tmp_path: Path
) -> None:
    import onnx
    from onnx import TensorProto, helper

    shutil.copytree(exported, tmp_path / "old")
    model = onnx.load(exported / "model.onnx")
    model.graph.input.append(
        helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["batch", "tokens"])
    )
    onnx.save(model, tmp_path / "old" / "model.onnx")
    manifest = json.loads((exported / "manifest.json").read_text())
    write_manifest(tmp_path / "old", ["model.onnx", "tokenizer.json"], manifest)
    old, new = OnnxToxicity(tmp_path / "old"), OnnxToxicity(exported)
    assert np.array_equal(old.score(texts), new.score(texts))
