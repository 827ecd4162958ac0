"""Model files (`*.safetensors`, weights with their card): what they say, what they cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from app.core.errors import ModelError
from app.core.networks import ModelRole, NetworkCard, NetworkFigures
from reid_models.errors import NetworkError
from reid_models.model_card import read_card

MODEL_FILE_SUFFIX = ".safetensors"
_TIMED_CROPS = 8
_TIMED_BATCHES = 3


@contextmanager
def told_to_user(role: ModelRole | None = None) -> Iterator[None]:
    """Turns a NetworkError of the body into a ModelError.

    Args:
        role: where choosing another file of that kind would help.
    """
    try:
        yield
    except NetworkError as error:
        raise ModelError(error.message, error.remedy, role) from error


def read_network_card(path: Path, role: ModelRole) -> NetworkCard | None:
    """What a model file says of itself; fast, torch is not imported. None: a file without a card.

    Raises:
        ModelError: no such file, no model file, or one of another role.
    """
    if path.suffix.lower() != MODEL_FILE_SUFFIX or role == "detector":
        return None
    with told_to_user(role):
        card = read_card(path)
        if card.role != role:
            raise NetworkError(
                f"{path.name} has the role {card.role} ({card.architecture}), not {role}.",
                f"Choose a model file of the role {role}.",
            )
    return NetworkCard(card.id, card.requires_embedder, card.embedding_dim)


def measure_network(path: Path, role: ModelRole, device: str) -> NetworkFigures:
    """What a network costs on a device; loads a copy of its own and takes some seconds.

    Raises:
        ModelError: the file cannot be used.
    """
    if role == "detector":
        return _measured_detector(path, device)
    if path.suffix.lower() != MODEL_FILE_SUFFIX:
        return _measured_picture_model(path, device)
    from reid_models.model_file import load_model
    from reid_models.summary import summarise

    with told_to_user(role):
        network, _ = load_model(path)
        found = summarise(network, device)
    return NetworkFigures(
        architecture=found.architecture,
        parameters=found.parameters,
        gflops=found.gflops,
        ms=found.ms,
        unit=found.unit,
        vector_size=None if role == "reranker" else found.vector_size,
        device=found.device,
        precision=found.precision,
    )


def _measured_detector(path: Path, device: str) -> NetworkFigures:
    """Time of a detector on frames of 1280×720, as many as it takes best at once."""
    from app.vision.yolo_detector import load_detector

    detector = load_detector(path, device)  # tried once: the first call is slower
    noise = np.random.default_rng(0)
    frames = [noise.integers(0, 256, (720, 1280, 3), dtype=np.uint8)] * detector.batch_size
    detector.detect(frames)
    began = time.perf_counter()
    for _ in range(_TIMED_BATCHES):
        detector.detect(frames)
    ms = 1000 * (time.perf_counter() - began) / (_TIMED_BATCHES * len(frames))
    return NetworkFigures("YOLO", None, None, ms, "frame", None, device, "as stored")


def _measured_picture_model(path: Path, device: str) -> NetworkFigures:
    """Time and vector of an ONNX or OpenVINO embedder; its file tells nothing else."""
    from reid_models.picture_model import PictureModel

    with told_to_user("embedder"):
        model = PictureModel(path, device)
        crops = [np.full((128, 64, 3), grey, np.uint8) for grey in range(60, 60 + _TIMED_CROPS)]
        began = time.perf_counter()
        model.embed(crops)
        ms = 1000 * (time.perf_counter() - began) / len(crops)
    kind = "OpenVINO" if path.suffix.lower() == ".xml" else "ONNX"
    precision = model.precision
    return NetworkFigures(kind, None, None, ms, "crop", model.dimension, device, precision)
