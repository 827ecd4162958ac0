"""An embedder, or its features, on a data set: every asked-for method, one after the other."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor
from torch.nn.functional import normalize

from reid_models.devices import find_device
from trainer.data.samples import DataSet, Trial
from trainer.errors import TrainerError
from trainer.evaluation.aggregation import Aggregator
from trainer.evaluation.corrections import TransitDistances, camera_corrected, seen_s
from trainer.evaluation.distances import Distances, FeatureDistances, Metric, prepared
from trainer.evaluation.embedders import Embedder
from trainer.evaluation.extraction import Advance, extract_trials, told_cameras
from trainer.evaluation.features import TrialFeatures
from trainer.evaluation.pair_ranking import PairScorer, PairSettings, ranked_by_pairs
from trainer.evaluation.ranking import rank_queries
from trainer.evaluation.reranked import RerankedDistances
from trainer.metrics import (
    QueryScores,
    bootstrap_intervals,
    calinski_harabasz,
    compactness,
    mean_figures,
)
from trainer.reranking import RerankSettings

EMBEDDER = "embedder"


@dataclass(frozen=True)
class Methods:
    """What is done to a ranking, in this order; each builds on the one before.

    Attributes:
        metric: of the distance between vectors.
        aggregator: refines the vectors, or the ranking.
        rerank: k-reciprocal re-ranking.
        scorer: compares the best in pairs.
        pairs: how.
        device: where distances are computed: "auto", "cpu", "cuda", …
        camera_mean: before all others: takes off vectors what those of their camera share.
        transit: then: counts how long people take between cameras, where names tell times.
    """

    metric: Metric = "euclidean"
    aggregator: Aggregator | None = None
    rerank: RerankSettings | None = None
    scorer: PairScorer | None = None
    pairs: PairSettings = field(default_factory=PairSettings)
    device: str = "auto"
    camera_mean: bool = False
    transit: bool = False

    def __post_init__(self) -> None:
        top = self.aggregator is not None and self.aggregator.mode == "top200"
        if top and self.rerank is not None:
            raise TrainerError(
                "k-reciprocal re-ranking needs vectors, and the mode top200 gives none.",
                "Leave one of both away, or use the mode joint or per_query.",
            )
        if self.transit and self.rerank is not None:
            raise TrainerError(
                "k-reciprocal re-ranking needs vectors, and transit times give none.",
                "Leave one of both away.",
            )
        if (self.camera_mean or self.transit) and self.aggregator is not None and not top:
            raise TrainerError(
                "The aggregator takes vectors as they were embedded, and would undo the camera "
                f"mean and transit times in the mode {self.aggregator.mode}.",
                "Use the mode top200, as in Retrace, which keeps both.",
            )

    @property
    def is_slow(self) -> bool:
        """Whether a method works query by query, and so tells of its progress."""
        top = self.aggregator is not None and self.aggregator.mode == "top200"
        return top or self.scorer is not None


@dataclass(frozen=True)
class Images:
    """The images behind features, for what compares pixels."""

    trial: Trial
    camera_names: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What one method reached on a data set.

    Attributes:
        method: its name.
        trials: scores of each trial.
        seconds: of the ranking of all trials, without embedding the images; on top of those of
            the methods that it builds on.
    """

    method: str
    trials: tuple[QueryScores, ...]
    seconds: float

    def figures(self) -> dict[str, float]:
        """mAP, rank1, … as fractions of 1, and how many queries count (of all trials)."""
        return {
            **mean_figures(self.trials),
            "queries": sum(len(trial.queries) for trial in self.trials),
            "seconds": self.seconds,
        }

    def intervals(self, draws: int = 1000) -> dict[str, tuple[float, float]]:
        """95 % bounds of the figures, see `bootstrap_intervals`."""
        return bootstrap_intervals(self.trials, draws)


@dataclass(frozen=True)
class Ranked:
    """The last ranking of an evaluation, to be looked at."""

    trial: Trial
    features: TrialFeatures
    distances: Distances
    scores: QueryScores


@dataclass(frozen=True)
class Evaluation:
    """All methods on one data set.

    Attributes:
        data_set: its name.
        results: of each method.
        tightness: "compactness" and "calinski_harabasz" of the embedder's vectors of all people
            that are sought; of the first trial.
        last: the last method's ranking of the last trial.
    """

    data_set: str
    results: tuple[Result, ...]
    tightness: Mapping[str, float]
    last: Ranked

    def records(self, draws: int = 1000) -> list[dict[str, Any]]:
        """One entry for each method: figures, their intervals, tightness; for JSON."""
        return [
            {
                "data_set": self.data_set,
                "method": result.method,
                **result.figures(),
                "intervals": result.intervals(draws),
                **for_json(self.tightness),
            }
            for result in self.results
        ]


