"""Embedders through OpenVINO: PyTorch's vectors, one conversion, and what PyTorch has to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from reid_models import compiled as compiled_module
from reid_models.compiled import CompiledEmbedder, compiled
from reid_models.model_card import ModelCard
from reid_models.model_file import load_model, save_model
from reid_models.predictors import EmbeddingPredictor
from reid_models.rrid import RRID, RRIDConfig
from reid_models.transreid import TransReID, TransReIDConfig
from tests.conftest import ExpectedLogs


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(compiled_module, "user_cache_path", lambda _: tmp_path / "cache")
    return tmp_path / "cache"


def test_its_vectors_are_those_of_pytorch(tmp_path: Path, cache: Path) -> None:
    network, predictor = _from_file(tmp_path)
    assert predictor._compiled is not None
    crop = np.random.default_rng(0).integers(0, 256, (96, 48, 3)).astype(np.uint8)
    plain = EmbeddingPredictor(network, ModelCard.of(network), "cpu", "float32")
    assert plain._compiled is None  # not of a file
    assert np.allclose(predictor.embed([crop] * 3), plain.embed([crop] * 3), atol=1e-4)


def test_the_second_start_takes_what_the_first_converted(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _from_file(tmp_path)
    (folder,) = (cache / "compiled").iterdir()
    assert sorted(each.name for each in folder.iterdir()) == ["embedder.bin", "embedder.xml"]

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("converted again")

    monkeypatch.setattr("openvino.convert_model", refuse)
    _, predictor = _from_file(tmp_path)
    assert predictor._compiled is not None


def test_a_damaged_copy_is_converted_again(tmp_path: Path, cache: Path) -> None:
    _from_file(tmp_path)
    (folder,) = (cache / "compiled").iterdir()
    weights = folder / "embedder.bin"
    weights.write_bytes(bytes(weights.stat().st_size))
    _, predictor = _from_file(tmp_path)
    assert predictor._compiled is not None
    assert weights.read_bytes().strip(b"\0")


def test_what_openvino_cannot_do_pytorch_does(
    tmp_path: Path,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    expected_logs: ExpectedLogs,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no such layer")

    monkeypatch.setattr("openvino.convert_model", refuse)
    expected_logs("runs in PyTorch, since OpenVINO cannot: no such layer")
    _, predictor = _from_file(tmp_path)
    assert predictor._compiled is None
    assert predictor.embed([np.zeros((8, 8, 3), np.uint8)]).shape == (1, predictor.dimension)


def test_networks_that_know_cameras_stay_with_pytorch(cache: Path) -> None:
    config = TransReIDConfig(
        variant="deit_tiny", depth=2, image_size=(64, 32), jpm=False, cameras=2
    )
    assert compiled(TransReID(config).eval(), "id", 4, "float32") is None


def test_it_takes_batches_of_its_size(tmp_path: Path, cache: Path) -> None:
    network, _ = _from_file(tmp_path)
    embedder = CompiledEmbedder(network, "another", 2, "float32")
    crops = torch.randn(2, 3, 96, 32)
    with torch.inference_mode():
        assert torch.allclose(embedder.embed(crops), network.embed(crops), atol=1e-4)


def _from_file(folder: Path) -> tuple[RRID, EmbeddingPredictor]:
    torch.manual_seed(0)
    network = RRID(RRIDConfig("resnet10t", (96, 32), "S", width=8)).eval()
    path = folder / "rrid.safetensors"
    save_model(path, network, ModelCard.of(network))
    loaded, card = load_model(path)
    assert isinstance(loaded, RRID)
    return loaded, EmbeddingPredictor(loaded, card, "cpu", "float32")
