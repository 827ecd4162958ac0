"""EfficientNet-Lite0 (Tan and Le, arXiv:1905.11946, without squeeze-and-excite): light, for CPUs.

The state dict is that of timm's `tf_efficientnet_lite0` without the classifier.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import timm
import torch
from torch import Tensor, nn

from reid_models.backbones.pretrained import PretrainedReport, copy_weights, read_weights
from reid_models.interfaces import IMAGENET_MEAN, IMAGENET_STD

EfficientNetName = Literal["efficientnet_lite0"]
IMAGENET_WEIGHTS = "tf_efficientnet_lite0.in1k"
_STRIDE = 32
# Blocks of each stage, to number those of files that count them through.
_BLOCKS = (1, 2, 2, 3, 3, 4, 1)
# TensorFlow's training subtracted 127 from each colour and divided by 128.
_TF_MEAN, _TF_STD = 127 / 255, 128 / 255
# Layers by the names of the PyTorch port that counts blocks through: the first stage's block has
# no expansion, so its depthwise convolution comes first.
_STEM = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OTHERS = {"_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw",
           "_bn1": "bn2", "_project_conv": "conv_pwl", "_bn2": "bn3"}  # fmt: skip
_COUNTED = re.compile(r"_blocks\.(\d+)\.(\w+?)\.(\w+)")


class EfficientNetLite(nn.Module):
    """Image → feature map.

    Norm layers whose weights are frozen keep the statistics they came with, in training too.

    Attributes:
        name: "efficientnet_lite0".
        out_channels: of the feature map: 1280.
    """

    name: EfficientNetName = "efficientnet_lite0"
    out_channels = 1280

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        # Symmetric padding is the same network up to a shift of one pixel, and needs no dynamic
        # shapes; the epsilon is TensorFlow's.
        network: Any = timm.create_model(self.name, num_classes=0, bn_eps=1e-3)
        self.conv_stem: nn.Conv2d = network.conv_stem
        self.bn1: nn.BatchNorm2d = network.bn1
        self.blocks: nn.Sequential = network.blocks
        self.conv_head, self.bn2 = network.conv_head, network.bn2

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps (B, 1280, h, w) of images (B, 3, H, W); see `map_size`."""
        maps = self.blocks(self.bn1(self.conv_stem(images)))
        result: Tensor = self.bn2(self.conv_head(maps))
        return result

    def train(self, mode: bool = True) -> EfficientNetLite:
        """As `nn.Module.train`; norm layers with frozen weights stay as in evaluation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d) and not module.weight.requires_grad:
                module.eval()
        return self

    def map_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the feature map of an image of that height and width."""
        height, width = image_size
        return -(-height // _STRIDE), -(-width // _STRIDE)

    def load_pretrained(self, source: str | Path | None = None) -> PretrainedReport:
        """Starts from TensorFlow's ImageNet weights, for images normalised as this package's are.

        Args:
            source: a name of timm, or a file with timm's keys or with those of the port that
                numbers its blocks through (`_blocks.0._depthwise_conv.weight`); None: timm's.

        Raises:
            NetworkError: weights that cannot be had or do not fit.
        """
        source = source or IMAGENET_WEIGHTS
        state = {_timm_key(key): value for key, value in read_weights(source).items()}
        places = self.state_dict()
        report = copy_weights(self, state, {key: (key,) for key in places}, str(source))
        self._take_imagenet_colours()
        return report

    @torch.no_grad()
    def _take_imagenet_colours(self) -> None:
        """Moves the change of normalisation into the first layer; exact but for the border."""
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        weight = self.conv_stem.weight  # (32, 3, 3, 3)
        offset = (weight.sum(dim=(2, 3)) * (mean - _TF_MEAN) / _TF_STD).sum(dim=1)  # (32,)
        assert self.bn1.running_mean is not None
        self.bn1.running_mean -= offset
        weight *= (std / _TF_STD)[None, :, None, None]


def _timm_key(key: str) -> str:
    """A key of the port in timm's words; a key of timm's stays as it is."""
    counted = _COUNTED.fullmatch(key)
    if counted is None:
        layer, _, rest = key.partition(".")
        return f"{_STEM[layer]}.{rest}" if layer in _STEM else key
    number, layer, rest = int(counted[1]), counted[2], counted[3]
    stage = 0
    while stage < len(_BLOCKS) and number >= _BLOCKS[stage]:
        number -= _BLOCKS[stage]
        stage += 1
    names = _FIRST if stage == 0 else _OTHERS
    return f"blocks.{stage}.{number}.{names[layer]}.{rest}" if layer in names else key
