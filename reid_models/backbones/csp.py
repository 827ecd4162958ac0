"""The convolutional trunk of YOLOv8 (CSP stages with split bottlenecks, then spatial pooling).

Dense 3×3 convolutions of few channels: on a processor it trains several times faster than networks
of depthwise convolutions of equal accuracy. The layers are those that ultralytics' `yolov8.yaml`
describes as its backbone, at the size "n"; the state dict is that of their first ten layers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, silu

from reid_models.backbones.pretrained import PretrainedReport, copy_weights
from reid_models.errors import NetworkError
from reid_models.interfaces import IMAGENET_MEAN, IMAGENET_STD

CSPName = Literal["csp_n"]
_CHANNELS = (16, 32, 64, 128, 256)
_BLOCKS = (1, 2, 2, 1)
_STRIDES = (1, 2)
_DETECTOR, _TRUNK = "model.", "backbone.layers."


class CSPBackbone(nn.Module):
    """Image → feature map.

    Attributes:
        name: "csp_n".
        out_channels: of the feature map: 256.
        stride_px: pixels of the image between places of the map.
    """

    name: CSPName = "csp_n"
    out_channels = _CHANNELS[-1]

    def __init__(self, last_stride: int = 2, *, stages: int = 4) -> None:
        """Random weights.

        Args:
            last_stride: of the fourth stage; 1 keeps the map at a sixteenth of the image, as
                re-identification networks like it, for the same weights.
            stages: how many of the four there are; three make a stem of stride 16 for a
                transformer, with 128 channels.

        Raises:
            NetworkError: another stride than 1 or 2.
        """
        super().__init__()
        if last_stride not in _STRIDES:
            raise NetworkError(f"A last stride of {last_stride} is not possible.", "Use 1 or 2.")
        layers: list[nn.Module] = [ConvNormAct(3, _CHANNELS[0], 3, 2)]
        for stage in range(stages):
            before, after = _CHANNELS[stage : stage + 2]
            stride = last_stride if stage == 3 else 2
            layers += [
                ConvNormAct(before, after, 3, stride),
                SplitStage(after, _BLOCKS[stage]),
            ]
        if stages == len(_BLOCKS):
            layers.append(SpatialPooling(_CHANNELS[-1]))
        self.out_channels = _CHANNELS[stages]
        self.layers = nn.Sequential(*layers)
        self.stride_px = 2 ** (stages + 1) // (2 if stages == 4 and last_stride == 1 else 1)

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps (B, C, h, w) of images (B, 3, H, W); see `map_size`."""
        result: Tensor = self.layers(images)
        return result

    def map_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the feature map of an image of that height and width."""
        height, width = image_size
        return -(-height // self.stride_px), -(-width // self.stride_px)

    def load_pretrained(
        self,
        state: Mapping[str, Tensor],
        source: str,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> PretrainedReport:
        """Starts from a YOLOv8n, or from the trunk of another network of this package.

        Args:
            state: keys `model.<layer>.…` of ultralytics' network, which takes colours from 0 to 1
                as they are, or `backbone.layers.<layer>.…` of a network that takes them as this
                one does.
            source: where it is from, for messages.
            mean: how the images of this network are normalised (RGB, 0 to 1).
            std: likewise.

        Raises:
            NetworkError: weights that do not fit.
        """
        is_detector = any(key.startswith(_DETECTOR) for key in state)
        prefix = _DETECTOR if is_detector else _TRUNK
        layers = {
            key.replace(prefix, "layers.", 1): value.float()
            for key, value in state.items()
            if key.startswith(prefix)
        }
        report = copy_weights(self, layers, {key: (key,) for key in self.state_dict()}, source)
        if is_detector:
            self._take_normalised(torch.tensor(mean), torch.tensor(std))
        return report

    @torch.no_grad()
    def _take_normalised(self, mean: Tensor, std: Tensor) -> None:
        """Moves the normalisation into the first layer; exact but for the border."""
        first = self.layers[0]
        assert isinstance(first, ConvNormAct)
        weight = first.conv.weight  # (16, 3, 3, 3)
        offset = (weight.sum(dim=(2, 3)) * mean).sum(dim=1)  # (16,)
        assert first.bn.running_mean is not None
        first.bn.running_mean -= offset
        weight *= std[None, :, None, None]


class ConvNormAct(nn.Module):
    """Convolution without bias, batch norm, SiLU."""

    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=1e-3, momentum=0.03)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, before, h, w) → (B, after, h / stride, w / stride)."""
        return silu(self.bn(self.conv(maps)), inplace=True)


class Bottleneck(nn.Module):
    """Two 3×3 convolutions beside an identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.cv1 = ConvNormAct(channels, channels, 3)
        self.cv2 = ConvNormAct(channels, channels, 3)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) → the same shape."""
        result: Tensor = maps + self.cv2(self.cv1(maps))
        return result


class SplitStage(nn.Module):
    """Half of the channels go through bottlenecks, and all steps of the way are joined."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        half = channels // 2
        self.cv1 = ConvNormAct(channels, channels)
        self.cv2 = ConvNormAct((2 + blocks) * half, channels)
        self.m = nn.ModuleList(Bottleneck(half) for _ in range(blocks))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) → the same shape."""
        parts = list(self.cv1(maps).chunk(2, dim=1))
        for block in self.m:
            parts.append(block(parts[-1]))
        result: Tensor = self.cv2(torch.cat(parts, dim=1))
        return result


class SpatialPooling(nn.Module):
    """Maxima of windows of 5, 9 and 13 places beside the map itself."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.cv1 = ConvNormAct(channels, half)
        self.cv2 = ConvNormAct(4 * half, channels)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) → the same shape."""
        parts = [self.cv1(maps)]
        for _ in range(3):
            parts.append(max_pool2d(parts[-1], 5, 1, 2))
        result: Tensor = self.cv2(torch.cat(parts, dim=1))
        return result
