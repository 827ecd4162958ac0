"""RRID: relation network of body stripes (Park and Ham, AAAI 2020).

The backbone's map is cut into horizontal stripes. Each stripe is related to the mean of all the
others, and the strongest answer of the whole map to the mean of the stripes without it: so each
scale of n stripes gives n local features and a global one.

Over an OSNet, a further feature of the whole person can follow, which starts from what the
published weights of the backbone already tell people apart by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from reid_models.backbones.efficientnet import EfficientNetLite, EfficientNetName
from reid_models.backbones.osnet import OSNET_NAMES, OSNet, OSNetHead, OSNetName
from reid_models.backbones.resnet import ResNet, ResNetName
from reid_models.checks import check_at_least, check_image_size
from reid_models.errors import NetworkError
from reid_models.interfaces import EmbeddingModel, ReIDOutput
from reid_models.layers.classifier import new_classifier

Backbone = ResNet | EfficientNetLite | OSNet
Variant = Literal["F", "S"]
Contrast = Literal["code", "paper"]
# Numbers of stripes of each variant, in the order in which the published network lists them.
SCALES: dict[Variant, tuple[int, ...]] = {"F": (6, 4, 2), "S": (6,)}


@dataclass(frozen=True)
class RRIDConfig:
    """How an RRID is built.

    Attributes:
        backbone: a ResNet, EfficientNet-Lite0 or OSNet; all but the larger ResNets suit computers
            without a GPU.
        image_size: height and width; the map, a sixteenth as high (EfficientNet: a
            thirty-second), must divide into stripes.
        variant: "F" cuts 6, 4 and 2 stripes (15 features, 3840 numbers), "S" 6 (7 features, 1792).
        contrast: what the strongest answer of the map is related to: "code", the mean of the
            stripes without it, as in the published checkpoints; "paper", how far the mean of the
            stripes is below it. Weights of one do not fit the other.
        width: length of each feature.
        identities: of the training; 0 leaves out the classifiers.
        whole: length of the feature of the whole person, see `WholePerson`; 0 leaves it out.
    """

    backbone: ResNetName | EfficientNetName | OSNetName = "resnet50"
    image_size: tuple[int, int] = (384, 128)
    variant: Variant = "F"
    contrast: Contrast = "code"
    width: int = 256
    identities: int = 0
    whole: int = 0

    def __post_init__(self) -> None:
        check_at_least(self, 1, "width", "image_size")
        check_at_least(self, 0, "identities", "whole")


class Related(NamedTuple):
    """A stripe, or the whole person, beside the rest; (B, width) each.

    Attributes:
        own: what it shows itself.
        rest: what the rest shows.
        joined: both; the feature.
    """

    own: Tensor
    rest: Tensor
    joined: Tensor


class RRID(EmbeddingModel):
    """The relation network.

    Its output has R = 15 features ("S": 7), un-normalised, in the published order: the local ones
    of 6, of 4 and of 2 stripes, each from the top, then the global ones of 6, 4 and 2 stripes,
    then that of the whole person if there is one.
    Its logits, where it has classifiers, are 3·R: those of the features, then those of what each
    feature shows itself (`Related.own`), then those of its rest, always in the same order.
    """

    config: RRIDConfig

    def __init__(self, config: RRIDConfig) -> None:
        """Random weights.

        Raises:
            NetworkError: an input size whose map does not divide into the stripes.
        """
        super().__init__()
        self.config = config
        self.input_size_px = config.image_size
        self.scales = SCALES[config.variant]
        relations = sum(self.scales) + len(self.scales)
        self.embedding_dim = config.width * relations + config.whole
        self.backbone = _new_backbone(config)
        self._check_height()
        self.whole = None
        if config.whole:
            size = self.backbone.map_size(config.image_size)
            self.whole = WholePerson(self.backbone.out_channels, size, config.whole)
        self.relations = nn.ModuleList(
            Relation(self.backbone.out_channels, config.width) for _ in range(relations)
        )
        self.classifiers = nn.ModuleList(
            RelationClassifiers(config.width, config.identities)
            for _ in range(relations if config.identities else 0)
        )

    def forward(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
    ) -> ReIDOutput:
        """Features (B, width), the last (B, whole), and logits (B, classes), as the class says.

        Raises:
            NetworkError: images of another size.
        """
        maps = self._map(images)
        related = self._related(maps)
        features = self._features(related, maps)
        if not self.classifiers:
            return ReIDOutput(features)
        logits = [
            classify(one) for classify, one in zip(self.classifiers, related, strict=True)
        ]  # (joined, own, rest) of each feature
        return ReIDOutput(features, tuple(chain.from_iterable(zip(*logits, strict=True))))

    def part_features(self, images: Tensor) -> Tensor:
        """Features (B, 15, width), un-normalised, in the published order; "S": (B, 7, width)."""
        return torch.stack([one.joined for one in self._related(self._map(images))], dim=1)

    def embed_with_map(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Vectors (B, D) as `embed`, and the backbone's map (B, C, h, w) of the same pass.

        Raises:
            NetworkError: images of another size.
        """
        maps = self._map(images)
        output = ReIDOutput(self._features(self._related(maps), maps))
        return normalize(self.vector(output).float(), dim=1), maps

    def _map(self, images: Tensor) -> Tensor:
        check_image_size(images, self.input_size_px)
        maps: Tensor = self.backbone(images)  # (B, C, h, w)
        return maps

    def _related(self, maps: Tensor) -> list[Related]:
        pairs = own_and_rest(maps, self.scales, self.config.contrast)
        return [relate(*pair) for relate, pair in zip(self.relations, pairs, strict=True)]

    def _features(self, related: list[Related], maps: Tensor) -> tuple[Tensor, ...]:
        parts = tuple(one.joined for one in related)
        return parts if self.whole is None else (*parts, self.whole(maps))

    def _check_height(self) -> None:
        rows, _ = self.backbone.map_size(self.input_size_px)
        bad = [str(number) for number in self.scales if rows % number]
        if bad:
            step = self.input_size_px[0] // rows * math.lcm(*self.scales)
            raise NetworkError(
                f"Images {self.input_size_px[0]} px high give a map of {rows} rows, which does "
                f"not divide into {' or '.join(bad)} stripes.",
                f"Choose a height that is a multiple of {step} px, such as {2 * step}.",
            )


