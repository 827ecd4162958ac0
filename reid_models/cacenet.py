"""CACE-Net: what a person looks like in the light of another, arXiv:2009.05250.

The places of two feature maps form one graph; a graph convolution over what corresponds in them
turns each image's map into one conditional on the other. Two crops are alike if their
conditional features are close.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from reid_models.backbones.resnet import ResNet, ResNetName
from reid_models.checks import check_at_least, check_image_size
from reid_models.errors import NetworkError
from reid_models.interfaces import PairModel, PairParts, ReIDOutput
from reid_models.layers.classifier import new_classifier
from reid_models.layers.gem import GeM
from reid_models.layers.pair_graph import GraphForm, GraphParts, PairGraph

# Pairs that are worked on at a time: what they need stays in the caches of a processor.
_PAIRS_AT_A_TIME = 4


@dataclass(frozen=True)
class CACENetConfig:
    """How a CACE-Net is built.

    Attributes:
        source: "resnet", a backbone of its own; or "tokens", the feature map of an embedder that
            runs anyway (patch tokens, RRID's map): then it takes the place of images everywhere.
        backbone: a ResNet; only with the source "resnet".
        non_local: whether non-local blocks stand in the ResNet, as in the published
            configuration; the paper has none, and the lightest ResNets have no place for them.
        image_size: height and width of the images.
        channels: length of a token; only with the source "tokens".
        grid: rows and columns of the tokens, likewise.
        graph: "code", the published graph, or "paper"; see `PairGraph`.
        pooling: "gem", which is blind to negative values, or "average" (better for tokens).
        inner_channels: of the graph's projections.
        width: length of a feature.
        identities: of the training; 0 leaves out the classifiers.
    """

    source: Literal["resnet", "tokens"] = "resnet"
    backbone: ResNetName = "resnet50"
    non_local: bool = True
    image_size: tuple[int, int] = (384, 128)
    channels: int | None = None
    grid: tuple[int, int] | None = None
    graph: GraphForm = "code"
    pooling: Literal["gem", "average"] = "gem"
    inner_channels: int = 128
    width: int = 768
    identities: int = 0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "image_size", "channels", "grid", "inner_channels", "width")
        check_at_least(self, 0, "identities")


class CACENet(PairModel):
    """The network of crops and of pairs of crops.

    Its parts of an image are a `GraphParts`. With the source "tokens", all that is said to take
    images (B, 3, H, W) takes tokens (B, N, C): the places of a map, rows first, no class token.

    Attributes:
        embedding_dim: length of a feature.
    """

    config: CACENetConfig

    def __init__(self, config: CACENetConfig) -> None:
        """Random weights.

        Raises:
            NetworkError: tokens whose channels or grid are not given; see `ResNet`.
        """
        super().__init__()
        self.config = config
        self.input_size_px = config.image_size
        self.embedding_dim = config.width
        self.backbone: ResNet | None = None
        if config.source == "resnet":
            self.backbone = ResNet(config.backbone, non_local=config.non_local)
            channels = self.backbone.out_channels
        elif config.channels is None or config.grid is None:
            raise NetworkError(
                "A CACE-Net over tokens does not know how many come, and how long they are.",
                "Give channels and grid, such as channels=768, grid=(16, 8).",
            )
        else:
            channels = config.channels
            self.takes_maps = (channels, *config.grid)
        self.graph = PairGraph(channels, config.inner_channels, config.graph)
        self.pool = GeM() if config.pooling == "gem" else None
        self.projection = nn.Linear(channels, config.width, bias=False)
        self.norm = nn.BatchNorm1d(config.width)
        self.classifier = _classifier(config)
        self.pair_classifier = _classifier(config)

    def forward(self, images: Tensor) -> ReIDOutput:
        """Features, un-normalised, and logits where there are classifiers.

        Both hold one tensor (B, …) of the images alone; in training then two tensors (B², …), of
        the left and of the right images of all pairs in the order of `all_pairs`.
        """
        places = self._places(images)  # (B, N, C)
        individual = self._feature(self._pooled(places))  # (B, width)
        features: tuple[Tensor, ...] = (individual,)
        if self.training:
            features += self.all_pairs(self.graph.parts(places))
        if self.classifier is None or self.pair_classifier is None:
            return ReIDOutput(features)
        return ReIDOutput(
            features,
            (
                self.classifier(individual),
                *(self.pair_classifier(feature) for feature in features[1:]),
            ),
        )

    def embed(self, images: Tensor) -> Tensor:
        """Vectors of the images alone, float32 (B, width), L2-normalised."""
        return normalize(self._feature(self._pooled(self._places(images))).float(), dim=1)

    def parts(self, images: Tensor) -> GraphParts:
        """What `score` needs of each image.

        Raises:
            NetworkError: images of another size.
        """
        return self.graph.parts(self._places(images))

    def parts_of_maps(self, maps: Tensor) -> GraphParts:
        """The same from feature maps (B, C, h, w)."""
        return self.graph.parts(maps.flatten(2).mT.contiguous())

    def score(self, query: PairParts, gallery: PairParts) -> Tensor:
        """Minus the distance of the two conditional features, -2..0; float32 (n,).

        Raises:
            NetworkError: neither as many of both nor a single one.
        """
        query, gallery = GraphParts(*query), GraphParts(*gallery)
        counts = {len(query.places), len(gallery.places)}
        if len(counts - {1}) > 1:
            raise NetworkError(
                f"{len(query.places)} and {len(gallery.places)} images are no pairs.",
                "Hand over as many of both, or a single one that stands in every pair.",
            )
        count = 0 if 0 in counts else max(counts)
        scores = []
        for first in range(0, count, _PAIRS_AT_A_TIME):
            chunk = slice(first, first + _PAIRS_AT_A_TIME)
            left, right = self.conditional(_rows(query, chunk), _rows(gallery, chunk))
            scores.append(-conditional_distance(left, right))
        return torch.cat(scores) if scores else query.places.new_zeros(0)

    def conditional(self, left: GraphParts, right: GraphParts) -> tuple[Tensor, Tensor]:
        """Features, un-normalised, of each image given the other, (P, width) each."""
        left_map, right_map = self.graph(left, right)
        return self._feature(self._pooled(left_map)), self._feature(self._pooled(right_map))

    def all_pairs(self, parts: GraphParts) -> tuple[Tensor, Tensor]:
        """Features of all ordered pairs of B images, themselves included, (B², width) each.

        Pair p has the left image p mod B and the right image p div B.
        """
        count = len(parts.places)
        # The graph of a pair is that of the swapped pair: half of them is enough.
        lower, upper = torch.triu_indices(count, count, device=parts.places.device)
        left_map, right_map = self.graph(
            GraphParts(*(part[lower] for part in parts)),
            GraphParts(*(part[upper] for part in parts)),
        )
        left = self._pooled(left_map)
        given = left.new_empty(count, count, left.shape[1])  # [i, j]: image i given image j
        given[lower, upper] = left
        given[upper, lower] = self._pooled(right_map)
        return (
            self._feature(given.transpose(0, 1).flatten(0, 1)),
            self._feature(given.flatten(0, 1)),
        )

    def _places(self, images: Tensor) -> Tensor:
        if self.backbone is not None:
            check_image_size(images, self.input_size_px)
            return self.backbone(images).flatten(2).mT.contiguous()  # (B, N, C)
        channels, (rows, columns) = self.config.channels, self.config.grid or (0, 0)
        if tuple(images.shape[1:]) != (rows * columns, channels):
            raise NetworkError(
                f"This CACE-Net takes {rows}×{columns} tokens of length {channels} and was given "
                f"a tensor of shape {tuple(images.shape)}.",
                "Give it the places of the map alone (B, N, C), without a class token.",
            )
        return images

    def _pooled(self, places: Tensor) -> Tensor:
        return places.mean(dim=1) if self.pool is None else self.pool(places)  # (B, C)

    def _feature(self, pooled: Tensor) -> Tensor:
        feature: Tensor = self.norm(self.projection(pooled))  # (B, width)
        return feature


def conditional_distance(left: Tensor, right: Tensor) -> Tensor:
    """Distance of two conditional features of each pair, L2-normalised: 0..2, float32 (P,).

    Of the features of `CACENet.all_pairs`, `.view(B, B)` is the matrix of the pair triplet: the
    right image of a pair gives its row, the left one its column.
    """
    difference = normalize(left.float(), dim=1) - normalize(right.float(), dim=1)
    return difference.norm(dim=1)


def rerank(cosines: Tensor, distances: Tensor, pair_weight: float = 1.0) -> Tensor:
    """Order of a gallery, best first, after its best K by cosine were seen as pairs.

    Those K stay ahead of all the others, which keep their order.

    Args:
        cosines: of the query's and the gallery's individual features, (N,).
        distances: `conditional_distance` of the K best of them (equal ones in the gallery's
            order), best first, (K,).
        pair_weight: 1 takes the pair's distance alone, 0 that of the individual features.

    Returns:
        int64 (N,), places in the gallery.
    """
    order = cosines.argsort(descending=True, stable=True)  # (N,)
    best, others = order[: len(distances)], order[len(distances) :]
    individual = (2 - 2 * cosines[best]).clamp(min=0).sqrt()  # (K,)
    fused = (1 - pair_weight) * individual + pair_weight * distances
    return torch.cat((best[fused.argsort(stable=True)], others))


def _rows(parts: GraphParts, rows: slice) -> GraphParts:
    """Those images; an only one stands in every pair."""
    return parts if len(parts.places) == 1 else GraphParts(*(part[rows] for part in parts))


def _classifier(config: CACENetConfig) -> nn.Sequential | None:
    if not config.identities:
        return None
    last = new_classifier(config.width, config.identities)
    return nn.Sequential(nn.ReLU(), nn.Dropout(0.5), last)
