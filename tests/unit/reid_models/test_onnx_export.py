"""The export is what the application's own ONNX reader can use, with the same vectors."""

import numpy as np
import pytest
import torch

from reid_models import onnx_export
from reid_models.errors import NetworkError
from reid_models.model_card import ModelCard
from reid_models.onnx_export import export_onnx
from reid_models.picture_model import PictureModel
from reid_models.predictors import EmbeddingPredictor
from tests.tiny_torch_networks import tiny_embedder

pytestmark = pytest.mark.usefixtures("tiny_entries")


def test_the_file_gives_the_networks_vectors(tmp_path):
    network = tiny_embedder(cameras=2, image_size=(40, 24))
    path = tmp_path / "tiny.onnx"
    report = export_onnx(network, path, crops=5)
    assert report.crops == 5
    assert report.largest_difference < 1e-5
    assert report.lowest_cosine > 0.99999
    assert sorted(file.name for file in tmp_path.iterdir()) == ["tiny.onnx", "tiny.onnx.toml"]
    model = PictureModel(path, "cpu", "float32")
    assert model.card.input_size_px == (40, 24)
    assert model.card.std == network.std
    noise = np.random.default_rng(5)
    images = [noise.integers(0, 256, (60, 30 + i, 3), dtype=np.uint8) for i in range(4)]
    ours = EmbeddingPredictor(network, ModelCard.of(network), "cpu", "float32").embed(images)
    np.testing.assert_allclose(model.embed(images), ours, atol=1e-5)


def test_batches_may_have_any_size(tmp_path):
    from reid_models.sessions import import_onnxruntime

    path = tmp_path / "tiny.onnx"
    network = tiny_embedder()
    export_onnx(network, path)
    session = import_onnxruntime().InferenceSession(str(path))
    for count in (1, 2, 7):
        images = torch.randn(count, 3, 32, 16)
        vectors = session.run(["vectors"], {"crops": images.numpy()})[0]
        with torch.inference_mode():
            np.testing.assert_allclose(vectors, network.embed(images), atol=1e-5)


def test_a_network_that_refuses_unknown_cameras_is_not_exported(tmp_path):
    network = tiny_embedder(cameras=2, unknown_camera="error")
    with pytest.raises(NetworkError, match="refuses unknown cameras"):
        export_onnx(network, tmp_path / "tiny.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_file_with_other_vectors_is_not_kept(tmp_path, monkeypatch):
    network = tiny_embedder()
    write = onnx_export._write_network

    def write_another(_, path):
        other = tiny_embedder()
        with torch.no_grad():
            other.linear.weight[0] += 3
        write(other, path)

    monkeypatch.setattr(onnx_export, "_write_network", write_another)
    with pytest.raises(NetworkError, match="returns other vectors"):
        export_onnx(network, tmp_path / "tiny.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(NetworkError, match="nowhere"):
        export_onnx(tiny_embedder(), tmp_path / "nowhere" / "tiny.onnx")
