"""Query → ever better rankings: retrieved, aggregated over the neighbours, re-ranked by pairs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from app.core.entities import FloatArray, Image
from app.core.errors import ModelError, UserFacingError
from app.core.ports import Embedder, NeighborAggregator, Reranker
from app.core.queries import (
    CropQuery,
    Hit,
    Query,
    SearchFilter,
    SearchResult,
    SearchStage,
    TrackletQuery,
)
from app.services.gallery_index import GalleryIndex
from app.storage.crop_files import read_crop
from app.storage.library import Library

# Neighbours that are aggregated together with the query.
NEIGHBOURS = 200
# Pairs of crops that are compared directly.
PAIRS = 50


@dataclass(frozen=True, slots=True, eq=False)
class _Target:
    """What a query comes down to: its vector, float32 (D,), and its crop, read when needed."""

    vector: FloatArray
    embedder_id: str
    tracklet_id: int | None
    crop: Callable[[], Image]


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
        aggregator: NeighborAggregator | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        """Builds and loads nothing yet.

        Args:
            library: what is searched.
            embedder_id: whose vectors are compared; None while the library knows no embedder.
            load_embedder: loads that embedder; called at the first search for a picture.
            aggregator: refines the ranking by its neighbourhood; None leaves that stage out.
            reranker: refines it by pairs of crops; None leaves that stage out.
        """
        self.library = library
        self._embedder_id = embedder_id
        self._load_embedder = load_embedder
        self._aggregator = aggregator
        self._reranker = reranker
        self._lock = threading.RLock()
        self._index: GalleryIndex | None = None
        self._indexed_embedder: str | None = None
        self._embedder: Embedder | None = None

    @property
    def index(self) -> GalleryIndex:
        """The index of the current embedder's vectors, built at first use."""
        return self._current_index()[0]

    def _current_index(self) -> tuple[GalleryIndex, str | None]:
        """The index, and the embedder whose vectors it holds."""
        with self._lock:
            embedder_id = self._embedder_id()
            if self._index is None or embedder_id != self._indexed_embedder:
                index = GalleryIndex()
                if embedder_id is not None:
                    index.rebuild(self.library.vectors(embedder_id))
                self._index, self._indexed_embedder = index, embedder_id
            return self._index, embedder_id

    def stored(self, tracklet_ids: Sequence[int]) -> None:
        """These tracklets are in the library now, so that the index learns them."""
        with self._lock:
            # An index that is not built yet will find them in the library.
            if self._index is not None and self._indexed_embedder is not None:
                vectors = self.library.vectors_of(tracklet_ids, self._indexed_embedder)
                self._index.add(vectors)

    def forgotten(self, tracklet_ids: Sequence[int]) -> None:
        """These tracklets have left the library."""
        with self._lock:
            if self._index is not None:
                self._index.remove(tracklet_ids)

    def reset(self) -> None:
        """The library has changed in other ways: the index is built anew at the next search."""
        with self._lock:
            self._index = None

    def run(
        self, query: Query, where: SearchFilter | None = None, limit: int = 200
    ) -> Iterator[SearchResult]:
        """Yields one ranking for each stage there is, the first as soon as possible.

        Args:
            query: whom to find; a query tracklet is never among its own hits.
            where: cameras and time.
            limit: most hits of a ranking, at least 1.

        Raises:
            NotFoundError: if the query tracklet does not exist.
            UserFacingError: if it has no vector of the current embedder.
            ModelError: if a picture cannot be embedded as the library's vectors were.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        began = time.perf_counter()
        where = where or SearchFilter()
        index, embedder_id = self._current_index()
        searched = index.count(where)
        if isinstance(query, CropQuery) and not searched:
            # Nothing to compare with: the embedder need not be loaded, nor even be known.
            yield SearchResult(SearchStage.RETRIEVED, (), 0, time.perf_counter() - began)
            return
        target = self._target(query, embedder_id)

        def result(stage: SearchStage, hits: list[Hit]) -> SearchResult:
            return SearchResult(stage, hits[:limit], searched, time.perf_counter() - began)

        hits = self._retrieve(index, target, where, limit)
        yield result(SearchStage.RETRIEVED, hits)
        if self._aggregator is not None and hits:
            hits = self._aggregate(self._aggregator, target, hits)
            yield result(SearchStage.AGGREGATED, hits)
        if self._reranker is not None and hits:
            hits = self._rerank(self._reranker, target, hits)
            yield result(SearchStage.RERANKED, hits)

    def _target(self, query: Query, embedder_id: str | None) -> _Target:
        if isinstance(query, TrackletQuery):
            return self._stored_target(query.tracklet_id, embedder_id)
        assert embedder_id is not None, "an index without an embedder is empty"
        vector = self._loaded_embedder(embedder_id).embed([query.image])[0]
        return _Target(vector, embedder_id, None, lambda: query.image)

    def _stored_target(self, tracklet_id: int, embedder_id: str | None) -> _Target:
        tracklet = self.library.tracklet(tracklet_id)
        vector = None
        if embedder_id is not None:
            vector = self.library.vector(tracklet_id, embedder_id)
        if embedder_id is None or vector is None:
            raise UserFacingError(
                f"Tracklet {tracklet_id} has no vector of the embedder in use"
                f" ({embedder_id or 'none is chosen'}).",
                "Ingest its video again with this embedder (--again), or go back to the embedder"
                " that the library was built with.",
            )
        return _Target(vector, embedder_id, tracklet_id, lambda: read_crop(tracklet.thumbnail.path))

    def _loaded_embedder(self, embedder_id: str) -> Embedder:
        with self._lock:
            if self._embedder is None or self._embedder.id != embedder_id:
                embedder = self._load_embedder()
                if embedder.id != embedder_id:
                    raise ModelError(
                        f"The embedder at hand ({embedder.id}) is not the one that this library's"
                        f" vectors were made with ({embedder_id}).",
                        "Put the library's embedder back, or ingest again with the new one.",
                    )
                self._embedder = embedder
            return self._embedder

    def _retrieve(
        self, index: GalleryIndex, target: _Target, where: SearchFilter, limit: int
    ) -> list[Hit]:
        """The closest tracklets by cosine, as many as any later stage needs."""
        depth = limit
        if self._aggregator is not None:
            depth = max(depth, NEIGHBOURS)
        if self._reranker is not None:
            depth = max(depth, PAIRS)
        # One more, because the query tracklet finds itself.
        ids, cosines = index.search(target.vector, depth + 1, where)
        hits = [
            Hit(int(tracklet_id), score=float(cosine), cosine=float(cosine))
            for tracklet_id, cosine in zip(ids, cosines, strict=True)
            if tracklet_id != target.tracklet_id
        ]
        return hits[:depth]

    def _aggregate(
        self, aggregator: NeighborAggregator, target: _Target, hits: list[Hit]
    ) -> list[Hit]:
        """Ranks the neighbours by their aggregated vectors; the others follow as they were."""
        neighbours = self.library.vectors_of(
            [hit.tracklet_id for hit in hits[:NEIGHBOURS]], target.embedder_id
        )
        if not len(neighbours):
            return hits[NEIGHBOURS:]
        refined = aggregator.aggregate(np.vstack([target.vector, neighbours.vectors]))  # (1 + n, D)
        cosines = refined[1:] @ refined[0]
        aggregated = dict(zip(neighbours.tracklet_ids.tolist(), cosines.tolist(), strict=True))
        head = [
            replace(hit, score=aggregated[hit.tracklet_id], aggregated=aggregated[hit.tracklet_id])
            for hit in hits[:NEIGHBOURS]
            # What was deleted a moment ago has no vector any more.
            if hit.tracklet_id in aggregated
        ]
        return _ranked(head, before=hits[:NEIGHBOURS], tail=hits[NEIGHBOURS:])

    def _rerank(self, reranker: Reranker, target: _Target, hits: list[Hit]) -> list[Hit]:
        """Ranks the best pairs by the mean of their last score and the pair's, each min-max scaled.

        Min-max: the two scores have different scales, and a mean of 0..1 says which share of the
        range of this very list a hit has reached.
        """
        tracklets = self.library.tracklets([hit.tracklet_id for hit in hits[:PAIRS]])
        crops = {each.id: read_crop(each.thumbnail.path) for each in tracklets}
        candidates = [hit for hit in hits[:PAIRS] if hit.tracklet_id in crops]
        if not candidates:
            return hits[PAIRS:]
        pairs = reranker.score([target.crop()], [crops[hit.tracklet_id] for hit in candidates])
        last = np.array([hit.score for hit in candidates], np.float32)
        fused = (_min_max(last) + _min_max(pairs)) / 2
        head = [
            replace(hit, score=float(score), pair=float(pair))
            for hit, score, pair in zip(candidates, fused, pairs, strict=True)
        ]
        return _ranked(head, before=candidates, tail=hits[PAIRS:])


def _min_max(scores: FloatArray) -> FloatArray:
    """The scores scaled to 0..1, float32 (n,); all 0 where they do not differ."""
    spread = float(scores.max() - scores.min())
    if spread == 0:
        return np.zeros(len(scores), np.float32)
    return np.asarray((scores - scores.min()) / spread, np.float32)


def _ranked(head: list[Hit], before: list[Hit], tail: list[Hit]) -> list[Hit]:
    """The head by its new scores, ties by tracklet id, and behind it the tail in its old order.

    The tail's scores continue below the head's by the distances they had, so that a ranking is
    always sorted by `Hit.score`.

    Args:
        head: hits with new scores.
        before: the hits of the head as they were ranked until now.
        tail: hits that were not scored anew.
    """
    head = sorted(head, key=lambda hit: (-hit.score, hit.tracklet_id))
    if not head:
        return tail
    shift = head[-1].score - before[-1].score
    return head + [replace(hit, score=hit.score + shift) for hit in tail]
