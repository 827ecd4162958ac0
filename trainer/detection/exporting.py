"""A trained detector as an ONNX file with half-size weights, and its card."""

from __future__ import annotations

import json
import platform
import shutil
import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import tomli_w
import torch
from onnx import TensorProto, helper, numpy_helper

from reid_models.ultralytics_setup import import_ultralytics
from trainer.detection.data_set import SETTINGS_FILE
from trainer.detection.training import Trained, TrainSettings, ultralytics_device
from trainer.errors import TrainerError
from trainer.told_command import name_of_path

MOST_BYTES = 7_000_000
# The program looks for a card under this name (app/vision/network_files.py).
CARD_SUFFIX = ".card.toml"
# The newest that the oldest supported onnxruntime runs.
_OPSET = 17
_DESCRIPTION = "A person detector, made by the trainer of Retrace"
_MOST_TOLD = 5  # folders beside each other that a card names one by one
_SMALL = 64  # numbers; constants this small save nothing and may be shapes


def export_detector(weights: Path, out: Path, image_size_px: int, *, fixed: bool) -> int:
    """Writes a checkpoint as ONNX with float16 weights; returns the file's size in bytes.

    onnxruntime turns the weights into float32 once while loading: half the size, the same speed.

    Args:
        weights: a .pt file of ultralytics.
        out: the .onnx file.
        image_size_px: noted in the file.
        fixed: the file takes squares of that size only; otherwise any multiples of 32 do.

    Raises:
        TrainerError: the file would be larger than 7 MB.
    """
    import_ultralytics()
    from ultralytics import YOLO

    written = YOLO(str(weights), task="detect").export(
        format="onnx", imgsz=image_size_px, opset=_OPSET, dynamic=not fixed, simplify=False,
        device="cpu", verbose=False,
    )  # fmt: skip
    model = onnx.load(written)
    halve_weights(model)
    for told in model.metadata_props:
        if told.key == "description":  # ultralytics tells where the data lay
            told.value = _DESCRIPTION
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    if len(data) > MOST_BYTES:
        raise TrainerError(
            f"The exported detector takes {len(data) / 1e6:.1f} MB, more than 7.",
            "Train a narrower network (yolo11n.yaml, or a description with a smaller width).",
        )
    part = out.with_suffix(".part")
    part.write_bytes(data)
    shutil.move(part, out)
    Path(written).unlink()
    return len(data)


def halve_weights(model: onnx.ModelProto) -> None:
    """Stores float32 weights as float16, each followed by a cast back to float32; in place."""
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(weight)
        if values.size <= _SMALL or np.abs(values).max() > np.finfo(np.float16).max:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(
            helper.make_node("Cast", [f"{name}_half"], [name], f"{name}_cast", to=TensorProto.FLOAT)
        )
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def write_card(
    file: Path, settings: TrainSettings, trained: Trained, size: int, command: str, terms: str
) -> Path:
    """Writes `<file>.card.toml`, which the program reads; returns its path.

    For the user: what it was trained on, terms, metrics. Beside that: all data, seed, command,
    versions. Of whole paths it keeps the last name only: where they lay is nobody's business.
    """
    import ultralytics

    made_of = settings.data / SETTINGS_FILE
    text = made_of.read_text(encoding="utf-8") if made_of.is_file() else "{}"
    data = json.loads(text, object_hook=_named)
    architecture, validation = _checkpoint_facts(trained.weights, settings.model)
    crops = (json.loads(text).get("collages") or {}).get("crops", [])
    card: dict[str, Any] = {
        "role": "person detector",
        "trained_on": [
            *data.get("scenes", []), *_places(json.loads(text)),
            # Folders of crops are all called "bounding_box_train".
            *("/".join(Path(folder).parts[-2:]) for folder in crops),
        ],
        "terms": terms,
        "architecture": architecture,
        "parameters": trained.parameters,
        "image_size_px": settings.image_size_px,
        "size_bytes": size,
        "seed": settings.seed,
        "epochs_done": trained.epochs_done,
        "epochs": settings.epochs,
        "minutes_of_last_session": round(trained.seconds / 60, 1),
        "device": _device_name(settings.device),
        "command": command,
        "metrics": validation,
        "data": _without_none(data),
        "versions": {
            "python": platform.python_version(), "torch": torch.__version__,
            "ultralytics": ultralytics.__version__, "opencv": cv2.__version__,
        },
    }  # fmt: skip
    if not validation:
        del card["metrics"]
    path = card_of(file)
    path.write_text(tomli_w.dumps(card), encoding="utf-8")
    return path


def card_of(file: Path) -> Path:
    """Where the card of a detector's file lies."""
    return file.with_name(file.name + CARD_SUFFIX)


def add_metrics(file: Path, metrics: Mapping[str, float]) -> None:
    """Adds figures to a detector's card, in the place of what bears the same names.

    Raises:
        TrainerError: it has no card, or a damaged one.
    """
    path = card_of(file)
    try:
        card = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainerError(
            f"The card {path} cannot be read: {error}.", "Export the detector again."
        ) from error
    card["metrics"] = card.get("metrics", {}) | dict(metrics)
    path.write_text(tomli_w.dumps(card), encoding="utf-8")


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    """TOML knows no null."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def _places(data: Mapping[str, Any]) -> list[str]:
    """Videos and folders of frames that were trained on; many of one folder as their number."""
    held = set(data.get("hold_out", []))
    paths = [Path(one) for one in data.get("frames", [])]
    paths = [path for path in paths if held.isdisjoint({path.name, path.stem})]
    beside = Counter(path.parent for path in paths)
    told = [
        f"{path.parent.name} ({beside[path.parent]} places)"
        if beside[path.parent] > _MOST_TOLD
        else path.name
        for path in paths
    ]
    return list(dict.fromkeys(told))


def _checkpoint_facts(weights: Path, start: str) -> tuple[str, dict[str, float]]:
    """The network's name, and ultralytics' precision and recall when the checkpoint was saved.

    A network that was cut down has the name of the file it started from.
    """
    from ultralytics.nn.tasks import load_checkpoint

    model, checkpoint = load_checkpoint(str(weights))
    metrics = checkpoint.get("train_metrics") or {}
    figures = {
        f"validation_{name.removeprefix('metrics/').removesuffix('(B)')}": round(float(value), 4)
        for name, value in metrics.items()
        if name.startswith("metrics/")
    }
    return Path(model.yaml.get("yaml_file", start)).stem, figures


def _named(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        key: [_last_name(one) for one in value] if isinstance(value, list) else _last_name(value)
        for key, value in settings.items()
    }


def _last_name(value: Any) -> Any:
    return name_of_path(value) if isinstance(value, str) else value


def _device_name(name: str) -> str:
    device = ultralytics_device(name)
    return torch.cuda.get_device_name(int(device)) if device.isdecimal() else device
