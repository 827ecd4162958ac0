"""CACE-Net gives the numbers of the published implementation on the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reid_models.cacenet import CACENet, conditional_distance
from reid_models.convert import convert_official, load_official
from reid_models.errors import NetworkError
from reid_models.layers.pair_graph import GraphParts, PairGraph
from tests.golden_cases import assert_summary, normal, small_weights

SIZE = (96, 32)


@pytest.fixture
def golden(shared_golden: Callable[[str], Path]) -> Any:
    return json.loads(shared_golden("methods_small.json").read_text())["cace"]


@pytest.fixture
def state(golden: Any) -> dict[str, Tensor]:
    return small_weights(golden["cace"]["keys"])


def pairs_in_published_order(parts: GraphParts) -> tuple[GraphParts, GraphParts]:
    count = len(parts.places)
    left = torch.arange(count).repeat(count)
    return (
        GraphParts(*(part[left] for part in parts)),
        GraphParts(*(part[left.sort().values] for part in parts)),
    )


@torch.inference_mode()
def test_small(golden: Any, state: dict[str, Tensor]):
    wanted = golden["cace"]
    network = load_official("cacenet", state, image_size=SIZE)
    assert isinstance(network, CACENet) and network.backbone is not None
    assert network.config.non_local and network.config.identities == 11
    images = normal(7, 2, 3, *SIZE)

    assert_summary(network.backbone(images), wanted["fmap"])
    assert_summary(network(images).features[0], wanted["individual"])

    left, right = pairs_in_published_order(network.parts(images))
    left_map, right_map = (
        places.mT.unflatten(2, (6, 2)) for places in network.graph(left, right)
    )  # (4, 2048, 6, 2)
    assert_summary(torch.cat((left_map, right_map), dim=3), wanted["pair_map"])

    for features in (network.conditional(left, right), network.all_pairs(network.parts(images))):
        assert_summary(features[0], wanted["f_cond_left"])
        assert_summary(features[1], wanted["f_cond_right"])


@torch.inference_mode()
def test_graph_alone(golden: Any):
    wanted = golden["pair_graph"]
    weights = small_weights(wanted["keys"])
    graph = PairGraph(*wanted["config"]["channels"] if "config" in wanted else wanted["channels"])
    for layer, key in ((graph.clues, "y"), (graph.values, "g"), (graph.output, "o")):
        layer.weight.copy_(weights[f"{key}.weight"].flatten(1))
    maps = normal(31, 2, 32, 3, 4)  # the left image's columns, then the right one's
    left, right = (graph.parts(half.flatten(2).mT) for half in maps.split(2, dim=3))
    halves = [places.mT.unflatten(2, (3, 2)) for places in graph(left, right)]
    assert_summary(torch.cat(halves, dim=3), wanted["out"])


def test_pair_triplet_on_the_matrix_of_distances(golden: Any):
    wanted = golden["pair_triplet_m0.5"]
    distances = conditional_distance(normal(41, 16, 6), normal(42, 16, 6)).view(4, 4)
    labels = torch.tensor(wanted["labels"])
    same = labels[:, None] == labels
    furthest = distances.masked_fill(~same, -1).amax(dim=1)
    nearest = distances.masked_fill(same, 9).amin(dim=1)
    loss = torch.relu(furthest - nearest + 0.5).mean()
    assert float(loss) == pytest.approx(wanted["value"], rel=1e-5)


def test_key_map_is_total_and_without_doubles(state: dict[str, Tensor]):
    wrapped = {
        "epoch": 80,
        "optimizer": {},
        "state_dict": {f"module.{key}": weight for key, weight in state.items()},
    }
    network, report = convert_official("cacenet", wrapped, image_size=SIZE)
    assert set(report.mapped) == set(state) and not report.dropped and not report.ignored
    counters = {name for name in network.state_dict() if name.endswith("num_batches_tracked")}
    assert sorted(report.mapped.values()) == sorted(network.state_dict().keys() - counters)
    for key, name in report.mapped.items():  # and back
        place = network.state_dict()[name]
        assert torch.equal(place, state[key].view_as(place))


def test_what_the_file_lacks_is_left_out(state: dict[str, Tensor]):
    plain = {key: weight for key, weight in state.items() if ".non_local_block." not in key}
    network, report = convert_official("cacenet", plain, image_size=SIZE, identities=0)
    assert not network.config.non_local
    assert set(report.dropped) == {"fc_layer.2.weight", "pair_fc_layer.2.weight"}
    assert network.classifier is None and network.pair_classifier is None
    other, report = convert_official("cacenet", plain, image_size=SIZE, identities=7)
    assert other.classifier is not None and other.classifier[2].out_features == 7
    assert len(report.dropped) == 2


def test_keys_and_settings_that_do_not_fit_are_refused(state: dict[str, Tensor]):
    with pytest.raises(NetworkError, match="ResNet of their own and the graph of the code"):
        load_official("cacenet", state, image_size=SIZE, graph="paper")
    with pytest.raises(NetworkError, match=r"beyond this method, resnet\.fc\.weight"):
        load_official("cacenet", {**state, "resnet.fc.weight": torch.zeros(1)}, image_size=SIZE)
    del state["pair_graph.y.weight"]
    with pytest.raises(NetworkError, match="This is no published CACE-Net"):
        load_official("cacenet", state, image_size=SIZE)
