"""Vision transformer trunk of any image size and patch stride, on timm's blocks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from timm.models.vision_transformer import Block
from torch import Tensor, nn

from reid_models.backbones.osnet import OSNet, OSNetName
from reid_models.backbones.side_information import SideInformation
from reid_models.checks import check_image_size
from reid_models.errors import NetworkError
from reid_models.interfaces import UnknownCamera

PATCH_PX = 16
STEM_STRIDE_PX = 16
Stem = Literal["patch", "conv"] | OSNetName
Variant = Literal["vit_base", "deit_base", "deit_small", "deit_tiny"]


@dataclass(frozen=True)
class ViTSize:
    """How large a transformer is: width D, number of blocks, attention heads."""

    width: int
    depth: int
    heads: int


SIZES: dict[Variant, ViTSize] = {
    "vit_base": ViTSize(768, 12, 12),
    "deit_base": ViTSize(768, 12, 12),
    "deit_small": ViTSize(384, 12, 6),
    "deit_tiny": ViTSize(192, 12, 3),
}


def patch_grid(image_size: tuple[int, int], stride: int = PATCH_PX) -> tuple[int, int]:
    """Rows and columns of the 16×16 patches that lie `stride` pixels apart in an image (h, w).

    Raises:
        NetworkError: an image smaller than a patch, or an impossible stride.
    """
    if min(image_size) < PATCH_PX:
        raise NetworkError(
            f"Images of {image_size[0]}×{image_size[1]} px are smaller than a patch.",
            f"Use at least {PATCH_PX} px for both sides.",
        )
    if not 1 <= stride <= PATCH_PX:
        raise NetworkError(
            f"A patch stride of {stride} px is not possible.",
            f"Use 1 to {PATCH_PX}; the published ones are 16, 14, 12 and 11.",
        )
    rows, columns = ((side - PATCH_PX) // stride + 1 for side in image_size)
    return rows, columns


class StridedPatchEmbed(nn.Module):
    """16×16 patches, `stride` pixels apart, each projected to D numbers."""

    def __init__(self, width: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, PATCH_PX, stride)
        nn.init.normal_(self.proj.weight, std=math.sqrt(2 / (PATCH_PX**2 * width)))
        assert self.proj.bias is not None
        nn.init.zeros_(self.proj.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) → tokens (B, N, D), row by row."""
        return self.proj(images).flatten(2).mT


class ConvStem(nn.Module):
    """3×3 convolutions in place of the 16×16 patch; arXiv:2106.14881, section 3.

    Stride 16 in all. It starts from random weights and learns several times faster from little
    data. The paper takes one transformer block less for equal cost; here that is `depth=11`.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        channels: tuple[int, ...]
        strides: tuple[int, ...]
        if width >= SIZES["vit_base"].width:
            channels, strides = (64, 128, 128, 256, 256, 512), (2, 2, 1, 2, 1, 2)
        else:
            channels, strides = (width // 8, width // 4, width // 2, width), (2, 2, 2, 2)
        layers: list[nn.Module] = []
        before = 3
        for after, stride in zip(channels, strides, strict=True):
            conv = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
            nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
            layers += [conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            before = after
        self.layers = nn.Sequential(*layers)
        self.proj = nn.Conv2d(before, width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) → tokens (B, N, D), row by row."""
        return self.proj(self.layers(images)).flatten(2).mT


