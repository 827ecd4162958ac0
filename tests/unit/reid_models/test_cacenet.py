"""CACE-Net: worked examples of the method, the graph in its dense form, pairs, what it refuses."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from reid_models.cacenet import CACENet, CACENetConfig, conditional_distance, rerank
from reid_models.errors import NetworkError
from reid_models.layers.gem import GeM
from reid_models.layers.pair_graph import GraphForm, PairGraph

FORMS: list[GraphForm] = ["code", "paper"]


def small(**settings: Any) -> CACENet:
    """Over tokens of random values, with a graph that does something."""
    torch.manual_seed(0)
    values = {"source": "tokens", "channels": 12, "grid": (3, 2), "width": 8, "inner_channels": 5}
    network = CACENet(CACENetConfig(**values | settings)).eval()
    torch.nn.init.normal_(network.graph.output.weight)
    return network


def tokens(count: int, seed: int = 1) -> Tensor:
    return torch.rand(count, 6, 12, generator=torch.Generator().manual_seed(seed)) - 0.2


def identity_graph(form: GraphForm = "code") -> PairGraph:
    graph = PairGraph(2, 2, form)
    with torch.no_grad():
        for layer in graph.children():
            assert isinstance(layer, torch.nn.Linear)
            layer.weight.copy_(torch.eye(2))
    return graph


def dense_graph(graph: PairGraph, left: Tensor, right: Tensor) -> Tensor:
    """The whole graph of one pair with its full matrix, as methods.md words it; (2N, C)."""
    nodes, n = torch.cat((left, right)), len(left)
    if graph.form == "code":
        clues = normalize(nodes @ graph.clues.weight.T, dim=1)
        adjacency = torch.relu(clues @ clues.T)
        adjacency = adjacency * (1 - torch.eye(len(nodes)))
    else:
        within = nodes @ torch.diag(graph.weight_within) @ nodes.T
        between = nodes @ torch.diag(graph.weight_between) @ nodes.T
        same = torch.zeros(len(nodes), len(nodes), dtype=torch.bool)
        same[:n, :n] = same[n:, n:] = True
        adjacency = torch.relu(torch.where(same, within, between))
    degree = adjacency.sum(1)
    scale = degree.clamp(min=1e-12) ** -0.5
    if graph.form == "code":
        scale = torch.where(degree > 1e-3, scale, 1.0).detach()
    else:
        scale = torch.where(degree > 1e-3, scale, 0.0)
    laplacian = torch.diag(scale) @ (torch.diag(degree) - adjacency) @ torch.diag(scale)
    return nodes + laplacian @ nodes @ graph.values.weight.T @ graph.output.weight.T


def test_worked_example_of_the_graph():
    places = torch.tensor([[[1.0, 0.0], [math.sqrt(0.5), math.sqrt(0.5)], [-1.0, 0.0]]])
    graph = identity_graph()
    left, right = graph.parts(places[:, :2]), graph.parts(places[:, 2:])
    assert left.within[0].flatten().tolist() == pytest.approx([0, 0.7071, 0.7071, 0], abs=1e-4)
    left_map, right_map = graph(left, right)
    one, two, three = places[0]
    assert torch.allclose(left_map[0, 0], one + (one - two), atol=1e-5)
    assert torch.allclose(left_map[0, 1], two + (two - one), atol=1e-5)
    assert torch.equal(right_map[0, 0], three)


def test_the_paper_keeps_a_place_related_to_itself_and_cuts_off_what_has_no_relation():
    graph = identity_graph("paper")
    places = torch.tensor([[[1.0, 0.0], [0.0, 0.01]]])
    parts = graph.parts(places)
    assert parts.within[0].tolist() == [[0.5, 0.0], [0.0, pytest.approx(0.00005)]]
    own, _ = graph(parts, graph.parts(torch.tensor([[[1.0, 0.0]]])))
    # Place 0: degree 1, half of it to the equal place of the other image: nothing differs.
    assert torch.allclose(own, places)


@pytest.mark.parametrize("form", FORMS)
def test_graph_equals_its_dense_form_and_so_do_its_gradients(form: GraphForm):
    torch.manual_seed(3)
    graph = PairGraph(12, 5, form)
    torch.nn.init.normal_(graph.output.weight)
    left, right = tokens(2)
    target = torch.rand(12, 12)

    dense = dense_graph(graph, left, right)
    ((dense - target) ** 2).sum().backward()
    wanted = {name: weight.grad for name, weight in graph.named_parameters()}
    graph.zero_grad(set_to_none=True)
    maps = graph(graph.parts(left[None]), graph.parts(right[None]))
    sparse = torch.cat(maps, dim=1)[0]
    ((sparse - target) ** 2).sum().backward()

    assert torch.allclose(sparse, dense, atol=1e-5)
    for name, weight in graph.named_parameters():
        assert weight.grad is not None
        assert torch.allclose(weight.grad, wanted[name], rtol=1e-4, atol=1e-4), name


def test_a_new_graph_changes_nothing():
    graph = PairGraph(12, 5)
    left, right = tokens(2).split(1)
    left_map, right_map = graph(graph.parts(left), graph.parts(right))
    assert torch.equal(left_map, left) and torch.equal(right_map, right)


@pytest.mark.parametrize("form", FORMS)
def test_swapped_images_swap_their_conditional_features(form: GraphForm):
    network = small(graph=form)
    one, other = network.parts(tokens(3, seed=1)), network.parts(tokens(3, seed=2))
    left, right = network.conditional(one, other)
    swapped_left, swapped_right = network.conditional(other, one)
    assert torch.allclose(left, swapped_right, atol=1e-5)
    assert torch.allclose(right, swapped_left, atol=1e-5)
    assert not torch.allclose(left, right, atol=1e-3)


def test_all_pairs_come_with_the_left_image_running_first():
    network = small()
    parts = network.parts(tokens(3))
    left, right = network.all_pairs(parts)
    assert left.shape == right.shape == (9, 8)
    for pair in range(9):
        one = type(parts)(*(part[[pair % 3]] for part in parts))
        other = type(parts)(*(part[[pair // 3]] for part in parts))
        expected_left, expected_right = network.conditional(one, other)
        assert torch.allclose(left[pair], expected_left[0], atol=1e-5)
        assert torch.allclose(right[pair], expected_right[0], atol=1e-5)


@torch.inference_mode()
def test_score_is_minus_the_distance_of_each_pair():
    network = small()
    query, gallery = tokens(1, seed=5), tokens(21)  # more than are worked on at a time
    scores = network.score(network.parts(query), network.parts(gallery))
    assert scores.shape == (21,) and scores.dtype == torch.float32
    for pair in (0, 3, 4, 20):
        left, right = network.conditional(
            network.parts(query), network.parts(gallery[pair : pair + 1])
        )
        distance = (normalize(left, dim=1) - normalize(right, dim=1)).norm()
        assert float(scores[pair]) == pytest.approx(-float(distance), abs=1e-5)
    repeated = network.parts(query.expand(21, -1, -1))
    assert torch.allclose(network.score(repeated, network.parts(gallery)), scores, atol=1e-6)


@torch.inference_mode()
def test_an_image_is_closest_to_itself_and_no_pairs_have_no_scores():
    network = small()
    parts = network.parts(tokens(4))
    query = tuple(part[2:3] for part in parts)
    scores = network.score(query, parts)
    assert int(scores.argmax()) == 2 and float(scores[2]) == pytest.approx(0, abs=1e-5)
    assert network.score(query, tuple(part[:0] for part in parts)).shape == (0,)


def test_distance_is_that_of_unit_vectors():
    left = torch.tensor([[2.0, 0.0], [3.0, 0.0], [1.0, 0.0]])
    right = torch.tensor([[5.0, 0.0], [0.0, 1.0], [-4.0, 0.0]])
    assert conditional_distance(left, right).tolist() == pytest.approx([0, 2**0.5, 2])


def test_worked_example_of_the_order():
    cosines = torch.tensor([0.5, 0.9, 0.7, 0.8])  # g1 is 1, then 3, 2, 0
    order = rerank(cosines, torch.tensor([0.9, 0.2]))
    assert order.tolist() == [3, 1, 2, 0]


def test_order_with_both_distances():
    cosines = torch.tensor([0.98, 0.5])  # distances .2 and 1
    distances = torch.tensor([0.9, 0.4])
    assert rerank(cosines, distances, pair_weight=0.0).tolist() == [0, 1]
    assert rerank(cosines, distances, pair_weight=0.5).tolist() == [0, 1]  # .55, .7
    assert rerank(cosines, distances, pair_weight=0.7).tolist() == [1, 0]  # .69, .58


def test_gem_is_a_power_mean():
    assert GeM()(torch.tensor([[[1.0], [2.0], [-3.0]]])).item() == pytest.approx(3 ** (1 / 3))
    assert GeM(p=1.0)(torch.tensor([[[1.0], [4.0]]])).item() == pytest.approx(2.5)


def test_gem_leaves_its_input_alone_and_passes_the_gradient_on():
    places = torch.tensor([[[1.0], [2.0], [-3.0]]], requires_grad=True)
    GeM()(places).sum().backward()
    assert places.grad is not None
    # d/dx of (mean x³)^(1/3) is x² / N / (mean x³)^(2/3); nothing where clamped.
    assert places.grad.flatten().tolist() == pytest.approx(
        [1 / 3 / 3 ** (2 / 3), 4 / 3 / 3 ** (2 / 3), 0]
    )
    with torch.inference_mode():
        copy = places.detach().clone()
        GeM()(copy)
        assert torch.equal(copy, places)


def test_training_gives_individual_and_pair_features_and_reaches_every_weight():
    network = small(identities=4).train()
    output = network(tokens(3))
    assert [tuple(one.shape) for one in output.features] == [(3, 8), (9, 8), (9, 8)]
    assert [tuple(one.shape) for one in output.logits] == [(3, 4), (9, 4), (9, 4)]
    sum(one.square().sum() for one in (*output.features, *output.logits)).backward()
    assert all(weight.grad is not None for weight in network.parameters())


def test_evaluation_gives_the_individual_feature_alone():
    network = small(identities=4)
    output = network(tokens(3))
    assert [tuple(one.shape) for one in output.features] == [(3, 8)]
    assert [tuple(one.shape) for one in output.logits] == [(3, 4)]
    assert torch.equal(network.embed(tokens(3)), normalize(output.features[0], dim=1))


def test_maps_and_images_have_the_same_parts():
    torch.manual_seed(0)
    config = CACENetConfig(
        backbone="resnet10t", non_local=False, image_size=(64, 32), width=8, inner_channels=4
    )
    network = CACENet(config).eval()
    images = torch.rand(2, 3, 64, 32)
    with torch.inference_mode():
        parts = network.parts(images)
        assert network.backbone is not None
        from_maps = network.parts_of_maps(network.backbone(images))
    assert [tuple(part.shape) for part in parts] == [(2, 8, 512), (2, 8, 4), (2, 8, 4), (2, 8, 8)]
    for part, other in zip(parts, from_maps, strict=True):
        assert torch.equal(part, other)
    with pytest.raises(NetworkError, match="64×32 px and was given 96×32 px"):
        network.parts(torch.rand(1, 3, 96, 32))


def test_images_that_are_no_pairs_are_refused():
    network = small().eval()
    two, three, none = (network.graph.parts(tokens(count)) for count in (2, 3, 0))
    with pytest.raises(NetworkError, match="2 and 3 images are no pairs"):
        network.score(two, three)
    with pytest.raises(NetworkError, match="0 and 3 images are no pairs"):
        network.score(none, three)


def test_average_pooling_sees_negative_values():
    gem, average = small(), small(pooling="average")
    assert gem.pool is not None and average.pool is None
    average.load_state_dict(gem.state_dict(), strict=False)
    places = -tokens(2).abs() - 0.1
    assert torch.allclose(gem.embed(places)[0], gem.embed(places)[1])
    assert not torch.allclose(average.embed(places)[0], average.embed(places)[1])


@pytest.mark.parametrize(
    "settings",
    [
        {"width": 0},
        {"inner_channels": 0},
        {"identities": -1},
        {"image_size": (0, 128)},
        {"channels": 0},
        {"grid": (16, 0)},
    ],
)
def test_impossible_settings(settings: dict[str, Any]):
    with pytest.raises(NetworkError, match=f"as its {next(iter(settings))}"):
        CACENetConfig(**settings)


def test_tokens_need_channels_and_grid():
    with pytest.raises(NetworkError, match="Give channels and grid"):
        CACENet(CACENetConfig(source="tokens"))


def test_tokens_of_another_number_are_refused():
    with pytest.raises(NetworkError, match=r"3×2 tokens of length 12.*without a class token"):
        small().embed(torch.rand(1, 7, 12))


def test_non_local_blocks_need_a_resnet_that_is_deep_enough():
    with pytest.raises(NetworkError, match="resnet18 is too shallow"):
        CACENet(CACENetConfig(backbone="resnet18"))
