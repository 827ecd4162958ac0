"""Embedders that a training stands on and does not train: model file, ONNX or OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reid_models.model_file import load_model
from reid_models.onnx_model import OnnxCard, OnnxModel, file_id, read_card
from reid_models.preprocessing import batch_of
from reid_models.roles import UNKNOWN_CAMERA
from trainer.errors import TrainerError
from trainer.recipe import ImageForm

# What an OpenVINO network without a card takes, as all of Intel's do: BGR, 0 to 255.
_INTEL_CARD = OnnxCard(channel_order="BGR", scale=1.0, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))


class FrozenEmbedder(Protocol):
    """Crop → vector.

    Attributes:
        id: changes with whatever changes the vectors.
        dimension: D, length of the vectors.
        form: how it wants its images.
    """

    id: str
    dimension: int
    form: ImageForm

    def vectors(self, images: Tensor, cameras: Tensor) -> Tensor:
        """Vectors float32 (B, D), not L2-normalised where it does not do so itself; no gradient.

        Args:
            images: of its form, (B, 3, H, W).
            cameras: rows of the training's camera table, int64 (B,).
        """
        ...


def open_embedder(path: Path, camera_table: Mapping[str, int] | None = None) -> FrozenEmbedder:
    """An embedder of any kind of file: `.safetensors` of ours, `.onnx`, or `.xml` of OpenVINO.

    Args:
        path: the file; the card of the latter two lies beside it, `<file>.toml`.
        camera_table: row of each camera of the training by name; cameras that the embedder does
            not know are unknown ones to it.

    Raises:
        NetworkError: missing or damaged file, or no embedder.
        TrainerError: OpenVINO is not installed, or cannot read the file.
    """
    if path.suffix == ".onnx":
        return PictureEmbedder(OnnxModel(path))
    if path.suffix == ".xml":
        return PictureEmbedder(OpenVinoModel(path))
    return NetworkEmbedder(path, camera_table or {})


class NetworkEmbedder:
    """An embedder of a model file; moves to where its images are.

    Attributes:
        network: in evaluation mode, without gradient.
        id: of its card.
        dimension: D.
        form: its own.
    """

    def __init__(self, path: Path, camera_table: Mapping[str, int]) -> None:
        """Loads the file; see `open_embedder`."""
        loaded, card = load_model(path, role="embedder")
        network: Any = loaded.requires_grad_(False)
        self.network = network
        self.id = card.id
        self.dimension: int = network.embedding_dim
        self.form = ImageForm(network.input_size_px, network.mean, network.std)
        # Of each of the training's cameras, the number that the network knows it by.
        rows = sorted(camera_table, key=camera_table.__getitem__)
        known = [card.camera_table.get(name, UNKNOWN_CAMERA) for name in rows]
        self._camera_ids = torch.tensor(known, dtype=torch.int64)

    @torch.no_grad()
    def vectors(self, images: Tensor, cameras: Tensor) -> Tensor:
        """As `FrozenEmbedder.vectors`; before L2, after whatever neck the network has."""
        network = self.network.to(images.device)
        output = network(images, self._told(cameras))
        return network.vector(output).float()  # (B, D)

    @torch.no_grad()
    def maps(self, images: Tensor, cameras: Tensor) -> Tensor:
        """Patch tokens as a feature map (B, C, rows, columns).

        Raises:
            TrainerError: no vision transformer.
        """
        network = self.network.to(images.device)
        if not hasattr(network, "embed_with_map"):
            raise TrainerError(
                f"The embedder {self.id} has no patch tokens.",
                "Set start.embedder to a TransReID or X-ReID.",
            )
        maps: Tensor = network.embed_with_map(images, self._told(cameras))[1]
        return maps

    def _told(self, cameras: Tensor) -> Tensor | None:
        if not self.network.uses_cameras:
            return None
        if not len(self._camera_ids):
            return torch.full_like(cameras, UNKNOWN_CAMERA)
        return self._camera_ids.to(cameras.device)[cameras]


class PictureModel(Protocol):
    """A network that takes pictures and returns L2-normalised vectors float32 (n, dimension)."""

    id: str
    dimension: int
    input_size_px: tuple[int, int]

    def embed(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Vectors of RGB uint8 (h, w, 3)."""
        ...


class PictureEmbedder:
    """An embedder that takes RGB uint8; its images hold their colours as 0 to 1."""

    def __init__(self, model: PictureModel) -> None:
        self._model = model
        self.id = model.id
        self.dimension = model.dimension
        self.form = ImageForm(model.input_size_px, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

    def vectors(self, images: Tensor, cameras: Tensor) -> Tensor:
        """As `FrozenEmbedder.vectors`; L2-normalised; noise beyond black and white is cut off."""
        pixels = (images * 255).round().clamp(0, 255).to(torch.uint8)
        pictures = pixels.permute(0, 2, 3, 1).cpu().numpy()  # (B, H, W, 3)
        return torch.from_numpy(self._model.embed(list(pictures))).to(images.device)


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