class OSNetStem(nn.Module):
    """An OSNet in place of the patch; stride 16 in all.

    Attributes:
        trunk: the network.
    """

    def __init__(self, width: int, name: OSNetName) -> None:
        super().__init__()
        self.trunk = OSNet(name)
        self.proj = nn.Conv2d(self.trunk.out_channels, width, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (B, 3, H, W) → tokens (B, N, D), row by row."""
        return self.proj(self.trunk(images)).flatten(2).mT


def new_blocks(size: ViTSize, drop_path: float) -> nn.ModuleList:
    """All blocks of a transformer with fresh weights; drop-path grows linearly to `drop_path`."""
    norm: Any = partial(nn.LayerNorm, eps=1e-6)
    rates = torch.linspace(0, drop_path, size.depth).tolist()
    blocks = nn.ModuleList(
        Block(size.width, size.heads, qkv_bias=True, drop_path=rate, norm_layer=norm)
        for rate in rates
    )
    for module in blocks.modules():
        if isinstance(module, nn.Linear):
            # Published: truncated at ±2, which is 100 σ away.
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    return blocks


class ViT(nn.Module):
    """Images → tokens of the inner blocks; what follows the last of them is the network's.

    Attributes:
        grid: rows and columns of the patches.
        side_information: camera and view embedding, or None.
        blocks: timm's, as many as it was given.
    """

    def __init__(
        self,
        blocks: nn.ModuleList,
        size: ViTSize,
        image_size: tuple[int, int],
        *,
        stride: int = PATCH_PX,
        stem: Stem = "patch",
        side_information: SideInformation | None = None,
    ) -> None:
        """Builds the trunk around `blocks`.

        Raises:
            NetworkError: image size and stride that do not fit.
        """
        super().__init__()
        self.image_size = image_size
        self.grid = patch_grid(image_size, stride)
        if stem != "patch" and (stride != STEM_STRIDE_PX or any(s % 16 for s in image_size)):
            raise NetworkError(
                "A convolutional stem has a stride of 16 px and needs whole steps of it.",
                "Set stride to 16 and both sides of the image to multiples of 16.",
            )
        self.cls_token = nn.Parameter(torch.empty(1, 1, size.width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + math.prod(self.grid), size.width))
        nn.init.normal_(self.cls_token, std=0.02)
        nn.init.normal_(self.pos_embed, std=0.02)
        self.patch_embed: nn.Module = _new_stem(stem, size.width, stride)
        self.side_information = side_information
        self.blocks = blocks

    def first_tokens(
        self, images: Tensor, camera_ids: Tensor | None = None, view_ids: Tensor | None = None
    ) -> Tensor:
        """Tokens before the first block, (B, 1 + N, D), the class token first.

        Raises:
            NetworkError: images of another size; ids that the side information refuses.
        """
        check_image_size(images, self.image_size)
        patches = self.patch_embed(images)  # (B, N, D)
        classes = self.cls_token.expand(patches.shape[0], -1, -1)
        tokens = torch.cat((classes, patches), dim=1) + self.pos_embed  # (B, 1 + N, D)
        if self.side_information is not None:
            tokens = tokens + self.side_information(patches.shape[0], camera_ids, view_ids)
        return tokens

    def forward(
        self, images: Tensor, camera_ids: Tensor | None = None, view_ids: Tensor | None = None
    ) -> Tensor:
        """Tokens after the inner blocks, (B, 1 + N, D), without a final norm."""
        tokens = self.first_tokens(images, camera_ids, view_ids)
        for block in self.blocks:
            tokens = block(tokens)
        return tokens


def _new_stem(stem: Stem, width: int, stride: int) -> nn.Module:
    if stem == "patch":
        return StridedPatchEmbed(width, stride)
    return ConvStem(width) if stem == "conv" else OSNetStem(width, stem)


def make_vit(
    size: ViTSize,
    image_size: tuple[int, int],
    *,
    stride: int = PATCH_PX,
    stem: Stem = "patch",
    cameras: int = 0,
    views: int = 0,
    sie_coefficient: float = 3.0,
    unknown_camera: UnknownCamera = "mean",
    drop_path: float = 0.1,
) -> tuple[ViT, Block]:
    """A trunk with fresh weights, and its last block apart: networks end in different ways."""
    blocks = new_blocks(size, drop_path)
    last = blocks.pop(-1)
    assert isinstance(last, Block)
    side_information = None
    if cameras or views:
        side_information = SideInformation(
            size.width, cameras, views, sie_coefficient, unknown_camera
        )
    trunk = ViT(
        blocks, size, image_size, stride=stride, stem=stem, side_information=side_information
    )
    return trunk, last
