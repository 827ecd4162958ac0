"""What a library tells of its place: how its cameras differ, and how long people take between."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from app.core.queries import CameraShare
from app.core.way_limits import LimitsOfWays
from app.services.search.gallery_index import GalleryIndex
from app.storage.library import Library
from site_statistics.transit_times import TransitTimes

# Transit times are learnt anew when the library has changed by one tracklet in so many.
_LEARN_AGAIN = 20

Pairs = frozenset[tuple[int, int]]
"""Ids of two tracklets each."""


_Said = tuple[Pairs, Pairs, LimitsOfWays]
"""What the user confirmed, rejected, and set for ways."""


@dataclass(frozen=True, slots=True, eq=False)
class _Learnt:
    """Transit times, and what they were learnt from."""

    times: TransitTimes
    index: GalleryIndex
    tracklets: int
    said: _Said

    def holds(self, index: GalleryIndex, said: _Said) -> bool:
        """Whether they need not be learnt anew."""
        changed = abs(len(index) - self.tracklets)
        known = self.index is index and self.said == said
        return known and changed * _LEARN_AGAIN <= self.tracklets


class Corrections:
    """Derived from one library's index and decisions. Thread-safe."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._learning = threading.Lock()
        self._learnt: _Learnt | None = None

    def transit_times(self, index: GalleryIndex) -> TransitTimes:
        """As of the library a short while ago: learning takes up to some seconds.

        What the user confirmed counts more than what was found, and what was rejected is no pair.
        No time beyond what was set for a way is credible.
        """
        said = (*judged_pairs(self._library), self._library.way_limits())
        with self._learning:
            known = self._learnt
            if known is None or not known.holds(index, said):
                tracklets = len(index)
                confirmed, rejected, limits = said
                spans = {ends: each.span_s for ends, each in limits.items()}
                times = index.learn_transit(confirmed, rejected, spans)
                known = self._learnt = _Learnt(times, index, tracklets, said)
            return known.times

    def camera_shares(self, index: GalleryIndex) -> tuple[CameraShare, ...]:
        """How much of each camera's mean is taken off, cameras in natural order of their names."""
        means = index.camera_means()
        columns = (each.tolist() for each in (means.cameras, means.people, means.shares))
        found = {
            camera_id: (people, share) for camera_id, people, share in zip(*columns, strict=True)
        }
        return tuple(
            CameraShare(camera.id, camera.name, *found[camera.id])
            for camera in self._library.cameras()
            if camera.id in found
        )


def judged_pairs(library: Library) -> tuple[Pairs, Pairs]:
    """Which tracklets the user said to show one person, and which two."""
    said: dict[str, list[tuple[int, int]]] = {"same": [], "different": []}
    for each in library.decisions():
        if each.verdict in said:
            said[each.verdict].append((each.tracklet_id, each.other_id))
    return frozenset(said["same"]), frozenset(said["different"])
