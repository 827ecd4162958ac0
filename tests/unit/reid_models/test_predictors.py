"""Networks behind NumPy: batches, cameras, scarce memory, turns, remembered parts."""

import threading

import numpy as np
import pytest
import torch

from reid_models.crop_runner import twin
from reid_models.devices import lock_of
from reid_models.errors import NetworkError
from reid_models.model_card import ModelCard
from reid_models.predictors import AggregationPredictor, EmbeddingPredictor, PairPredictor
from reid_models.preprocessing import batch_of, normalised
from reid_models.registry import create_model
from tests.tiny_torch_networks import tiny_aggregator, tiny_embedder, tiny_pair

pytestmark = pytest.mark.usefixtures("tiny_entries")
CAMERAS = {"gate": 0, "hall": 1, "yard": 2}


def crops(count, seed=0):
    noise = np.random.default_rng(seed)
    return [
        noise.integers(0, 256, (*noise.integers(8, 90, 2), 3), dtype=np.uint8) for _ in range(count)
    ]


def embedding(precision="float32", batch=3, table=None, **config):
    network = tiny_embedder(**config)
    card = ModelCard.of(network, camera_table=table or {})
    predictor = EmbeddingPredictor(network, card, "cpu", precision, batch)
    network.batches.clear()
    return network, predictor


def test_vectors_are_those_of_the_network():
    network, predictor = embedding()
    images = crops(5)
    vectors = predictor.embed(images)
    assert vectors.dtype == np.float32
    assert vectors.shape == (5, predictor.dimension) == (5, 8)
    pixels = torch.from_numpy(batch_of(images, (32, 16), 5))
    with torch.inference_mode():
        wanted = network.embed(normalised(pixels, network.mean, network.std))
    np.testing.assert_allclose(vectors, wanted, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize("batch", [1, 3, 16])
def test_a_vector_does_not_depend_on_the_other_crops(batch, precision):
    _, predictor = embedding(precision, batch)
    images = crops(7)
    together = predictor.embed(images)
    np.testing.assert_array_equal(predictor.embed(images[:1]), together[:1])
    # A crop's place in a batch may change the last bit.
    tolerance = 1e-6 if precision == "float32" else 0.02
    for row, image in enumerate(images):
        alone = predictor.embed([image])[0]
        np.testing.assert_allclose(alone, together[row], atol=0 if batch == 1 else tolerance)


def test_every_batch_has_the_same_size():
    network, predictor = embedding(batch=3)
    predictor.embed(crops(7))
    assert network.batches == [3, 3, 3]
    assert predictor.embed([]).shape == (0, 8)


def test_bf16_is_near_float32_and_leaves_the_network_as_it_was():
    network, exact = embedding("float32")
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    card = ModelCard.of(network)
    coarse = EmbeddingPredictor(network, card, "cpu", "bf16", 3)
    assert (exact.precision, coarse.precision) == (torch.float32, torch.bfloat16)
    images = crops(6)
    first, second = exact.embed(images), coarse.embed(images)
    assert not np.array_equal(first, second)
    assert (first * second).sum(axis=1).min() > 0.999
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert tensor.dtype == before[name].dtype


def test_a_twin_shares_what_it_does_not_store_anew():
    network = tiny_embedder(cameras=2)
    other = twin(network, torch.bfloat16)
    assert other.linear.weight.dtype == torch.bfloat16
    assert other.conv.weight.dtype == torch.bfloat16
    assert other.norm.running_mean is network.norm.running_mean
    assert other.rows is network.rows
    images = torch.randn(2, 3, 32, 16)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network.embed(images), other.embed(images))


def test_cameras_are_found_by_name():
    network, predictor = embedding(cameras=3, table=CAMERAS)
    images = crops(1) * 3
    vectors = predictor.embed(images, ["yard", "gate", "hall"])
    pixels = torch.from_numpy(batch_of(images, (32, 16), 3))
    tensors = normalised(pixels, network.mean, network.std)
    with torch.inference_mode():
        wanted = network.embed(tensors, torch.tensor([2, 0, 1]))
    np.testing.assert_allclose(vectors, wanted, atol=1e-6)
    assert np.abs(vectors[0] - vectors[1]).max() > 0.01


