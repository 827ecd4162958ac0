"""The best K of each query ranked anew by pairs (CACE-Net, arXiv:2009.05250)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from reid_models.interfaces import EmbeddingModel, PairModel
from reid_models.model_file import load_model
from reid_models.predictors import EmbeddingPredictor, PairPredictor
from trainer.data.files import read_image
from trainer.data.samples import Trial
from trainer.errors import TrainerError
from trainer.evaluation.distances import Distances, ReorderedDistances, nearest_of_all
from trainer.evaluation.embedders import Image, check_made_for
from trainer.evaluation.features import TrialFeatures
from trainer.metrics import DoubleArray, FloatArray


@dataclass(frozen=True)
class PairSettings:
    """How pairs change a ranking.

    Attributes:
        best: K, entries of the gallery that are compared with each query; the paper names none.
        weight: β, share of the pair's distance; 1 takes it alone.
    """

    best: int = 100
    weight: float = 1.0

    def __post_init__(self) -> None:
        if self.best < 1 or not 0 <= self.weight <= 1:
            raise TrainerError(
                f"The best {self.best} cannot be ranked by pairs of weight {self.weight:g}.",
                "Use a number from 1, and a weight from 0 to 1.",
            )


class PairScorer(Protocol):
    """What compares crops in pairs, such as `reid_models.predictors.PairPredictor`."""

    def score(
        self,
        query: Sequence[Image],
        gallery: Sequence[Image],
        query_cameras: Sequence[str | None] | None = None,
        gallery_cameras: Sequence[str | None] | None = None,
    ) -> FloatArray:
        """How alike the query and each crop of the gallery are, float32 (n,)."""
        ...


def load_scorer(
    path: Path,
    embedder: Path,
    embedder_id: str,
    device: str = "auto",
    precision: str = "auto",
) -> PairPredictor:
    """The re-ranker of a model file.

    Args:
        path: of the re-ranker.
        embedder: file of the network whose hits it ranks, and on whose maps it may work.
        embedder_id: of that network.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: "auto", "float32", "bf16".

    Raises:
        NetworkError: it cannot be used, or not with these feature maps.
        TrainerError: it was trained with another embedder.
    """
    network, card = load_model(path, role="reranker")
    assert isinstance(network, PairModel)
    check_made_for(card, path, embedder_id)
    maps: EmbeddingPredictor | None = None
    if network.takes_maps is not None:
        made_by, of_embedder = load_model(embedder, role="embedder")
        assert isinstance(made_by, EmbeddingModel)
        maps = EmbeddingPredictor(made_by, of_embedder, device, precision)
    return PairPredictor(network, card, device, precision, embedder=maps)


def ranked_by_pairs(
    base: Distances,
    features: TrialFeatures,
    trial: Trial,
    camera_names: Sequence[str],
    scorer: PairScorer,
    settings: PairSettings,
    advance: Callable[[int], None] = lambda _: None,
) -> ReorderedDistances:
    """The ranking of `base` with the best K of each query in a new order, the rest behind them.

    d = (1 − β) · individual distance + β · conditional distance, both of vectors of length 1.

    Args:
        base: the ranking so far; its best K include what the protocol leaves out later on.
        features: as embedded, for the individual distance.
        trial: the images.
        camera_names: by number, for the maps of an embedder with camera information.
        scorer: its scores are minus the conditional distance.
        settings: K and β.
        advance: told how many queries are done.

    Raises:
        TrainerError: an image that cannot be read.
        NetworkError: see the scorer.
    """
    heads = nearest_of_all(base, settings.best)  # (Q, K)
    for row, sample in enumerate(trial.query):
        columns = heads[row].numpy()
        others = [trial.gallery[column] for column in columns]
        scores = scorer.score(
            [read_image(sample.path)],
            [read_image(other.path) for other in others],
            [camera_names[sample.camera]],
            [camera_names[other.camera] for other in others],
        )
        individual = _distances(features.query.vectors[row], features.gallery.vectors[columns])
        fused = (1 - settings.weight) * individual - settings.weight * np.float64(scores)
        heads[row] = heads[row][torch.from_numpy(np.argsort(fused, kind="stable"))]
        advance(1)
    return ReorderedDistances(base, heads)


def _distances(query: FloatArray, gallery: FloatArray) -> DoubleArray:
    """Of a vector (D,) and others (n, D), scaled to length 1: float64 (n,)."""
    one, many = np.float64(query), np.float64(gallery)
    unit = many / np.linalg.norm(many, axis=1, keepdims=True)
    return np.asarray(np.linalg.norm(unit - one / np.linalg.norm(one), axis=1))
