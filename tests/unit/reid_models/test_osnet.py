"""OSNet: maps, weights of the networks it is built like, and the networks over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reid_models.backbones.osnet import (
    OSNET_NAMES,
    LightConv,
    OSBlock,
    OSNet,
    OSNetName,
    SqueezeExcite,
    read_head,
)
from reid_models.errors import NetworkError
from reid_models.interfaces import IMAGENET_MEAN, IMAGENET_STD
from reid_models.model_card import ModelCard
from reid_models.model_file import save_model
from reid_models.rrid import RRID, RRIDConfig, WholePerson
from reid_models.sessions import import_openvino
from reid_models.transreid import TransReID, TransReIDConfig
from trainer.errors import TrainerError
from trainer.recipes.building import load_backbone, osnet_trunk

WEIGHTS = Path(__file__).parents[4] / "shared" / "data" / "weights" / "openvino"
PUBLISHED: dict[OSNetName, str] = {
    "osnet_x1_0": "0277", "osnet_x0_75": "0286", "osnet_x0_5": "0287",
}  # fmt: skip


def test_its_maps_have_a_stride_of_16_in_whole_steps() -> None:
    for name, channels in zip(OSNET_NAMES, (512, 384, 256), strict=True):
        network = OSNet(name).eval()
        with torch.no_grad():
            maps = network(torch.zeros(1, 3, 192, 96))
        assert maps.shape == (1, channels, *network.map_size((192, 96))) == (1, channels, 12, 6)
        assert network.out_channels == channels


def test_a_uniform_change_of_light_and_colour_changes_nothing() -> None:
    network = OSNet("osnet_x0_5").eval()
    images = torch.randn(1, 3, 64, 32)
    brighter = images * torch.tensor([1.5, 0.8, 1.2])[:, None, None] + 0.3
    with torch.no_grad():
        assert torch.allclose(network(images), network(brighter), atol=1e-3)


def test_it_starts_from_a_file_of_openvino(tmp_path: Path) -> None:
    taught = _random("osnet_x0_5")
    path = _ir_file(taught, tmp_path / "taught.xml")
    network = OSNet("osnet_x0_5").eval()
    report = network.load_pretrained(path)
    for key, value in taught.state_dict().items():
        assert torch.allclose(network.state_dict()[key], value, rtol=1e-3, atol=1e-4), key
    assert set(report.used) == set(network.state_dict())


def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    path = _ir_file(_random("osnet_x0_5"), tmp_path / "small.xml")
    with pytest.raises(NetworkError, match=r"small.xml is not built as osnet_x0_75"):
        OSNet("osnet_x0_75").load_pretrained(path)
    with pytest.raises(NetworkError, match=r"cannot start from weights.pth"):
        OSNet("osnet_x0_5").load_pretrained("weights.pth")
    with pytest.raises(NetworkError, match=r"There is no file"):
        OSNet("osnet_x0_5").load_pretrained(tmp_path / "nowhere.xml")


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="../shared/data is not here")
@pytest.mark.parametrize("name", OSNET_NAMES)
def test_it_computes_what_the_published_network_computes(name: OSNetName) -> None:
    full = f"person-reidentification-retail-{PUBLISHED[name]}"
    path = WEIGHTS / full / "FP16" / f"{full}.xml"
    network = OSNet(name).eval()
    network.load_pretrained(path)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 256, 128)).astype(np.float32)
    with torch.no_grad():
        maps = network(_normalised(pixels))
    assert np.allclose(maps.numpy(), _published_maps(path, pixels[:, ::-1]), atol=1e-3)


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="../shared/data is not here")
def test_the_whole_person_s_feature_starts_as_the_published_one() -> None:
    full = "person-reidentification-retail-0286"
    path = WEIGHTS / full / "FP16" / f"{full}.xml"
    trunk = OSNet("osnet_x0_75").eval()
    trunk.load_pretrained(path)
    whole = WholePerson(trunk.out_channels, (16, 8), 256)
    whole.load_pretrained(read_head(path))
    pixels = np.random.default_rng(0).integers(0, 256, (1, 3, 256, 128)).astype(np.float32)
    with torch.no_grad():
        feature = whole(trunk(_normalised(pixels)))
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    published = import_openvino().Core().compile_model(str(path), "CPU", settings)
    assert np.allclose(feature.numpy(), published(pixels[:, ::-1].copy())[0], atol=1e-2)


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="../shared/data is not here")
def test_the_whole_person_s_feature_fits_a_map_of_another_size() -> None:
    full = "person-reidentification-retail-0286"
    path = WEIGHTS / full / "FP16" / f"{full}.xml"
    network = RRID(RRIDConfig("osnet_x0_75", (288, 128), "S", width=8, whole=256))
    load_backbone(network, str(path))
    published = WholePerson(384, (16, 8), 256)
    published.load_pretrained(read_head(path))
    assert network.whole is not None
    with torch.no_grad():
        feature = network.whole(torch.ones(1, 384, 18, 8))
        assert torch.allclose(feature, published(torch.ones(1, 384, 16, 8)), atol=0.2)
    shorter = RRID(RRIDConfig("osnet_x0_75", (288, 128), "S", width=8, whole=128))
    with pytest.raises(NetworkError, match=r"has 256 numbers, this one 128.*Set model.whole"):
        load_backbone(shorter, str(path))


def test_a_file_without_the_published_head_is_refused(tmp_path: Path) -> None:
    path = _ir_file(_random("osnet_x0_5"), tmp_path / "trunk.xml")
    network = RRID(RRIDConfig("osnet_x0_5", (192, 96), "S", width=8, whole=16))
    with pytest.raises(NetworkError, match=r"trunk.xml has no layer behind its feature map"):
        load_backbone(network, str(path))


def test_the_whole_person_s_feature_is_taken_over_from_a_file_of_ours(tmp_path: Path) -> None:
    config = RRIDConfig("osnet_x0_5", (192, 96), "S", width=8, whole=16)
    taught, network = RRID(config).eval(), RRID(config).eval()
    save_model(tmp_path / "taught.safetensors", taught, ModelCard.of(taught))
    load_backbone(network, str(tmp_path / "taught.safetensors"))
    images = torch.randn(1, 3, 192, 96)
    with torch.no_grad():
        ours, theirs = network(images).features, taught(images).features
    assert ours[-1].shape == (1, 16)
    assert torch.equal(ours[-1], theirs[-1])


def test_a_transformer_over_it_starts_from_the_rrid_s(tmp_path: Path) -> None:
    rrid = RRID(RRIDConfig("osnet_x0_5", (192, 96), "S", width=8)).eval()
    path = tmp_path / "rrid.safetensors"
    save_model(path, rrid, ModelCard.of(rrid))
    network = TransReID(
        TransReIDConfig(
            variant="deit_tiny", depth=2, stem="osnet_x0_5", image_size=(192, 96), jpm=False
        )
    )
    load_backbone(network, str(path))
    images = torch.randn(1, 3, 192, 96)
    trunk = osnet_trunk(network)
    assert trunk is not None
    with torch.no_grad():
        assert torch.equal(trunk.eval()(images), rrid.backbone(images))
        assert network.eval()(images).features[0].shape == (1, 192)


def test_a_file_without_an_osnet_is_no_start(tmp_path: Path) -> None:
    other = RRID(RRIDConfig("resnet10t", (192, 96), "S", width=8))
    save_model(tmp_path / "other.safetensors", other, ModelCard.of(other))
    network = RRID(RRIDConfig("osnet_x0_5", (192, 96), "S", width=8))
    with pytest.raises(TrainerError, match=r"There is no OSNet in other.safetensors"):
        load_backbone(network, str(tmp_path / "other.safetensors"))


def _light_conv(module: torch.nn.Module) -> LightConv:
    assert isinstance(module, LightConv)
    return module


def _random(name: OSNetName) -> OSNet:
    torch.manual_seed(0)
    network = OSNet(name).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return network


def _ir_file(network: OSNet, path: Path) -> Path:
    """The network as OpenVINO's converter writes it, with weights of half precision."""
    openvino = import_openvino()
    graph = _Graph(openvino.opset11)
    maps = graph.images
    maps = graph.conv(graph.instance_norm(maps, network.image_norm), network.stem)
    maps = graph.relu(graph.instance_norm(maps, network.stem_norm))
    maps = graph.ops.max_pool(maps, [2, 2], [1, 1], [1, 1], [1, 1], [3, 3]).output(0)
    for layer in network.blocks:
        if isinstance(layer, OSBlock):
            maps = graph.block(maps, layer)
        elif isinstance(layer, torch.nn.Conv2d):
            maps = graph.relu(graph.conv(maps, layer))
        elif isinstance(layer, torch.nn.AvgPool2d):
            maps = graph.ops.avg_pool(maps, [2, 2], [0, 0], [0, 0], [2, 2], exclude_pad=True)
    model = openvino.Model([maps], [graph.images], "osnet")
    openvino.save_model(model, str(path), compress_to_fp16=True)
    return path


