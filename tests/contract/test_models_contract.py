"""What holds for every network of the registry, tried with small ones and random weights."""

import numpy as np
import pytest
import torch
from torch import nn

from reid_models.errors import NetworkError
from reid_models.interfaces import UNKNOWN_CAMERA, ReIDOutput
from reid_models.model_card import ModelCard
from reid_models.model_file import load_model, save_model
from reid_models.onnx_export import export_onnx
from reid_models.predictors import AggregationPredictor, EmbeddingPredictor, PairPredictor
from reid_models.registry import MODELS, create_model, list_models
from reid_models.summary import summarise

VIT = {"variant": "deit_tiny", "width": 48, "depth": 2, "heads": 2, "image_size": [64, 32]}
# Small settings of each network; a new network gets its line here.
SMALL = {
    "transreid": [
        VIT | {"jpm_chunks": 2},
        VIT | {"cameras": 3, "jpm": False, "neck_feature": "after", "stride": 12},
        VIT | {"cameras": 3, "jpm": False, "stem": "conv", "unknown_camera": "none"},
        VIT | {"cameras": 3, "views": 2, "jpm_chunks": 2, "gallery_vector": "full"},
    ],
    "xreid": [VIT, VIT | {"deployed": True}],
    "rrid": [
        {"backbone": "resnet10t", "image_size": [192, 64], "width": 16},
        {"backbone": "resnet10t", "image_size": [96, 48], "variant": "S", "contrast": "paper"},
    ],
    "nformer_encoder": [{"encoder": "resnet10t", "embedding_dim": 16, "image_size": [64, 32]}],
    "nformer": [
        {"embedding_dim": 16, "layers": 2, "neighbors": 5, "landmarks": 3},
        {"embedding_dim": 16, "layers": 1, "neighbors": 5, "normalize_input": "never"},
    ],
    "cacenet": [
        {"backbone": "resnet10t", "non_local": False, "image_size": [64, 32], "width": 16},
        {
            "backbone": "resnet10t",
            "non_local": False,
            "image_size": [64, 32],
            "width": 16,
            "graph": "paper",
            "pooling": "average",
        },
    ],
}


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other take longer than these products do on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def cases(role):
    return [
        pytest.param(name, settings, id=f"{name}-{number}")
        for name in list_models(role)
        for number, settings in enumerate(SMALL.get(name, []))
    ]


