"""An embedder as an ONNX file with its card beside it, proved against the original."""

from __future__ import annotations

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tomli_w
import torch
from numpy.typing import NDArray
from torch.hub import tqdm

from reid_models.compiled import EmbeddingPass
from reid_models.errors import NetworkError
from reid_models.interfaces import EmbeddingModel
from reid_models.picture_model import PictureModel
from reid_models.preprocessing import batch_of, normalised

OPSET = 18
# Vectors that differ by more than this rank people differently now and then.
LOWEST_COSINE = 0.9999


@dataclass(frozen=True)
class ParityReport:
    """How near the vectors of the file and of the network are.

    Attributes:
        crops: how many random crops were embedded by both.
        largest_difference: of any value of the L2-normalised vectors.
        lowest_cosine: of the two vectors of a crop.
    """

    crops: int
    largest_difference: float
    lowest_cosine: float


def export_onnx(
    network: EmbeddingModel, path: Path, *, crops: int = 8, seed: int = 0
) -> ParityReport:
    """Writes `path` and the card `path`.toml, which `PictureModel` reads; batches of any size.

    ONNX files know no cameras: every crop gets what an unknown camera gets.

    Args:
        network: is put into evaluation mode, on the processor.
        path: of the .onnx file; it appears once it is proved.
        crops: how many random crops prove it.
        seed: of these crops.

    Returns:
        How near its vectors are to the network's.

    Raises:
        NetworkError: the network refuses unknown cameras; the file cannot be written, or its
            vectors are others.
    """
    if network.uses_cameras and network.unknown_camera == "error":
        raise NetworkError(
            "A network that refuses unknown cameras cannot be exported: ONNX files know none.",
            'Set its unknown_camera to "mean" or "none" first.',
        )
    network = network.cpu().eval()
    with _folder_beside(path) as folder:
        draft = folder / path.name
        _write_network(network, draft)
        _write_card(network, draft)
        report = _compared(network, draft, crops, seed)
        if not report.lowest_cosine >= LOWEST_COSINE:
            raise NetworkError(
                f"The exported network returns other vectors (cosine {report.lowest_cosine:.6f}).",
                "Use the model file itself, and report this as a fault of the export.",
            )
        for file in (_card_path(draft), draft):
            file.replace(path.with_name(file.name))
    return report


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    try:
        folder = Path(tempfile.mkdtemp(prefix=".export-", dir=path.parent))
    except OSError as error:
        raise NetworkError(
            f"{path} cannot be written: {error.strerror or error}.",
            "Choose a folder that exists and may be written to.",
        ) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write_network(network: EmbeddingModel, path: Path) -> None:
    # A batch of 1 would be taken for a constant.
    example = torch.zeros(2, 3, *network.input_size_px)
    batch = torch.export.Dim("batch", min=1, max=4096)
    with _quiet_exporter(), torch.inference_mode(False), torch.no_grad():
        program = torch.onnx.export(
            EmbeddingPass(network),
            (example,),
            input_names=["crops"],
            output_names=["vectors"],
            dynamic_shapes=({0: batch},),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
        if program is None:  # only the exporter of old returns nothing
            raise TypeError("torch.onnx.export returned no program")
        program.save(path, external_data=False)
    shape = program.model.graph.inputs[0].shape
    if shape is None or isinstance(shape[0], int):
        raise ValueError(f"{type(network).__name__} fixes the batch size: {shape}")


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keeps back the exporter's notes about itself; what is wrong shows in the comparison."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.ERROR)
    # Its progress bars, even those not shown, would leave a thread behind.
    interval, tqdm.monitor_interval = getattr(tqdm, "monitor_interval", 0), 0
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)
        tqdm.monitor_interval = interval


def _write_card(network: EmbeddingModel, path: Path) -> None:
    values = {
        "input_size_px": list(network.input_size_px),
        "channel_order": "RGB",
        "mean": list(network.mean),
        "std": list(network.std),
        "output": "vectors",
    }
    _card_path(path).write_text(tomli_w.dumps(values), encoding="utf-8")


def _card_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.toml")


def _compared(network: EmbeddingModel, path: Path, crops: int, seed: int) -> ParityReport:
    """Both embed crops as an application would, resize included."""
    images = _random_crops(crops, seed)
    pixels = torch.from_numpy(batch_of(images, network.input_size_px, len(images)))
    with torch.inference_mode():
        ours = network.embed(normalised(pixels, network.mean, network.std)).numpy()  # (n, D)
    theirs = PictureModel(path, "cpu", "float32").embed(images)  # (n, D)
    return ParityReport(
        crops=len(images),
        largest_difference=float(np.abs(ours - theirs).max()),
        lowest_cosine=float((ours * theirs).sum(axis=1).min()),
    )


def _random_crops(count: int, seed: int) -> list[NDArray[np.uint8]]:
    """Coarse coloured blocks, which differ more than noise does; RGB uint8 (h, w, 3)."""
    noise = np.random.default_rng(seed)
    blocks = [noise.integers(0, 256, (12, 6, 3), dtype=np.uint8) for _ in range(count)]
    return [np.repeat(np.repeat(block, 16 + i, 0), 12 + i, 1) for i, block in enumerate(blocks)]
