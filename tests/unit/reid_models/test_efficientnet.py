"""EfficientNet-Lite0: weights by either naming, its normalisation, frozen norm layers."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from reid_models.backbones.efficientnet import EfficientNetLite
from reid_models.errors import NetworkError
from reid_models.interfaces import IMAGENET_MEAN, IMAGENET_STD
from reid_models.rrid import RRID, RRIDConfig

# First and last layers of each kind, as a port that counts its blocks through calls them.
COUNTED = {
    "_conv_stem.weight": "conv_stem.weight",
    "_bn0.running_var": "bn1.running_var",
    "_blocks.0._depthwise_conv.weight": "blocks.0.0.conv_dw.weight",
    "_blocks.0._project_conv.weight": "blocks.0.0.conv_pw.weight",
    "_blocks.0._bn2.bias": "blocks.0.0.bn2.bias",
    "_blocks.1._expand_conv.weight": "blocks.1.0.conv_pw.weight",
    "_blocks.2._bn0.weight": "blocks.1.1.bn1.weight",
    "_blocks.7._depthwise_conv.weight": "blocks.3.2.conv_dw.weight",
    "_blocks.15._project_conv.weight": "blocks.6.0.conv_pwl.weight",
    "_blocks.15._bn2.weight": "blocks.6.0.bn3.weight",
    "_conv_head.weight": "conv_head.weight",
    "_bn1.weight": "bn2.weight",
}


def theirs() -> nn.Module:
    """A network of timm whose norm layers have seen something."""
    torch.manual_seed(0)
    network = timm.create_model("efficientnet_lite0", num_classes=3, bn_eps=1e-3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def counted_through(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The state by the names of the port: built from timm's, stage by stage."""
    first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    others = {"conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv",
              "bn2": "_bn1", "conv_pwl": "_project_conv", "bn3": "_bn2"}  # fmt: skip
    ends = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1",
            "classifier": "_fc"}  # fmt: skip
    blocks = sorted({tuple(key.split(".")[1:3]) for key in state if key.startswith("blocks.")})
    named = {}
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] == "blocks":
            number = blocks.index((parts[1], parts[2]))
            layer = (first if parts[1] == "0" else others)[parts[3]]
            named[f"_blocks.{number}.{layer}.{'.'.join(parts[4:])}"] = value
        else:
            named[f"{ends[parts[0]]}.{'.'.join(parts[1:])}"] = value
    return named


@pytest.mark.parametrize("naming", ["timm", "counted through"])
def test_pretrained_weights_give_the_maps_of_their_own_normalisation(tmp_path: Path, naming: str):
    source = theirs()
    state = source.state_dict()
    path = tmp_path / "weights.safetensors"
    save_file(counted_through(state) if naming == "counted through" else state, path)
    ours = EfficientNetLite().eval()
    report = ours.load_pretrained(path)
    assert set(report.used) == set(ours.state_dict()) and not report.missing
    assert len(report.unused) == 2  # the classifier's
    colours = torch.rand(2, 3, 96, 64)
    mean, std = (torch.tensor(each)[:, None, None] for each in (IMAGENET_MEAN, IMAGENET_STD))
    with torch.inference_mode():
        expected = source.conv_stem((255 * colours - 127) / 128)
        found = ours.conv_stem((colours - mean) / std)
        inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
        expected, found = source.bn1(expected)[inside], ours.bn1(found)[inside]
    assert torch.allclose(found, expected, atol=1e-4)
    for key in ("blocks.3.1.conv_dw.weight", "bn2.running_mean", "conv_head.weight"):
        assert torch.equal(ours.state_dict()[key], state[key])


def test_names_of_the_port_are_told_apart(tmp_path: Path):
    named = counted_through(theirs().state_dict())
    assert len(named) == 296
    for name, key in COUNTED.items():
        assert torch.equal(named[name], theirs().state_dict()[key])


def test_weights_of_another_network_are_refused(tmp_path: Path):
    path = tmp_path / "weights.safetensors"
    save_file({"conv1.weight": torch.zeros(2, 3, 3, 3)}, path)
    with pytest.raises(NetworkError, match='it has no "conv_stem.weight"'):
        EfficientNetLite().load_pretrained(path)


@pytest.mark.parametrize("size", [(192, 96), (97, 50)])
def test_map_size_is_told_beforehand(size: tuple[int, int]):
    network = EfficientNetLite().eval()
    with torch.inference_mode():
        maps = network(torch.rand(1, 3, *size))
    assert tuple(maps.shape) == (1, network.out_channels, *network.map_size(size))


def test_frozen_norm_layers_keep_what_they_have_seen():
    network = EfficientNetLite()
    network.bn1.requires_grad_(False)
    network.train()
    network(torch.rand(2, 3, 64, 32))
    assert torch.equal(network.bn1.running_mean, torch.zeros(32))
    assert not torch.equal(network.bn2.running_mean, torch.zeros(1280))
    network.bn1.requires_grad_(True)
    network.train()
    network(torch.rand(2, 3, 64, 32))
    assert not torch.equal(network.bn1.running_mean, torch.zeros(32))


def test_rrid_stands_on_it_and_shows_its_maps():
    torch.manual_seed(0)
    config = RRIDConfig("efficientnet_lite0", (192, 96), "S", width=16)
    network = RRID(config).eval()
    images = torch.rand(2, 3, 192, 96)
    with torch.inference_mode():
        vectors, maps = network.embed_with_map(images)
        assert torch.allclose(vectors, network.embed(images), atol=1e-6)
    assert vectors.shape == (2, 7 * 16) and maps.shape == (2, 1280, 6, 3)


def test_a_height_that_does_not_divide_is_refused_with_the_step():
    with pytest.raises(NetworkError, match="multiple of 192 px"):
        RRID(RRIDConfig("efficientnet_lite0", (256, 128), "S"))
