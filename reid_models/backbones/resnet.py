"""ResNets as person re-identification uses them: last stride 1, names of torchvision.

The state dict of every ResNet here is that of torchvision (`conv1`, `bn1`, `layer1` … `layer4`)
without the classifier; timm's light ones (`resnet10t`, `resnet14t`) have its deeper `conv1`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from timm.models import resnet as timm_resnet
from torch import Tensor, nn

from reid_models.backbones.pretrained import PretrainedReport, copy_weights, read_weights
from reid_models.errors import NetworkError
from reid_models.layers.non_local import NonLocal

_LIGHT_STEM = {"stem_width": 32, "stem_type": "deep_tiered", "avg_down": True}
# Kind of block, blocks of each stage, what differs from torchvision's stem and shortcuts.
_ARCHITECTURES: dict[str, tuple[str, tuple[int, int, int, int], dict[str, Any]]] = {
    "resnet10t": ("basic", (1, 1, 1, 1), _LIGHT_STEM),
    "resnet14t": ("bottleneck", (1, 1, 1, 1), _LIGHT_STEM),
    "resnet18": ("basic", (2, 2, 2, 2), {}),
    "resnet26": ("bottleneck", (2, 2, 2, 2), {}),
    "resnet34": ("basic", (3, 4, 6, 3), {}),
    "resnet50": ("bottleneck", (3, 4, 6, 3), {}),
    "resnet101": ("bottleneck", (3, 4, 23, 3), {}),
    "resnet152": ("bottleneck", (3, 8, 36, 3), {}),
}
RESNETS = tuple(_ARCHITECTURES)
ResNetName = Literal[
    "resnet10t",
    "resnet14t",
    "resnet18",
    "resnet26",
    "resnet34",
    "resnet50",
    "resnet101",
    "resnet152",
]
_STAGES = ("layer1", "layer2", "layer3", "layer4")
_TORCHVISION_NAME = re.compile(r"(?P<resnet>ResNet\d+)_Weights\.(?P<version>IMAGENET1K_V[12])")
_TIMM_TAGS = {"IMAGENET1K_V1": "tv_in1k", "IMAGENET1K_V2": "tv2_in1k"}
# Stage and block that a non-local block follows (as published with CACE-Net for ResNet-50).
_NON_LOCAL_PLACES = (("layer2", 2), ("layer3", 4), ("layer4", 1))


class _WithNonLocal(nn.Module):
    """A residual block that a non-local block may follow."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.non_local_block: NonLocal | None = None

    def forward(self, maps: Tensor) -> Tensor:
        maps = super().forward(maps)
        return maps if self.non_local_block is None else self.non_local_block(maps)


class _BasicBlock(_WithNonLocal, timm_resnet.BasicBlock):
    pass


class _Bottleneck(_WithNonLocal, timm_resnet.Bottleneck):
    pass


