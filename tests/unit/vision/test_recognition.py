"""The role of a weights file, found by loading it; and what its card tells."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from app.core.errors import ModelError
from app.core.networks import ModelFacts
from app.vision.model_files import measure_network
from app.vision.recognition import read_facts, recognise
from tests.onnx_files import truncate, write_embedder
from tests.tiny_model_files import save_nformer, save_resnet_cacenet, save_transreid
from tests.tiny_networks import save_detector


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    torch.set_num_threads(1)


def test_model_files_tell_their_role_and_are_loaded(tmp_path: Path) -> None:
    files = {
        "embedder": save_transreid,
        "aggregator": save_nformer,
        "reranker": save_resnet_cacenet,
    }
    for role, save in files.items():
        path = tmp_path / f"{role}.safetensors"
        save(path)
        assert recognise(path, device="cpu") == role
    with pytest.raises(ModelError, match="has the role embedder, not reranker"):
        recognise(tmp_path / "embedder.safetensors", "reranker", "cpu")
    for path in tmp_path.iterdir():
        with pytest.raises(ModelError):
            recognise(truncate(path, 0.9), device="cpu")


def test_onnx_files_are_told_apart(tmp_path: Path) -> None:
    embedder = write_embedder(tmp_path / "net.onnx")
    detector = save_detector(tmp_path / "people.onnx")
    assert recognise(embedder, device="cpu") == "embedder"
    assert recognise(detector, device="cpu") == "detector"
    with pytest.raises(ModelError, match="is not a detector"):
        recognise(embedder, "detector", "cpu")
    neither = write_embedder(tmp_path / "map.onnx", output="nan")
    with pytest.raises(ModelError, match="neither as embedder nor as detector") as caught:
        recognise(neither, device="cpu")
    assert "As embedder: " in caught.value.message and "As detector: " in caught.value.message


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("weights")
    with pytest.raises(ModelError, match=r"notes\.txt is no weights file"):
        recognise(path)


def test_a_detector_is_measured_by_frames(tmp_path: Path) -> None:
    figures = measure_network(save_detector(tmp_path / "people.onnx"), "detector", "cpu")
    assert figures.unit == "frame" and figures.ms is not None and figures.ms > 0


def test_facts_stand_in_the_card_or_beside_the_file(tmp_path: Path) -> None:
    model = tmp_path / "net.safetensors"
    card = save_nformer(model, requires="transreid-1")
    assert read_facts(model, "aggregator") == ModelFacts("nformer", "transreid-1", (), "", {})
    assert card.requires_embedder == "transreid-1"
    detector = tmp_path / "people.onnx"
    assert read_facts(detector, "detector") == ModelFacts()
    beside = tmp_path / "people.onnx.card.toml"
    beside.write_text(
        'trained_on = ["rendered scenes"]\nterms = "AGPL-3.0"\nseed = 7\n'
        "[metrics]\nprecision = 0.9\n"
    )
    assert read_facts(detector, "detector") == ModelFacts(
        "", None, ("rendered scenes",), "AGPL-3.0", {"precision": 0.9}, seed=7
    )
    beside.write_text("trained_on = 7\n")
    with pytest.raises(ModelError, match=r"people\.onnx\.card\.toml cannot be read"):
        read_facts(detector, "detector")