class _Graph:
    """Layers of OpenVINO; gates are repeated for each stream."""

    def __init__(self, ops: Any) -> None:
        self.ops = ops
        self.images = ops.parameter([1, 3, 64, 32], np.float32)

    def conv(self, maps: Any, layer: torch.nn.Conv2d) -> Any:
        weight, pad = layer.weight.detach().numpy(), [layer.padding[0]] * 2
        apply, strides = self.ops.convolution, list(layer.stride)
        if layer.groups > 1:
            apply, weight = self.ops.group_convolution, weight[:, None]
        maps = apply(maps, self.ops.constant(weight), strides, pad, pad, [1, 1])
        return maps if layer.bias is None else self.ops.add(maps, self._channels(layer.bias))

    def relu(self, maps: Any) -> Any:
        return self.ops.relu(maps)

    def instance_norm(self, maps: Any, layer: Any) -> Any:
        axes = np.array([2, 3])
        return self._scaled(self.ops.mvn(maps, axes, True, layer.eps, "inside_sqrt"), layer)

    def gate(self, maps: Any, layer: Any) -> Any:
        means = self.ops.reduce_mean(maps, np.array([2, 3]), True)
        if isinstance(layer, SqueezeExcite):
            weights = self.conv(self.relu(self.conv(means, layer.squeeze)), layer.excite)
        else:
            groups, eps = layer.norm.num_groups, layer.norm.eps
            grouped = self.ops.reshape(means, np.array([0, groups, -1]), True)
            normed = self.ops.mvn(grouped, np.array([2]), True, eps, "inside_sqrt")
            shape = np.array([1, layer.norm.num_channels, 1, 1])
            weights = self._scaled(self.ops.reshape(normed, shape, False), layer.norm)
        return self.ops.multiply(maps, self.ops.sigmoid(weights))

    def block(self, maps: Any, block: OSBlock) -> Any:
        inner = self.relu(self.conv(maps, block.reduce))
        total: Any = None
        for stream in block.streams:
            one = inner
            for light in map(_light_conv, stream.children()):
                one = self.relu(self.conv(self.conv(one, light.pointwise), light.depthwise))
            one = self.gate(one, block.gate)
            total = one if total is None else self.ops.add(total, one)
        out = self.conv(total, block.expand)
        if isinstance(block.shortcut, torch.nn.Conv2d):
            maps = self.conv(maps, block.shortcut)
        return self.relu(self.ops.add(out, maps))

    def _scaled(self, maps: Any, layer: Any) -> Any:
        scaled = self.ops.multiply(maps, self._channels(layer.weight))
        return self.ops.add(scaled, self._channels(layer.bias))

    def _channels(self, values: torch.Tensor) -> Any:
        return self.ops.constant(values.detach().numpy().reshape(1, -1, 1, 1))


def _normalised(pixels: np.ndarray) -> torch.Tensor:
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    return (torch.from_numpy(pixels) / 255 - mean[:, None, None]) / std[:, None, None]


def _published_maps(path: Path, pixels: np.ndarray) -> np.ndarray:
    """The maps before the layer that looks at the whole of them; pixels (1, 3, 256, 128) BGR."""
    openvino = import_openvino()
    model = openvino.Core().read_model(str(path))
    (before,) = [
        node.input_value(0)
        for node in model.get_ordered_ops()
        if node.get_type_name() == "GroupConvolution"
        and list(node.input_value(1).get_shape())[-2:] == [16, 8]
    ]
    part = openvino.Model([before], model.get_parameters(), "maps")
    compiled = openvino.Core().compile_model(part, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return np.asarray(compiled(np.ascontiguousarray(pixels))[0])
