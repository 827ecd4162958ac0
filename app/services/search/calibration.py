"""How probable a hit is, learnt from the library itself; see `app.services.search.match_curve`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from app.core.boxes import iou
from app.core.entities import FloatArray, Image, IntArray, Trajectory
from app.core.errors import ModelError, UserFacingError
from app.core.ports import Embedder
from app.services.pipeline import in_background
from app.services.search.corrections import Pairs, judged_pairs
from app.services.search.gallery_index import GalleryIndex
from app.services.search.match_curve import (
    EDGES,
    LEAST_APART,
    LEAST_PAIRS,
    CountArray,
    DoubleArray,
    Evidence,
    MatchCurve,
    learn_curve,
)
from app.services.search.reliability import CalibrationReport, held_out
from app.storage.library import Library

LEAST_SIGHTINGS = 20
"""In a smaller library nothing is learnt."""
# Sightings that are compared with all others, and of these, whose pictures are compared.
_QUERIES, _OWN = 300, 60
_AT_ONCE = 4
# Two cameras get a curve of their own from so many pairs on.
_WAY_PAIRS = 20_000
# Pictures of one sighting are far apart from here on.
_FAR_S = 1.0
# Seen together: so many frames show both, in boxes that hardly overlap. One person with two boxes,
# of which one slips at times, must not count.
_FRAMES, _APART_IOU = 2, 0.1
# Curves are learnt anew when the library has changed by one tracklet in so many.
_LEARN_AGAIN = 20
_VERSION = 2
R = TypeVar("R")
Steps = Generator[None, None, R]
Way = tuple[int, int]
"""Ids of two cameras, the lower one first; twice the same within one camera."""


@dataclass(frozen=True, slots=True)
class Curves:
    """What was learnt about one embedder's vectors.

    Attributes:
        tracklets: how many there were.
        pooled: the curve of all pairs; None: there is not enough data.
        ways: of those cameras that have enough pairs.
    """

    embedder_id: str
    tracklets: int
    confirmed: Pairs
    rejected: Pairs
    pooled: MatchCurve | None
    ways: dict[Way, MatchCurve]

    def probabilities(
        self, cosines: FloatArray, cameras: IntArray, sought: Collection[int], log_odds: FloatArray
    ) -> DoubleArray | None:
        """Of hits, float64 (n,); None where there is not enough data.

        Args:
            cosines: float32 (n,), less what somebody rejected is nearer.
            cameras: int64 (n,), of the hits.
            sought: cameras of the examples, as far as they are known.
            log_odds: float32 (n,), what the time between speaks for one person.
        """
        if self.pooled is None:
            return None
        found = self.pooled.at(cosines)
        if len(sought) == 1:
            (here,) = sought
            for there in np.unique(cameras).tolist():
                curve = self.ways.get((min(here, there), max(here, there)))
                if curve is not None:
                    found[cameras == there] = curve.at(cosines[cameras == there])
        odds = found / (1 - found) * np.exp(log_odds.astype(np.float64))
        return np.asarray(odds / (1 + odds))


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What a library itself says, whatever the user decides; takes seconds to find out.

    Attributes:
        index: of which.
        embedder_id: whose vectors.
        tracklets: how many there were.
        any_two: see `Evidence`, by cameras.
        apart: see `Evidence`.
        same: see `Evidence`.
    """

    index: GalleryIndex
    embedder_id: str
    tracklets: int
    any_two: dict[Way, CountArray]
    apart: DoubleArray
    same: DoubleArray

    def holds(self, index: GalleryIndex, embedder_id: str) -> bool:
        """Whether the library has hardly changed since."""
        changed = abs(len(index) - self.tracklets)
        is_same = (self.index, self.embedder_id) == (index, embedder_id)
        return is_same and changed * _LEARN_AGAIN <= self.tracklets


