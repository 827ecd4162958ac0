"""Tiny ONNX networks for tests that must not depend on real weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROWS, COLUMNS = 4, 2
DIMENSION = 3 * ROWS * COLUMNS


def write_embedder(
    path: Path,
    *,
    size_px: tuple[int, int] = (64, 32),
    batch: int | None = None,
    output: Literal["vector", "nan", "map"] = "vector",
    card: Mapping[str, object] | None = None,
) -> Path:
    """Writes a network that averages the colours of a 4 × 2 grid: (n, 3, h, w) → (n, 24).

    Args:
        path: where to, usually `….onnx`.
        size_px: height and width of its input; multiples of 4 and 2.
        batch: fixed batch size, or None for any.
        output: `nan` returns only NaN; `map` returns (n, 3, 4, 2) instead of vectors.
        card: written beside it as `….onnx.toml`.
    """
    height, width = size_px
    rows = batch or "n"
    cell = [height // ROWS, width // COLUMNS]
    nodes = [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=cell, strides=cell)
    ]
    constants = []
    shape: list[int | str] = [rows, 3, ROWS, COLUMNS]
    last = "cells"
    if output != "map":
        nodes.append(helper.make_node("Flatten", [last], ["flat"], axis=1))
        last, shape = "flat", [rows, DIMENSION]
    if output == "nan":
        constants.append(numpy_helper.from_array(np.array(np.nan, np.float32), "nothing"))
        nodes.append(helper.make_node("Add", [last, "nothing"], ["lost"]))
        last = "lost"
    nodes.append(helper.make_node("Identity", [last], ["embedding"]))
    graph = helper.make_graph(
        nodes,
        "grid of colours",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [rows, 3, height, width])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, shape)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    if card is not None:
        write_card(path, **card)
    return path


def write_card(path: Path, **entries: object) -> Path:
    """Writes `<file>.onnx.toml` with entries such as `input_size_px=[64, 32]`."""
    card = path.with_name(path.name + ".toml")
    lines = [f"{key} = {_toml(value)}" for key, value in entries.items()]
    card.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return card


def truncate(path: Path, share: float = 0.5) -> Path:
    """Cuts a file in place, as an interrupted download would."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(entry) for entry in value) + "]"
    return repr(value)
