"""Embedders as the services get them."""

import numpy as np
import pytest

from app.core.errors import ModelError
from app.vision.embedders import EMBEDDERS, OnnxEmbedder, load_embedder
from reid_models.onnx_model import OnnxModel
from tests.tiny_networks import save_embedder


def test_an_onnx_file_is_loaded_and_embeds_like_its_model(tmp_path):
    path = save_embedder(tmp_path / "net.ONNX")
    embedder = load_embedder(path, "cpu")
    assert isinstance(embedder, OnnxEmbedder)
    model = OnnxModel(path, "cpu")
    crops = [np.random.default_rng(1).integers(0, 256, (50, 20, 3), dtype=np.uint8)]
    np.testing.assert_array_equal(embedder.embed(crops, ["cam1"]), model.embed(crops))
    assert (embedder.id, embedder.dimension) == (model.id, model.dimension)


def test_what_is_wrong_with_a_network_is_told_to_the_user(tmp_path):
    with pytest.raises(ModelError, match="NaN") as caught:
        load_embedder(save_embedder(tmp_path / "net.onnx", poison=float("nan")), "cpu")
    assert caught.value.message
    assert caught.value.remedy


def test_other_endings_are_answered_with_the_known_ones(tmp_path):
    for name in ("weights.pt", "weights"):
        with pytest.raises(ModelError) as caught:
            load_embedder(tmp_path / name)
        assert name in caught.value.message
        assert all(ending in caught.value.remedy for ending in EMBEDDERS)
