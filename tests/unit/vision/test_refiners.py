"""Aggregators and re-rankers of model files, and what such files say of themselves."""

import subprocess
import sys

import numpy as np
import pytest

from app.core.errors import ModelError
from app.core.networks import WEIGHTS_SUFFIXES, NetworkCard
from app.vision.network_files import KnownNetworkFiles
from tests.tiny_model_files import (
    save_nformer,
    save_resnet_cacenet,
    save_token_cacenet,
    save_transreid,
)
from tests.tiny_networks import save_embedder

FILES = KnownNetworkFiles()


def never():
    raise AssertionError("the embedder is not needed")


def crops(count, seed=0):
    noise = np.random.default_rng(seed)
    return [noise.integers(0, 256, (60, 30, 3), dtype=np.uint8) for _ in range(count)]


def test_an_aggregator_gives_unit_vectors_and_one_answer(tmp_path):
    save_nformer(tmp_path / "net.safetensors")
    aggregator = FILES.aggregator(tmp_path / "net.safetensors", "cpu")
    vectors = np.random.default_rng(0).standard_normal((9, 32)).astype(np.float32)
    refined = aggregator.aggregate(vectors)
    np.testing.assert_allclose(np.linalg.norm(refined, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(aggregator.aggregate(vectors), refined)
    with pytest.raises(ModelError, match=r"takes \(n, 32\)"):
        aggregator.aggregate(vectors[:, :5])


def test_a_reranker_with_its_own_backbone_does_without_the_embedder(tmp_path):
    save_resnet_cacenet(tmp_path / "net.safetensors")
    reranker = FILES.reranker(tmp_path / "net.safetensors", "cpu", never)
    scores = reranker.score(crops(1), crops(3, seed=1), "cam1", ["cam1", "cam2", "cam1"])
    assert scores.shape == (3,)
    assert np.isfinite(scores).all()


def test_a_reranker_over_tokens_takes_those_of_the_camera(tmp_path):
    save_transreid(tmp_path / "embedder.safetensors")
    save_token_cacenet(tmp_path / "net.safetensors")
    embedder = FILES.embedder(tmp_path / "embedder.safetensors", "cpu")
    reranker = FILES.reranker(tmp_path / "net.safetensors", "cpu", lambda: embedder)
    query, gallery = crops(1), crops(1, seed=1)
    one = reranker.score(query, gallery, "cam1", ["cam1"])
    np.testing.assert_array_equal(one, reranker.score(query, gallery, "cam1", ["cam1"]))
    assert one[0] != reranker.score(query, gallery, "cam1", ["cam2"])[0]


def test_tokens_that_cannot_be_had_are_told_to_the_user(tmp_path):
    save_token_cacenet(tmp_path / "net.safetensors")
    onnx = FILES.embedder(save_embedder(tmp_path / "net.onnx"), "cpu")
    with pytest.raises(ModelError, match="does not provide"):
        FILES.reranker(tmp_path / "net.safetensors", "cpu", lambda: onnx)


@pytest.mark.parametrize(
    "load",
    [FILES.aggregator, lambda path: FILES.reranker(path, "cpu", never)],
    ids=["aggr", "rerank"],
)
def test_other_files_are_refused(load, tmp_path):
    (tmp_path / "net.pth").touch()
    with pytest.raises(ModelError, match="cannot be used as") as caught:
        load(tmp_path / "net.pth")
    assert all(ending in caught.value.remedy for ending in WEIGHTS_SUFFIXES["reranker"])
    save_transreid(tmp_path / "net.safetensors")
    with pytest.raises(ModelError, match="has the role embedder"):
        load(tmp_path / "net.safetensors")


def test_a_card_is_read_without_torch(tmp_path):
    path = tmp_path / "net.safetensors"
    wanted = save_nformer(path, "transreid-1")
    card = FILES.card(path, "aggregator")
    assert (card.requires_embedder, card.dimension) == ("transreid-1", 32)
    assert FILES.identify(path, "aggregator").id == wanted.id
    assert FILES.card(tmp_path / "any.onnx", "embedder") == NetworkCard()
    code = (
        "import sys, pathlib; from app.vision.network_files import KnownNetworkFiles\n"
        "KnownNetworkFiles().card(pathlib.Path(sys.argv[1]), 'aggregator')\n"
        "raise SystemExit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


@pytest.mark.parametrize("role", ["embedder", "reranker"])
def test_a_card_of_another_role_or_none_is_told(role, tmp_path):
    path = tmp_path / "net.safetensors"
    save_nformer(path)
    with pytest.raises(ModelError, match=f"not {role}") as caught:
        FILES.card(path, role)
    assert caught.value.role == role
    with pytest.raises(ModelError, match="cannot be read"):
        FILES.card(tmp_path / "missing.safetensors", role)


def test_what_networks_cost_is_measured(tmp_path):
    save_transreid(tmp_path / "net.safetensors")
    figures = FILES.measure(tmp_path / "net.safetensors", "embedder", "cpu")
    assert (figures.architecture, figures.vector_size, figures.unit) == ("transreid", 32, "crop")
    assert figures.parameters > 0 < figures.gflops
    assert figures.ms > 0
    plain = FILES.measure(save_embedder(tmp_path / "net.onnx"), "embedder", "cpu")
    assert (plain.architecture, plain.vector_size, plain.parameters) == ("ONNX", 12, None)
    assert plain.ms > 0
    with pytest.raises(ModelError, match="cannot be read"):
        FILES.measure(tmp_path / "gone.safetensors", "embedder", "cpu")
