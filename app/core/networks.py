"""What the program knows of networks before, and besides, using them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from app.language import tr

ModelRole = Literal["detector", "embedder", "aggregator", "reranker"]
MODEL_ROLES: tuple[ModelRole, ...] = ("detector", "embedder", "aggregator", "reranker")
# Stages of a search that can be left out.
REFINERS: tuple[ModelRole, ...] = ("aggregator", "reranker")
# OpenVINO's own format: a .xml whose weights lie beside it, in a .bin.
IR_SUFFIX = ".xml"
# Endings that dialogs offer and messages name. Which file is read by which class, the classes say:
# `app.core.ports.NetworkFiles.reads`.
WEIGHTS_SUFFIXES: dict[ModelRole, tuple[str, ...]] = {
    "detector": (".pt", ".onnx", ".engine"),
    "embedder": (".safetensors", ".onnx", IR_SUFFIX),
    "aggregator": (".safetensors",),
    "reranker": (".safetensors",),
}
KNOWN_SUFFIXES = tuple(dict.fromkeys(s for each in WEIGHTS_SUFFIXES.values() for s in each))


def role_words(role: ModelRole) -> str:
    """What a role is called in a sentence."""
    words: dict[ModelRole, str] = {
        "detector": tr("detector"),
        "embedder": tr("embedder"),
        "aggregator": tr("neighbour aggregator"),
        "reranker": tr("re-ranker"),
    }
    return words[role]


def parts_of(path: Path) -> tuple[Path, ...]:
    """The files that make up a network: one, or with OpenVINO's format the .xml and its .bin."""
    return (path, path.with_suffix(".bin")) if path.suffix.lower() == IR_SUFFIX else (path,)


@dataclass(frozen=True, slots=True)
class NetworkFigures:
    """What a network costs; None where that is not known.

    Attributes:
        architecture: what kind of network it is.
        parameters: all of them.
        gflops: 10⁹ floating point operations of one unit.
        ms: milliseconds of one unit on the device.
        unit: what `gflops` and `ms` are of, such as "crop".
        vector_size: length of its vectors.
        device: where it was measured.
        precision: "float32" or "bf16".
    """

    architecture: str
    parameters: int | None
    gflops: float | None
    ms: float | None
    unit: str
    vector_size: int | None
    device: str
    precision: str


@dataclass(frozen=True, slots=True)
class NetworkCard:
    """What a network file, or the card beside it, says of the network; empty where it does not.

    Attributes:
        architecture: what kind of network it is.
        requires_embedder: id of the embedder that it was trained with; None where any will do.
        trained_on: names of the data sets.
        terms: terms of use.
        metrics: results measured with it, such as {"market1501 mAP": 0.88}.
        command: that trained it.
        seed: of that training.
        dimension: length of the vectors that it makes or refines; None: not known, or none.
    """

    architecture: str = ""
    requires_embedder: str | None = None
    trained_on: tuple[str, ...] = ()
    terms: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    command: str = ""
    seed: int | None = None
    dimension: int | None = None


@dataclass(frozen=True, slots=True)
class NamedModels:
    """Networks named with a command: weights files or installed names.

    They come before what the library remembers and before the settings; None: not named.
    """

    detector: str | None = None
    embedder: str | None = None
    aggregator: str | None = None
    reranker: str | None = None