@pytest.mark.parametrize("kind", ["mean", "none"])
def test_an_unknown_camera_gets_what_the_network_says(kind):
    network, predictor = embedding(cameras=3, table=CAMERAS, unknown_camera=kind)
    image = crops(1)
    unknown = predictor.embed(image, ["roof"])
    np.testing.assert_array_equal(unknown, predictor.embed(image, [None]))
    np.testing.assert_array_equal(unknown, predictor.embed(image))
    with torch.no_grad():
        wanted = network.rows.mean(0, keepdim=True) if kind == "mean" else network.rows * 0
        network.rows.copy_(wanted.expand(3, -1))
    np.testing.assert_allclose(predictor.embed(image, ["gate"]), unknown, atol=1e-6)


def test_a_network_may_refuse_unknown_cameras():
    _, predictor = embedding(cameras=3, table=CAMERAS, unknown_camera="error")
    image = crops(1)
    assert predictor.embed(image, ["hall"]).shape == (1, 8)
    with pytest.raises(NetworkError, match='camera "roof"') as caught:
        predictor.embed(image * 2, ["hall", "roof"])
    assert "gate, hall, yard" in caught.value.remedy
    with pytest.raises(NetworkError, match="without camera"):
        predictor.embed(image)


def test_a_network_without_cameras_ignores_them():
    _, predictor = embedding()
    image = crops(1)
    np.testing.assert_array_equal(predictor.embed(image, ["roof"]), predictor.embed(image))


def test_as_many_cameras_as_crops_are_wanted():
    _, predictor = embedding(cameras=3, table=CAMERAS)
    with pytest.raises(ValueError, match="1 cameras for 2 crops"):
        predictor.embed(crops(2), ["gate"])


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes"),
    ],
)
def test_batches_are_halved_where_memory_is_scarce(error):
    network, predictor = embedding(batch=8)
    images = crops(10)
    wanted = predictor.embed(images)
    network.batches.clear()

    def refuse(size):
        if size > 2:
            raise error

    network.before_batch = refuse
    np.testing.assert_allclose(predictor.embed(images), wanted, atol=1e-6)
    assert network.batches == [8, 4, 2, 2, 2, 2, 2]
    network.batches.clear()
    predictor.embed(images[:1])
    assert network.batches == [2]


def test_not_enough_memory_for_one_crop_is_said():
    network, predictor = embedding(batch=2)

    def refuse(size):
        raise torch.OutOfMemoryError("out of memory")

    network.before_batch = refuse
    with pytest.raises(NetworkError, match="memory of cpu"):
        predictor.embed(crops(1))


def test_other_errors_are_not_taken_for_scarce_memory():
    network, predictor = embedding(batch=4)

    def fail(size):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    network.before_batch = fail
    with pytest.raises(RuntimeError, match="mat1"):
        predictor.embed(crops(1))
    assert network.batches == [4]


def test_networks_without_usable_vectors_are_refused_when_built():
    for value in (float("nan"), 0.0):
        network = tiny_embedder()
        with torch.no_grad():
            network.linear.weight.fill_(value)
            network.linear.bias.fill_(value)
        with pytest.raises(NetworkError, match="no usable vector"):
            EmbeddingPredictor(network, ModelCard.of(network), "cpu")


def test_a_network_of_another_role_is_refused():
    network = tiny_pair()
    with pytest.raises(NetworkError, match="has the role reranker, not embedder"):
        EmbeddingPredictor(network, ModelCard.of(network), "cpu")


def test_a_click_waits_for_one_batch_only():
    """Ten crops are on their way in batches of one; an urgent crop comes after the running one."""
    network, predictor = embedding(batch=1)
    lock = lock_of(torch.device("cpu"))
    running, go_on = threading.Event(), threading.Event()
    order = []

    def pause(size):
        order.append(threading.current_thread().name)
        if len(order) == 1:
            running.set()
            assert go_on.wait(10)

    network.before_batch = pause
    images = crops(10)
    work = threading.Thread(target=predictor.embed, args=(images,), name="work")
    work.start()
    assert running.wait(10)
    click = threading.Thread(
        target=predictor.embed, args=(images[:1],), kwargs={"urgent": True}, name="click"
    )
    click.start()
    while lock.waiting() == 0:
        threading.Event().wait(0.001)
    go_on.set()
    work.join(10)
    click.join(10)
    assert len(order) == 11
    # At most the batch that ran and, were it quicker, none after it.
    assert order.index("click") == 1


