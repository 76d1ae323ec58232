"""Recover torch weights from an exported model, to train it further or to measure it by Detoxify.

A bundle holds no checkpoint, which would be four times its size. Its int8 weights, multiplied out
again, are the same model to within the rounding that the export measured.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moderation.scoring.bundle import read_manifest
from moderation.scoring.errors import ScoringUnavailable
from moderation.scoring.onnx_model import MODEL_FILE
from moderation.scoring.smoothing import ROW_SCALE, ROWS, SMOOTHING

_PREFIX = "model."
"""What :mod:`moderation.scoring.export` names the parts of Detoxify's model with."""

_PARTS = (_PREFIX, "span_head.")

_PRODUCTS = {"MatMul", "MatMulInteger", "Gemm"}


def torch_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The weights of ``folder``/model.onnx under their names in torch, ``bert.encoder.…``.

    Raises:
        ScoringUnavailable: the folder's files are missing or changed, or the graph is not one
            that :func:`moderation.scoring.export.export` wrote.
    """
    import onnx

    read_manifest(folder)
    graph = onnx.load(folder / MODEL_FILE).graph
    stored = dict(_multiplied_out(graph))
    weights = {
        name.removeprefix(_PREFIX): value
        for name, value in stored.items()
        if name.startswith(_PARTS)
        and not name.endswith("_ids")
        and not name.endswith("_Transposed")
    }
    for name, matrix in _matrices(graph, stored):
        weights[name.removeprefix(_PREFIX)] = matrix
    if "classifier.weight" not in weights:
        raise ScoringUnavailable(f"{folder / MODEL_FILE} is not a graph that was exported here.")
    return weights


def _multiplied_out(graph: Any) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each float initialiser, and each quantised one as floats, under its name before."""
    from onnx.numpy_helper import to_array

    stored = {tensor.name: to_array(tensor) for tensor in graph.initializer}
    for name, value in stored.items():
        if value.dtype == np.float32 and not name.endswith(("_scale", ROW_SCALE)):
            yield name, value
        elif name.endswith("_quantized"):
            plain = name.removesuffix("_quantized")
            scale, zero = stored[plain + "_scale"], stored[plain + "_zero_point"]
            yield plain, (value.astype(np.float32) - zero.astype(np.float32)) * scale
        elif name.endswith(ROWS):
            plain = name.removesuffix(ROWS)
            yield plain, value.astype(np.float32) * stored[plain + ROW_SCALE]


def _matrices(
    graph: Any, stored: Mapping[str, NDArray[np.float32]]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each dense layer's matrix, as torch turns it, found through the bias that is added to it.

    The exporter gives matrices made-up names but leaves biases theirs.
    """
    made_by = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        for bias in node.input:
            if not bias.endswith(".bias") or node.op_type not in {"Add", "Gemm"}:
                continue
            if bias.removesuffix("bias") + "weight" in stored:  # a normalisation's own gain
                continue
            product = node
            while product.op_type not in _PRODUCTS:
                before = [made_by[name] for name in product.input if name in made_by]
                if not before:
                    break
                product = _towards_the_product(before, made_by)
            for name in product.input:
                plain = name.removesuffix("_quantized")
                if plain in stored and stored[plain].ndim == 2:
                    matrix = stored[plain] * _smoothing(product, made_by, stored)
                    yield bias.removesuffix(".bias") + ".weight", matrix.T.copy()


def _smoothing(
    product: Any, made_by: Mapping[str, Any], stored: Mapping[str, NDArray[np.float32]]
) -> NDArray[np.float32] | float:
    """What undoes :func:`moderation.scoring.smoothing.smooth_activations` in the matrix's rows."""
    before = made_by.get(product.input[0])
    if before is not None and before.op_type == "DynamicQuantizeLinear":
        before = made_by.get(before.input[0])
    if before is None or not before.input[-1].endswith(SMOOTHING):
        return 1.0
    return stored[before.input[-1]][:, None]


def _towards_the_product(nodes: list[Any], made_by: Mapping[str, Any]) -> Any:
    """Of the nodes that feed one: the product itself, or the one a product feeds.

    A quantised product is cast and multiplied by its scales, which come from another branch.
    """
    for node in nodes:
        if node.op_type in _PRODUCTS:
            return node
    for node in nodes:
        if any(made_by[name].op_type in _PRODUCTS for name in node.input if name in made_by):
            return node
    return nodes[0]
