"""Embedders of crops; a new kind is a class here and a line in `app.vision.network_files`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.core.entities import FloatArray, Image
from app.vision.model_files import is_model_file, told_to_user
from reid_models.picture_model import PICTURE_MODELS, PictureModel


class PictureEmbedder:
    """Embeds crops with any network in ONNX or OpenVINO IR.

    See `reid_models.picture_model` for its card.

    Attributes:
        id: file stem + 12 digits that change with the file.
        dimension: length of its vectors.
        precision: "float32" or "bf16".
    """

    @staticmethod
    def reads(path: Path) -> bool:
        """Whether the file is for this class."""
        return path.suffix.lower() in PICTURE_MODELS

    def __init__(self, path: Path, device: str = "auto") -> None:
        """Loads and tries the file.

        Raises:
            ModelError: the file or its card cannot be used.
        """
        with told_to_user("embedder"):
            self._model = PictureModel(path, device)
        self.id = self._model.id
        self.dimension = self._model.dimension
        self.precision = self._model.precision

    def embed(
        self,
        images: Sequence[Image],
        cameras: Sequence[str] | None = None,
        *,
        urgent: bool = False,
    ) -> FloatArray:
        """float32 (n, dimension), L2-normalised, of RGB uint8 (h, w, 3) crops of any size.

        Args:
            images: at least one crop.
            cameras: not used: these networks know no cameras.
            urgent: not used: these networks are called in turn.

        Raises:
            ModelError: the network returned something that is no direction.
        """
        with told_to_user():
            return self._model.embed(images)

    def maps(
        self, images: Sequence[Image], cameras: Sequence[str] | None = None
    ) -> FloatArray | None:
        """None: what is inside these networks is not known."""
        del images, cameras
        return None


class ModelFileEmbedder:
    """Embeds crops with a network of `reid_models`; torch is imported when one is made.

    Attributes:
        id: of the file's card.
        dimension: length of its vectors.
        predictor: the network, for whoever takes its feature maps.
    """

    reads = staticmethod(is_model_file)

    def __init__(self, path: Path, device: str = "auto") -> None:
        """Loads and tries the file.

        Raises:
            ModelError: damaged, of another role, or no such device.
        """
        from reid_models.interfaces import EmbeddingModel
        from reid_models.model_file import load_model
        from reid_models.predictors import EmbeddingPredictor

        with told_to_user("embedder"):
            network, card = load_model(path, role="embedder")
            assert isinstance(network, EmbeddingModel)
            self.predictor = EmbeddingPredictor(network, card, device)
        self.id = self.predictor.id
        self.dimension = self.predictor.dimension

    def embed(
        self,
        images: Sequence[Image],
        cameras: Sequence[str] | None = None,
        *,
        urgent: bool = False,
    ) -> FloatArray:
        """float32 (n, dimension), L2-normalised, of RGB uint8 (h, w, 3) crops of any size.

        Args:
            images: at least one crop.
            cameras: name of each crop's camera; one that the card does not list gets what the
                network says of unknown cameras.
            urgent: before work in the background on the same device.

        Raises:
            ModelError: an unknown camera where the network refuses those; too little memory.
        """
        with told_to_user():
            return self.predictor.embed(images, cameras, urgent=urgent)

    def maps(
        self, images: Sequence[Image], cameras: Sequence[str] | None = None
    ) -> FloatArray | None:
        """Feature maps, float32 (n, h, w, C); None if the network has none.

        Raises:
            ModelError: as of `embed`.
        """
        if not self.predictor.has_maps:
            return None
        with told_to_user():
            maps = self.predictor.maps(images, cameras, urgent=True)
            return np.asarray(maps.permute(0, 2, 3, 1).cpu().numpy(), np.float32)
