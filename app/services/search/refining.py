"""Better rankings of what was found: aggregated over the neighbours, re-ranked by pairs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from app.core.entities import FloatArray, Image, Tracklet
from app.core.errors import ModelError, NotFoundError
from app.core.ports import NeighborAggregator, Reranker
from app.core.queries import Hit, SearchEvent, SearchStage, StageLeftOut, StageRunning
from app.services.pipeline import in_background
from app.services.search.gallery_index import Sought, mean_of
from app.services.search.ranking import min_max, ranked, transit_bonus
from app.storage.library import Library

# Neighbours that are aggregated together with the query.
NEIGHBOURS = 200
# Pairs of crops that are compared directly.
PAIRS = 50
# So many in one call: whoever searches again does not wait for the rest.
_PAIRS_AT_A_TIME = 10


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """What a query comes down to.

    Attributes:
        sought: each example: its vector, where and when.
        rejected: likewise, of people who are not meant.
        camera: of the first example.
        crop: of the first example, read when needed.
    """

    sought: tuple[Sought, ...]
    embedder_id: str
    camera: str | None
    crop: Callable[[], Image]
    rejected: tuple[Sought, ...] = ()

    def known_ids(self) -> set[int | None]:
        """The tracklets that are examples themselves."""
        return {each.tracklet_id for each in (*self.sought, *self.rejected)}

    def vector(self) -> FloatArray:
        """The mean of the examples as they were embedded, float32 (D,)."""
        return mean_of(np.stack([each.vector for each in self.sought]))


LoadAggregator = Callable[[str, int], NeighborAggregator | None]
"""(embedder's id, length of its vectors) → aggregator, None for none; raises ModelError."""
LoadReranker = Callable[[str], Reranker | None]
"""Embedder's id → re-ranker, None for none; raises ModelError."""
RefinedHits = Generator[SearchEvent, None, list[Hit] | None]
"""Refines a ranking; returns None where there is no network for it."""
R = TypeVar("R")


class Refining:
    """The two refinements of a search; each needs a network."""

    def __init__(
        self, library: Library, load_aggregator: LoadAggregator, load_reranker: LoadReranker
    ) -> None:
        self.library = library
        self._load_aggregator = load_aggregator
        self._load_reranker = load_reranker

    def refine(self, stage: SearchStage, target: Target, hits: list[Hit]) -> RefinedHits:
        """One refinement; None where there is no network for it, which is told if one was named."""
        refine = self._aggregate if stage is SearchStage.AGGREGATED else self._rerank
        try:
            return (yield from refine(target, hits))
        except (ModelError, NotFoundError) as error:
            yield StageLeftOut(stage, error)
            return None

    def _aggregate(self, target: Target, hits: list[Hit]) -> RefinedHits:
        """Ranks the neighbours by their aggregated vectors; the others follow as they were.

        The aggregator takes vectors as they were embedded, since it was trained on such. Transit
        times are added to its cosines as they were to those before: it knows nothing of time.
        """
        stage = SearchStage.AGGREGATED
        query = target.vector()
        aggregator = yield from working(
            stage, partial(self._load_aggregator, target.embedder_id, len(query))
        )
        if aggregator is None:
            return None
        neighbours = self.library.vectors_of(
            [hit.tracklet_id for hit in hits[:NEIGHBOURS]], target.embedder_id
        )
        if not len(neighbours):
            return hits[NEIGHBOURS:]
        vectors = np.vstack([query, neighbours.vectors])  # (1 + n, D)
        refined = yield from working(stage, partial(aggregator.aggregate, vectors))
        cosines = refined[1:] @ refined[0]
        aggregated = dict(zip(neighbours.tracklet_ids.tolist(), cosines.tolist(), strict=True))
        head = [
            replace(
                hit,
                score=aggregated[hit.tracklet_id] + transit_bonus(hit) - hit.nearer_rejected,
                aggregated=aggregated[hit.tracklet_id],
            )
            for hit in hits[:NEIGHBOURS]
            # What was deleted a moment ago has no vector any more.
            if hit.tracklet_id in aggregated
        ]
        return ranked(head, before=hits[:NEIGHBOURS], tail=hits[NEIGHBOURS:])

    def _rerank(self, target: Target, hits: list[Hit]) -> RefinedHits:
        """Ranks the best pairs by the mean of their last score and the pair's, each min-max scaled.

        Min-max: the two scores have different scales, and a mean of 0..1 says which share of the
        range of this very list a hit has reached.
        """
        reranker = yield from working(
            SearchStage.RERANKED, partial(self._load_reranker, target.embedder_id)
        )
        if reranker is None:
            return None
        tracklets = self.library.tracklets([hit.tracklet_id for hit in hits[:PAIRS]])
        known = {each.id for each in tracklets}
        candidates = [hit for hit in hits[:PAIRS] if hit.tracklet_id in known]
        if not candidates:
            return hits[PAIRS:]
        pairs = yield from self._pair_scores(reranker, target, tracklets)
        last = np.array([hit.score for hit in candidates], np.float32)
        fused = (min_max(last) + min_max(pairs)) / 2
        head = [
            replace(hit, score=float(score), pair=float(pair))
            for hit, score, pair in zip(candidates, fused, pairs, strict=True)
        ]
        return ranked(head, before=candidates, tail=hits[PAIRS:])

    def _pair_scores(
        self, reranker: Reranker, target: Target, tracklets: list[Tracklet]
    ) -> Generator[SearchEvent, None, FloatArray]:
        """Scores of the query with each tracklet, float32 (n,)."""
        videos = {each.video_id for each in tracklets}
        cameras = {video_id: self.library.video(video_id).camera.name for video_id in videos}
        query = target.crop()
        scores = []
        for first in range(0, len(tracklets), _PAIRS_AT_A_TIME):
            some = tracklets[first : first + _PAIRS_AT_A_TIME]
            score = partial(
                reranker.score,
                [query],
                [self.library.crop(each.thumbnail.path) for each in some],
                target.camera,
                [cameras[each.video_id] for each in some],
            )
            scores.append((yield from working(SearchStage.RERANKED, score)))
        return np.concatenate(scores)


def working(stage: SearchStage, work: Callable[[], R]) -> Generator[SearchEvent, None, R]:
    """Does something for a stage in the background, and says so meanwhile."""
    return in_background(work, lambda: StageRunning(stage))
