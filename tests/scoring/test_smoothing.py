"""Graphs made ready for int8 say the same, and lose less when they are rounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from moderation.scoring.export import _quantise
from moderation.scoring.smoothing import quantise_embeddings, smooth_activations

WORDS, CHANNELS, OUT = 1500, 32, 8


@pytest.fixture(params=["channel"])
def graph(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """An embedding and two products of it; one channel, or one word, is far from the others."""
    rng = np.random.default_rng(3)
    table = rng.normal(size=(WORDS, CHANNELS)).astype(np.float32)
    if request.param == "channel":
        table[:, 5] *= 100
    else:
        table[7] *= 100
    matrices = [rng.normal(size=(CHANNELS, OUT)).astype(np.float32) for _ in range(2)]
    for matrix in matrices:
        matrix[5] /= 100
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "first"], ["one"]),
        helper.make_node("MatMul", ["rows", "second"], ["two"]),
    ]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["b", "t"])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("one", "two")],
        [numpy_helper.from_array(table, "table")]
        + [
            numpy_helper.from_array(matrix, name)
            for matrix, name in zip(matrices, ("first", "second"), strict=True)
        ],
    )
    onnx.save(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10),
        tmp_path / "g.onnx",
    )
    return tmp_path / "g.onnx"


def outputs(path: Path, ids: Any) -> list[Any]:
    return list(onnxruntime.InferenceSession(path).run(None, {"input_ids": ids}))


TEXTS = [np.arange(start, start + 12, dtype=np.int64)[None] for start in range(20, 400, 40)]


def worst(path: Path, truth: list[list[Any]]) -> float:
    return max(
        float(np.abs(ours - theirs).max())
        for ids, expected in zip(TEXTS, truth, strict=True)
        for ours, theirs in zip(outputs(path, ids), expected, strict=True)
    )


def test_smoothing_changes_nothing_but_what_rounding_costs(graph: Path, tmp_path: Path) -> None:
    truth = [outputs(graph, ids) for ids in TEXTS]
    _quantise(graph, tmp_path / "plain8.onnx", [])
    assert smooth_activations(graph, TEXTS) == 1  # both products share the one input
    assert worst(graph, truth) < 1e-3
    _quantise(graph, tmp_path / "smooth8.onnx", [])
    assert worst(tmp_path / "smooth8.onnx", truth) < worst(tmp_path / "plain8.onnx", truth) / 3


@pytest.mark.parametrize("graph", ["word"], indirect=True)
def test_each_word_of_an_embedding_has_a_scale(graph: Path) -> None:
    truth = [outputs(graph, ids) for ids in TEXTS]
    before = graph.stat().st_size
    assert quantise_embeddings(graph) == 1
    assert graph.stat().st_size < before / 2
    largest = max(float(np.abs(values).max()) for of in truth for values in of)
    assert worst(graph, truth) < largest / 50  # one scale for all would leave a step of 2


def test_a_matrix_that_several_inputs_share_is_left_alone(graph: Path) -> None:
    model = onnx.load(graph)
    model.graph.node.append(helper.make_node("Neg", ["rows"], ["other"]))
    model.graph.node.append(helper.make_node("MatMul", ["other", "first"], ["three"]))
    model.graph.output.append(helper.make_tensor_value_info("three", TensorProto.FLOAT, None))
    onnx.save(model, graph)
    truth = [outputs(graph, ids) for ids in TEXTS]
    assert smooth_activations(graph, TEXTS) == 0
    assert worst(graph, truth) == 0.0
