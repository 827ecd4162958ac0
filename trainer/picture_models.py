"""Networks of other programs that turn pictures into vectors: ONNX and OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from reid_models.onnx_model import OnnxCard, OnnxModel, file_id, read_card
from reid_models.preprocessing import batch_of
from trainer.errors import TrainerError

PICTURE_MODELS = frozenset({".onnx", ".xml"})
# What an OpenVINO network without a card takes, as all of Intel's do: BGR, 0 to 255.
_INTEL_CARD = OnnxCard(channel_order="BGR", scale=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class PictureModel(Protocol):
    """A network that takes pictures and returns L2-normalised vectors float32 (n, dimension)."""

    id: str
    dimension: int
    input_size_px: tuple[int, int]

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Vectors of RGB uint8 (h, w, 3)."""
        ...


def open_picture_model(path: Path, device: str = "auto") -> PictureModel:
    """A network of one of the suffixes `PICTURE_MODELS`; its card lies beside it, `<file>.toml`.

    Args:
        path: the file.
        device: of ONNX; OpenVINO runs on the processor.

    Raises:
        NetworkError: missing or damaged file, no embedder, or a card with a fault.
        TrainerError: OpenVINO is not installed, or cannot read the file.
    """
    return OpenVinoModel(path) if path.suffix.lower() == ".xml" else OnnxModel(path, device)


class OpenVinoModel:
    """An embedder in OpenVINO's own format; openvino is no dependency and installed by hand.

    Attributes:
        id: file stem + 12 digits that change with the weights.
        dimension: length of its vectors.
        card: `<file>.xml.toml`; without one, what Intel's networks take: BGR, 0 to 255.
        input_size_px: height and width of its images.
    """

    def __init__(self, path: Path) -> None:
        """Reads `path` and the `.bin` beside it.

        Raises:
            TrainerError: openvino is not installed; the files cannot be read.
            NetworkError: a card with a fault.
        """
        try:
            openvino = import_module("openvino")
        except ImportError as error:
            raise TrainerError(
                f"{path.name} is an OpenVINO network, and openvino is not installed.",
                "Install it for the training: pip install openvino.",
            ) from error
        weights = path.with_suffix(".bin")
        if not (path.is_file() and weights.is_file()):
            raise TrainerError(
                f"{path} or the {weights.name} beside it does not exist.", "Check the path."
            )
        has_card = path.with_name(f"{path.name}.toml").is_file()
        self.card = read_card(path) if has_card else _INTEL_CARD
        self.id = file_id(weights)
        try:
            self._network = openvino.Core().compile_model(str(path), "CPU")
            shape = self._network.input(0).shape
        except RuntimeError as error:
            raise TrainerError(
                f"OpenVINO cannot read {path.name}: {str(error).splitlines()[0]}.",
                "Download it again.",
            ) from error
        self.input_size_px = self.card.input_size_px or (int(shape[2]), int(shape[3]))
        grey = np.full((*self.input_size_px, 3), 127, np.uint8)
        self.dimension = int(self._run(grey).shape[0])

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Vectors float32 (n, dimension), L2-normalised, of RGB uint8 (h, w, 3)."""
        vectors = np.zeros((len(images), self.dimension), np.float32)
        for row, image in enumerate(images):
            vector = self._run(image)
            vectors[row] = vector / np.linalg.norm(vector)
        return vectors

    def _run(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        card = self.card
        values = batch_of([image], self.input_size_px, 1).astype(np.float32)  # (1, 3, H, W)
        if card.channel_order == "BGR":
            values = values[:, ::-1]
        mean, std = (np.array(each, np.float32)[:, None, None] for each in (card.mean, card.std))
        found = self._network((values * np.float32(card.scale) - mean) / std)[0]
        return np.asarray(found, np.float32).reshape(-1)
