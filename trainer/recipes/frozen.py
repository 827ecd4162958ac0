"""Embedders that a training stands on and does not train: model file, ONNX or OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from reid_models.model_file import load_model
from reid_models.picture_model import PICTURE_MODELS, PictureModel
from reid_models.roles import UNKNOWN_CAMERA
from trainer.errors import TrainerError
from trainer.recipe import ImageForm


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
    """
    if path.suffix.lower() in PICTURE_MODELS:
        return PictureEmbedder(PictureModel(path))
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
        """Feature maps (B, C, rows, columns).

        Raises:
            TrainerError: a network that does not show its maps.
        """
        network = self.network.to(images.device)
        if not hasattr(network, "embed_with_map"):
            raise TrainerError(
                f"The embedder {self.id} shows no feature maps.",
                "Set start.embedder to a TransReID, an X-ReID or an RRID.",
            )
        maps: Tensor = network.embed_with_map(images, self._told(cameras))[1]
        return maps

    def _told(self, cameras: Tensor) -> Tensor | None:
        if not self.network.uses_cameras:
            return None
        if not len(self._camera_ids):
            return torch.full_like(cameras, UNKNOWN_CAMERA)
        return self._camera_ids.to(cameras.device)[cameras]


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
