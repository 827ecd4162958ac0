"""The baseline that TransReID and X-ReID share: ViT, BN neck, classifier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from timm.models.vision_transformer import Block
from torch import Tensor, nn
from torch.nn.functional import normalize

from reid_models.backbones.attention import first_token_of
from reid_models.backbones.pretrained import (
    PretrainedReport,
    copy_weights,
    fit_positions,
    read_weights,
)
from reid_models.backbones.vit import SIZES, Stem, Variant, ViTSize, make_vit, patch_grid
from reid_models.checks import check_at_least
from reid_models.errors import NetworkError
from reid_models.interfaces import EmbeddingModel, ReIDOutput
from reid_models.layers.bn_neck import BNNeck
from reid_models.layers.classifier import new_classifier
from reid_models.roles import UnknownCamera

NeckFeature = Literal["before", "after"]
# ImageNet weights that the published trainings start from. Plain "vit_base_patch16_224" is another
# training in timm; the DeiT rows of the paper use the distilled files.
PRETRAINED: Mapping[Variant, str] = {
    "vit_base": "vit_base_patch16_224.orig_in21k_ft_in1k",
    "deit_base": "deit_base_distilled_patch16_224.fb_in1k",
    "deit_small": "deit_small_distilled_patch16_224.fb_in1k",
    "deit_tiny": "deit_tiny_distilled_patch16_224.fb_in1k",
}


@dataclass(frozen=True)
class ViTEmbedderConfig:
    """Settings of the baseline.

    Attributes:
        variant: "vit_base", "deit_base", "deit_small" or "deit_tiny": size and default weights.
        width: D; None: the variant's.
        depth: number of blocks; None: the variant's.
        heads: of the attention; None: the variant's.
        image_size: height and width in pixels.
        stride: pixels between patches; the published ones are 16, 14, 12 and 11.
        stem: "patch": 16×16 patches; "conv": convolutions, arXiv:2106.14881; the name
            of an OSNet: its maps. The latter have a stride of 16 px only.
        cameras: rows of the side information; 0: cameras are not looked at.
        views: likewise; with both, there is a row for each pair.
        sie_coefficient: λ of the side information.
        unknown_camera: what a camera or view gets that the training did not know: "mean" of the
            known rows, "none", or "error".
        drop_path: of the last block, growing linearly from 0.
        identities: classes of the training; 0: no classifier.
        neck_feature: vectors are taken "before" or "after" the BN neck. The features of a training
            step are always those before it, which the triplet loss takes.
        mean: of each channel (RGB, values 0..1).
        std: of each channel, likewise.
    """

    variant: Variant = "vit_base"
    width: int | None = None
    depth: int | None = None
    heads: int | None = None
    image_size: tuple[int, int] = (256, 128)
    stride: int = 16
    stem: Stem = "patch"
    cameras: int = 0
    views: int = 0
    sie_coefficient: float = 3.0
    unknown_camera: UnknownCamera = "mean"
    drop_path: float = 0.1
    identities: int = 0
    neck_feature: NeckFeature = "before"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)

    def __post_init__(self) -> None:
        check_at_least(self, 0, "cameras", "views", "identities")
        if min(self.std) <= 0:
            raise NetworkError(
                f"Images cannot be divided by the std {self.std}.", "Use numbers above 0."
            )
        if not 0 <= self.drop_path < 1:
            raise NetworkError(
                f"A drop-path rate of {self.drop_path} is not possible.",
                "Use 0 or more, and less than 1.",
            )
        size = self.size
        if size.depth < 2 or min(size.width, size.heads) < 1 or size.width % size.heads:
            raise NetworkError(
                f"A transformer of {size.depth} blocks of width {size.width} with {size.heads} "
                "heads is not possible.",
                "Use two blocks or more, and a width that the heads divide.",
            )

    @property
    def size(self) -> ViTSize:
        """The variant's size, with what was set apart from it."""
        standard = SIZES[self.variant]
        return ViTSize(
            standard.width if self.width is None else self.width,
            standard.depth if self.depth is None else self.depth,
            standard.heads if self.heads is None else self.heads,
        )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of the patches."""
        return patch_grid(self.image_size, self.stride)


class Branch(nn.Module):
    """Last block and final norm, after the trunk."""

    def __init__(self, block: Block, width: int) -> None:
        super().__init__()
        self.block = block
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, tokens: Tensor) -> Tensor:
        """Every token, (B, N, D) → (B, N, D)."""
        normed: Tensor = self.norm(self.block(tokens))
        return normed

    def feature(self, tokens: Tensor) -> Tensor:
        """What the first token becomes, (B, N, D) → (B, D); cheaper than all of them."""
        feature: Tensor = self.norm(first_token_of(self.block, tokens))
        return feature


class ViTEmbedder(EmbeddingModel):
    """Baseline of arXiv:2102.04378, section 3.1: f = LN(class token), BN neck, classifier.

    Attributes:
        backbone: all blocks but the last.
        global_branch: last block and final norm.
        necks: one for each feature.
        classifiers: one for each feature, on what its neck gives; empty without identities.
    """

    config: ViTEmbedderConfig

    def __init__(self, config: ViTEmbedderConfig, *, features: int = 1) -> None:
        """Builds it with random weights.

        Args:
            config: its settings.
            features: how many features of width D the network has.

        Raises:
            NetworkError: settings that do not go together.
        """
        super().__init__()
        self.config = config
        size = config.size
        self.input_size_px = config.image_size
        self.mean, self.std = config.mean, config.std
        self.uses_cameras, self.uses_views = config.cameras > 0, config.views > 0
        self.unknown_camera = config.unknown_camera
        self.embedding_dim = size.width
        self.backbone, last = make_vit(
            size,
            config.image_size,
            stride=config.stride,
            stem=config.stem,
            cameras=config.cameras,
            views=config.views,
            sie_coefficient=config.sie_coefficient,
            unknown_camera=config.unknown_camera,
            drop_path=config.drop_path,
        )
        self.global_branch = Branch(last, size.width)
        self.necks = nn.ModuleList(BNNeck(size.width) for _ in range(features))
        self.classifiers = nn.ModuleList(
            new_classifier(size.width, config.identities)
            for _ in range(features if config.identities else 0)
        )

    def forward(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
    ) -> ReIDOutput:
        """As `EmbeddingModel.forward`; in training mode, features are those before the necks."""
        tokens = self.backbone(images, camera_ids, view_ids)
        return self._output(self._features(tokens, self.global_branch.feature(tokens)))

    def embed(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
    ) -> Tensor:
        """As `EmbeddingModel.embed`, without what the vector does not need."""
        tokens = self.backbone(images, camera_ids, view_ids)
        return self._vectors(tokens, self.global_branch.feature(tokens))

    def embed_with_map(
        self,
        images: Tensor,
        camera_ids: Tensor | None = None,
        view_ids: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Vectors as `embed`, and the global patch tokens of the same pass as a feature map.

        Returns:
            (B, embedding_dim), L2-normalised, and (B, D, rows, columns) after the final norm.
        """
        tokens = self.backbone(images, camera_ids, view_ids)
        final = self.global_branch(tokens)  # (B, 1 + N, D)
        maps = final[:, 1:].mT.unflatten(2, self.backbone.grid)
        return self._vectors(tokens, final[:, 0]), maps

    def load_pretrained(
        self, source: str | Path | None = None, *, source_grid: tuple[int, int] | None = None
    ) -> PretrainedReport:
        """Starts from ImageNet weights; positions are resized to this network's grid.

        Args:
            source: timm name or local file of a ViT with 16×16 patches; None: the variant's.
            source_grid: rows and columns of its positions; None: a square.

        Returns:
            What was used, resized, missing and not used.

        Raises:
            NetworkError: weights that cannot be had or do not fit.
        """
        name = PRETRAINED[self.config.variant] if source is None else source
        state, resized = fit_positions(read_weights(name), self.backbone.grid, source_grid)
        return copy_weights(self, state, self._pretrained_targets(), str(name), resized)

    def _features(
        self, tokens: Tensor, feature: Tensor, *, for_vector: bool = False
    ) -> tuple[Tensor, ...]:
        """All features before the necks, (B, D) each, or those that the vector is made of.

        Args:
            tokens: after the trunk, (B, 1 + N, D).
            feature: of the global branch, (B, D).
            for_vector: leave out what the vector does without.
        """
        return (feature,)

    def _vectors(self, tokens: Tensor, feature: Tensor) -> Tensor:
        output = self._output(self._features(tokens, feature, for_vector=True))
        return normalize(self.vector(output).float(), dim=1)  # (B, embedding_dim)

    def _output(self, before: tuple[Tensor, ...]) -> ReIDOutput:
        """Features and logits from the features before the necks, (B, D) each."""
        after = tuple(neck(feature) for neck, feature in zip(self.necks, before, strict=False))
        logits = tuple(
            classifier(feature)
            for classifier, feature in zip(self.classifiers, after, strict=False)
        )
        use_after = self.config.neck_feature == "after" and not self.training
        return ReIDOutput(after if use_after else before, logits)

    def _branches(self) -> tuple[str, ...]:
        """Names of the branches that start from the last pretrained block."""
        return ("global_branch",)

    def _pretrained_targets(self) -> dict[str, tuple[str, ...]]:
        """Key of timm's ViT → keys here."""
        trunk = [name for name, _ in self.backbone.named_parameters()]
        targets: dict[str, tuple[str, ...]] = {
            name: (f"backbone.{name}",)
            for name in trunk
            if not name.startswith("side_information.")
            and not (name.startswith("patch_embed.") and self.config.stem != "patch")
        }
        last = f"blocks.{self.config.size.depth - 1}"
        for name, _ in self.global_branch.named_parameters():
            # block.norm1.weight is the last block's, norm.weight the final norm's
            key = name.replace("block", last, 1) if name.startswith("block.") else name
            targets[key] = tuple(f"{branch}.{name}" for branch in self._branches())
        return targets
