"""Embedders of crops; a new kind is one class and one line of EMBEDDERS."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from app.core.entities import FloatArray, Image
from app.core.errors import ModelError
from app.core.ports import Embedder
from app.vision.weights_files import loader_for
from reid_models.onnx_model import OnnxModel, OnnxModelError


class OnnxEmbedder:
    """Embeds crops with any ONNX network (see `reid_models.onnx_model` for its card).

    Attributes:
        id: file stem + the first 12 digits of the file's SHA-256.
        dimension: length of its vectors.
    """

    def __init__(self, path: Path, device: str = "auto") -> None:
        """Loads and tries the file.

        Raises:
            ModelError: the file or its card cannot be used.
        """
        try:
            self._model = OnnxModel(path, device)
        except OnnxModelError as error:
            raise ModelError(error.message, error.remedy) from error
        self.id = self._model.id
        self.dimension = self._model.dimension

    def embed(self, images: Sequence[Image], cameras: Sequence[str] | None = None) -> FloatArray:
        """float32 (n, dimension), L2-normalised, of RGB uint8 (h, w, 3) crops of any size.

        Args:
            images: at least one crop.
            cameras: not used: these networks know no cameras.

        Raises:
            ModelError: the network returned something that is no direction.
        """
        try:
            return self._model.embed(images)
        except OnnxModelError as error:
            raise ModelError(error.message, error.remedy) from error


EMBEDDERS: dict[str, type[OnnxEmbedder]] = {".onnx": OnnxEmbedder}


def load_embedder(path: Path, device: str = "auto") -> Embedder:
    """The embedder of a weights file.

    Raises:
        ModelError: unknown kind of file, or it cannot be used.
    """
    return loader_for(EMBEDDERS, path, "an embedder")(path, device)