def test_aggregated_vectors_are_those_of_the_network_at_length_one():
    network = tiny_aggregator()
    predictor = AggregationPredictor(network, ModelCard.of(network), "cpu")
    vectors = np.random.default_rng(0).standard_normal((6, 8)).astype(np.float32)
    before = vectors.copy()
    refined = predictor.refine(vectors, seed=2)
    wanted = vectors + 0.3 * (vectors.mean(0) + vectors[2])
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    assert refined.dtype == np.float32
    np.testing.assert_allclose(refined, wanted, atol=1e-6)
    np.testing.assert_array_equal(vectors, before)
    np.testing.assert_array_equal(refined, predictor.refine(vectors, seed=2))
    assert not np.array_equal(refined, predictor.refine(vectors, seed=3))
    assert predictor.refine(vectors[:0]).shape == (0, 8)


def test_vectors_that_cannot_be_aggregated_are_refused():
    network = tiny_aggregator()
    card = ModelCard.of(network, requires_embedder="tiny-0123")
    predictor = AggregationPredictor(network, card, "cpu")
    assert predictor.requires_embedder == "tiny-0123"
    with pytest.raises(NetworkError, match=r"\(4, 7\).*\(n, 8\)"):
        predictor.refine(np.ones((4, 7), np.float32))
    with pytest.raises(NetworkError, match="NaN"):
        predictor.refine(np.full((4, 8), np.nan, np.float32))


def pairs(batch=2, **options):
    network = tiny_pair()
    network.requires_grad_(False)
    return network, PairPredictor(
        network, ModelCard.of(network), "cpu", "float32", batch, **options
    )


def test_scores_are_those_of_the_network_and_the_mean_over_the_querys_crops():
    network, predictor = pairs()
    query, gallery = crops(2), crops(20, seed=1)
    scores = predictor.score(query, gallery)
    assert scores.shape == (20,)
    assert scores.dtype == np.float32

    def parts(image):
        pixels = torch.from_numpy(batch_of([image], (32, 16), 1))
        return network.parts(normalised(pixels, network.mean, network.std))

    wanted = [
        np.mean([network.score(parts(one), parts(image)).item() for one in query])
        for image in gallery
    ]
    np.testing.assert_allclose(scores, wanted, atol=1e-5)


def test_a_score_does_not_depend_on_the_other_pairs():
    _, predictor = pairs()
    query, gallery = crops(1), crops(20, seed=1)
    together = predictor.score(query, gallery)
    for image, score in zip(gallery, together, strict=True):
        np.testing.assert_allclose(predictor.score(query, [image]), [score], rtol=1e-6)


def test_parts_are_computed_once_for_each_crop():
    network, predictor = pairs(batch=1)
    query, gallery = crops(1), crops(5, seed=1)
    scores = predictor.score(query, [*gallery, gallery[0].copy()])
    assert network.images == 6
    assert scores[0] == scores[5]
    predictor.score(query, gallery)
    assert network.images == 6
    # The same pixels in another shape are another crop.
    predictor.score(query, [gallery[0].reshape(gallery[0].shape[1], gallery[0].shape[0], 3)])
    assert network.images == 7


def test_remembered_parts_do_not_take_more_memory_than_allowed():
    network, predictor = pairs(batch=1, cache_bytes=3 * (4 * 8 * 4 + 4) * 4)
    gallery = crops(6, seed=1)
    predictor.score(gallery[:1], gallery)
    assert network.images == 6
    predictor.score(gallery[5:], gallery[3:])
    assert network.images == 6
    predictor.score(gallery[:1], gallery[5:])
    assert network.images == 7


def test_pairs_need_a_query_and_may_lack_a_gallery():
    _, predictor = pairs()
    assert predictor.score(crops(1), []).shape == (0,)
    with pytest.raises(NetworkError, match="no crop of the query"):
        predictor.score([], crops(1))


