"""NFormer: the worked example, the dense form, and what must not change a result."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize
from torch.utils._python_dispatch import TorchDispatchMode

from reid_models.errors import NetworkError
from reid_models.layers import neighbors as neighbors_module
from reid_models.layers.neighbor_attention import LandmarkAttention
from reid_models.layers.neighbor_queries import FixedGallery
from reid_models.layers.neighbors import nearest_neighbors, neighbor_graph
from reid_models.nformer import NFormer, NFormerConfig
from reid_models.registry import create_model
from tests.dense_nformer import dense_refine, reciprocal_mask


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads only wait for each other over matrices this small."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def drawn_network(**config: Any) -> NFormer:
    """A small network whose blocks differ and do much, in evaluation mode."""
    torch.manual_seed(1)
    network = create_model("nformer", **{"embedding_dim": 16, "neighbors": 6, **config})
    for name, weight in network.named_parameters():
        torch.nn.init.normal_(weight, mean=float("norm" in name), std=0.3)
    return network.eval()


def drawn_features(count: int, identities: int = 8, dim: int = 16) -> Tensor:
    """Vectors in clusters, as those of people are."""
    generator = torch.Generator().manual_seed(2)
    centres = torch.randn(identities, dim, generator=generator)
    of = torch.randint(identities, (count,), generator=generator)
    return normalize(centres[of] + 0.6 * torch.randn(count, dim, generator=generator), dim=1)


# The worked example of methods.md, section H.
EXAMPLE = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])


def test_worked_example_lists():
    lists = nearest_neighbors(EXAMPLE, 2)
    assert lists.tolist() == [[0, 1], [0, 1], [1, 2], [2, 3]]
    assert neighbor_graph(lists).mutual.tolist() == [
        [True, True],
        [True, True],
        [False, True],
        [False, True],
    ]


def test_worked_example_attention():
    attention = LandmarkAttention(2, heads=1)
    with torch.no_grad():
        attention.qkv.weight.copy_(torch.eye(2).repeat(3, 1))
        attention.projection.weight.copy_(torch.eye(2))
        attention.qkv.bias.zero_()
        attention.projection.bias.zero_()
        memory = attention.memory(EXAMPLE, torch.tensor([0]))
        query = torch.nn.functional.linear(EXAMPLE, *memory.maps.query)  # (4, 1)
        affinities = query @ memory.keys.T
        # The weights of rows 0 and 1 read off what unit vectors would gather.
        memory = memory._replace(values=torch.tensor([[1.0, 0], [0, 1.0], [5, 5], [7, 7]]))
        weights = attention.attend(EXAMPLE, neighbor_graph(nearest_neighbors(EXAMPLE, 2)), memory)
    assert affinities[0, :2].tolist() == pytest.approx([0.7071, 0.5657], abs=5e-5)
    assert affinities[1, 1].item() == pytest.approx(0.4525, abs=5e-5)
    assert weights[0].tolist() == pytest.approx([0.5353, 0.4647], abs=5e-5)
    assert weights[1].tolist() == pytest.approx([0.5283, 0.4717], abs=5e-5)
    assert weights[2:].tolist() == [[5, 5], [7, 7]]


@pytest.mark.parametrize("form", ["masked", "sparse"])
@pytest.mark.parametrize("count", [3, 60])
def test_gather_form_is_the_dense_form(form, count):
    network = drawn_network()
    features = drawn_features(count)
    landmarks = network.draw_landmarks(count)
    with torch.no_grad():
        dense = network.bottleneck(dense_refine(network, features, landmarks, form))
    torch.testing.assert_close(network.refine(features, landmarks), dense, rtol=1e-4, atol=1e-5)


def test_gradient_is_that_of_the_dense_form():
    network = drawn_network(normalize_input="never", identities=3)
    features = 2 * drawn_features(40)
    landmarks = network.draw_landmarks(40)

    def gradients(refined: Tensor) -> list[Tensor]:
        loss = refined.square().mul(torch.arange(16)).mean()
        wanted = [*network.blocks.parameters()]
        return list(torch.autograd.grad(loss, wanted))

    sparse = gradients(network(features, landmarks).features[0])
    for found, wanted in zip(
        sparse, gradients(dense_refine(network, features, landmarks, "masked")), strict=True
    ):
        error = float((found - wanted).abs().max() / wanted.abs().max())
        assert error < 1e-4


def test_order_of_the_vectors_does_not_matter():
    network = drawn_network()
    features = drawn_features(70)
    landmarks = network.draw_landmarks(70)
    order = torch.randperm(70, generator=torch.Generator().manual_seed(4))
    moved = network.refine(features[order], order.argsort()[landmarks])
    torch.testing.assert_close(moved, network.refine(features, landmarks)[order])


def test_the_seed_decides():
    network = drawn_network()
    features = drawn_features(50)
    torch.manual_seed(8)
    first = network.refine(features, seed=3)
    torch.manual_seed(9)
    assert torch.equal(first, network.refine(features, seed=3))
    assert torch.equal(network.refine(features), network.refine(features, seed=0))
    assert not torch.equal(first, network.refine(features, seed=4))
    drawn = network.draw_landmarks(50, torch.Generator().manual_seed(3))
    assert drawn.shape == (4, 5) and all(len(row.unique()) == 5 for row in drawn)
    assert torch.equal(first, network.refine(features, list(drawn)))


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_fewer_vectors_than_neighbors_and_landmarks(count):
    refined = drawn_network().refine(drawn_features(count))
    assert refined.shape == (count, 16) and torch.isfinite(refined).all()


def test_lists_are_the_most_similar(monkeypatch):
    # More than one tile of columns: 64 · (k + 1) each.
    features = drawn_features(1000)
    wanted = (features.double() @ features.double().T).topk(6, dim=1).indices.sort(dim=1).values
    assert torch.equal(nearest_neighbors(features, 6), wanted)
    assert torch.equal(nearest_neighbors(3 * features, 6, "faiss"), wanted)
    graph = neighbor_graph(wanted)
    found = torch.zeros(1000, 1000, dtype=torch.bool)
    found[torch.arange(1000)[:, None].expand_as(wanted)[graph.mutual], wanted[graph.mutual]] = True
    assert torch.equal(found, reciprocal_mask(features, 6))
    monkeypatch.setattr(neighbors_module, "_SCORES_AT_ONCE", 900)
    monkeypatch.setattr(neighbors_module, "_COLUMNS_AT_ONCE", 1)
    assert torch.equal(nearest_neighbors(features, 6), wanted)
    assert torch.equal(neighbor_graph(wanted).mutual, graph.mutual)


@pytest.mark.parametrize("search", ["torch", "faiss"])
def test_ties_go_to_the_lower_index(search):
    # 0, 3, 4, 5, 6 are the same vector; 1 and 2 are equally far from it.
    features = torch.tensor([[3.0, 4]] + 2 * [[-4.0, 3]] + 4 * [[3.0, 4]])
    lists = nearest_neighbors(features, 3, search)
    assert lists.tolist() == [
        [0, 3, 4],
        [0, 1, 2],
        [0, 1, 2],
        [0, 3, 4],
        [0, 3, 4],
        [0, 3, 5],
        [0, 3, 6],
    ]


@pytest.mark.parametrize("search", ["torch", "faiss"])
def test_lists_of_many_duplicates_do_not_hang_on_rounding(search, monkeypatch):
    features = drawn_features(40)[torch.arange(240) % 40]  # each six times
    lists = nearest_neighbors(features, 8, search)
    scores = (features.double() @ features.double().T).float()
    scores.fill_diagonal_(2)
    wanted = scores.sort(dim=1, descending=True, stable=True).indices[:, :8]
    assert torch.equal(lists, wanted.sort(dim=1).values)
    monkeypatch.setattr(neighbors_module, "_SCORES_AT_ONCE", 7 * 240)
    assert torch.equal(nearest_neighbors(features, 8, search), lists)
    zeros = drawn_network().refine(torch.zeros(30, 16))
    assert torch.isfinite(zeros).all()


def test_lists_stay_float32_where_less_is_switched_on():
    features = drawn_features(400)
    wanted = nearest_neighbors(features, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nearest_neighbors(features, 6), wanted)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        scores = neighbors_module.product(features, features)
        assert torch.equal(scores, (features.double() @ features.double().T).float())
        assert torch.equal(nearest_neighbors(features, 6), wanted)
    finally:
        torch.set_float32_matmul_precision(before)


def test_half_the_precision_changes_little():
    network = drawn_network(embedding_dim=64)
    features = drawn_features(100, dim=64)
    exact = network.refine(features)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = network.refine(features)
    half = network.bfloat16().refine(features.bfloat16())
    assert mixed.dtype == half.dtype == torch.float32
    assert float(torch.cosine_similarity(mixed, exact).min()) >= 0.999
    assert float(torch.cosine_similarity(half, exact).min()) >= 0.99


def test_given_neighbors_may_come_in_any_order():
    network = drawn_network()
    features = drawn_features(80)
    refined = network.refine(features)
    shuffled = nearest_neighbors(features, 6).flip(1)
    torch.testing.assert_close(network.refine(features, neighbors=shuffled), refined)
    # Lists of the six best others: each row takes its own last place.
    scores = (features @ features.T).fill_diagonal_(-2)
    others = scores.topk(6, dim=1).indices
    torch.testing.assert_close(network.refine(features, neighbors=others), refined)
    assert torch.equal(others, scores.topk(6, dim=1).indices)  # the caller's are as they were


class LargestTensor(TorchDispatchMode):
    """Notes how many numbers the largest tensor has that an operation returns."""

    largest = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        returned = func(*args, **(kwargs or {}))
        for each in returned if isinstance(returned, (tuple, list)) else (returned,):
            if isinstance(each, Tensor):
                self.largest = max(self.largest, each.numel())
        return returned


def test_nothing_grows_with_the_square_of_the_set(monkeypatch):
    monkeypatch.setattr(neighbors_module, "_SCORES_AT_ONCE", 50_000)
    network = drawn_network(embedding_dim=8, layers=1)
    with LargestTensor() as seen:
        network.refine(drawn_features(3000, dim=8))
    assert 3000 * 8 <= seen.largest <= 3000 * 6 * 10  # a list's affinities: N · k · h · l


@pytest.mark.parametrize(
    ("count", "layers", "neighbors", "landmarks"),
    [(80, 4, 6, 1), (80, 4, 6, 9), (80, 1, 6, 5), (40, 3, 1, 5), (7, 4, 6, 2), (6, 4, 6, 2)],
)
def test_per_query_is_a_set_of_its_own_for_each_query(count, layers, neighbors, landmarks):
    network = drawn_network(layers=layers, neighbors=neighbors, landmarks=landmarks)
    features = drawn_features(count)
    queries = torch.tensor([0, 5, 2]) if count > 7 else torch.tensor([1])
    gallery = torch.tensor([row for row in range(count) if row not in queries])
    drawn = network.draw_landmarks(len(gallery))
    refined = network.refine(features, gallery[drawn], mode="per_query", queries=queries)
    alone = network.refine(features[gallery], drawn)
    torch.testing.assert_close(refined[gallery], alone)
    for query in queries:
        together = torch.cat([features[gallery], features[query][None]])
        wanted = network.refine(together, drawn)[-1]
        torch.testing.assert_close(refined[query], wanted, rtol=1e-4, atol=1e-5)


def test_a_fixed_gallery_stays_as_it_is():
    network = drawn_network()
    features = drawn_features(200)
    gallery, queries = features[40:], features[:40]
    landmarks = network.draw_landmarks(160)
    with torch.no_grad():
        fixed = FixedGallery([*network.blocks], gallery, 6, landmarks)
        first = fixed.answer(queries)
        again = fixed.answer(queries.flip(0)).flip(0)
        joint = network.refine(features, landmarks + 40)[:40]
    torch.testing.assert_close(first, again)
    assert not torch.allclose(network.bottleneck(first), joint, atol=1e-3)


def test_a_query_costs_a_few_rows_only(monkeypatch):
    network = drawn_network(identities=0)
    features = drawn_features(600, identities=60)
    landmarks = network.draw_landmarks(580)
    computed = []
    rows_of = type(network.blocks[0]).rows

    def counted(block, features, graph, memory):
        computed.append(len(features))
        return rows_of(block, features, graph, memory)

    with torch.no_grad():
        fixed = FixedGallery([*network.blocks], features[20:], 6, landmarks)
        monkeypatch.setattr(type(network.blocks[0]), "rows", counted)
        fixed.answer(features[:20])
    assert len(computed) == 4 * 20 and computed[3::4] == [1] * 20
    assert max(computed) < 580 / 4


def test_training():
    network = drawn_network(identities=3).train()
    sets = torch.stack([drawn_features(30), 2 * drawn_features(30)])
    output = network(sets, generator=torch.Generator().manual_seed(0))
    assert output.features[0].shape == (60, 16) and output.logits[0].shape == (60, 3)
    output.logits[0].square().mean().backward()
    still = {name for name, weight in network.named_parameters() if weight.grad is None}
    assert still == {"bottleneck.bias"}
    assert not torch.equal(network(sets).features[0], network(sets).features[0])
    network.eval()
    output = network(sets)
    assert torch.equal(output.features[0], network(sets).features[0])
    refined = network.bottleneck(output.features[0][:30])
    torch.testing.assert_close(network.refine(sets[0]), refined)
    neighbors = torch.stack([nearest_neighbors(each, 6) for each in sets])
    torch.testing.assert_close(network(sets, neighbors=neighbors).features, output.features)


@pytest.mark.parametrize("rule", ["code", "always", "never"])
def test_length_of_the_input(rule):
    network = drawn_network(normalize_input=rule, dropout=0.0)
    features = drawn_features(30)
    landmarks = network.draw_landmarks(30)
    for training in (False, True):
        network.train(training)
        unit, long = (network(scale * features, landmarks).features[0] for scale in (1, 3))
        scaled = rule == "always" or (rule == "code" and not training)
        assert torch.allclose(unit, long, atol=1e-5) == scaled


def test_new_networks_begin_as_published():
    network = NFormer(NFormerConfig(identities=4, layers=3))
    first = network.blocks[0].state_dict()
    assert all(
        torch.equal(block.state_dict()[key], first[key])
        for block in network.blocks
        for key in first
    )
    assert float(first["attention.qkv.weight"].std()) == pytest.approx(0.02, rel=0.02)
    assert not first["mlp_in.bias"].any()
    assert not network.bottleneck.bias.requires_grad
    assert float(network.classifier.weight.detach().std()) == pytest.approx(0.001, rel=0.1)


def test_encoder():
    network = create_model("nformer", encoder="resnet10t", identities=3, image_size=[32, 16])
    encoder = network.encoder.eval()
    images = torch.randn(2, 3, 32, 16)
    with torch.no_grad():
        output = encoder(images)
        encoder.bottleneck.running_mean.fill_(0.5)
        vectors = encoder.embed(images)
    assert output.features[0].shape == (2, 256) and output.logits[0].shape == (2, 3)
    wanted = encoder.bottleneck(output.features[0])
    torch.testing.assert_close(vectors, normalize(wanted, dim=1))
    assert network.refine(vectors).shape == (2, 256)
    with pytest.raises(NetworkError, match="images of 32×16 px"):
        encoder(torch.zeros(1, 3, 64, 32))


FEATURES = drawn_features(10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": torch.zeros(4, 8)}, r"shape \(4, 8\); it refines sets of shape \(N, 16\)"),
        ({"features": torch.full((4, 16), torch.nan)}, "NaN"),
        ({"landmarks": torch.zeros(3, 5, dtype=torch.int64)}, "fit 4 layers"),
        ({"landmarks": torch.full((4, 5), 10)}, "a set of 10 vectors"),
        ({"landmarks": torch.zeros(4, 5)}, "Landmarks of shape"),
        ({"landmarks": [[0], [1], [2], [3, 4]]}, r"\(1,\) and \(2,\)|\(2,\) and \(1,\)"),
        ({"neighbors": torch.zeros(9, 3, dtype=torch.int64)}, "do not fit 10 vectors"),
        ({"neighbors": torch.full((10, 3), -1)}, "do not fit 10 vectors"),
        ({"neighbors": torch.zeros(10, 3, dtype=torch.int64)}, "the same row twice"),
        ({"mode": "per_query"}, "with these arguments"),
        ({"queries": torch.tensor([1])}, "with these arguments"),
        ({"mode": "other"}, 'mode "other"'),
        ({"mode": "other", "queries": torch.tensor([1])}, 'mode "other"'),
        ({"mode": "per_query", "queries": torch.tensor([10])}, "row that the 10 vectors"),
        ({"mode": "per_query", "queries": torch.arange(10)}, "All vectors are queries"),
        (
            {
                "mode": "per_query",
                "queries": torch.tensor([3]),
                "landmarks": torch.tensor(4 * [[1, 3]]),
            },
            "A landmark is a query",
        ),
    ],
)
def test_what_cannot_be_refined(arguments, message):
    with pytest.raises(NetworkError, match=message):
        drawn_network().refine(**{"features": FEATURES, **arguments})


def test_faiss_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(NetworkError, match="faiss is not installed"):
        nearest_neighbors(FEATURES, 3, "faiss")


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"heads": 3}, "3 heads cannot share"),
        ({"layers": 0}, "0 as its layers"),
        ({"identities": -3}, "-3 as its identities"),
        ({"image_size": (256, 0)}, r"\(256, 0\) as its image_size"),
        ({"dropout": 1.0}, "dropout of 1.0"),
    ],
)
def test_impossible_configurations(config, message):
    with pytest.raises(NetworkError, match=message):
        NFormerConfig(**config)
