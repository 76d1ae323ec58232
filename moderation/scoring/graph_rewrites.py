"""Rewrite an exported graph so that it runs faster and says the same.

Needs the extra ``train``: only exporting calls this, never the service that scores.
"""

from pathlib import Path
from typing import Any

import numpy as np

_TOKENS, _ONES, _ZEROS = "row_count", "row_ones", "row_zeros"


def vectorise_layer_norms(path: Path) -> int:
    """Replace each layer normalisation of the model at ``path``; returns how many there were.

    Layer normalisation (Ba et al. 2016) of an array (batch, tokens, hidden) over its last axis
    is instance normalisation (Ulyanov et al. 2016) with the tokens for channels, then the gain
    and the bias. ONNX Runtime 1.32 sums for the first one number at a time, for the second with
    vector instructions (docs/adr/0007). The input ``input_ids``, (batch, tokens), gives the
    number of channels.

    Normalisations of arrays of another rank, or over other axes, stay.
    """
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load(path)
    graph = model.graph
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in graph.value_info}
    nodes: list[Any] = [
        helper.make_node("Shape", ["input_ids"], [_TOKENS], name=_TOKENS, start=1, end=2),
        *(
            helper.make_node(
                "ConstantOfShape",
                [_TOKENS],
                [name],
                name=name,
                value=numpy_helper.from_array(np.full(1, value, dtype=np.float32)),
            )
            for name, value in ((_ONES, 1.0), (_ZEROS, 0.0))
        ),
    ]
    replaced = 0
    for node in graph.node:
        if not _is_over_hidden(node, ranks.get(node.output[0])):
            nodes.append(node)
            continue
        replaced += 1
        values, gain, bias = node.input
        (out,), name = node.output, node.name
        settings = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        nodes += [
            helper.make_node(
                "InstanceNormalization",
                [values, _ONES, _ZEROS],
                [out + "_scaled"],
                name=name + "_scaled",
                epsilon=settings.get("epsilon", 1e-5),
            ),
            helper.make_node(
                "Mul", [out + "_scaled", gain], [out + "_gained"], name=name + "_gain"
            ),
            helper.make_node("Add", [out + "_gained", bias], [out], name=name),
        ]
    if replaced:
        del graph.node[:]
        graph.node.extend(nodes)
        onnx.save(model, path)
    return replaced


def _is_over_hidden(node: Any, rank: int | None) -> bool:
    if node.op_type != "LayerNormalization" or len(node.input) != 3 or len(node.output) != 1:
        return False
    axis = next((one.i for one in node.attribute if one.name == "axis"), -1)
    return rank == 3 and axis in {-1, 2}