def lively(network, seed=0):
    """Weights of a network that has learned: no zeros left, norms with statistics of their own."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
            elif not tensor.is_floating_point():
                continue
            elif name.endswith("running_mean") or tensor.abs().max() == 0:
                tensor.normal_(0, 0.05, generator=generator)
    return network.eval()


def built(name, settings):
    torch.manual_seed(7)
    return lively(create_model(name, **settings))


def pictures(network, count=4, seed=3):
    generator = torch.Generator().manual_seed(seed)
    blocks = torch.rand(count, 3, 8, 4, generator=generator) * 4 - 2
    return nn.functional.interpolate(blocks, network.input_size_px)


def crops(count=5, seed=3):
    noise = np.random.default_rng(seed)
    sizes = [(90, 40), (64, 32), (200, 77), (31, 12), (64, 32)]
    return [
        np.repeat(np.repeat(noise.integers(0, 256, (8, 4, 3), dtype=np.uint8), 12, 0), 9, 1)[
            : sizes[i % 5][0], : sizes[i % 5][1]
        ]
        for i in range(count)
    ]


def ids_of(network, count):
    cameras = torch.arange(count) % 3 if network.uses_cameras else None
    views = torch.arange(count) % 2 if network.uses_views else None
    return cameras, views


def table_of(network):
    return {"c1": 0, "c2": 1, "c3": 2} if network.uses_cameras else {}


def test_every_network_is_tried_here():
    assert set(SMALL) == set(MODELS)


@pytest.mark.parametrize(("name", "settings"), cases("embedder"))
@torch.inference_mode()
def test_embedders_give_unit_vectors_that_depend_on_their_own_image_only(name, settings):
    network = built(name, settings)
    images = pictures(network)
    cameras, views = ids_of(network, 4)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    vectors = network.embed(images, cameras, views)
    assert vectors.shape == (4, network.embedding_dim)
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(4))
    assert (vectors[0] - vectors[1]).abs().max() > 1e-4
    assert torch.equal(vectors, network.embed(images, cameras, views))
    for row in range(4):
        one = slice(row, row + 1)
        alone = network.embed(
            images[one],
            None if cameras is None else cameras[one],
            None if views is None else views[one],
        )
        torch.testing.assert_close(alone[0], vectors[row], atol=1e-5, rtol=0)
    for key, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[key])


@pytest.mark.parametrize(("name", "settings"), cases("embedder"))
def test_embedders_return_the_same_kind_in_training_and_evaluation(name, settings):
    network = built(name, {**settings, "identities": 6})
    cameras, views = ids_of(network, 4)
    for mode in (network.train(), network.eval()):
        output = mode(pictures(network), cameras, views)
        assert isinstance(output, ReIDOutput)
        assert output.logits
        assert all(feature.shape[0] == 4 for feature in output.features)
        assert all(logits.shape == (4, 6) for logits in output.logits)
    output = network.train()(pictures(network), cameras, views)
    sum(each.square().mean() for each in (*output.features, *output.logits)).backward()
    gradients = [each.grad for each in network.parameters() if each.grad is not None]
    assert gradients
    assert all(torch.isfinite(each).all() for each in gradients)


@pytest.mark.parametrize(("name", "settings"), cases("embedder"))
def test_images_of_another_size_are_refused(name, settings):
    network = built(name, settings)
    height, width = network.input_size_px
    with pytest.raises(NetworkError):
        network.embed(torch.zeros(1, 3, height + 32, width))


@pytest.mark.parametrize("resnet", ["resnet10t", "resnet18"])
@pytest.mark.parametrize(
    ("name", "key", "settings"),
    [
        ("rrid", "backbone", {"width": 16}),
        ("nformer_encoder", "encoder", {"embedding_dim": 16}),
        ("cacenet", "backbone", {"non_local": False, "width": 16}),
    ],
)
@torch.inference_mode()
def test_light_resnets_at_192_by_96_suit_computers_without_a_gpu(name, key, settings, resnet):
    network = built(name, settings | {key: resnet, "image_size": [192, 96]})
    images = pictures(network, 2)
    if MODELS[name].role == "embedder":
        assert network.embed(images).shape == (2, network.embedding_dim)
    else:
        parts = network.parts(images)
        assert parts.places.shape[1] == 12 * 6
        assert network.score(parts, parts).shape == (2,)
    assert sum(each.numel() for each in network.parameters()) < 15e6


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize(("name", "settings"), cases("embedder"))
def test_a_predictors_vector_does_not_depend_on_the_other_crops(name, settings, precision):
    network = built(name, settings)
    card = ModelCard.of(network, camera_table=table_of(network))
    predictor = EmbeddingPredictor(network, card, "cpu", precision)
    cameras = ["c1", "c2", "c3", "roof", None]
    together = predictor.embed(crops(), cameras)
    assert together.shape == (5, predictor.dimension)
    for row, (crop, camera) in enumerate(zip(crops(), cameras, strict=True)):
        np.testing.assert_array_equal(predictor.embed([crop], [camera])[0], together[row])
    # In larger batches a crop's place may change the last bit, its companions do not.
    batches = EmbeddingPredictor(network, card, "cpu", precision, batch=3)
    near = batches.embed(crops(), cameras)
    np.testing.assert_array_equal(near, batches.embed(crops(), cameras))
    np.testing.assert_array_equal(near[:1], batches.embed(crops()[:1], cameras[:1]))
    np.testing.assert_array_equal(near[3:], batches.embed(crops()[3:], cameras[3:]))
    np.testing.assert_allclose(near, together, atol=1e-6 if precision == "float32" else 0.02)


@pytest.mark.parametrize(("name", "settings"), cases("embedder"))
def test_bf16_vectors_are_near_those_of_float32(name, settings):
    network = built(name, settings)
    card = ModelCard.of(network, camera_table=table_of(network))
    exact = EmbeddingPredictor(network, card, "cpu", "float32").embed(crops())
    coarse = EmbeddingPredictor(network, card, "cpu", "bf16").embed(crops())
    assert not np.array_equal(exact, coarse)
    assert (exact * coarse).sum(axis=1).min() >= 0.999


@pytest.mark.parametrize(("name", "settings"), cases("embedder"))
@torch.inference_mode()
def test_an_unknown_camera_never_is_an_index_error(name, settings):
    network = built(name, settings)
    images = pictures(network, 1).expand(4, -1, -1, -1)
    unknown = network.embed(images)
    strange = network.embed(images, torch.tensor([UNKNOWN_CAMERA, 99, -7, 3]))
    torch.testing.assert_close(strange, unknown, atol=1e-6, rtol=0)
    cameras, views = ids_of(network, 4)
    known = network.embed(images, cameras, views)
    assert torch.allclose(known, unknown, atol=1e-6) == (not network.uses_cameras)


@pytest.mark.parametrize("kind", ["mean", "none", "error"])
@pytest.mark.parametrize(
    "name", [name for name in list_models("embedder") if name in ("transreid", "xreid")]
)
@torch.inference_mode()
def test_networks_with_cameras_say_what_an_unknown_one_gets(name, kind):
    settings = VIT | {"cameras": 3, "unknown_camera": kind}
    network = built(name, settings | ({"jpm": False} if name == "transreid" else {}))
    assert network.unknown_camera == kind
    image = pictures(network, 1)
    if kind == "error":
        with pytest.raises(NetworkError):
            network.embed(image, torch.tensor([UNKNOWN_CAMERA]))
        with pytest.raises(NetworkError):
            network.embed(image)
        return
    unknown = network.embed(image, torch.tensor([UNKNOWN_CAMERA]))
    assert torch.equal(unknown, network.embed(image))
    for camera in range(3):
        assert not torch.allclose(unknown, network.embed(image, torch.tensor([camera])))


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(("name", "settings"), cases(None))
def test_a_saved_network_comes_back(name, settings, half, tmp_path):
    network = built(name, settings)
    path = tmp_path / "net.safetensors"
    card = save_model(path, network, ModelCard.of(network), half=half)
    again, read = load_model(path, role=MODELS[name].role)
    assert read == card
    assert again.config == network.config
    assert not again.training
    for key, tensor in network.state_dict().items():
        other = again.state_dict()[key]
        assert other.dtype == tensor.dtype
        torch.testing.assert_close(
            other, tensor, rtol=1e-3 if half else 0, atol=1e-6 if half else 0
        )


@pytest.mark.parametrize("name", list_models("embedder"))
def test_the_onnx_file_of_an_embedder_gives_its_vectors(name, tmp_path):
    # An export takes seconds: one for each network.
    report = export_onnx(built(name, SMALL[name][-1]), tmp_path / "net.onnx")
    assert report.largest_difference < 1e-4
    assert report.lowest_cosine > 0.99999


@pytest.mark.parametrize(("name", "settings"), cases("aggregator"))
def test_aggregators_keep_order_and_length(name, settings):
    network = built(name, settings)
    vectors = nn.functional.normalize(torch.randn(30, 16), dim=1)
    refined = network.refine(vectors, seed=1)
    assert refined.shape == (30, 16)
    assert refined.dtype == torch.float32
    assert torch.isfinite(refined).all()
    assert torch.equal(refined, network.refine(vectors, seed=1))
    predictor = AggregationPredictor(network, ModelCard.of(network), "cpu")
    found = predictor.refine(vectors.numpy(), seed=1)
    np.testing.assert_allclose(found, nn.functional.normalize(refined, dim=1), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize(("name", "settings"), cases("aggregator"))
def test_aggregators_take_fewer_vectors_than_they_have_neighbours(name, settings, count):
    network = built(name, settings)
    vectors = torch.randn(count, 16).numpy()
    predictor = AggregationPredictor(network, ModelCard.of(network), "cpu")
    assert predictor.refine(vectors).shape == (count, 16)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize(("name", "settings"), cases("reranker"))
def test_rerankers_score_each_pair_by_itself(name, settings, precision):
    network = built(name, settings)
    predictor = PairPredictor(network, ModelCard.of(network), "cpu", precision, batch=2)
    query, *gallery = crops(6)
    scores = predictor.score([query], gallery)
    assert scores.shape == (5,)
    assert np.isfinite(scores).all()
    assert np.ptp(scores) > 0
    np.testing.assert_array_equal(scores, predictor.score([query], gallery))
    for crop, score in zip(gallery, scores, strict=True):
        alone = predictor.score([query], [crop])
        np.testing.assert_allclose(alone, [score], atol=1e-6 if precision == "float32" else 0.02)
    exact = PairPredictor(network, ModelCard.of(network), "cpu", "float32").score([query], gallery)
    np.testing.assert_allclose(scores, exact, atol=1e-6 if precision == "float32" else 0.02)


@pytest.mark.parametrize(("name", "settings"), cases("reranker"))
@torch.inference_mode()
def test_a_rerankers_parts_are_those_of_each_image(name, settings):
    network = built(name, settings)
    images = pictures(network)
    together = network.parts(images)
    for row in range(4):
        alone = network.parts(images[row : row + 1])
        for part, one in zip(together, alone, strict=True):
            torch.testing.assert_close(part[row : row + 1], one, atol=1e-5, rtol=1e-4)
    one = tuple(part[:1] for part in together)
    repeated = tuple(part[:1].expand_as(part) for part in together)
    torch.testing.assert_close(network.score(one, together), network.score(repeated, together))


@pytest.mark.parametrize(("name", "settings"), cases(None))
def test_every_network_can_be_summarised(name, settings):
    network = built(name, settings)
    summary = summarise(network, "cpu", "float32", runs=1)
    assert summary.parameters == sum(each.numel() for each in network.parameters())
    assert summary.gflops > 0
    assert summary.ms is not None
    assert summary.architecture == name