def test_crops_may_be_one_array():
    together = np.stack([np.full((9, 5, 3), grey, np.uint8) for grey in (10, 90, 200)])
    _, embedder = embedding()
    np.testing.assert_array_equal(embedder.embed(together), embedder.embed(list(together)))
    _, reranker = pairs()
    found = reranker.score(together[:1], together)
    np.testing.assert_array_equal(found, reranker.score([together[0]], list(together)))


def test_scores_that_are_nan_are_refused():
    network, predictor = pairs()
    network.conv.weight.fill_(float("nan"))
    with pytest.raises(NetworkError, match="NaN as a score"):
        predictor.score(crops(1), crops(2))


GRID = (4, 2)
TWO_CAMERAS = {"gate": 0, "hall": 1}


def vit(**config):
    torch.manual_seed(5)
    network = create_model(
        "transreid", width=16, depth=2, heads=2, image_size=(64, 32), jpm=False, **config
    )
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.3)
    table = TWO_CAMERAS if network.uses_cameras else {}
    card = ModelCard.of(network, camera_table=table)
    return EmbeddingPredictor(network, card, "cpu", "float32", 2)


def over_tokens(embedder, grid=GRID):
    torch.manual_seed(6)
    config = {"channels": 16, "grid": grid, "inner_channels": 4, "width": 8}
    network = create_model("cacenet", source="tokens", pooling="average", **config).eval()
    network.requires_grad_(False)
    card = ModelCard.of(network, requires_embedder="vit-1")
    return network, PairPredictor(network, card, "cpu", "float32", 2, embedder=embedder)


def test_maps_are_those_of_the_pass_that_makes_the_vectors():
    embedder = vit()
    images = crops(3)
    maps = embedder.maps(images)
    assert tuple(maps.shape) == (3, 16, *GRID)
    assert embedder.map_shape() == (16, *GRID)
    network = embedder._network
    pixels = torch.from_numpy(batch_of(images, (64, 32), 3))
    with torch.inference_mode():
        vectors, wanted = network.embed_with_map(normalised(pixels, network.mean, network.std))
    torch.testing.assert_close(maps, wanted, atol=1e-5, rtol=1e-5)
    np.testing.assert_allclose(embedder.embed(images), vectors, atol=1e-5)


def test_pairs_are_scored_by_the_tokens_of_the_embedder():
    embedder = vit(cameras=2)
    network, predictor = over_tokens(embedder)
    assert predictor.requires_embedder == "vit-1"
    query, gallery = crops(1), crops(5, seed=1)
    cameras = ["hall", "gate", "hall", None, "roof"]
    scores = predictor.score(query, gallery, ["gate"], cameras)
    with torch.inference_mode():
        left = network.parts_of_maps(embedder.maps(query, ["gate"]))
        right = network.parts_of_maps(embedder.maps(gallery, cameras))
        wanted = network.score(left, right)
    np.testing.assert_allclose(scores, wanted, atol=1e-5)
    assert len(set(scores.round(5).tolist())) == 5


def test_tokens_are_remembered_by_crop_and_camera(monkeypatch):
    embedder = vit(cameras=2)
    _, predictor = over_tokens(embedder)
    seen, maps = [], embedder.maps

    def counted(images, cameras=None, **options):
        seen.append(list(cameras))
        return maps(images, cameras, **options)

    monkeypatch.setattr(embedder, "maps", counted)
    gallery = crops(3, seed=1)
    first = predictor.score(gallery[:1], gallery, ["gate"], ["gate", "hall", "gate"])
    again = predictor.score(gallery[:1], gallery, ["gate"], ["gate", "hall", "gate"])
    assert seen == [["gate", "hall", "gate"]]
    np.testing.assert_array_equal(first, again)
    predictor.score(gallery[:1], gallery[:1], ["gate"], ["hall"])
    assert seen[1:] == [["hall"]], "another camera has other tokens"


def test_tokens_that_do_not_fit_or_cannot_be_had_are_refused():
    with pytest.raises(NetworkError, match="no embedder to make them"):
        over_tokens(None)
    with pytest.raises(NetworkError, match=r"8×4 places of length 16.*makes 4×2"):
        over_tokens(vit(), grid=(8, 4))
    _, plain = embedding()
    with pytest.raises(NetworkError, match="TinyEmbedder has no feature maps"):
        over_tokens(plain)
