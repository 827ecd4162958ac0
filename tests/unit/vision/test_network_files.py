"""The role of a weights file, found by loading it; and what its card tells."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from app.core.entities import Detections, Image, ModelFile
from app.core.errors import ModelError
from app.core.networks import NetworkCard
from app.vision import network_files
from app.vision.network_files import DETECTORS, KnownNetworkFiles
from tests.onnx_files import truncate, write_embedder
from tests.tiny_model_files import save_nformer, save_resnet_cacenet, save_transreid
from tests.tiny_networks import save_detector

FILES = KnownNetworkFiles()


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
        assert FILES.recognise(path, device="cpu") == role
    with pytest.raises(ModelError, match="has the role embedder .*, not reranker"):
        FILES.recognise(tmp_path / "embedder.safetensors", "reranker", "cpu")
    for path in tmp_path.iterdir():
        with pytest.raises(ModelError):
            FILES.recognise(truncate(path, 0.9), device="cpu")


def test_onnx_files_are_told_apart(tmp_path: Path) -> None:
    embedder = write_embedder(tmp_path / "net.onnx")
    detector = save_detector(tmp_path / "people.onnx")
    assert FILES.recognise(embedder, device="cpu") == "embedder"
    assert FILES.recognise(detector, device="cpu") == "detector"
    with pytest.raises(ModelError, match="is not a detector"):
        FILES.recognise(embedder, "detector", "cpu")
    neither = write_embedder(tmp_path / "map.onnx", output="nan")
    with pytest.raises(ModelError, match="in any role. As embedder: .*As detector: ") as caught:
        FILES.recognise(neither, device="cpu")
    assert "As embedder: " in caught.value.message and "As detector: " in caught.value.message


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("weights")
    with pytest.raises(ModelError, match=r"notes\.txt is not a weights file"):
        FILES.recognise(path)


def test_a_detector_is_measured_by_frames(tmp_path: Path) -> None:
    figures = FILES.measure(save_detector(tmp_path / "people.onnx"), "detector", "cpu")
    assert figures.unit == "frame" and figures.ms is not None and figures.ms > 0


def test_facts_stand_in_the_card_or_beside_the_file(tmp_path: Path) -> None:
    model = tmp_path / "net.safetensors"
    card = save_nformer(model, requires="transreid-1")
    assert FILES.card(model, "aggregator") == NetworkCard("nformer", "transreid-1", dimension=32)
    assert card.requires_embedder == "transreid-1"
    detector = tmp_path / "people.onnx"
    assert FILES.card(detector, "detector") == NetworkCard()
    beside = tmp_path / "people.onnx.card.toml"
    beside.write_text(
        'trained_on = ["rendered scenes"]\nterms = "AGPL-3.0"\nseed = 7\n'
        "[metrics]\nprecision = 0.9\n"
    )
    assert FILES.card(detector, "detector") == NetworkCard(
        "", None, ("rendered scenes",), "AGPL-3.0", {"precision": 0.9}, seed=7
    )
    beside.write_text("trained_on = 7\n")
    with pytest.raises(ModelError, match=r"people\.onnx\.card\.toml cannot be read"):
        FILES.card(detector, "detector")


def test_a_large_file_is_read_once_unless_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[tuple[Path, ...]] = []
    real = network_files.sha256_of

    def counted(*paths: Path) -> str:
        read.append(paths)
        return real(*paths)

    monkeypatch.setattr(network_files, "sha256_of", counted)
    file = tmp_path / "yolo.onnx"
    file.write_bytes(b"weights")
    files = KnownNetworkFiles()
    first = files.identify(file, "detector")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert first == ModelFile(f"yolo-{digest[:12]}", file, digest)
    assert files.identify(file, "detector") == first
    assert len(read) == 1
    file.write_bytes(b"other weights")
    assert files.identify(file, "detector").sha256 != first.sha256
    ir = tmp_path / "net.xml"
    ir.write_bytes(b"<net>")
    with pytest.raises(ModelError, match=r"net\.bin cannot be read"):
        files.identify(ir, "embedder")
    ir.with_suffix(".bin").write_bytes(b"numbers")
    assert files.identify(ir, "embedder").sha256 == hashlib.sha256(b"<net>numbers").hexdigest()


class StripeDetector:
    """A second kind of detector for .onnx, which knows its files by their content."""

    architecture = "stripes"

    @staticmethod
    def reads(path: Path) -> bool:
        return path.suffix == ".onnx" and path.is_file() and path.read_bytes()[:7] == b"stripes"

    def __init__(self, path: Path, device: str) -> None:
        self.id = path.stem
        self.batch_size = 1

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        box = np.array([[0, 0, 10, 20]], np.float32)
        return [Detections(box, np.ones(1, np.float32)) for _ in images]


def test_a_second_detector_for_an_ending_is_a_class_and_a_line(tmp_path: Path) -> None:
    files = KnownNetworkFiles((StripeDetector, *DETECTORS))
    striped = tmp_path / "zebra.onnx"
    striped.write_bytes(b"stripes of a zebra")
    usual = save_detector(tmp_path / "people.onnx")
    assert files.reads(striped, "detector") and files.reads(usual, "detector")
    assert files.recognise(striped, device="cpu") == "detector"
    assert isinstance(files.detector(striped, "cpu"), StripeDetector)
    assert not isinstance(files.detector(usual, "cpu"), StripeDetector)
    assert files.measure(striped, "detector", "cpu").architecture == "stripes"
    assert files.measure(usual, "detector", "cpu").architecture == "YOLO"
    with pytest.raises(ModelError, match="in any role. As embedder: .*As detector: "):
        FILES.recognise(striped, device="cpu")