class Calibration:
    """Learns and keeps the curves of one library; the latest are stored in it."""

    def __init__(self, library: Library, load_embedder: Callable[[str], Embedder]) -> None:
        self._library = library
        self._load_embedder = load_embedder
        self._known: dict[bool, Curves] = {}
        self._gathered: dict[bool, Gathered] = {}
        self._together: dict[int, frozenset[int]] = {}

    def known(self, index: GalleryIndex, embedder_id: str, *, camera_mean: bool) -> Curves | None:
        """What was learnt before, perhaps of a smaller library; None: nothing yet."""
        if len(index) < LEAST_SIGHTINGS:
            return Curves(embedder_id, len(index), frozenset(), frozenset(), None, {})
        curves = self._known.get(camera_mean)
        if curves is None:
            curves = _decoded(self._library.remembered(_key(camera_mean)))
        if curves is None or curves.embedder_id != embedder_id:
            return None
        self._known[camera_mean] = curves
        return curves

    def is_due(self, curves: Curves | None, index: GalleryIndex) -> bool:
        """Whether the library has changed since, or nothing is known."""
        if len(index) < LEAST_SIGHTINGS:
            return False
        if curves is None:
            return True
        changed = abs(len(index) - curves.tracklets)
        decided = (curves.confirmed, curves.rejected) == judged_pairs(self._library)
        return not decided or changed * _LEARN_AGAIN > curves.tracklets

    def learn(self, index: GalleryIndex, embedder_id: str, *, camera_mean: bool) -> Steps[Curves]:
        """Learns curves and stores them; yields at least every 0.3 s.

        Raises:
            LibraryError: the library cannot be read or written.
        """
        curves, _ = yield from self._learn(index, embedder_id, camera_mean=camera_mean)
        return curves

    def report(self, index: GalleryIndex, embedder_id: str) -> Steps[CalibrationReport]:
        """Learns the curves again, and finds out how well they hold; raises as `learn`."""
        curves, evidence = yield from self._learn(index, embedder_id, camera_mean=True)
        curve = curves.pooled
        return CalibrationReport(
            curves.tracklets,
            int(evidence.any_two.sum()),
            len(evidence.same) + len(evidence.confirmed),
            len(evidence.apart) + len(evidence.rejected),
            curve,
            len(curves.ways),
            None if curve is None else held_out(evidence, curve.share),
        )

    def _learn(
        self, index: GalleryIndex, embedder_id: str, *, camera_mean: bool
    ) -> Steps[tuple[Curves, Evidence]]:
        """The curves, and what the one of all pairs was learnt from."""
        confirmed, rejected = judged_pairs(self._library)
        gathered = self._gathered.get(camera_mean)
        if gathered is None or not gathered.holds(index, embedder_id):
            gathered = yield from self._gather(index, embedder_id, camera_mean=camera_mean)
            self._gathered[camera_mean] = gathered
        yes, no = (
            index.pair_cosines(sorted(pairs), camera_mean=camera_mean)
            for pairs in (confirmed, rejected)
        )

        def evidence(counts: CountArray) -> Evidence:
            return Evidence(counts, gathered.apart, gathered.same, yes, no, gathered.tracklets)

        nothing = np.zeros(len(EDGES) - 1, np.int64)
        pooled = evidence(sum(gathered.any_two.values(), nothing))
        curve = learn_curve(pooled) if pooled.is_enough() else None
        yield
        ways = {}
        for way, counts in gathered.any_two.items():
            if curve is not None and counts.sum() >= _WAY_PAIRS:
                ways[way] = learn_curve(evidence(counts))
                yield
        curves = Curves(embedder_id, gathered.tracklets, confirmed, rejected, curve, ways)
        self._known[camera_mean] = curves
        self._library.remember(_key(camera_mean), _encoded(curves))
        return curves, pooled

    def _gather(
        self, index: GalleryIndex, embedder_id: str, *, camera_mean: bool
    ) -> Steps[Gathered]:
        """The evidence that the library holds by now."""
        everybody = index.tracklet_ids()
        count = min(_QUERIES, len(everybody))
        queries = everybody[np.linspace(0, len(everybody) - 1, count).astype(int)]
        bins = len(EDGES) - 1
        any_two: dict[Way, CountArray] = defaultdict(lambda: np.zeros(bins, np.int64))
        apart: list[float] = []
        for first in range(0, count, _AT_ONCE):
            some = queries[first : first + _AT_ONCE]
            together = yield from self.seen_together(some.tolist(), always_apart=True)
            compared = index.compared(some, camera_mean=camera_mean)
            row_of = {each: row for row, each in enumerate(compared.others.ids.tolist())}
            cameras, camera_of = np.unique(compared.others.cameras, return_inverse=True)
            for row, query_id in enumerate(compared.sought.ids.tolist()):
                cosines = compared.cosines[row]
                rows = [row_of[each] for each in together.get(query_id, ()) if each in row_of]
                apart += cosines[rows].tolist()
                here = int(compared.sought.cameras[row])
                free = ~compared.overlapping(row)
                free[rows] = False
                places = ((cosines[free] + 1) / 2 * bins).astype(np.int64).clip(0, bins - 1)
                places += bins * camera_of[free]
                counts = np.bincount(places, minlength=bins * len(cameras)).reshape(-1, bins)
                for there, shown in zip(cameras.tolist(), counts, strict=True):
                    any_two[min(here, there), max(here, there)] += shown
            yield
        counted = sum(int(counts.sum()) for counts in any_two.values())
        same = np.zeros(0)
        if counted >= LEAST_PAIRS and len(apart) >= LEAST_APART:  # else no network is needed
            some = queries[:: max(1, count // _OWN)]
            same = yield from self._far_apart(
                index, embedder_id, some.tolist(), camera_mean=camera_mean
            )
        return Gathered(index, embedder_id, len(everybody), dict(any_two), np.array(apart), same)

    def seen_together(
        self, tracklet_ids: Sequence[int], *, always_apart: bool = False
    ) -> Steps[dict[int, frozenset[int]]]:
        """Of each tracklet those that frames show at the same time, elsewhere in the picture.

        Those that were asked for lately are remembered.

        Args:
            tracklet_ids: unknown ones are left out.
            always_apart: only those whose boxes never overlap much, which is beyond doubt.
        """
        known = {} if always_apart else self._together
        found = {each: known[each] for each in tracklet_ids if each in known}
        missing = [each for each in tracklet_ids if each not in found]
        for tracklet in self._library.tracklets(missing):
            there = self._library.trajectories_between(
                tracklet.video_id, tracklet.first_time_s, tracklet.last_time_s
            )
            boxes = {other.id: trajectory for other, trajectory in there}
            own = boxes.pop(tracklet.id, None)
            if own is not None:
                found[tracklet.id] = frozenset(
                    other_id
                    for other_id, other in boxes.items()
                    if _are_two(own, other, always_apart)
                )
            yield
        if not always_apart:
            self._together = found
        return found

    def forget(self) -> None:
        """Tracklets have changed: who is seen together is found out again."""
        self._together = {}

    def reset(self) -> None:
        """The index is built anew: the old one is not kept for the sake of its evidence."""
        self.forget()
        self._gathered = {}

    def _far_apart(
        self,
        index: GalleryIndex,
        embedder_id: str,
        tracklet_ids: Sequence[int],
        *,
        camera_mean: bool,
    ) -> Steps[DoubleArray]:
        """Cosines of the first and the last picture of tracklets, float64 (n,)."""
        pairs = []
        cameras = []
        for tracklet in self._library.tracklets(tracklet_ids):
            crops = self._library.crops(tracklet.id)
            if crops[-1].time_s - crops[0].time_s >= _FAR_S:
                pairs.append((crops[0].path, crops[-1].path))
                cameras.append(tracklet.camera_id)
            yield
        names = {each.id: each.name for each in self._library.cameras()}
        cosines: list[float] = []
        try:
            embedder = yield from in_background(lambda: self._load_embedder(embedder_id), _nothing)
        except ModelError:  # which is told where it is needed
            return np.array(cosines)
        for first in range(0, len(pairs), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            images: list[Image] = []
            of: list[int] = []
            for (one, other), camera in zip(pairs[part], cameras[part], strict=True):
                try:
                    images += [self._library.crop(one), self._library.crop(other)]
                except UserFacingError:  # a picture is gone: `check` says so
                    del images[2 * len(of) :]
                    continue
                of.append(camera)
            if not of:
                continue
            twice = np.repeat(np.array(of, np.int64), 2)
            told = [names[each] for each in twice.tolist()]
            vectors = yield from in_background(partial(embedder.embed, images, told), _nothing)
            if camera_mean:
                vectors = index.camera_means().corrected(vectors, twice)
            cosines += (vectors[::2] * vectors[1::2]).sum(axis=1).tolist()
        return np.array(cosines)


def _nothing() -> None:
    return None


def _are_two(one: Trajectory, other: Trajectory, always_apart: bool) -> bool:
    """Whether frames show both, in boxes that hardly overlap: mostly, or always."""
    _, rows, others = np.intersect1d(one.frame_index, other.frame_index, return_indices=True)
    apart = sum(
        iou(one.boxes[row : row + 1], other.boxes[also : also + 1])[0, 0] < _APART_IOU
        for row, also in zip(rows.tolist(), others.tolist(), strict=True)
    )
    least = len(rows) if always_apart else len(rows) // 2 + 1
    return bool(apart >= max(_FRAMES, least))


# Stored as JSON -----------------------------------------------------------------------------------


def _key(camera_mean: bool) -> str:
    return "calibration" if camera_mean else "calibration-without-mean"


def _encoded(curves: Curves) -> str:
    plain = asdict(curves)
    plain["ways"] = [[*way, asdict(curve)] for way, curve in curves.ways.items()]
    for name in ("confirmed", "rejected"):
        plain[name] = sorted(plain[name])
    return json.dumps({"version": _VERSION, **plain})


def _decoded(text: str | None) -> Curves | None:
    """None also for what another version of the program has stored: it is learnt again."""
    try:
        found: dict[str, Any] = json.loads(text or "{}")
        if found.pop("version", None) != _VERSION:
            return None
        for name in ("confirmed", "rejected"):
            found[name] = frozenset((one, other) for one, other in found[name])
        pooled = found.pop("pooled")
        ways = {(low, high): MatchCurve(**each) for low, high, each in found.pop("ways")}
        return Curves(**found, pooled=None if pooled is None else MatchCurve(**pooled), ways=ways)
    except (KeyError, TypeError, ValueError):
        return None