class ResNet(timm_resnet.ResNet):
    """Image → feature map.

    Attributes:
        name: one of `RESNETS`.
        out_channels: of the feature map: 512 or 2048.
        last_stride: of the fourth stage.
    """

    layer4: nn.Sequential

    def __init__(
        self,
        name: str = "resnet50",
        *,
        last_stride: int = 1,
        first_relu: bool = True,
        non_local: bool = False,
    ) -> None:
        """A ResNet with random weights.

        Args:
            name: one of `RESNETS`.
            last_stride: of the fourth stage: 1 (map of 1/16 of the image) or 2 (1/32).
            first_relu: False leaves out the ReLU after the first BN, as NFormer's encoder does.
            non_local: whether non-local blocks follow layer2.2, layer3.4 and layer4.1.

        Raises:
            NetworkError: unknown name or stride; non-local blocks in a ResNet too shallow for them.
        """
        if name not in _ARCHITECTURES:
            raise NetworkError(
                f'There is no ResNet "{name}".', f"Choose one of {', '.join(RESNETS)}."
            )
        if last_stride not in (1, 2):
            raise NetworkError(
                f"A ResNet cannot have the last stride {last_stride}.", "Choose 1 or 2."
            )
        kind, blocks, stem = _ARCHITECTURES[name]
        block: Any = _BasicBlock if kind == "basic" else _Bottleneck
        super().__init__(block, blocks, num_classes=0, **stem)
        del self.global_pool, self.fc
        self.name = name
        self.out_channels: int = self.num_features
        self.last_stride = last_stride
        if last_stride == 1:
            _keep_size(self.layer4[0])
        if not first_relu:
            self.act1 = nn.Identity()
        if non_local:
            self._add_non_local(name)

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps (B, C, h, w) of images (B, 3, H, W); see `map_size`."""
        maps: Tensor = self.forward_features(images)
        return maps

    def map_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the feature map of an image of that height and width."""
        height, width = image_size
        for _ in range(4 + (self.last_stride == 2)):
            height, width = (height + 1) // 2, (width + 1) // 2
        return height, width

    def _add_non_local(self, name: str) -> None:
        for stage, place in _NON_LOCAL_PLACES:
            blocks = getattr(self, stage)
            if place >= len(blocks):
                raise NetworkError(
                    f"{name} is too shallow for non-local blocks: {stage} has no block {place}.",
                    "Choose resnet34, resnet50 or a deeper one, or set non_local to false.",
                )
            channels = _out_channels(blocks[place])
            blocks[place].non_local_block = NonLocal(channels, channels // 16)


def name_of(state: Mapping[str, Tensor], prefix: str = "") -> str:
    """Which ResNet the weights below `prefix` are of, told by its blocks.

    Raises:
        NetworkError: of none that is known.
    """
    stages: list[set[str]] = [set(), set(), set(), set()]
    for key in state:
        stage, _, rest = key.removeprefix(prefix).partition(".")
        if key.startswith(f"{prefix}layer") and stage in _STAGES:
            stages[_STAGES.index(stage)].add(rest.partition(".")[0])
    kind = "bottleneck" if f"{prefix}layer1.0.conv3.weight" in state else "basic"
    light = f"{prefix}conv1.0.weight" in state
    blocks = tuple(len(stage) for stage in stages)
    for name, architecture in _ARCHITECTURES.items():
        if architecture == (kind, blocks, _LIGHT_STEM if light else {}):
            return name
    raise NetworkError(
        f"The weights are of no known ResNet; their stages have {blocks} blocks.",
        f"Choose weights of one of {', '.join(RESNETS)}.",
    )


def load_pretrained(network: ResNet, source: str | Path) -> PretrainedReport:
    """Fills a ResNet with pretrained weights; what the source lacks (non-local blocks) stays.

    Args:
        network: gets the weights.
        source: a name of timm ("resnet50.a1_in1k"), one of torchvision
            ("ResNet50_Weights.IMAGENET1K_V2"), or a file with the keys of either.

    Raises:
        NetworkError: unknown name, no connection, unreadable file, another architecture.
    """
    name = _TORCHVISION_NAME.fullmatch(str(source))
    if name:  # timm keeps the same weights
        source = f"{name['resnet'].lower()}.{_TIMM_TAGS[name['version']]}"
    state = read_weights(source)
    found = name_of(state)
    if found != network.name:
        raise NetworkError(
            f"The pretrained weights {source} are of {found}, not of {network.name}.",
            f"Choose weights of {network.name}.",
        )
    places = network.state_dict()
    targets = {key: (key,) for key in state if key in places}
    return copy_weights(network, state, targets, str(source))


def _keep_size(block: nn.Module) -> None:
    """Lets the first block of a stage keep the size of the map; its weights stay as they are."""
    for module in block.modules():
        if isinstance(module, nn.Conv2d) and module.stride == (2, 2):
            module.stride = (1, 1)
    shortcut = block.get_submodule("downsample")
    if isinstance(shortcut, nn.Sequential) and isinstance(shortcut[0], nn.AvgPool2d):
        shortcut[0] = nn.Identity()


def _out_channels(block: nn.Module) -> int:
    last = block.bn3 if isinstance(block, _Bottleneck) else block.bn2
    assert isinstance(last, nn.BatchNorm2d)
    return last.num_features