def evaluate(
    embedder: Embedder,
    data_set: DataSet,
    methods: Methods,
    advance: Advance = lambda _: None,
    advance_queries: Advance = lambda _: None,
) -> Evaluation:
    """Embeds a data set and ranks it by each method.

    Args:
        embedder: any.
        data_set: with queries.
        methods: beside the plain ranking, which is always the first result.
        advance: told how many images were embedded.
        advance_queries: told how many queries a slow method has done.

    Raises:
        TrainerError: no queries, no matches, an image that cannot be read.
        NetworkError: a network that does not fit the vectors or cameras.
    """
    scores: dict[str, list[QueryScores]] = {}
    seconds: dict[str, float] = {}
    tightness: dict[str, float] = {}
    names = told_cameras(embedder, data_set)
    last: Ranked | None = None
    for trial, features in zip(
        data_set.trials, extract_trials(embedder, data_set, advance), strict=True
    ):
        tightness = tightness or tightness_of(features)
        began = time.perf_counter()
        for name, distances in rankings(features, methods, Images(trial, names), advance_queries):
            found = rank_queries(distances, features.query.labels, features.gallery.labels)
            scores.setdefault(name, []).append(found)
            seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
            began = time.perf_counter()
            last = Ranked(trial, features, distances, found)
    assert last is not None  # without trials, extract_trials raises
    results = tuple(Result(name, tuple(each), seconds[name]) for name, each in scores.items())
    return Evaluation(data_set.name, results, tightness, last)


def rankings(
    features: TrialFeatures,
    methods: Methods,
    images: Images | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Iterator[tuple[str, Distances]]:
    """The plain ranking and then each method's, with its name; each is made when asked for.

    Raises:
        TrainerError: features with NaN, pairs without images.
        NetworkError: an aggregator for vectors of another length.
    """
    device = find_device(methods.device)
    raw = features.query.vectors, features.gallery.vectors
    query, gallery = (prepared(side, methods.metric, device) for side in raw)
    found: Distances = FeatureDistances(query, gallery)
    name = EMBEDDER
    yield name, found
    if methods.camera_mean:
        corrected = camera_corrected(features)
        query, gallery = (prepared(side, "cosine", device) for side in corrected)
        found = FeatureDistances(query, gallery)
        name = f"{name} + camera mean"
        yield name, found
    transit = _transit((query, gallery), features, images) if methods.transit else None
    if transit is not None:
        found, name = transit, f"{name} + transit"
        yield name, found
    if methods.aggregator is not None:
        if methods.aggregator.mode == "top200":
            bonus = None if transit is None else transit.bonus
            found = methods.aggregator.reordered(*raw, found, bonus, advance)
        else:
            query, gallery = methods.aggregator.refined(*raw)
            found = FeatureDistances(query, gallery)
        name = f"{name} + aggregator {methods.aggregator.mode}"
        yield name, found
    if methods.rerank is not None:
        found = RerankedDistances(query, gallery, methods.rerank)
        name = f"{name} + k-reciprocal {methods.rerank}"
        yield name, found
    if methods.scorer is not None:
        if images is None:
            raise TrainerError("Pairs cannot be compared without images.", "Use `evaluate`.")
        found = ranked_by_pairs(
            found,
            features,
            images.trial,
            images.camera_names,
            methods.scorer,
            methods.pairs,
            advance,
        )
        yield f"{name} + pairs of the best {methods.pairs.best}", found


def _transit(
    vectors: tuple[Tensor, Tensor], features: TrialFeatures, images: Images | None
) -> TransitDistances | None:
    """Distances with transit times; None where the images tell no times."""
    seconds = None if images is None else seen_s(images.trial)
    if seconds is None:
        return None
    query, gallery = (normalize(side, dim=1) for side in vectors)
    return TransitDistances(FeatureDistances(query, gallery), features, seconds)


def for_json(figures: Mapping[str, float]) -> dict[str, float | None]:
    """Figures without NaN and infinity, which JSON does not know: they become null."""
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def tightness_of(features: TrialFeatures) -> dict[str, float]:
    """Compactness and Calinski-Harabasz index of the vectors of all people that are sought."""
    known = features.of_known_people()
    return {
        "compactness": compactness(known.vectors, known.labels.identities),
        "calinski_harabasz": calinski_harabasz(known.vectors, known.labels.identities),
    }
