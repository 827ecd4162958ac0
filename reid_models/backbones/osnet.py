"""OSNet (Zhou et al., arXiv:1905.00953), as light re-identification networks for CPUs use it.

Each block adds up four streams of 3×3 convolutions with receptive fields of 3, 5, 7 and 9 pixels,
weighed channel by channel: in the first block of a stage by squeeze and excite with weights that
all streams share, in the second by a linear context transform (arXiv:1909.03834). Images and the
stem's maps go through instance norms (arXiv:1807.09441), which take light and colour casts away;
elsewhere norm layers are folded into the convolutions.

Weights to start from are those of the networks person-reidentification-retail-0277, -0286 and
-0287 (Apache-2.0), which are built so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from reid_models.backbones.pretrained import PretrainedReport
from reid_models.errors import NetworkError
from reid_models.sessions import IR_SUFFIX, read_network

OSNetName = Literal["osnet_x1_0", "osnet_x0_75", "osnet_x0_5"]
OSNET_NAMES: tuple[OSNetName, ...] = get_args(OSNetName)
# Of the stem and the three stages.
_CHANNELS: dict[OSNetName, tuple[int, int, int, int]] = {
    "osnet_x1_0": (64, 256, 384, 512),
    "osnet_x0_75": (48, 192, 288, 384),
    "osnet_x0_5": (32, 128, 192, 256),
}
# Channels that a linear context transform normalises together: as many groups as go into them.
_GROUPS = 16
_STREAMS = 4
_NARROWING = 4
_SQUEEZE = 16
# Layers of OpenVINO with weights.
_WEIGHTED = ("Convolution", "GroupConvolution", "Multiply", "Add", "MatMul")


class OSNetHead(NamedTuple):
    """What follows the map in the published networks: map (B, C, h, w) → feature (B, D).

    Attributes:
        places: (C, 1, h, w), the global depthwise convolution.
        places_bias: (C,).
        linear: (D, C), with the norm layer behind it folded in.
        linear_bias: (D,).
    """

    places: Tensor
    places_bias: Tensor
    linear: Tensor
    linear_bias: Tensor


class OSNet(nn.Module):
    """Image → feature map.

    Attributes:
        name: "osnet_x1_0", "osnet_x0_75" or "osnet_x0_5"; the number is that of the channels.
        out_channels: of the feature map: 512, 384 or 256.
    """

    def __init__(self, name: OSNetName) -> None:
        """Random weights."""
        super().__init__()
        self.name: OSNetName = name
        stem, *stages = _CHANNELS[name]
        self.out_channels = stages[-1]
        self.image_norm = nn.InstanceNorm2d(3, affine=True)
        self.stem = nn.Conv2d(3, stem, 7, stride=2, padding=3, bias=False)
        self.stem_norm = nn.InstanceNorm2d(stem, affine=True)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        blocks: list[nn.Module] = []
        before = stem
        for number, channels in enumerate(stages):
            blocks += [
                OSBlock(before, channels, SqueezeExcite(channels // _NARROWING)),
                OSBlock(channels, channels, ContextTransform(channels // _NARROWING)),
                nn.Conv2d(channels, channels, 1),
                nn.ReLU(inplace=True),
            ]
            if number < len(stages) - 1:
                blocks.append(nn.AvgPool2d(2))
            before = channels
        self.blocks = nn.Sequential(*blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, images: Tensor) -> Tensor:
        """Feature maps (B, out_channels, h, w) of images (B, 3, H, W); see `map_size`."""
        stem = torch.relu(self.stem_norm(self.stem(self.image_norm(images))))
        maps: Tensor = self.blocks(self.pool(stem))
        return maps

    def map_size(self, image_size: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the feature map of an image of that height and width."""
        height, width = (-(-side // 4) for side in image_size)
        return height // 4, width // 4

    def load_pretrained(self, source: str | Path) -> PretrainedReport:
        """Starts from one of the networks that the module names; see `read_head` for the rest.

        Args:
            source: OpenVINO's `.xml`, with the `.bin` beside it.

        Raises:
            NetworkError: no such file, or another network.
        """
        path = Path(source)
        if path.suffix != IR_SUFFIX:
            raise NetworkError(
                f"An OSNet cannot start from {path.name}.",
                "Choose the .xml of person-reidentification-retail-0277, -0286 or -0287.",
            )
        theirs = _weights(path)
        used = []
        with torch.no_grad():
            for name, parameter in _in_order(self):
                given = next(theirs, None)
                if given is None or given.numel() != parameter.numel():
                    raise _other_network(path, self.name)
                parameter.copy_(given.reshape(parameter.shape))
                used.append(name)
        return PretrainedReport(str(path), tuple(dict.fromkeys(used)), (), (), ())


def read_head(path: Path) -> OSNetHead:
    """The head of a file that `OSNet.load_pretrained` took.

    Raises:
        NetworkError: the file ends with the map.
    """
    places, places_bias, linear, linear_bias, scale, shift = list(_weights(path))[-6:]
    if places.ndim != 5 or linear.ndim != 2:
        raise NetworkError(
            f"{path.name} has no layer behind its feature map.",
            "Choose the .xml as it was published.",
        )
    scale = scale.flatten()
    return OSNetHead(
        places.flatten(1, 2),
        places_bias.flatten(),
        linear * scale[:, None],
        linear_bias.flatten() * scale + shift.flatten(),
    )


class OSBlock(nn.Module):
    """Four streams of different receptive fields, added as the gate weighs them; residual."""

    def __init__(self, before: int, channels: int, gate: nn.Module) -> None:
        super().__init__()
        inner = channels // _NARROWING
        self.reduce = nn.Conv2d(before, inner, 1)
        self.streams = nn.ModuleList(
            nn.Sequential(*(LightConv(inner) for _ in range(length)))
            for length in range(1, _STREAMS + 1)
        )
        self.gate = gate
        self.expand = nn.Conv2d(inner, channels, 1)
        self.shortcut = nn.Identity() if before == channels else nn.Conv2d(before, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, before, h, w) → (B, channels, h, w)."""
        inner = torch.relu(self.reduce(maps))
        first, *others = (stream(inner) for stream in self.streams)
        mixed = first * self.gate(first)
        for stream in others:
            mixed = mixed + stream * self.gate(stream)
        return torch.relu(self.expand(mixed) + self.shortcut(maps))


class LightConv(nn.Module):
    """1×1 convolution, then 3×3 of each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) → (B, C, h, w)."""
        return torch.relu(self.depthwise(self.pointwise(maps)))


class SqueezeExcite(nn.Module):
    """Weight of each channel from the means of all."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, channels // _SQUEEZE, 1)
        self.excite = nn.Conv2d(channels // _SQUEEZE, channels, 1)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) → (B, C, 1, 1)."""
        means = maps.mean(dim=(2, 3), keepdim=True)
        return self.excite(torch.relu(self.squeeze(means))).sigmoid()


class ContextTransform(nn.Module):
    """Weight of each channel from its mean, normalised among its group's."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(_groups(channels), channels)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, h, w) → (B, C, 1, 1)."""
        return torch.sigmoid(self.norm(maps.mean(dim=(2, 3), keepdim=True)))


def _groups(channels: int) -> int:
    return _GROUPS if channels % _GROUPS == 0 else _GROUPS // 2


def _in_order(network: OSNet) -> Iterator[tuple[str, nn.Parameter]]:
    """Parameters in the order in which the published networks apply them.

    Those of a gate come once for each stream.
    """

    def of(prefix: str, module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
        for name, parameter in module.named_parameters():
            yield f"{prefix}.{name}", parameter

    yield from of("image_norm", network.image_norm)
    yield from of("stem", network.stem)
    yield from of("stem_norm", network.stem_norm)
    for place, block in network.blocks.named_children():
        if not isinstance(block, OSBlock):
            yield from of(f"blocks.{place}", block)
            continue
        yield from of(f"blocks.{place}.reduce", block.reduce)
        for number, stream in enumerate(block.streams):
            yield from of(f"blocks.{place}.streams.{number}", stream)
            yield from of(f"blocks.{place}.gate", block.gate)
        yield from of(f"blocks.{place}.expand", block.expand)
        yield from of(f"blocks.{place}.shortcut", block.shortcut)


def _weights(path: Path) -> Iterator[Tensor]:
    """Constants of layers in order of execution, from the first instance norm's scale on."""
    begun = False
    for node in read_network(path).get_ordered_ops():
        kind = node.get_type_name()
        begun = begun or kind == "MVN"
        if not begun or kind not in _WEIGHTED:
            continue
        for given in node.input_values():
            source = given.get_node()
            if source.get_type_name() == "Convert":  # files of half precision
                source = source.input_value(0).get_node()
            if source.get_type_name() == "Constant":
                yield torch.from_numpy(source.data.astype("float32"))


def _other_network(path: Path, name: str) -> NetworkError:
    return NetworkError(
        f"{path.name} is not built as {name}.",
        "Take osnet_x1_0 for retail-0277, osnet_x0_75 for -0286, osnet_x0_5 for -0287.",
    )