class Relation(nn.Module):
    """Relates a stripe, or the whole, to the rest: one-vs-rest relation, global contrast."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.own = _reduction(channels, width)
        self.rest = _reduction(channels, width)
        self.joined = _reduction(2 * width, width)

    def forward(self, own: Tensor, rest: Tensor) -> Related:
        """From (B, C) each."""
        own = self.own(own)  # (B, width)
        rest = self.rest(rest)  # (B, width)
        return Related(own, rest, own + self.joined(torch.cat((own, rest), dim=1)))


class WholePerson(nn.Module):
    """One feature of the whole map: a global depthwise convolution, then a linear layer.

    So each place of the map has a weight in each channel (Chen et al., MobileFaceNets,
    arXiv:1804.07573), as at the end of the networks that `reid_models.backbones.osnet` names.
    """

    def __init__(self, channels: int, map_size: tuple[int, int], length: int) -> None:
        super().__init__()
        self.places = nn.Conv2d(channels, channels, map_size, groups=channels)
        self.linear = nn.Linear(channels, length)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, length) from (B, C, h, w)."""
        feature: Tensor = self.linear(self.places(maps).flatten(1))
        return feature

    def load_pretrained(self, weights: OSNetHead) -> None:
        """Starts from a published head; its weights are resized to this map.

        Raises:
            NetworkError: its feature has another length.
        """
        if weights.linear.shape != self.linear.weight.shape:
            raise NetworkError(
                f"The published feature has {len(weights.linear)} numbers, this one "
                f"{self.linear.out_features}.",
                f"Set model.whole to {len(weights.linear)}.",
            )
        rows, columns = self.places.kernel_size
        places = interpolate(weights.places, (rows, columns), mode="bilinear", antialias=True)
        scale = weights.places[0, 0].numel() / (rows * columns)  # the sum over the map stays
        self.places.load_state_dict({"weight": places * scale, "bias": weights.places_bias})
        self.linear.load_state_dict({"weight": weights.linear, "bias": weights.linear_bias})


class RelationClassifiers(nn.Module):
    """Who is seen, told by each member of a `Related`."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.joined = new_classifier(width, classes, bias=True)
        self.own = new_classifier(width, classes, bias=True)
        self.rest = new_classifier(width, classes, bias=True)

    def forward(self, related: Related) -> tuple[Tensor, Tensor, Tensor]:
        """Logits (B, classes) of `joined`, `own` and `rest`."""
        return self.joined(related.joined), self.own(related.own), self.rest(related.rest)


def own_and_rest(
    maps: Tensor, scales: tuple[int, ...], contrast: Contrast
) -> Iterator[tuple[Tensor, Tensor]]:
    """What is related to what, (B, C) each, in the published order: local ones, then global ones.

    Args:
        maps: (B, C, h, w); h divides by each number of stripes.
        scales: numbers of stripes.
        contrast: see `RRIDConfig`.
    """
    stripes = [maps.unflatten(2, (number, -1)).amax(dim=(3, 4)) for number in scales]  # (B, C, n)
    for parts in stripes:
        rests = one_vs_rest(parts)
        for stripe in range(parts.shape[2]):
            yield parts[:, :, stripe], rests[:, :, stripe]
    for parts in stripes:
        yield parts.amax(dim=2), global_contrast(parts, contrast)


def one_vs_rest(parts: Tensor) -> Tensor:
    """For each part the mean of all the others; parts and result (B, C, n)."""
    return (parts.sum(dim=2, keepdim=True) - parts) / (parts.shape[2] - 1)


def global_contrast(parts: Tensor, contrast: Contrast) -> Tensor:
    """What the maximum of all parts (B, C, n) is related to, (B, C); see `RRIDConfig`."""
    strongest = parts.amax(dim=2)  # (B, C)
    if contrast == "paper":
        return parts.mean(dim=2) - strongest
    return (parts.sum(dim=2) - strongest) / (parts.shape[2] - 1)


def _new_backbone(config: RRIDConfig) -> Backbone:
    if config.backbone == EfficientNetLite.name:
        return EfficientNetLite()
    if config.backbone in OSNET_NAMES:
        return OSNet(config.backbone)
    return ResNet(config.backbone)


def _reduction(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, width), nn.BatchNorm1d(width), nn.ReLU())
