"""Embedders as the services get them."""

import numpy as np
import pytest

from app.core.errors import ModelError
from app.core.networks import WEIGHTS_SUFFIXES
from app.vision.embedders import ModelFileEmbedder, PictureEmbedder
from app.vision.network_files import KnownNetworkFiles
from reid_models.picture_model import PictureModel
from tests.tiny_model_files import save_nformer, save_transreid
from tests.tiny_networks import save_embedder

load = KnownNetworkFiles().embedder


def test_an_onnx_file_is_loaded_and_embeds_like_its_model(tmp_path):
    path = save_embedder(tmp_path / "net.ONNX")
    embedder = load(path, "cpu")
    assert isinstance(embedder, PictureEmbedder)
    model = PictureModel(path, "cpu")
    crops = [np.random.default_rng(1).integers(0, 256, (50, 20, 3), dtype=np.uint8)]
    np.testing.assert_array_equal(embedder.embed(crops, ["cam1"]), model.embed(crops))
    assert (embedder.id, embedder.dimension) == (model.id, model.dimension)


def test_what_is_wrong_with_a_network_is_told_to_the_user(tmp_path):
    with pytest.raises(ModelError, match="NaN") as caught:
        load(save_embedder(tmp_path / "net.onnx", poison=float("nan")), "cpu")
    assert caught.value.message
    assert caught.value.remedy


def test_other_endings_are_answered_with_the_known_ones(tmp_path):
    for name in ("weights.pt", "weights"):
        with pytest.raises(ModelError) as caught:
            load(tmp_path / name)
        assert name in caught.value.message
        assert all(ending in caught.value.remedy for ending in WEIGHTS_SUFFIXES["embedder"])


def a_crop(seed=1):
    return np.random.default_rng(seed).integers(0, 256, (50, 20, 3), dtype=np.uint8)


def test_a_published_checkpoint_is_answered_with_the_way_to_convert_it(tmp_path):
    with pytest.raises(ModelError) as caught:
        load(tmp_path / "transformer_120.pth")
    assert "`python -m trainer convert` makes one of a published .pth" in caught.value.remedy


def test_a_model_file_is_named_by_its_card_and_maps_cameras_by_name(tmp_path):
    card = save_transreid(tmp_path / "net.safetensors")
    embedder = load(tmp_path / "net.safetensors", "cpu")
    assert isinstance(embedder, ModelFileEmbedder)
    assert (embedder.id, embedder.dimension) == (card.id, 32)
    first, second, mean = embedder.embed([a_crop()] * 3, ["cam1", "cam2", "roof"], urgent=True)
    np.testing.assert_array_equal(embedder.embed([a_crop()])[0], mean)
    assert min(first @ mean, second @ mean) > first @ second
    assert first @ second < 0.99


def test_an_unknown_camera_that_is_refused_is_told_to_the_user(tmp_path):
    save_transreid(tmp_path / "net.safetensors", unknown_camera="error")
    embedder = load(tmp_path / "net.safetensors", "cpu")
    assert embedder.embed([a_crop()], ["cam2"]).shape == (1, 32)
    with pytest.raises(ModelError, match='camera "roof"') as caught:
        embedder.embed([a_crop()], ["roof"])
    assert "cam1, cam2" in caught.value.remedy


def test_a_model_file_of_another_role_is_told_to_the_user(tmp_path):
    save_nformer(tmp_path / "net.safetensors")
    with pytest.raises(ModelError, match="has the role aggregator") as caught:
        load(tmp_path / "net.safetensors", "cpu")
    assert caught.value.role == "embedder"
