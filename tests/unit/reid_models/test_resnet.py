"""ResNets: names and values of torchvision, options, pretrained weights and their report."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from reid_models.backbones.resnet import RESNETS, ResNet, load_pretrained, name_of
from reid_models.errors import NetworkError
from reid_models.layers.non_local import NonLocal


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_names_and_values_are_those_of_torchvision(name: str):
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, name)(num_classes=3).eval()
    theirs.fc = torch.nn.Identity()
    ours = ResNet(name, last_stride=2).eval()
    ours.load_state_dict(theirs.state_dict())  # strict
    images = torch.rand(2, 3, 64, 32)
    with torch.inference_mode():
        assert torch.allclose(ours(images).mean(dim=(2, 3)), theirs(images), atol=1e-5)


@pytest.mark.parametrize("name", ["resnet10t", "resnet14t", "resnet18"])
@pytest.mark.parametrize("last_stride", [1, 2])
def test_map_size_is_told_beforehand(name: str, last_stride: int):
    network = ResNet(name, last_stride=last_stride).eval()
    for size in ((64, 32), (97, 50)):
        with torch.inference_mode():
            maps = network(torch.rand(1, 3, *size))
        assert tuple(maps.shape) == (1, network.out_channels, *network.map_size(size))
    expected = (24, 8) if last_stride == 1 else (12, 4)
    assert network.map_size((384, 128)) == expected


def test_last_stride_leaves_the_weights_in_their_places():
    assert ResNet("resnet14t").state_dict().keys() == (
        ResNet("resnet14t", last_stride=2).state_dict().keys()
    )


def test_without_the_first_relu_the_stem_lets_negative_values_pass():
    torch.manual_seed(0)
    network = ResNet("resnet18", first_relu=False).eval()
    stem: list[torch.Tensor] = []
    network.maxpool.register_forward_pre_hook(lambda _, inputs: stem.append(inputs[0]))
    with torch.inference_mode():
        network(torch.randn(1, 3, 32, 32))
        assert stem[0].min() < 0
        network.act1 = torch.nn.ReLU()
        network(torch.randn(1, 3, 32, 32))
        assert stem[1].min() == 0


def test_non_local_blocks_stand_where_published_and_change_nothing_at_first():
    torch.manual_seed(0)
    with_blocks = ResNet("resnet34", non_local=True).eval()
    plain = ResNet("resnet34").eval()
    keys = plain.load_state_dict(with_blocks.state_dict(), strict=False)
    assert {key.rpartition(".non_local_block.")[0] for key in keys.unexpected_keys} == {
        "layer2.2",
        "layer3.4",
        "layer4.1",
    }
    images = torch.rand(1, 3, 64, 32)
    with torch.inference_mode():
        assert torch.equal(with_blocks(images), plain(images))
        torch.nn.init.normal_(with_blocks.layer4[1].non_local_block.W.weight)
        assert not torch.equal(with_blocks(images), plain(images))


def test_non_local_block_adds_the_mean_where_all_places_are_alike():
    block = NonLocal(4, 2)
    torch.nn.init.normal_(block.W.weight)
    maps = torch.rand(1, 4, 1, 1).expand(1, 4, 3, 2)
    expected = maps + block.W(block.g(maps))
    assert torch.allclose(block(maps), expected, atol=1e-6)


def test_unknown_names_and_strides_are_refused():
    with pytest.raises(NetworkError, match=f'no ResNet "resnet51".*{RESNETS[0]}'):
        ResNet("resnet51")
    with pytest.raises(NetworkError, match="Choose 1 or 2"):
        ResNet("resnet18", last_stride=4)


@pytest.mark.parametrize("name", RESNETS)
def test_a_resnet_is_told_by_its_weights(name: str):
    with torch.device("meta"):
        state = {f"base.{key}": weight for key, weight in ResNet(name).state_dict().items()}
    assert name_of(state, "base.") == name


def test_weights_of_no_known_resnet_are_refused():
    state = ResNet("resnet18").state_dict()
    state["layer1.7.conv1.weight"] = torch.zeros(1)
    with pytest.raises(NetworkError, match=r"\(3, 2, 2, 2\) blocks"):
        name_of(state)


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_pretrained_file_is_loaded_and_reported(tmp_path: Path, suffix: str):
    theirs = torchvision.models.resnet18(num_classes=3)
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        state = {f"module.{key}": value for key, value in theirs.state_dict().items()}
        torch.save({"epoch": 3, "state_dict": state}, path)
    else:
        save_file(theirs.state_dict(), path)
    network = ResNet("resnet18")
    report = load_pretrained(network, path)
    assert report.source == str(path)
    assert set(report.used) == set(network.state_dict())
    assert report.missing == () and set(report.unused) == {"fc.bias", "fc.weight"}
    for key, weight in network.state_dict().items():
        assert torch.equal(weight, theirs.state_dict()[key])


def test_weights_that_are_missing_are_reported(tmp_path: Path):
    path = tmp_path / "weights.safetensors"
    save_file(ResNet("resnet34").state_dict(), path)
    report = load_pretrained(ResNet("resnet34", non_local=True), path)
    assert len(report.missing) == 24
    assert all(".non_local_block." in key for key in report.missing)


def test_weights_of_another_resnet_are_refused(tmp_path: Path):
    path = tmp_path / "weights.safetensors"
    save_file(ResNet("resnet10t").state_dict(), path)
    with pytest.raises(NetworkError, match="are of resnet10t, not of resnet18"):
        load_pretrained(ResNet("resnet18"), path)
