"""What turns images into vectors to be evaluated: networks of ours, of ONNX, of OpenVINO."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from reid_models.crop_runner import CropRunner
from reid_models.errors import NetworkError
from reid_models.interfaces import UNKNOWN_CAMERA, EmbeddingModel
from reid_models.model_file import ModelCard, load_model
from reid_models.picture_model import PICTURE_MODELS, PictureModel
from trainer.errors import TrainerError
from trainer.metrics import FloatArray

Image = NDArray[np.uint8]

CPU_BATCH, GPU_BATCH = 32, 128
ToldCameras = Literal["known", "mean", "none"]
"""What a network is told of cameras: those of its table; nothing, so that it adds the mean of all
side information, or none, whatever its card says."""


class Embedder(Protocol):
    """Images → vectors.

    Attributes:
        id: changes with whatever changes the vectors; "" where nobody asks.
        dimension: length of the vectors.
        known_cameras: names of the cameras that it tells apart.
    """

    id: str
    dimension: int
    known_cameras: frozenset[str]

    def embed(
        self, images: Sequence[Image], cameras: Sequence[str], views: Sequence[int]
    ) -> FloatArray:
        """Vectors float32 (n, dimension), L2-normalised.

        Args:
            images: RGB uint8 (h, w, 3), of any sizes.
            cameras: name of each image's camera.
            views: view of each image, from 0.

        Raises:
            NetworkError: an unknown camera where the network refuses those; too little memory.
        """
        ...


class NetworkEmbedder:
    """A network of the registry; images are resized as in training's test transform.

    Flip averaging follows the papers: the mean of the un-normalised vectors of an image and its
    mirror image where the network has such (RRID, arXiv:1911.09318), else of those of length 1
    (CACE-Net); then L2.

    Attributes:
        network: in evaluation mode from now on.
    """

    def __init__(
        self,
        network: Any,
        camera_table: Mapping[str, int] | None = None,
        *,
        device: str = "auto",
        precision: str = "auto",
        batch: int | None = None,
        flip: bool = False,
        cameras: ToldCameras = "known",
        identifier: str = "",
    ) -> None:
        """Moves the network to the device.

        Args:
            network: an `EmbeddingModel`, or a re-ranker that has vectors of single images.
            camera_table: camera name → id in the network.
            device: "auto", "cpu", "cuda", "cuda:1", "mps".
            precision: "auto" (bf16 where the device has it by nature), "float32", "bf16".
            batch: images at a time; by default what suits the device.
            flip: average with the mirror image.
            cameras: what it is told of cameras.
            identifier: becomes `id`.

        Raises:
            NetworkError: no such device or precision, or the network has no vectors of images.
        """
        if not hasattr(network, "embed") or getattr(network, "takes_maps", None) is not None:
            raise NetworkError(
                f"{type(network).__name__} makes no vectors of images.",
                "Choose an embedder, or a re-ranker with a backbone of its own.",
            )
        self._runner = CropRunner(network, device, precision, batch)
        if batch is None:
            self._runner.batch = CPU_BATCH if self._runner.device.type == "cpu" else GPU_BATCH
        if cameras != "known" and _has(network, "uses_cameras"):
            network.backbone.side_information.unknown_camera = cameras
        self.network = network
        self._table = dict(camera_table or {}) if cameras == "known" else {}
        self._flip = flip
        self.id = identifier
        self.dimension = int(network.embedding_dim)
        self.known_cameras = frozenset(self._table if _has(network, "uses_cameras") else ())

    def embed(
        self, images: Sequence[Image], cameras: Sequence[str], views: Sequence[int]
    ) -> FloatArray:
        """As `Embedder.embed`."""
        if not images:
            return np.zeros((0, self.dimension), np.float32)
        ids = [self._table.get(name, UNKNOWN_CAMERA) for name in cameras]
        camera_ids = torch.tensor(ids) if _has(self.network, "uses_cameras") else None
        view_ids = torch.tensor(list(views)) if _has(self.network, "uses_views") else None

        def compute(crops: Tensor, rows: slice) -> tuple[Tensor, ...]:
            side = [_filled(each, rows, crops) for each in (camera_ids, view_ids)]
            return (self._vectors(crops, side),)

        vectors = self._runner.run(images, compute, urgent=False)[0]
        return np.asarray(vectors.cpu().numpy(), np.float32)

    def _vectors(self, crops: Tensor, side: Sequence[Tensor | None]) -> Tensor:
        """Vectors of a batch, (B, D), from (B, 3, H, W)."""
        network = self._runner.network
        if not isinstance(network, EmbeddingModel):
            mirrored = [network.embed(each) for each in self._views_of(crops)]
        elif not self._flip:
            return network.embed(crops, *side)
        else:
            mirrored = [
                network.vector(network(each, *side)).float() for each in self._views_of(crops)
            ]
        return normalize(torch.stack(mirrored).mean(dim=0), dim=1)

    def _views_of(self, crops: Tensor) -> tuple[Tensor, ...]:
        return (crops, crops.flip(3)) if self._flip else (crops,)


class PictureEmbedder:
    """An ONNX or OpenVINO network with its card; it knows no cameras and no views."""

    def __init__(self, model: PictureModel, *, flip: bool = False) -> None:
        self._model = model
        self._flip = flip
        self.id = model.id
        self.dimension = model.dimension
        self.known_cameras: frozenset[str] = frozenset()

    def embed(
        self, images: Sequence[Image], cameras: Sequence[str], views: Sequence[int]
    ) -> FloatArray:
        """As `Embedder.embed`."""
        vectors = self._model.embed(images)
        if self._flip:
            vectors = vectors + self._model.embed([image[:, ::-1] for image in images])
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors


def load_embedder(
    path: Path,
    device: str = "auto",
    precision: str = "auto",
    batch: int | None = None,
    *,
    flip: bool = False,
    cameras: ToldCameras = "known",
) -> NetworkEmbedder | PictureEmbedder:
    """The embedder of a file; those of other programs have their own batch and precision.

    Args:
        path: *.onnx or OpenVINO's *.xml, else a model file.
        device: see `NetworkEmbedder`.
        precision: likewise.
        batch: likewise.
        flip: likewise.
        cameras: likewise.

    Raises:
        NetworkError: it cannot be used.
    """
    if path.suffix.lower() in PICTURE_MODELS:
        return PictureEmbedder(PictureModel(path, device), flip=flip)
    network, card = load_model(path)
    return NetworkEmbedder(
        network,
        card.camera_table,
        device=device,
        precision=precision,
        batch=batch,
        flip=flip,
        cameras=cameras,
        identifier=card.id,
    )


def check_made_for(card: ModelCard, path: Path, embedder_id: str) -> None:
    """Raises TrainerError where a network was trained for the vectors of another embedder.

    Args:
        card: of an aggregator or re-ranker; one that embeds crops by itself is its own embedder.
        path: its file.
        embedder_id: of the embedder that is used.
    """
    if card.requires_embedder not in (None, embedder_id) and card.id != embedder_id:
        raise TrainerError(
            f"{path.name} was trained with the embedder {card.requires_embedder}, not with "
            f"{embedder_id}.",
            "Name that embedder with --model, or another file.",
        )


def _has(network: Any, capability: str) -> bool:
    return bool(getattr(network, capability, False))


def _filled(ids: Tensor | None, rows: slice, crops: Tensor) -> Tensor | None:
    """Ids of a batch's rows (B,); those that fill it up repeat the last."""
    if ids is None:
        return None
    some = ids[rows]
    padding = some[-1:].expand(len(crops) - len(some))
    return torch.cat([some, padding]).to(crops.device)
