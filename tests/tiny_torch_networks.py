"""Torch networks of a few weights, of every role; for tests of what is around networks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d

from reid_models.errors import NetworkError
from reid_models.interfaces import AggregationModel, EmbeddingModel, PairModel, ReIDOutput
from reid_models.registry import ModelEntry
from reid_models.roles import UnknownCamera

SIZE_PX = (32, 16)


@dataclass(frozen=True)
class TinyEmbedderConfig:
    width: int = 8
    image_size: tuple[int, int] = SIZE_PX
    cameras: int = 0
    unknown_camera: UnknownCamera = "mean"
    std: tuple[float, float, float] = (0.5, 0.25, 1.0)

    def __post_init__(self):
        if self.width < 1:
            raise ValueError("width must be above 0")


class TinyEmbedder(EmbeddingModel):
    """Two layers, and a row added for each camera; counts its batches."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding_dim = config.width
        self.input_size_px = config.image_size
        self.mean, self.std = (0.5, 0.5, 0.5), config.std
        self.uses_cameras = config.cameras > 0
        self.unknown_camera = config.unknown_camera
        self.conv = nn.Conv2d(3, 4, 4, stride=4)
        self.norm = nn.BatchNorm2d(4)
        self.linear = nn.Linear(16, config.width)
        self.rows = nn.Parameter(torch.randn(config.cameras, config.width))
        self.batches = []
        self.before_batch = None

    def forward(self, images, camera_ids=None, view_ids=None):
        if not torch.compiler.is_exporting():
            self.batches.append(len(images))
        if self.before_batch is not None:
            self.before_batch(len(images))
        maps = self.norm(self.conv(images)).relu()  # (B, 4, h, w)
        feature = self.linear(adaptive_avg_pool2d(maps, 2).flatten(1))  # (B, D)
        if self.uses_cameras:
            feature = feature + self._camera_rows(camera_ids, images.shape[0])
        return ReIDOutput((feature,))

    def _camera_rows(self, ids, count):
        ids = torch.full((count,), -1) if ids is None else ids
        if self.unknown_camera == "error" and (ids < 0).any():
            raise NetworkError("There is an unknown camera.", "Use another network.")
        spare = (
            self.rows.mean(0) if self.unknown_camera == "mean" else torch.zeros_like(self.rows[0])
        )
        return torch.where((ids < 0)[:, None], spare, self.rows[ids.clamp(min=0)])


@dataclass(frozen=True)
class TinyAggregatorConfig:
    width: int = 8


class TinyAggregator(AggregationModel):
    """Each vector plus a share of the mean, and of one drawn with the seed."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.embedding_dim = config.width
        self.share = nn.Parameter(torch.tensor(0.3))

    def refine(self, features, landmarks=None, seed=0):
        drawn = seed % len(features)
        return features + self.share * (features.mean(0) + features[drawn])


@dataclass(frozen=True)
class TinyPairConfig:
    width: int = 4


class TinyPair(PairModel):
    """Score: minus the distance of two feature maps; counts the images it saw."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.input_size_px = SIZE_PX
        self.conv = nn.Conv2d(3, config.width, 4, stride=4)
        self.images = 0

    def parts(self, images):
        self.images += len(images)
        return self.parts_of_maps(images)

    def parts_of_maps(self, maps):
        mapped = self.conv(maps)
        return mapped, mapped.mean((2, 3))

    def score(self, query, gallery):
        return -(query[0] - gallery[0]).float().abs().mean((1, 2, 3)) - (
            query[1] - gallery[1]
        ).float().abs().mean(1)


ENTRIES = (
    ModelEntry("tiny", "embedder", __name__, "TinyEmbedder"),
    ModelEntry("tiny_aggregator", "aggregator", __name__, "TinyAggregator"),
    ModelEntry("tiny_pair", "reranker", __name__, "TinyPair"),
)


def tiny_embedder(**config):
    torch.manual_seed(1)
    return _lively(TinyEmbedder(TinyEmbedderConfig(**config)))


def tiny_aggregator(**config):
    return TinyAggregator(TinyAggregatorConfig(**config))


def tiny_pair(**config):
    torch.manual_seed(2)
    return TinyPair(TinyPairConfig(**config))


def _lively(network):
    """Norm statistics that are not those of the start."""
    with torch.no_grad():
        network.norm.running_mean.uniform_(-0.1, 0.1)
        network.norm.running_var.uniform_(0.5, 2)
    return network.eval()
