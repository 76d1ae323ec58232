"""Prepare an fp32 graph so that int8 costs it little: smoothed activations, embeddings by the row.

Dynamic int8 gives all the activations of a product one scale. Transformers have a few channels with
huge values, and with one scale for all of them the others keep few bits.
:func:`smooth_activations` divides each channel by a factor and multiplies the matrix's rows by
it: the same product, with the difficulty moved into the weights, which have a scale a column.

Source: Xiao et al., "SmoothQuant: accurate and efficient post-training quantization for large
language models" (2023).
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMOOTHING = "_smoothing"
"""Ends the name of the initialiser with the inverse factors of a product's channels."""

ROWS, ROW_SCALE = "_rows", "_row_scale"
"""End the names of an embedding's int8 rows and of their scales."""

_STRENGTH = 0.6
"""How far the activations' ranges move into the weights, 0..1; Xiao et al. call it alpha."""

_LARGE_TABLE = 1000
"""Tables with fewer rows (positions, token types) stay as they are."""


def smooth_activations(path: Path, token_ids: Sequence[NDArray[np.int64]]) -> int:
    """Rewrite the graph in ``path``, which then says the same; how many inputs were smoothed.

    Args:
        path: an fp32 ONNX model with the input ``input_ids``.
        token_ids: texts to see the activations' ranges on, each of shape (1, tokens).
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    fed_by = _products_by_input(graph, stored)
    if not fed_by:
        return 0
    ranges = _channel_ranges(model, list(fed_by), token_ids)
    for name, products in fed_by.items():
        matrices = [numpy_helper.to_array(stored[product.input[1]]) for product in products]
        widest = np.max([np.abs(matrix).max(axis=1) for matrix in matrices], axis=0)
        factors = np.maximum(ranges[name], 1e-5) ** _STRENGTH
        factors /= np.maximum(widest, 1e-5) ** (1 - _STRENGTH)
        factors = np.clip(factors / np.exp(np.log(factors).mean()), 1e-2, 1e3).astype(np.float32)
        for product, matrix in zip(products, matrices, strict=True):
            scaled = numpy_helper.from_array(matrix * factors[:, None], product.input[1])
            stored[product.input[1]].CopyFrom(scaled)
        graph.initializer.append(numpy_helper.from_array(1 / factors, name + SMOOTHING))
        smoothed = name + "_smoothed"
        divide = helper.make_node("Mul", [name, name + SMOOTHING], [smoothed], name=smoothed)
        graph.node.insert(_place(graph, products[0]), divide)
        for product in products:
            product.input[0] = smoothed
    onnx.save(model, path)
    return len(fed_by)


def quantise_embeddings(path: Path) -> int:
    """Turn large embeddings into int8 with a scale for each row; how many were turned.

    One scale for the whole table, as ONNX Runtime's quantiser would give it, is set by the oddest
    of thirty thousand words.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    turned = 0
    for node in [node for node in graph.node if node.op_type == "Gather"]:
        table = stored.get(node.input[0])
        if table is None or len(table.dims) != 2 or table.dims[0] < _LARGE_TABLE:
            continue
        name, indices = node.input[:2]
        rows = numpy_helper.to_array(table)
        scale = np.maximum(np.abs(rows).max(axis=1, keepdims=True) / 127, 1e-9).astype(np.float32)
        graph.initializer.remove(table)
        graph.initializer.extend(
            [
                numpy_helper.from_array(np.round(rows / scale).astype(np.int8), name + ROWS),
                numpy_helper.from_array(scale, name + ROW_SCALE),
            ]
        )
        made = [
            helper.make_node("Gather", [name + ROWS, indices], [name + "_row"]),
            helper.make_node("Cast", [name + "_row"], [name + "_wide"], to=onnx.TensorProto.FLOAT),
            helper.make_node("Gather", [name + ROW_SCALE, indices], [name + "_scale_of_row"]),
            helper.make_node("Mul", [name + "_wide", name + "_scale_of_row"], list(node.output)),
        ]
        place = _place(graph, node)
        graph.node.remove(node)
        for number, each in enumerate(made):
            graph.node.insert(place + number, each)
        turned += 1
    onnx.save(model, path)
    return turned


def _products_by_input(graph: Any, stored: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Activation -> the products with a matrix that it feeds.

    A matrix that several products use (ALBERT's layers share theirs) cannot be scaled for one.
    """
    products = [
        node
        for node in graph.node
        if node.op_type == "MatMul" and len(getattr(stored.get(node.input[1]), "dims", ())) == 2
    ]
    used = [node.input[1] for node in products]
    fed_by: dict[str, list[Any]] = {}
    for node in products:
        fed_by.setdefault(node.input[0], []).append(node)
    return {
        name: nodes
        for name, nodes in fed_by.items()
        if all(used.count(node.input[1]) == 1 for node in nodes)
    }


def _channel_ranges(
    model: Any, names: Sequence[str], token_ids: Sequence[NDArray[np.int64]]
) -> dict[str, NDArray[np.float32]]:
    """The largest magnitude of each channel of each named activation over the texts."""
    import onnx
    import onnxruntime
    from onnx import helper

    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    with tempfile.TemporaryDirectory() as folder:
        onnx.save(watched, Path(folder) / "watched.onnx")
        session = onnxruntime.InferenceSession(
            str(Path(folder) / "watched.onnx"), options, providers=["CPUExecutionProvider"]
        )
    asked = [given.name for given in session.get_inputs()]
    ranges = {name: np.zeros(1, dtype=np.float32) for name in names}
    for ids in token_ids:
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        found = session.run(list(names), {name: inputs[name] for name in asked})
        for name, values in zip(names, found, strict=True):
            channels = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            ranges[name] = np.maximum(ranges[name], channels)
    return ranges


def _place(graph: Any, node: Any) -> int:
    return next(number for number, other in enumerate(graph.node) if other is node or other == node)
