"""The index that a query is compared with: exact, in memory, rebuilt from the library."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.core.entities import FloatArray, GalleryVectors, IntArray
from app.core.queries import SearchFilter
from app.services.search.index_arrays import best_rows, nearest_in_time, with_room
from site_statistics.camera_mean import CameraMeans, CameraSums
from site_statistics.transit_times import (
    Sightings,
    Stretch,
    TransitTimes,
    bonus,
    gaps_between,
    stretches,
)

DoubleArray = NDArray[np.float64]

_ROW = np.dtype(
    [
        ("tracklet_id", np.int64),
        ("camera_id", np.int64),
        ("first_utc_s", np.float64),
        ("last_utc_s", np.float64),
        ("clock_known", np.bool_),
    ]
)
# Whoever is less than this nearer to the person than to somebody rejected loses score.
MARGIN = 0.2
# Tracklets of one camera that are so near in time and so alike are one stack.
_MOMENT_S, _ALIKE = 2.0, 0.8
# Digits that the arithmetic of float32 leaves sure: what differs by less is a tie.
_DIGITS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Sought:
    """Whom the index is searched for.

    Attributes:
        vector: float32 (D,), L2-normalised.
        camera_id: None where the camera is not known.
        first_utc_s: POSIX seconds when he or she was first seen, NaN where that is not known.
        last_utc_s: likewise, last seen.
        tracklet_id: None for who is not in the library.
    """

    vector: FloatArray
    camera_id: int | None = None
    first_utc_s: float = float("nan")
    last_utc_s: float = float("nan")
    tracklet_id: int | None = None

    def sighting(self) -> Sightings:
        """Where and when, as one row."""
        return Sightings(
            np.array([-1 if self.tracklet_id is None else self.tracklet_id], np.int64),
            np.array([-1 if self.camera_id is None else self.camera_id], np.int64),
            np.array([self.first_utc_s]),
            np.array([self.last_utc_s]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The closest tracklets, best first, ties by tracklet id.

    Attributes:
        tracklet_ids: int64 (m,).
        scores: float32 (m,), the cosine, what transit times add to it, and what those rejected
            take off.
        cosines: float32 (m,), without the cameras' means if so asked; of several examples, half
            with their mean and half with the nearest.
        gaps_s: float64 (m,), see `site_statistics.transit_times.gaps_between`; to the example that
            is nearest in time.
        log_odds: float32 (m,), how much that gap speaks for one person; 0: nothing is known.
        nearer_rejected: float32 (m,), what the scores lose because somebody rejected is near.
        camera_ids: int64 (m,).
    """

    tracklet_ids: IntArray
    scores: FloatArray
    cosines: FloatArray
    gaps_s: DoubleArray
    log_odds: FloatArray
    nearer_rejected: FloatArray
    camera_ids: IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """Some tracklets, compared with all.

    Attributes:
        sought: m rows.
        others: n rows, all there are.
        cosines: float32 (m, n).
    """

    sought: Sightings
    others: Sightings
    cosines: FloatArray

    def overlapping(self, row: int) -> NDArray[np.bool_]:
        """Who is in view of the same camera at the same time as one sought, or is it: bool (n,)."""
        others = self.others
        begins_before = others.first_s <= self.sought.last_s[row]
        ends_after = others.last_s >= self.sought.first_s[row]
        there = others.cameras == self.sought.cameras[row]
        itself = others.ids == self.sought.ids[row]
        return np.asarray((there & begins_before & ends_after) | itself, np.bool_)


