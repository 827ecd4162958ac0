"""Measures the networks of a running training, as `evaluate` measures files."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reid_models.interfaces import EmbeddingModel
from reid_models.model_card import ModelCard
from reid_models.model_file import load_model
from reid_models.predictors import EmbeddingPredictor, PairPredictor
from trainer.config import TrainConfig
from trainer.data.samples import DataSet
from trainer.evaluation.aggregation import Aggregator
from trainer.evaluation.embedders import Embedder, NetworkEmbedder, load_embedder
from trainer.evaluation.evaluator import Methods, evaluate
from trainer.evaluation.hit_picture import draw_hits
from trainer.evaluation.pair_ranking import PairSettings
from trainer.recipe import Recipe
from trainer.reranking import RerankSettings

# Of all data sets, in the log without the name of one; the first decides which is the best.
_MAIN = ("mAP", "rank1")


class Measure:
    """Ranks data sets by the networks of a recipe; an aggregator or re-ranker by what it changes.

    Always in float32, so that numbers of different precisions can be compared.
    """

    def __init__(
        self, config: TrainConfig, data_sets: Sequence[DataSet], device: str, pictures: Path
    ) -> None:
        """Reads nothing yet.

        Args:
            config: of the training.
            data_sets: with queries.
            device: on which the recipe is.
            pictures: folder for `hits-NAME.png`, the rankings of some queries.

        Raises:
            TrainerError: a re-ranking that is not possible; better now than after ten epochs.
        """
        rerank = config.evaluation.rerank
        self._rerank = None if rerank is None else RerankSettings(*rerank)
        self._config, self._data_sets = config, data_sets
        self._device, self._pictures = device, pictures
        self._start: Embedder | None = None

    def __call__(self, recipe: Recipe) -> dict[str, float]:
        """Figures by "DATA SET/FIGURE", and the means of the main ones over the data sets.

        Raises:
            NetworkError: a network that does not fit.
            TrainerError: a data set without queries, or an image that cannot be read.
        """
        network: Any = recipe.deployed()[""]
        table = recipe.card_facts("")["camera_table"]
        embedder = self._embedder(network, table)
        methods = self._methods(network, recipe.card_facts(""))
        if embedder is None or methods is None:
            return {}
        found: dict[str, float] = {}
        for data_set in self._data_sets:
            result = evaluate(embedder, data_set, methods)
            draw_hits(result.last, self._pictures / f"hits-{data_set.name}.png")
            figures = {**result.results[-1].figures(), **result.tightness}
            # Seconds differ between a training and its repetition, and queries never.
            for name in figures.keys() - {"seconds", "queries"}:
                if math.isfinite(figures[name]):  # JSON knows no other numbers
                    found[f"{data_set.name}/{name}"] = figures[name]
            if len(result.results) > 1:
                found[f"{data_set.name}/mAP before"] = result.results[0].figures()["mAP"]
        for name in _MAIN:
            values = [found[f"{data_set.name}/{name}"] for data_set in self._data_sets]
            found[name] = sum(values) / len(values)
        return dict(sorted(found.items()))

    def _embedder(self, network: Any, table: Mapping[str, int]) -> Embedder | None:
        """What makes the vectors: the network itself, or the file that it stands on."""
        settings, start = self._config.evaluation, self._config.start.embedder
        batch, flip = settings.batch_size, settings.flip
        if start:
            if self._start is None:
                self._start = load_embedder(Path(start), self._device, "float32", batch, flip=flip)
            return self._start
        if not hasattr(network, "embed"):
            return None
        return NetworkEmbedder(
            network, table, device=self._device, precision="float32", batch=batch, flip=flip
        )

    def _methods(self, network: Any, facts: dict[str, Any]) -> Methods | None:
        """What is measured beside the vectors; None where that would not show the network."""
        settings = self._config.evaluation
        plain: dict[str, Any] = {
            "metric": settings.metric,
            "rerank": self._rerank,
            "device": self._device,
        }
        if network.role == "aggregator":
            aggregator = Aggregator(network, settings.mode, device=self._device)
            return Methods(**plain, aggregator=aggregator)
        if network.role == "reranker" and settings.pairs:
            scorer = self._scorer(network, ModelCard.of(network, **facts))
            return Methods(**plain, scorer=scorer, pairs=PairSettings(settings.pairs))
        shows_itself = network.role == "embedder" or not self._config.start.embedder
        return Methods(**plain) if shows_itself else None

    def _scorer(self, network: Any, card: ModelCard) -> PairPredictor:
        maps_of = None
        if network.takes_maps is not None:
            embedder, its_card = load_model(self._config.start.embedder, role="embedder")
            assert isinstance(embedder, EmbeddingModel)
            maps_of = EmbeddingPredictor(embedder, its_card, self._device, "float32")
        return PairPredictor(network, card, self._device, "float32", embedder=maps_of)
