"""Networks of a few nodes whose answers can be worked out by hand, as ONNX files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, load, numpy_helper, save

from reid_models.sessions import import_openvino

CELL_PX = 32


def _constant(name: str, values: object):
    return numpy_helper.from_array(np.asarray(values, np.float32), name)


def _save(path: Path, nodes, inputs, outputs, constants=(), metadata=None) -> Path:
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializer=list(constants))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    save(model, path)
    return path


def save_detector(
    path: Path,
    names: Sequence[str] = ("cat", "person"),
    size_px: int = 128,
    task: str = "detect",
    batch: int | str = 1,
    with_metadata: bool = True,
) -> Path:
    """A YOLO-like network with one 32 × 32 box for each cell of the frame.

    The score of the first class is the cell's mean blue, of the last its mean red (so with one
    class: red), 0..1.
    """
    side = size_px // CELL_PX
    count = side * side
    centres = (np.stack(np.meshgrid(np.arange(side), np.arange(side)), 0) + 0.5) * CELL_PX
    boxes = np.concatenate([centres, np.full((2, side, side), CELL_PX)]).reshape(1, 4, count)
    pick = np.zeros((len(names), 3, 1, 1))
    pick[0, 2] = 1.0  # blue
    pick[-1] = np.array([1.0, 0.0, 0.0]).reshape(3, 1, 1)  # red
    nodes = [
        helper.make_node("Conv", ["images", "pick"], ["colours"]),
        helper.make_node(
            "AveragePool", ["colours"], ["cells"], kernel_shape=[CELL_PX] * 2, strides=[CELL_PX] * 2
        ),
        helper.make_node("Reshape", ["cells", "flat"], ["scores"]),
        helper.make_node("Concat", ["boxes", "scores"], ["output0"], axis=1),
    ]
    flat = numpy_helper.from_array(np.array([1, len(names), count], np.int64), "flat")
    metadata = {
        "task": task,
        "names": str(dict(enumerate(names))),
        "stride": "32",
        "batch": "1",
        "imgsz": str([size_px, size_px]),
    }
    return _save(
        path,
        nodes,
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, size_px, size_px])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, 4 + len(names), count])],
        [_constant("boxes", boxes), _constant("pick", pick), flat],
        metadata if with_metadata else None,
    )


def save_embedder(
    path: Path,
    batch: int | str = 1,
    size_px: tuple[int | str, int | str] = (32, 16),
    scale: float = 1.0,
    shift: float = 0.0,
    poison: float | None = None,
    keep_axes: bool = False,
    inputs: int = 1,
    outputs: int = 1,
) -> Path:
    """A network whose vector is the mean colour of each quarter of the crop's height.

    Vector: 4 × 3 values, channel by channel, times `scale` plus `shift`. `poison` is added last
    (NaN, say).
    """
    height = size_px[0] if isinstance(size_px[0], int) else 32
    width = size_px[1] if isinstance(size_px[1], int) else 16
    shape = [1, 12, 1, 1] if keep_axes else [1, 12]
    constants = [
        _constant("scale", scale),
        _constant("shift", shift),
        _constant("poison", 0.0 if poison is None else poison),
        numpy_helper.from_array(np.array([-1, *shape[1:]], np.int64), "shape"),
    ]
    nodes = [
        helper.make_node(
            "AveragePool",
            ["crop"],
            ["bands"],
            kernel_shape=[height // 4, width],
            strides=[height // 4, width],
        ),
        helper.make_node("Mul", ["bands", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["shifted"]),
        helper.make_node("Add", ["shifted", "poison"], ["poisoned"]),
        helper.make_node("Reshape", ["poisoned", "shape"], ["vector"]),
    ]
    wanted = [
        helper.make_tensor_value_info("crop", TensorProto.FLOAT, [batch, 3, *size_px]),
        helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]),
    ][:inputs]
    if inputs > 1:
        nodes.append(helper.make_node("Identity", ["other"], ["unused"]))
    returned = [
        helper.make_tensor_value_info("vector", TensorProto.FLOAT, [batch, *shape[1:]]),
        helper.make_tensor_value_info("bands", TensorProto.FLOAT, [batch, 3, 4, 1]),
    ][:outputs]
    return _save(path, nodes, wanted, returned, constants)


def save_ir(path: Path, notes: Mapping[str, str] | None = None, **options) -> Path:
    """`save_embedder`'s network as OpenVINO's .xml with its .bin.

    `notes` is what the file says of its conversion; `options` are those of `save_embedder`.
    """
    openvino = import_openvino()
    source = save_embedder(path.with_suffix(".onnx"), **options)
    network = openvino.Core().read_model(str(source))
    source.unlink()
    for key, value in (notes or {}).items():
        network.set_rt_info(value, ["conversion_parameters", key])
    openvino.save_model(network, str(path), compress_to_fp16=False)
    return path


def save_determinant(path: Path) -> Path:
    """An embedder with an operator that OpenVINO does not read: the crop's determinants.

    Vector: of the 16 × 16 pixels at the top of each channel.
    """
    ends = [numpy_helper.from_array(np.array([value], np.int64), f"of{value}") for value in (0, 16)]
    axis = numpy_helper.from_array(np.array([2], np.int64), "axis")
    nodes = [
        helper.make_node("Slice", ["crop", "of0", "of16", "axis"], ["square"]),
        helper.make_node("Det", ["square"], ["vector"]),
    ]
    return _save(
        path,
        nodes,
        [helper.make_tensor_value_info("crop", TensorProto.FLOAT, [1, 3, 32, 16])],
        [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, 3])],
        [*ends, axis],
    )


def save_quantised(path: Path) -> Path:
    """An embedder whose crop is rounded to int8 and back: the mean of each quarter's colours."""
    source = save_embedder(path, scale=1.0)
    model = load(source)
    graph = model.graph
    nodes = [
        helper.make_node("QuantizeLinear", ["crop", "step", "zero"], ["whole"]),
        helper.make_node("DequantizeLinear", ["whole", "step", "zero"], ["rounded"]),
        *graph.node,
    ]
    nodes[2].input[0] = "rounded"
    zero = numpy_helper.from_array(np.array(0, np.int8), "zero")
    constants = [*graph.initializer, _constant("step", 0.05), zero]
    return _save(path, nodes, list(graph.input), list(graph.output), constants)