class GalleryIndex:
    """Cosine search over the tracklets' vectors, filtered by camera and time inside the search.

    Thread-safe: an ingest adds while a search reads. Vectors are kept as they were embedded; what a
    camera's vectors have in common is subtracted while searching, because it changes with every
    tracklet. The same tracklets give the same answers, whatever was added and removed before.
    Adding and removing take time for what is added and removed, not for all that is there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[int, int] = {}  # of each tracklet's row and vector
        # As many as there are places are in use, from the first on.
        self._row_store = np.empty(0, _ROW)
        self._vector_store = np.empty((0, 0), np.float32)
        self._sums = CameraSums()
        self._corrections: _Corrections | None = None

    def __len__(self) -> int:
        with self._lock:
            return len(self._places)

    def add(self, gallery: GalleryVectors) -> None:
        """Takes the tracklets that are not known yet; known ones keep what they have.

        Raises:
            ValueError: if the vectors' dimension is not the index's.
        """
        with self._lock:
            self._add(gallery)

    def remove(self, tracklet_ids: Sequence[int]) -> None:
        """Forgets tracklets; unknown ids are ignored."""
        with self._lock:
            gone = [
                self._places.pop(each)
                for each in map(int, dict.fromkeys(tracklet_ids))
                if each in self._places
            ]
            if not gone:
                return
            in_use = len(self._places) + len(gone)
            self._sums.remove(self._vector_store[gone], self._row_store["camera_id"][gone])
            for place in sorted(gone, reverse=True):
                in_use -= 1
                if place != in_use:  # the last one takes the place that is free now
                    self._row_store[place] = self._row_store[in_use]
                    self._vector_store[place] = self._vector_store[in_use]
                    self._places[int(self._row_store["tracklet_id"][place])] = place
            self._corrections = None

    def count(self, where: SearchFilter | None = None, *, after_id: int = 0) -> int:
        """How many tracklets the filter lets through; only those of a higher id than `after_id`."""
        with self._lock:
            newer = self._rows["tracklet_id"] > after_id
            return int(np.count_nonzero(newer & self._allowed(where or SearchFilter())))

    @property
    def newest_id(self) -> int:
        """The highest id of a tracklet; 0 where there is none."""
        with self._lock:
            return int(self._rows["tracklet_id"].max(initial=0))

    def camera_means(self) -> CameraMeans:
        """What is subtracted from the vectors of each camera now, if that is asked for."""
        with self._lock:
            return self._corrected().means

    def learn_transit(
        self,
        confirmed: Collection[tuple[int, int]],
        rejected: Collection[tuple[int, int]],
        limits: Mapping[frozenset[int], tuple[float, float]] | None = None,
    ) -> TransitTimes:
        """How long people take between cameras, learnt from the tracklets of known time.

        Args:
            confirmed: ids of two tracklets of one person each.
            rejected: ids of two tracklets of different people each.
            limits: shortest and longest credible gap between two cameras, by their ids.
        """
        with self._lock:
            everybody = self._sightings()
            means = self._corrected().means
            learnt_from = []
            for rows in stretches(everybody.first_s):
                some = everybody.at(rows)
                corrected = means.corrected(self._vectors[rows], some.cameras)
                learnt_from.append(Stretch(some, corrected))
        return TransitTimes(learnt_from, everybody, confirmed, rejected, limits)

    def search(
        self,
        sought: Sequence[Sought],
        k: int,
        where: SearchFilter | None = None,
        *,
        rejected: Sequence[Sought] = (),
        camera_mean: bool = False,
        transit: TransitTimes | None = None,
    ) -> Found:
        """The closest tracklets that the filter lets through.

        A tracklet is compared with the mean of the examples and with the nearest of them, half and
        half. If somebody rejected is nearer, or less than `MARGIN` farther, it loses what is
        missing to that: it is more likely to be that one.

        Args:
            sought: examples of whom to find, at least one; a tracklet finds itself.
            k: how many at most.
            where: cameras and time; tracklets of unknown time pass no time filter.
            rejected: people who look alike and are not meant.
            camera_mean: subtract from every vector what those of its camera have in common.
            transit: what is known of the ways between cameras; None: times do not count.

        Raises:
            ValueError: if the vector's dimension is not the index's.
        """
        with self._lock:
            rows = np.flatnonzero(self._allowed(where or SearchFilter()))
            k = min(k, len(rows))
            for one in (*sought, *rejected) if k >= 1 else ():
                if one.vector.shape != self._vector_store.shape[1:]:
                    wanted = self._vector_store.shape[1]
                    raise ValueError(f"vector must be ({wanted},), got {one.vector.shape}")
            if k < 1:
                rows = rows[:0]
                cosines = nearer = np.empty(0, np.float32)
            else:
                shown = self._as_compared(sought, camera_mean)
                alike = self._cosines(mean_of(shown), camera_mean)[rows]
                if len(shown) > 1:
                    alike += self._nearest(shown, camera_mean)[rows]
                    alike /= 2
                # Rounding leaves a trace of where in memory a vector lies: equal ones must tie.
                cosines = np.round(alike, _DIGITS).astype(np.float32)
                nearer = np.zeros(len(rows), np.float32)
                if rejected:
                    others = self._as_compared(rejected, camera_mean)
                    excess = self._nearest(others, camera_mean)[rows] - cosines + np.float32(MARGIN)
                    np.round(np.maximum(excess, 0), _DIGITS, out=nearer)
            seen = self._sightings().at(rows)
        gaps, log_odds = np.full(len(rows), np.nan), np.zeros(len(rows), np.float32)
        if transit is not None:
            each = [transit.log_odds(example.sighting(), seen) for example in sought]
            gaps, log_odds = nearest_in_time(each)
        scores = np.round(cosines + bonus(log_odds) - nearer, _DIGITS)
        best = best_rows(scores, seen.ids, k)
        return Found(
            seen.ids[best], scores[best], cosines[best], gaps[best], log_odds[best], nearer[best],
            seen.cameras[best],
        )  # fmt: skip

    def tracklet_ids(self) -> IntArray:
        """Of all tracklets, int64 (n,), rising."""
        with self._lock:
            return np.sort(self._rows["tracklet_id"])

    def compared(self, tracklet_ids: IntArray, *, camera_mean: bool) -> Compared:
        """Some tracklets with all; those that are unknown are left out."""
        with self._lock:
            known = [each for each in tracklet_ids.tolist() if each in self._places]
            rows = np.array([self._places[each] for each in known], np.int64)
            everybody = self._sightings(also_guessed=True)
            cosines = np.zeros((len(rows), len(everybody)), np.float32)
            for place, vector in enumerate(self._rows_as_compared(rows, camera_mean)):
                cosines[place] = self._cosines(vector, camera_mean)
        return Compared(everybody.at(rows), everybody, cosines)

    def stacks(self, tracklet_ids: Sequence[int]) -> dict[int, int]:
        """Tracklets that show all but the same: in one camera, at one moment, with one look.

        Returns:
            A number by tracklet, the same for those of a stack; none of those that are like no
            other.
        """
        with self._lock:
            known = [each for each in tracklet_ids if each in self._places]
            rows = np.array([self._places[each] for each in known], np.int64)
            seen = self._sightings(also_guessed=True).at(rows)
            vectors = self._rows_as_compared(rows, camera_mean=True)
        gaps = gaps_between(
            seen.first_s[:, None], seen.last_s[:, None], seen.first_s, seen.last_s
        )  # NaN where a time is unknown, which is not near
        near = np.abs(gaps) <= _MOMENT_S
        alike = near & (seen.cameras[:, None] == seen.cameras) & (vectors @ vectors.T >= _ALIKE)
        stack_of = np.arange(len(known))
        for one, other in np.argwhere(np.triu(alike, 1)).tolist():
            stack_of[stack_of == stack_of[other]] = stack_of[one]
        sizes = np.bincount(stack_of, minlength=len(known))
        return {
            each: known[stack]
            for each, stack in zip(known, stack_of.tolist(), strict=True)
            if sizes[stack] > 1
        }

    def pair_cosines(self, pairs: Sequence[tuple[int, int]], *, camera_mean: bool) -> DoubleArray:
        """Of two tracklets each, float64 (n,); a pair of which one is unknown is left out."""
        with self._lock:
            known = [pair for pair in pairs if all(each in self._places for each in pair)]
            rows = np.array([[self._places[each] for each in pair] for pair in known], np.int64)
            one, other = (
                self._rows_as_compared(side, camera_mean) for side in rows.reshape(-1, 2).T
            )
            return np.asarray((one * other).sum(axis=1), np.float64)

    @property
    def _rows(self) -> NDArray[np.void]:
        return self._row_store[: len(self._places)]

    @property
    def _vectors(self) -> FloatArray:
        return self._vector_store[: len(self._places)]

    def _as_compared(self, people: Sequence[Sought], camera_mean: bool) -> FloatArray:
        """Their vectors, float32 (m, D), without what those of their cameras have in common."""
        vectors = np.array([each.vector for each in people], np.float32)
        if not camera_mean or not len(people):
            return vectors
        cameras = [-1 if each.camera_id is None else each.camera_id for each in people]
        return self._corrected().means.corrected(vectors, np.array(cameras, np.int64))

    def _rows_as_compared(self, rows: IntArray, camera_mean: bool) -> FloatArray:
        """Vectors of tracklets, float32 (m, D), likewise."""
        vectors = self._vectors[rows]
        if not camera_mean:
            return vectors
        return self._corrected().means.corrected(vectors, self._rows["camera_id"][rows])

    def _nearest(self, people: FloatArray, camera_mean: bool) -> FloatArray:
        """The highest cosine of every tracklet with vectors of `_as_compared`, float32 (n,)."""
        found = self._cosines(people[0], camera_mean)
        for each in people[1:]:
            np.maximum(found, self._cosines(each, camera_mean), out=found)
        return found

    def _cosines(self, query: FloatArray, camera_mean: bool) -> FloatArray:
        """Of every tracklet with a vector of `_as_compared`, float32 (n,)."""
        if not camera_mean:
            return np.asarray(self._vectors @ query)
        corrections = self._corrected()
        # q · (v − o) / |v − o|, without a copy of all vectors.
        common = corrections.means.offsets @ query  # (C,)
        found: FloatArray = self._vectors @ query
        found -= common[corrections.rows]
        found *= corrections.scales
        return found

    def _corrected(self) -> _Corrections:
        """Worked out anew after every change: of whom a camera saw, all its vectors depend."""
        if self._corrections is None:
            means = self._sums.means()
            rows = means.rows_of(self._rows["camera_id"])
            scales = means.scales_of(self._vectors, rows)
            self._corrections = _Corrections(means, rows, scales)
        return self._corrections

    def _sightings(self, *, also_guessed: bool = False) -> Sightings:
        """Of all tracklets, a copy; unless asked for, times that are guessed count as unknown."""
        rows = self._rows
        times = (rows["first_utc_s"], rows["last_utc_s"])
        known = rows["clock_known"] | also_guessed
        first, last = (np.where(known, each, np.nan) for each in times)
        return Sightings(rows["tracklet_id"].copy(), rows["camera_id"].copy(), first, last)

    def _add(self, gallery: GalleryVectors) -> None:
        new: dict[int, int] = {}  # the first of each tracklet
        for place, tracklet_id in enumerate(gallery.tracklet_ids.tolist()):
            if tracklet_id not in self._places:
                new.setdefault(tracklet_id, place)
        if not new:
            return
        before, after = len(self._places), len(self._places) + len(new)
        if not before:
            self._vector_store = np.empty((0, gallery.vectors.shape[1]), np.float32)
        if gallery.vectors.shape[1] != self._vector_store.shape[1]:
            wanted = self._vector_store.shape[1]
            raise ValueError(f"vectors must be (n, {wanted}), got {gallery.vectors.shape}")
        self._row_store = with_room(self._row_store, before, after)
        self._vector_store = with_room(self._vector_store, before, after)
        places = list(new.values())
        rows = self._row_store[before:after]
        rows["tracklet_id"] = gallery.tracklet_ids[places]
        rows["camera_id"] = gallery.camera_ids[places]
        rows["first_utc_s"] = gallery.first_utc_s[places]
        rows["last_utc_s"] = gallery.last_utc_s[places]
        rows["clock_known"] = gallery.clock_known[places]
        self._vector_store[before:after] = gallery.vectors[places]
        self._places.update(zip(new, range(before, after), strict=True))
        self._sums.add(self._vector_store[before:after], rows["camera_id"])
        self._corrections = None

    def _allowed(self, where: SearchFilter) -> NDArray[np.bool_]:
        """Which rows the filter lets through, bool (n,)."""
        allowed = np.ones(len(self._rows), np.bool_)
        if where.camera_ids is not None:
            cameras = np.fromiter(where.camera_ids, np.int64)
            allowed &= np.isin(self._rows["camera_id"], cameras)
        # Comparing with NaN (an unknown time) is false: such tracklets pass no time filter.
        if where.from_utc is not None:
            allowed &= self._rows["last_utc_s"] >= where.from_utc.timestamp()
        if where.to_utc is not None:
            allowed &= self._rows["first_utc_s"] <= where.to_utc.timestamp()
        return allowed


@dataclass(frozen=True, slots=True, eq=False)
class _Corrections:
    """What the index subtracts, as of its present tracklets.

    Attributes:
        rows: int64 (n,), row of each tracklet's camera in `means`.
        scales: float32 (n,), 1 / length of each vector after the subtraction.
    """

    means: CameraMeans
    rows: IntArray
    scales: FloatArray


def mean_of(vectors: FloatArray) -> FloatArray:
    """The mean of vectors (m, D), L2-normalised, float32 (D,); of one, the vector itself."""
    if len(vectors) == 1:
        return np.asarray(vectors[0], np.float32)
    mean = vectors.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)
