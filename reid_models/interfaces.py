"""What every network of a role offers, whichever paper it comes from.

Conventions of all three roles: images are float32 (B, 3, H, W), RGB, already normalised with the
network's own `mean` and `std`; camera and view ids are int64 (B,), from 0; an id outside the ids
of the training, or `UNKNOWN_CAMERA`, is a camera that the network never saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, cat, nn
from torch.nn.functional import normalize

from reid_models.errors import NetworkError
from reid_models.roles import UNKNOWN_CAMERA, Role, UnknownCamera

__all__ = [
    "UNKNOWN_CAMERA",
    "AggregationModel",
    "EmbeddingModel",
    "NetworkError",
    "PairModel",
    "PairParts",
    "ReIDOutput",
    "Role",
    "UnknownCamera",
]

# Parts of images: tensors whose first axis counts the images, (n, …).
PairParts = tuple[Tensor, ...]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ReIDOutput:
    """What an embedder returns, in training and in evaluation.

    Attributes:
        features: (B, D_i) each; before the BN neck unless the configuration says after it.
        logits: (B, classes) each; empty where there is no classifier.
    """

    features: tuple[Tensor, ...]
    logits: tuple[Tensor, ...] = ()


class EmbeddingModel(nn.Module):
    """Crop → vector. Child classes are built by `Network(config)` and set these attributes.

    Attributes:
        config: the frozen dataclass it was built from.
        embedding_dim: length D of its vectors.
        input_size_px: height and width of its images.
        mean: of each channel (RGB, values 0..1).
        std: of each channel, likewise.
        uses_cameras: whether `camera_ids` changes the result.
        uses_views: whether `view_ids` changes the result.
        unknown_camera: what a camera gets that the network never saw.
    """

    role: ClassVar[Role] = "embedder"
    config: Any
    embedding_dim: int
    input_size_px: tuple[int, int]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    uses_cameras: bool = False
    uses_views: bool = False
    unknown_camera: UnknownCamera = "mean"

    def forward(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
    ) -> ReIDOutput:
        """Features, and logits where there is a classifier.

        Args:
            images: (B, 3, H, W).
            camera_ids: int64 (B,), or None where no image's camera is known.
            view_ids: int64 (B,), likewise.

        Raises:
            NetworkError: images of another size; an unknown camera where the network refuses it.
        """
        raise NotImplementedError

    def vector(self, output: ReIDOutput) -> Tensor:
        """The one vector of each image, (B, D), before L2; here: its features side by side."""
        features = output.features
        return features[0] if len(features) == 1 else cat(features, dim=1)  # (B, ΣD_i)

    def embed(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
    ) -> Tensor:
        """Vectors float32 (B, D), L2-normalised; arguments as in `forward`."""
        output = self(images, camera_ids, view_ids)
        return normalize(self.vector(output).float(), dim=1)  # (B, D)


class AggregationModel(nn.Module):
    """Set of vectors → set of vectors.

    Attributes:
        config: the frozen dataclass it was built from.
        embedding_dim: length D of the vectors it takes and returns.
    """

    role: ClassVar[Role] = "aggregator"
    config: Any
    embedding_dim: int

    def refine(
        self, features: Tensor, landmarks: Sequence[Tensor] | Tensor | None = None, seed: int = 0
    ) -> Tensor:
        """Each vector in the light of its neighbours.

        Args:
            features: float32 (N, D).
            landmarks: int64 rows of `features`, (layers, l); drawn with `seed` where None.
            seed: of the generator that draws landmarks; same seed, same result.

        Returns:
            float32 (N, D), before the final L2.
        """
        raise NotImplementedError


class PairModel(nn.Module):
    """Pair of crops → score. What depends on one image alone is computed once, by `parts`.

    Attributes:
        config: the frozen dataclass it was built from.
        input_size_px: height and width of its images.
        mean: of each channel (RGB, values 0..1).
        std: of each channel, likewise.
        takes_maps: (C, h, w) of an embedder's feature maps, which it takes by `parts_of_maps` in
            place of images; None: it takes images.
    """

    role: ClassVar[Role] = "reranker"
    config: Any
    input_size_px: tuple[int, int]
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    takes_maps: tuple[int, int, int] | None = None

    def parts(self, images: Tensor) -> PairParts:
        """What `score` needs of each image (B, 3, H, W): tensors (B, …)."""
        raise NotImplementedError

    def parts_of_maps(self, maps: Tensor) -> PairParts:
        """The same from the backbone's feature maps (B, C, h, w)."""
        raise NotImplementedError

    def score(self, query: PairParts, gallery: PairParts) -> Tensor:
        """How alike the images of each pair are, float32 (n,); higher is more alike.

        Args:
            query: parts of n images, or of one that stands in every pair.
            gallery: parts of n images; pair i is query i with gallery i.
        """
        raise NotImplementedError
