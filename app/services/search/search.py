"""Query → ever better rankings: retrieved, aggregated over the neighbours, re-ranked by pairs."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np

from app.core.entities import FloatArray, Image, Tracklet, Video
from app.core.errors import ModelError, NotFoundError, UserFacingError
from app.core.ports import Embedder, NeighborAggregator, Reranker
from app.core.queries import (
    REFINEMENTS,
    Correction,
    CropQuery,
    Example,
    Hit,
    PersonQuery,
    Query,
    Refinement,
    SearchEvent,
    SearchFilter,
    SearchResult,
    SearchStage,
    StageLeftOut,
    StageRunning,
    TrackletQuery,
    TransitUse,
    examples,
)
from app.language import tr
from app.services.pipeline import in_background
from app.services.search.corrections import Corrections
from app.services.search.gallery_index import GalleryIndex, Sought, mean_of
from app.services.search.ranking import hits_of, min_max, ranked, transit_bonus
from app.storage.library import Library
from site_statistics.transit_times import TransitTimes

# Neighbours that are aggregated together with the query.
NEIGHBOURS = 200
# Pairs of crops that are compared directly.
PAIRS = 50
# So many in one call: whoever searches again does not wait for the rest.
_PAIRS_AT_A_TIME = 10
_OWN_COSINE = 0.999  # of a vector with itself


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
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


class Search:
    """Searches one library. Thread-safe: ingest may report new tracklets while a search runs.

    Attributes:
        library: what is searched.
    """

    def __init__(
        self,
        library: Library,
        embedder_id: Callable[[], str | None],
        load_embedder: Callable[[], Embedder],
        load_aggregator: LoadAggregator = lambda _embedder_id, _dimension: None,
        load_reranker: LoadReranker = lambda _embedder_id: None,
    ) -> None:
        """Builds and loads nothing yet.

        Args:
            library: what is searched.
            embedder_id: whose vectors are compared; None while the library knows no embedder.
            load_embedder: loads that embedder; called at the first search for a picture.
            load_aggregator: what refines the ranking by its neighbourhood; called at each search.
            load_reranker: what refines it by pairs of crops, likewise.
        """
        self.library = library
        self._embedder_id = embedder_id
        self._load_embedder = load_embedder
        self._load_aggregator = load_aggregator
        self._load_reranker = load_reranker
        # Not an RLock: a `prepare` that was dropped may be closed by another thread.
        self._lock = threading.Lock()
        # Another one: loading takes seconds, in which an ingest must be able to tell what is new.
        self._loading = threading.Lock()
        self._index: GalleryIndex | None = None
        self._indexed_embedder: str | None = None
        self._embedder: Embedder | None = None
        self._corrections = Corrections(library)

    @property
    def index(self) -> GalleryIndex:
        """The index of the current embedder's vectors, built at first use."""
        return self._current_index()[0]

    def _current_index(self) -> tuple[GalleryIndex, str | None]:
        """The index, and the embedder whose vectors it holds."""
        while True:
            for _ in self.prepare():
                pass
            with self._lock:
                if self._index is not None:  # it may have been reset again
                    return self._index, self._indexed_embedder

    def prepare(self) -> Iterator[None]:
        """Builds the index ahead of the first search, if it is not there.

        Yields after every few thousand vectors; searches wait meanwhile. Run it to its end, or
        close it, in one thread.

        Raises:
            ModelError: an embedder was named that has not made the library's vectors.
        """
        with self._lock:
            embedder_id = self._embedder_id()
            if self._index is not None and embedder_id == self._indexed_embedder:
                return
            index = GalleryIndex()
            if embedder_id is not None:
                for vectors in self.library.vector_batches(embedder_id):
                    index.add(vectors)
                    yield
            self._index, self._indexed_embedder = index, embedder_id

    def stored(self, tracklet_ids: Sequence[int]) -> None:
        """These tracklets are new in the library or have changed, so that the index learns them."""
        with self._lock:
            # An index that is not built yet will find them in the library.
            if self._index is not None and self._indexed_embedder is not None:
                vectors = self.library.vectors_of(tracklet_ids, self._indexed_embedder)
                self._index.remove(tracklet_ids)
                self._index.add(vectors)

    def index_differs(self) -> bool:
        """Whether the index lacks a vector of the library, or holds one that is no longer there."""
        index, embedder_id = self._current_index()
        count = 0
        for batch in self.library.vector_batches(embedder_id) if embedder_id else ():
            count += len(batch)
            found = index.search([Sought(batch.vectors[0])], 1)
            if not len(found.cosines) or found.cosines[0] < _OWN_COSINE:
                return True
        return count != len(index)

    def reset(self) -> None:
        """The library has changed in other ways: the index is built anew at the next search."""
        with self._lock:
            self._index = None

    def count_new(self, where: SearchFilter, newest_id: int) -> int:
        """How many tracklets can be found that could not be when a search told `newest_id`."""
        return self.index.count(where, after_id=newest_id)

    def run(
        self,
        query: Query,
        where: SearchFilter | None = None,
        limit: int = 200,
        stages: Collection[Refinement] = REFINEMENTS,
    ) -> Iterator[SearchEvent]:
        """Yields one ranking for each stage there is, the first as soon as possible.

        A refinement that cannot be had is told and left out.

        Args:
            query: whom to find; its own tracklets are never among the hits.
            where: cameras and time.
            limit: most hits of a ranking, at least 1.
            stages: the refinements that are switched on, the corrections among them.

        Raises:
            NotFoundError: if a tracklet of the query does not exist.
            UserFacingError: if it has no vector of the current embedder.
            ModelError: if a picture cannot be embedded as the library's vectors were.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        began = time.perf_counter()
        where = where or SearchFilter()
        index, embedder_id = yield from _working(SearchStage.RETRIEVED, self._current_index)
        is_new = all(isinstance(each, CropQuery) for each in examples(query))
        if is_new and not index.count(where):
            # Nothing to compare with: the embedder need not be loaded, nor even be known.
            yield SearchResult(SearchStage.RETRIEVED, (), 0, time.perf_counter() - began)
            return
        target = yield from _working(
            SearchStage.RETRIEVED, partial(self._target, query, embedder_id)
        )
        sought, transit, use = target.sought, None, None
        if Correction.TRANSIT in stages:
            clock_known = any(
                each.camera_id is not None and math.isfinite(each.first_utc_s) for each in sought
            )
            transit = TransitTimes()
            if clock_known:
                learn = partial(self._corrections.transit_times, index)
                transit = yield from _working(SearchStage.RETRIEVED, learn)
            use = TransitUse(transit.pairs, transit.camera_pairs, clock_known)
        takes_mean = Correction.CAMERA_MEAN in stages
        shares = self._corrections.camera_shares(index) if takes_mean else ()

        def result(stage: SearchStage, hits: list[Hit]) -> SearchResult:
            elapsed_s = time.perf_counter() - began
            searched = max(counted, len(hits))
            return SearchResult(stage, hits[:limit], searched, elapsed_s, shares, use, newest_id)

        # As many as any later stage needs, and the query's own tracklets, which find themselves.
        depth, own = max(limit, NEIGHBOURS, PAIRS), target.known_ids()
        newest_id = index.newest_id
        found = index.search(
            sought, depth + len(own), where,
            rejected=target.rejected, camera_mean=takes_mean, transit=transit,
        )  # fmt: skip
        # Counted now, not at the beginning: a library that is being filled has grown meanwhile.
        counted = index.count(where)
        hits = hits_of(found, without=own)[:depth]
        yield result(SearchStage.RETRIEVED, hits)
        for stage in (SearchStage.AGGREGATED, SearchStage.RERANKED):
            refined = None
            if stage in stages and hits:
                refined = yield from self._refine(stage, target, hits)
            if refined is not None:
                hits = refined
                yield result(stage, hits)

    def _refine(self, stage: SearchStage, target: _Target, hits: list[Hit]) -> RefinedHits:
        """One refinement; None where there is no network for it, which is told if one was named."""
        refine = self._aggregate if stage is SearchStage.AGGREGATED else self._rerank
        try:
            return (yield from refine(target, hits))
        except (ModelError, NotFoundError) as error:
            yield StageLeftOut(stage, error)
            return None

    def _target(self, query: Query, embedder_id: str | None) -> _Target:
        each = [self._example(example, embedder_id) for example in examples(query)]
        rejected = query.rejected if isinstance(query, PersonQuery) else ()
        others = [self._stored_target(tracklet_id, embedder_id) for tracklet_id in rejected]
        return replace(
            each[0],
            sought=tuple(one for target in each for one in target.sought),
            rejected=tuple(one for target in others for one in target.sought),
        )

    def _example(self, query: Example, embedder_id: str | None) -> _Target:
        if isinstance(query, TrackletQuery):
            return self._stored_target(query.tracklet_id, embedder_id)
        assert embedder_id is not None, "an index without an embedder is empty"
        vector = self._loaded_embedder(embedder_id).embed([query.image], urgent=True)[0]
        seen_s = float("nan") if query.seen_utc is None else query.seen_utc.timestamp()
        sought = Sought(vector, query.camera_id, seen_s, seen_s)
        return _Target((sought,), embedder_id, None, lambda: query.image)

    def _stored_target(self, tracklet_id: int, embedder_id: str | None) -> _Target:
        tracklet = self.library.tracklet(tracklet_id)
        vector = None
        if embedder_id is not None:
            vector = self.library.vector(tracklet_id, embedder_id)
        if embedder_id is None or vector is None:
            raise UserFacingError(
                tr(
                    "Tracklet {id} has no vector of the embedder in use ({embedder}).",
                    id=tracklet_id,
                    embedder=embedder_id or tr("none is chosen"),
                ),
                tr(
                    "Change the library's embedder with reembed, or go back to the "
                    "embedder that the library was built with."
                ),
            )
        video = self.library.video(tracklet.video_id)
        first, last = (_utc_s(video, at) for at in (tracklet.first_time_s, tracklet.last_time_s))
        sought = Sought(vector, tracklet.camera_id, first, last, tracklet_id)
        crop = partial(self.library.crop, tracklet.thumbnail.path)
        return _Target((sought,), embedder_id, video.camera.name, crop)

    def _loaded_embedder(self, embedder_id: str) -> Embedder:
        with self._loading:
            if self._embedder is None or self._embedder.id != embedder_id:
                embedder = self._load_embedder()
                if embedder.id != embedder_id:
                    raise ModelError(
                        tr(
                            "The embedder at hand ({id}) is not the one that this "
                            "library's vectors were made with ({embedder}).",
                            id=embedder.id,
                            embedder=embedder_id,
                        ),
                        tr("Put the library's embedder back, or ingest again with the new one."),
                    )
                self._embedder = embedder
            return self._embedder

    def _aggregate(self, target: _Target, hits: list[Hit]) -> RefinedHits:
        """Ranks the neighbours by their aggregated vectors; the others follow as they were.

        The aggregator takes vectors as they were embedded, since it was trained on such. Transit
        times are added to its cosines as they were to those before: it knows nothing of time.
        """
        stage = SearchStage.AGGREGATED
        query = target.vector()
        aggregator = yield from _working(
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
        refined = yield from _working(stage, partial(aggregator.aggregate, vectors))
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

    def _rerank(self, target: _Target, hits: list[Hit]) -> RefinedHits:
        """Ranks the best pairs by the mean of their last score and the pair's, each min-max scaled.

        Min-max: the two scores have different scales, and a mean of 0..1 says which share of the
        range of this very list a hit has reached.
        """
        reranker = yield from _working(
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
        self, reranker: Reranker, target: _Target, tracklets: list[Tracklet]
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
            scores.append((yield from _working(SearchStage.RERANKED, score)))
        return np.concatenate(scores)


def _utc_s(video: Video, time_s: float) -> float:
    """POSIX seconds of a moment of a video, NaN where its clock is unknown or guessed."""
    moment = video.moment(time_s) if video.info.clock_known else None
    return math.nan if moment is None else moment.timestamp()


def _working(stage: SearchStage, work: Callable[[], R]) -> Generator[SearchEvent, None, R]:
    """Does something for a stage in the background, and says so meanwhile."""
    return in_background(work, lambda: StageRunning(stage))
