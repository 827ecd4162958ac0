"""Query → ever better rankings: retrieved, aggregated over the neighbours, re-ranked by pairs."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial

from app.core.entities import Video
from app.core.errors import ModelError, UserFacingError
from app.core.ports import Embedder
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
    StageRunning,
    TrackletQuery,
    TransitUse,
    examples,
)
from app.language import tr
from app.services.pipeline import paced
from app.services.search.calibration import Calibration
from app.services.search.corrections import Corrections
from app.services.search.gallery_index import Found, GalleryIndex, Sought
from app.services.search.ranking import (
    KnownOfHits,
    hits_of,
    with_probabilities,
)
from app.services.search.refining import (
    NEIGHBOURS,
    PAIRS,
    LoadAggregator,
    LoadReranker,
    Refining,
    Target,
    working,
)
from app.services.search.reliability import CalibrationReport
from app.storage.library import Library
from site_statistics.transit_times import TransitTimes

# Of so many hits those that are all but the same are shown as one.
_STACKED = 300
_OWN_COSINE = 0.999  # of a vector with itself


class Search:
    """Searches one library. Thread-safe: ingest may report new tracklets while a search runs.

    Attributes:
        library: what is searched.
        calibration: what says how probable a hit is.
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
        self._refining = Refining(library, load_aggregator, load_reranker)
        # Not an RLock: a `prepare` that was dropped may be closed by another thread.
        self._lock = threading.Lock()
        # Another one: loading takes seconds, in which an ingest must be able to tell what is new.
        self._loading = threading.Lock()
        self._index: GalleryIndex | None = None
        self._indexed_embedder: str | None = None
        self._embedder: Embedder | None = None
        self._corrections = Corrections(library)
        self.calibration = Calibration(library, self._loaded_embedder)

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

    def calibrate(self) -> Iterator[None]:
        """Learns how probable hits are, if nothing is known yet; yields at least every 0.3 s.

        A search does that at its end; whoever judges quickly may never come to one.

        Raises:
            LibraryError: the library cannot be read or written.
            ModelError: an embedder was named that has not made the library's vectors.
        """
        index, embedder_id = self._current_index()
        if (
            embedder_id is not None
            and self.calibration.known(index, embedder_id, camera_mean=True) is None
        ):
            yield from self.calibration.learn(index, embedder_id, camera_mean=True)

    def stored(self, tracklet_ids: Sequence[int]) -> None:
        """These tracklets are new in the library or have changed, so that the index learns them."""
        with self._lock:
            self.calibration.forget()
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
            self.calibration.reset()
            self._index = None

    def transit_times(self) -> TransitTimes:
        """How long people take between cameras; learning that takes up to some seconds.

        Raises:
            LibraryError: the library cannot be read.
            ModelError: an embedder was named that has not made the library's vectors.
        """
        return self._corrections.transit_times(self.index)

    def report_calibration(self) -> Generator[None, None, CalibrationReport]:
        """Learns how probable hits are, and how well that holds.

        Raises:
            UserFacingError: nothing is stored yet.
        """
        index, embedder_id = self._current_index()
        if embedder_id is None:
            raise UserFacingError(
                tr("The library has no sightings yet."), tr("Ingest a folder of videos first.")
            )
        return (yield from self.calibration.report(index, embedder_id))

    def count_new(self, where: SearchFilter, newest_id: int) -> int:
        """How many tracklets can be found that could not be when a search told `newest_id`."""
        return self.index.count(where, after_id=newest_id)

    def run(
        self,
        query: Query,
        where: SearchFilter | None = None,
        limit: int = 200,
        stages: Collection[Refinement] = REFINEMENTS,
        *,
        with_judged: bool = False,
    ) -> Iterator[SearchEvent]:
        """Yields one ranking for each stage there is, the first as soon as possible.

        A refinement that cannot be had is told and left out. If it was not known yet how probable
        hits are, or the library has changed since, that is learnt at the end, and the last ranking
        comes once more.

        Args:
            query: whom to find; a tracklet that is its first example is never among the hits.
            where: cameras and time.
            limit: most hits of a ranking, at least 1.
            stages: the refinements that are switched on, the corrections among them.
            with_judged: whether the tracklets of its other examples, and those rejected, are
                among the hits.

        Raises:
            NotFoundError: if a tracklet of the query does not exist.
            UserFacingError: if it has no vector of the current embedder.
            ModelError: if a picture cannot be embedded as the library's vectors were.
        """
        if limit < 1:
            raise ValueError(f"limit must be at least 1, got {limit}")
        began = time.perf_counter()
        where = where or SearchFilter()
        index, embedder_id = yield from working(SearchStage.RETRIEVED, self._current_index)
        is_new = all(isinstance(each, CropQuery) for each in examples(query))
        if is_new and not index.count(where):
            # Nothing to compare with: the embedder need not be loaded, nor even be known.
            yield SearchResult(SearchStage.RETRIEVED, (), 0, time.perf_counter() - began)
            return
        target = yield from working(
            SearchStage.RETRIEVED, partial(self._target, query, embedder_id)
        )
        if where.things:
            found = self._things(target, where, limit)
            hits = hits_of(found, without=())
            yield SearchResult(SearchStage.RETRIEVED, hits, len(hits), time.perf_counter() - began)
            return
        sought, transit, use = target.sought, None, None
        if Correction.TRANSIT in stages:
            clock_known = any(
                each.camera_id is not None and math.isfinite(each.first_utc_s) for each in sought
            )
            transit = TransitTimes()
            if clock_known:
                learn = partial(self._corrections.transit_times, index)
                transit = yield from working(SearchStage.RETRIEVED, learn)
            camera_known = any(each.camera_id is not None for each in sought)
            use = TransitUse(transit.pairs, transit.camera_pairs, clock_known, camera_known)
        takes_mean = Correction.CAMERA_MEAN in stages
        calibration = self.calibration
        curves = calibration.known(index, target.embedder_id, camera_mean=takes_mean)
        shares = self._corrections.camera_shares(index) if takes_mean else ()

        def result(stage: SearchStage, hits: list[Hit]) -> SearchResult:
            elapsed_s = time.perf_counter() - began
            searched = max(counted, len(hits))
            calibrated = None if curves is None else curves.pooled is not None
            return SearchResult(
                stage, hits[:limit], searched, elapsed_s, shares, use, newest_id, calibrated
            )

        # As many as any later stage needs, and the query's own tracklets, which find themselves.
        depth = max(limit, NEIGHBOURS, PAIRS)
        own = {target.sought[0].tracklet_id} if with_judged else target.known_ids()
        newest_id = index.newest_id
        found = index.search(
            sought, depth + len(own), where,
            rejected=target.rejected, camera_mean=takes_mean, transit=transit,
        )  # fmt: skip
        # Counted now, not at the beginning: a library that is being filled has grown meanwhile.
        counted = index.count(where)
        known = yield from self._known_of(index, found, sought)
        hits = with_probabilities(hits_of(found, without=own)[:depth], curves, known)
        yield result(last := SearchStage.RETRIEVED, hits)
        for stage in (SearchStage.AGGREGATED, SearchStage.RERANKED):
            refined = None
            if stage in stages and hits:
                refined = yield from self._refining.refine(stage, target, hits)
            if refined is not None:
                hits = refined
                yield result(last := stage, hits)
        if calibration.is_due(curves, index):
            learning = calibration.learn(index, target.embedder_id, camera_mean=takes_mean)
            curves = yield from paced(learning, partial(StageRunning, last))
            yield result(last, with_probabilities(hits, curves, known))

    def _things(self, target: Target, where: SearchFilter, limit: int) -> Found:
        """What was said to be no person: in no index, as it must not count for anything."""
        index = GalleryIndex()
        for batch in self.library.vector_batches(target.embedder_id, things=True):
            index.add(batch)
        return index.search(target.sought, limit, where)

    def _known_of(
        self, index: GalleryIndex, found: Found, sought: Sequence[Sought]
    ) -> Generator[SearchEvent, None, KnownOfHits]:
        """What tells how probable hits are, besides how similar they are."""
        own = [each.tracklet_id for each in sought if each.tracklet_id is not None]
        seeing = self.calibration.seen_together(own)
        together = yield from paced(seeing, partial(StageRunning, SearchStage.RETRIEVED))
        return KnownOfHits(
            dict(zip(found.tracklet_ids.tolist(), found.camera_ids.tolist(), strict=True)),
            frozenset(each.camera_id for each in sought if each.camera_id is not None),
            frozenset().union(*together.values()),
            index.stacks(found.tracklet_ids[:_STACKED].tolist()),
        )

    def _target(self, query: Query, embedder_id: str | None) -> Target:
        each = [self._example(example, embedder_id) for example in examples(query)]
        rejected = query.rejected if isinstance(query, PersonQuery) else ()
        others = [self._stored_target(tracklet_id, embedder_id) for tracklet_id in rejected]
        return replace(
            each[0],
            sought=tuple(one for target in each for one in target.sought),
            rejected=tuple(one for target in others for one in target.sought),
        )

    def _example(self, query: Example, embedder_id: str | None) -> Target:
        if isinstance(query, TrackletQuery):
            return self._stored_target(query.tracklet_id, embedder_id)
        assert embedder_id is not None, "an index without an embedder is empty"
        vector = self._loaded_embedder(embedder_id).embed([query.image], urgent=True)[0]
        seen_s = float("nan") if query.seen_utc is None else query.seen_utc.timestamp()
        sought = Sought(vector, query.camera_id, seen_s, seen_s)
        return Target((sought,), embedder_id, None, lambda: query.image)

    def _stored_target(self, tracklet_id: int, embedder_id: str | None) -> Target:
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
        return Target((sought,), embedder_id, video.camera.name, crop)

    def _loaded_embedder(self, embedder_id: str) -> Embedder:
        with self._loading:
            if self._embedder is None or self._embedder.id != embedder_id:
                embedder = self._load_embedder()
                if embedder.id != embedder_id:
                    raise ModelError(
                        tr(
                            "The embedder in use ({id}) is not the one that made this library's "
                            "vectors ({embedder}).",
                            id=embedder.id,
                            embedder=embedder_id,
                        ),
                        tr("Restore the library's embedder, or ingest again with the new one."),
                    )
                self._embedder = embedder
            return self._embedder


def _utc_s(video: Video, time_s: float) -> float:
    """POSIX seconds of a moment of a video, NaN where its clock is unknown or guessed."""
    moment = video.moment(time_s) if video.info.clock_known else None
    return math.nan if moment is None else moment.timestamp()
