"""What the program knows of networks before, and besides, using them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ModelRole = Literal["detector", "embedder", "aggregator", "reranker"]
MODEL_ROLES: tuple[ModelRole, ...] = ("detector", "embedder", "aggregator", "reranker")


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
    """What a model file says of itself before it is loaded.

    Attributes:
        id: changes with whatever changes its answers.
        requires_embedder: id of the embedder that it was trained with; None where any will do.
        dimension: length of the vectors that it makes or refines; None if it has none.
    """

    id: str
    requires_embedder: str | None = None
    dimension: int | None = None


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a weights file, or the card beside it, tells its users; empty where it does not.

    Attributes:
        architecture: what kind of network it is.
        requires_embedder: id of the embedder that it was trained with.
        trained_on: names of the data sets.
        terms: terms of use.
        metrics: results measured with it, such as {"market1501 mAP": 0.88}.
        command: that trained it.
        seed: of that training.
    """

    architecture: str = ""
    requires_embedder: str | None = None
    trained_on: tuple[str, ...] = ()
    terms: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    command: str = ""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class NamedModels:
    """Networks named with a command: weights files or installed names.

    They come before what the library remembers and before the settings; None: not named.
    """

    detector: str | None = None
    embedder: str | None = None
    aggregator: str | None = None
    reranker: str | None = None
